/* Cards in rows without holes. Each row fills the width, and rows of a group have about as many cards. */
(function (app) {
  "use strict";

  const FULL_ROW = Infinity; // weight of a card with a row of its own
  // Columns from these widths of a group on, in pixels at the normal size of text.
  const COLUMN_WIDTHS = [0, 620, 960, 1560, 2240, 2900];
  const NORMAL_TEXT_PX = 16;

  app.columnCount = function (width, textPx) {
    const count = COLUMN_WIDTHS.filter((least) => width >= least * (textPx / NORMAL_TEXT_PX)).length;
    return Math.max(count, 1);
  };

  /* `weights`: of the cards, 1 for an ordinary one. Return the sizes of the rows, as numbers of cards. */
  app.fillRows = function (weights, columns) {
    const rows = [];
    let run = [];
    const endRun = () => {
      rows.push(...balance(run, columns));
      run = [];
    };
    for (const weight of weights) {
      if (weight !== FULL_ROW) {
        run.push(Math.min(weight, columns));
        continue;
      }
      endRun();
      rows.push(1);
    }
    endRun();
    return rows;
  };

  /* As few rows as possible, with the smallest capacity that keeps their number. */
  function balance(weights, columns) {
    if (!weights.length) return [];
    const least = pack(weights, columns).length;
    let capacity = Math.ceil(weights.reduce((sum, weight) => sum + weight, 0) / least);
    while (capacity < columns && pack(weights, capacity).length > least) capacity += 1;
    return pack(weights, capacity);
  }

  function pack(weights, capacity) {
    const rows = [];
    let used = Infinity;
    for (const weight of weights) {
      if (used + weight > capacity) {
        rows.push(0);
        used = 0;
      }
      rows[rows.length - 1] += 1;
      used += weight;
    }
    return rows;
  }

  /* Set the share of its row for each card in `cards`. */
  app.arrangeRows = function (cards, weightOf, columns) {
    const weights = cards.map(weightOf);
    let next = 0;
    for (const size of app.fillRows(weights, columns)) {
      const row = cards.slice(next, next + size);
      const rowWeights = weights.slice(next, next + size).map((weight) => Math.min(weight, columns));
      const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
      row.forEach((card, index) => {
        const share = String(Math.round((10_000 * rowWeights[index]) / total) / 10_000);
        if (card.style.getPropertyValue("--share") !== share) card.style.setProperty("--share", share);
      });
      next += size;
    }
  };
})((window.dashapp = window.dashapp || {}));
