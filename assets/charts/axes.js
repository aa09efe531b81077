/* A chart's axes: margins, times below it, units and scales. As dashapp/web/figures.py's `scale`. */
(function (app) {
  "use strict";

  const LABEL_PX = 65; // a time's width, and air
  const MOST_LABELS = 7;
  const FROM_AFAR = 1.4;
  const TITLE_PX = 20; // of an axis

  /* For `range`, on axes so many pixels wide. */
  app.layOut = function (layout, range, width) {
    layout.xaxis.range = range.slice();
    layout.xaxis.nticks = app.labels(width);
    app.enlarge(layout);
  };

  /* What is read from afar. */
  app.enlarge = function (layout) {
    if (!window.matchMedia("(min-width: 2400px)").matches) return;
    layout.font.size *= FROM_AFAR;
    for (const side of ["l", "b"]) layout.margin[side] *= FROM_AFAR;
  };

  /* How many times fit below a chart so many pixels wide. */
  app.labels = function (width) {
    return Math.max(2, Math.min(MOST_LABELS, Math.floor(width / LABEL_PX)));
  };

  /* Where there are two axes each says of what it is: of its only line, or in which unit. */
  app.nameAxes = function (layout, metrics) {
    if (!layout.yaxis2) return;
    const named = [layout.yaxis, layout.yaxis2].map((axis, side) => [axis, nameOf(metrics.filter(({ right }) => right === (side === 1)))]);
    if (!layout.yaxis.title && named.some(([, text]) => text)) {
      for (const side of ["l", "r"]) layout.margin[side] += TITLE_PX;
    }
    for (const [axis, text] of named) axis.title = { text, standoff: 4, font: { size: layout.font.size } };
  };

  function nameOf(metrics) {
    const units = new Set(metrics.map(({ unit }) => unit));
    const unit = units.size === 1 ? [...units][0] : "";
    const label = metrics.length === 1 ? metrics[0].label : unit ? "" : metrics.slice(0, 2).map((each) => each.label).join(" · ");
    return app.plain(label && unit ? `${label}, ${unit}` : label || unit);
  }

  /* Above the lines, for their legend where there is one. */
  app.makeRoom = function (layout, count) {
    layout.margin.t = count > 1 && count <= app.MOST_IN_LEGEND ? 34 : 12;
    if (layout.yaxis2) layout.margin.r = layout.margin.l;
  };

  /* `said`: what somebody did say of the left one. */
  app.fitScale = function (layout, metrics, said) {
    for (const [name, right] of [["yaxis", false], ["yaxis2", true]]) {
      const first = metrics.find((metric) => metric.right === right);
      if (first && layout[name]) Object.assign(layout[name], scale(right ? first : { ...first, ...said }));
    }
  };

  function scale({ unit, low, high }) {
    const bounded = low !== null && high !== null;
    const axis = bounded ? { range: [low, high * 1.01], autorange: false } : { autorange: true };
    if (!bounded) axis.rangemode = low === 0 ? "tozero" : "normal";
    // Nothing at all is not drawn in thousandths of a byte.
    if (["B", "B/s"].includes(unit) && !bounded) axis.autorangeoptions = { include: 1000 };
    return { ...axis, ...app.axisFormat(unit) };
  }
})((window.dashapp = window.dashapp || {}));
