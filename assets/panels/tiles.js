/* Tiles: the values of a few metrics at the time that the page shows, with sparklines of the range on screen. */
(function (app) {
  "use strict";

  const NO_VALUE = "–";

  app.Tiles = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.box = document.getElementById("tiles");
      this.tiles = [...this.box.querySelectorAll(".tile")].map((tile) => new Tile(tile, liveView));
      this.visibility = new app.VisibilityObserver(this.box);
    }

    /* The keys of metrics in tiles, at most eight for each tile. */
    metricKeys(catalog) {
      const all = [...catalog.metrics.values()];
      return this.tiles.flatMap((tile) => all.filter((metric) => tile.matches(metric)).slice(0, 8).map((metric) => metric.key));
    }

    /* `values`: an app.PanelValues. */
    draw(values) {
      if (!this.visibility.visible || document.hidden) return;
      this.box.dataset.at = values.time === null ? "now" : this.timeOfPoint(values.time);
      // All colours before the first change: each would need the styles of the page again.
      const colours = this.tiles.map((tile) => getComputedStyle(tile.canvas).color);
      this.tiles.forEach((tile, index) => tile.draw(values, colours[index]));
    }

    /* The time of the values; `time` itself in a gap. */
    timeOfPoint(time) {
      const { t, y } = this.liveView.shownSeries;
      const index = this.liveView.shownSeries.indexAt(time);
      const hasValue = Object.values(y).some((column) => (column[index] ?? null) !== null);
      return Math.round(hasValue ? t[index] : time);
    }
  };

  class Tile {
    constructor(element, liveView) {
      this.element = element;
      this.liveView = liveView;
      this.patterns = element.dataset.metrics.split(",");
      this.showHighest = "most" in element.dataset; // show only the highest of several metrics
      this.valueElement = element.querySelector(".tile-value");
      this.drawnState = null; // of the sparkline
      this.canvas = element.querySelector("canvas") ?? this.addCanvas();
      this.metrics = []; // in the sparkline
      this.size = new app.ElementSize(this.canvas, () => this.drawSparkline(getComputedStyle(this.canvas).color));
    }

    addCanvas() {
      const canvas = app.createElement("canvas", { className: "spark", "aria-hidden": "true" });
      this.element.append(canvas);
      return canvas;
    }

    matches({ key, unit }) {
      const hasPattern = this.patterns.some((pattern) =>
        pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : key === pattern
      );
      return hasPattern && (this.element.dataset.unit ?? unit) === unit;
    }

    /* The metrics that have a value, or only the highest. */
    withValue(tileMetrics, values) {
      const present = tileMetrics.filter(({ key }) => values.value(key) !== null);
      if (!this.showHighest || present.length < 2) return present;
      return [present.reduce((high, metric) => (values.value(metric.key) > values.value(high.key) ? metric : high))];
    }

    draw(values, colour) {
      const { liveView } = this;
      const tileMetrics = [...liveView.catalog.metrics.values()].filter((metric) => this.matches(metric));
      // Before the catalog is loaded, empty tiles keep their place, so that the layout does not jump.
      this.element.classList.toggle("absent", !tileMetrics.length && !liveView.catalog.empty);
      if (!tileMetrics.length) return;
      const withValue = this.withValue(tileMetrics, values);
      // A metric that stopped keeps its place and its line.
      const metrics = withValue.length ? withValue : tileMetrics.slice(0, 1);
      const texts = metrics.map((metric) => app.formatQuantity(values.value(metric.key), metric.unit) || NO_VALUE);
      const text = metrics.length > 1 ? texts.map((part, index) => `${"↓↑"[index] ?? ""} ${part}`).join("\n") : texts[0];
      app.setText(this.valueElement, text);
      this.valueElement.classList.toggle("several", metrics.length > 1);
      const subtitle = this.element.querySelector(".tile-of");
      app.setText(subtitle, this.showHighest ? metrics[0].label : subtitle.dataset.of);
      this.showForecast(liveView.owner.forecasts?.textOf(metrics[0].key) ?? "");
      this.metrics = metrics;
      this.drawSparkline(colour);
    }

    showForecast(text) {
      if (!text && !this.forecast) return;
      if (!this.forecast) this.valueElement.after((this.forecast = app.createElement("span", { className: "tile-forecast" })));
      app.setText(this.forecast, text);
    }

    /* Only if something in it changed: a moving pointer changes only the value. */
    drawSparkline(colour) {
      const { metrics, size } = this;
      const { shownSeries, shownRange } = this.liveView;
      const state = [shownSeries.generation, shownSeries.endIndex, shownRange, metrics.map(({ key }) => key), colour, size.width].join();
      if (state === this.drawnState || !size.width || !metrics.length) return;
      this.drawnState = state;
      app.drawSparkline(this.canvas, size, colour, shownSeries, metrics, shownRange);
    }
  }

  /* Draw the metrics of `series` over `range`; fill below the first line. `size`: of the canvas, in CSS pixels. */
  app.drawSparkline = function (canvas, { width, height }, colour, series, metrics, range) {
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const [low, high] = valueBounds(series, metrics, range);
    const toX = (time) => ((time - range[0]) / (range[1] - range[0])) * width;
    const toY = (value) => height - 1.5 - ((value - low) / (high - low)) * (height - 3);
    metrics.forEach((metric, index) => {
      context.strokeStyle = context.fillStyle = colour;
      context.lineWidth = index ? 1 : 1.5;
      context.globalAlpha = index ? 0.55 : 1;
      for (const segment of findSegments(series, series.y[metric.key] ?? [], app.connectsGaps(series, metric))) {
        context.beginPath();
        for (const [time, value] of segment) context.lineTo(toX(time), toY(value));
        context.stroke();
        if (index) continue;
        context.lineTo(toX(segment[segment.length - 1][0]), height);
        context.lineTo(toX(segment[0][0]), height);
        context.globalAlpha = 0.12;
        context.fill();
        context.globalAlpha = 1;
      }
    });
  };

  /* Segments without gaps, thinned for a tile: the lowest and the highest of every few points. With
     `connectGaps`, null values are no gaps. */
  function findSegments({ t, firstIndex }, column, connectGaps) {
    const groupSize = Math.max(1, Math.floor(t.length / 300));
    const segments = [];
    let segment = null;
    for (let index = 0; index < t.length; index += 1) {
      const point = [t[index], column[index] ?? null];
      if (point[1] === null) segment = connectGaps ? segment : null;
      else if (!segment) segments.push((segment = [[point]]));
      else if ((firstIndex + index) % groupSize === 0) segment.push([point]);
      else {
        const [low, high = low] = segment.pop();
        segment.push(point[1] < low[1] ? [point, high] : [low, point[1] > high[1] ? point : high]);
      }
    }
    return segments.map((groups) => groups.flatMap((group) => group.sort(([left], [right]) => left - right)));
  }

  function valueBounds(series, metrics, [start, end]) {
    let low = Infinity;
    let high = -Infinity;
    for (const metric of metrics) {
      const column = series.y[metric.key] ?? [];
      for (let index = 0; index < column.length; index += 1) {
        const value = column[index];
        if (value === null || series.t[index] < start || series.t[index] > end) continue;
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
