/* Tiles: the newest value of a few metrics, with a small line of the window on a canvas. */
(function (app) {
  "use strict";

  const DASHES = "–";

  app.Tiles = class {
    constructor(liveView) {
      this.liveView = liveView;
      const box = document.getElementById("tiles");
      this.tiles = [...box.querySelectorAll(".tile")].map((tile) => new Tile(tile));
      this.visibility = new app.VisibilityObserver(box);
    }

    /* The metrics that the tiles show, of those with many the first few. */
    keys(catalog) {
      const all = [...catalog.metrics.values()];
      return this.tiles.flatMap((tile) => all.filter((metric) => tile.covers(metric)).slice(0, 8).map((metric) => metric.key));
    }

    /* `last`: the newest values by metric key. */
    draw(last) {
      if (!this.visibility.visible || document.hidden) return;
      for (const tile of this.tiles) tile.draw(this.liveView, last);
    }
  };

  class Tile {
    constructor(element) {
      this.element = element;
      this.patterns = element.dataset.metrics.split(",");
      this.most = "most" in element.dataset; // of many metrics only the highest is shown
      this.value = element.querySelector(".tile-value");
      this.canvas = element.querySelector("canvas") ?? this.putCanvas();
    }

    putCanvas() {
      const canvas = app.createElement("canvas", { className: "spark", "aria-hidden": "true" });
      this.element.append(canvas);
      return canvas;
    }

    covers({ key, unit }) {
      const meant = this.patterns.some((pattern) =>
        pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : key === pattern
      );
      return meant && (this.element.dataset.unit ?? unit) === unit;
    }

    /* Those of `known` that have a value now; of many the highest. */
    valued(known, last) {
      const there = known.filter(({ key }) => last[key] !== null && last[key] !== undefined);
      if (!this.most || there.length < 2) return there;
      return [there.reduce((high, metric) => (last[metric.key] > last[high.key] ? metric : high))];
    }

    draw(liveView, last) {
      const known = [...liveView.catalog.metrics.values()].filter((metric) => this.covers(metric));
      // Before anything is known each stands empty, so that nothing jumps when the first numbers come.
      this.element.classList.toggle("absent", !known.length && !liveView.catalog.empty);
      if (!known.length) return;
      const valued = this.valued(known, last);
      // What has stopped keeps its place, and the line of what it was.
      const metrics = valued.length ? valued : known.slice(0, 1);
      const words = metrics.map((metric) => app.formatQuantity(last[metric.key], metric.unit) || DASHES);
      const text = metrics.length > 1 ? words.map((word, index) => `${"↓↑"[index] ?? ""} ${word}`).join("\n") : words[0];
      app.setText(this.value, text);
      this.value.classList.toggle("several", metrics.length > 1);
      const of = this.element.querySelector(".tile-of");
      app.setText(of, this.most ? metrics[0].label : of.dataset.of);
      app.drawSparkline(this.canvas, liveView.series, metrics, liveView.liveRange());
    }
  }

  /* The metrics' columns of `series` over `range`, in the canvas' own colour; the first one filled. */
  app.drawSparkline = function (canvas, series, metrics, range) {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const colour = getComputedStyle(canvas).color;
    const [low, high] = bounds(series, metrics);
    const across = (time) => ((time - range[0]) / (range[1] - range[0])) * width;
    const up = (value) => height - 1.5 - ((value - low) / (high - low)) * (height - 3);
    metrics.forEach((metric, place) => {
      pen.strokeStyle = pen.fillStyle = colour;
      pen.lineWidth = place ? 1 : 1.5;
      pen.globalAlpha = place ? 0.55 : 1;
      for (const run of runs(series, series.y[metric.key] ?? [], app.connectsGaps(series, metric))) {
        pen.beginPath();
        for (const [time, value] of run) pen.lineTo(across(time), up(value));
        pen.stroke();
        if (place) continue;
        pen.lineTo(across(run[run.length - 1][0]), height);
        pen.lineTo(across(run[0][0]), height);
        pen.globalAlpha = 0.12;
        pen.fill();
        pen.globalAlpha = 1;
      }
    });
  };

  /* Stretches without a hole, thinned to what a tile can show: of every few points the lowest and the highest. Where
     they are `bridged` what is empty is no hole. */
  function runs({ t, firstIndex }, column, connectGaps) {
    const every = Math.max(1, Math.floor(t.length / 300));
    const found = [];
    let run = null;
    for (let place = 0; place < t.length; place += 1) {
      const point = [t[place], column[place] ?? null];
      if (point[1] === null) run = connectGaps ? run : null;
      else if (!run) found.push((run = [[point]]));
      else if ((firstIndex + place) % every === 0) run.push([point]);
      else {
        const [low, high = low] = run.pop();
        run.push(point[1] < low[1] ? [point, high] : [low, point[1] > high[1] ? point : high]);
      }
    }
    return found.map((run) => run.flatMap((few) => few.sort(([one], [other]) => one - other)));
  }

  function bounds(series, metrics) {
    let low = Infinity;
    let high = -Infinity;
    for (const metric of metrics) {
      for (const value of series.y[metric.key] ?? []) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    const { low: floor, high: ceiling } = metrics[0];
    if (floor !== null && floor <= low) low = floor;
    if (ceiling !== null && ceiling >= high) high = ceiling;
    return high > low ? [low, high] : [low - 1, low + 1];
  }
})((window.dashapp = window.dashapp || {}));
