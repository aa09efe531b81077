/* The legends of all charts: one row for each line. If they are many, those with the highest mean come first, and a button
   shows the rest. */
(function (app) {
  "use strict";

  const NAMES = { low: app.translate("low"), mean: app.translate("mean"), p95: "p95", high: app.translate("high") };
  const MAX_ROWS = 6; // more are shortened
  const TOP_ROWS = 5;
  const BEFORE_NEXT_MS = 0.001; // a range excludes its start, as in CSV files and in the API

  app.Legends = class {
    /* `panelValues`: an app.PanelValues. `hasStatistics()`: whether to show low, mean, p95 and high. */
    constructor(liveView, panelValues, hasStatistics = () => true) {
      this.liveView = liveView;
      this.panelValues = panelValues;
      this.hasStatistics = hasStatistics;
      this.byChart = new Map();
    }

    /* Show the legend of `chart`, if it has lines and is visible. */
    show(chart) {
      if (!chart.legendLines || !chart.onScreen) return;
      if (!this.byChart.has(chart)) {
        const previous = [...this.byChart].find(([{ section }]) => section === chart.section);
        if (previous) this.byChart.delete(previous[0]); // another kind of chart took its place
        this.byChart.set(chart, previous ? previous[1].moveTo(chart) : new (chart instanceof app.CurveChart ? CurveLegend : Legend)(this, chart));
      }
      this.byChart.get(chart).show();
    }
  };

  class Legend {
    constructor(legends, chart) {
      this.legends = legends;
      this.liveView = legends.liveView;
      this.chart = chart;
      this.rows = [];
      this.isExpanded = false;
      this.drawnKey = ""; // of the points that the statistics and the order belong to
      this.order = []; // lines, the most important first
      this.statistics = new Map(); // by metric key
      this.filter = new app.LineFilter(this.liveView, chart);
      const title = app.panelTitle(chart.section);
      this.head = app.createElement("div", { className: "legend-head", "aria-hidden": "true" });
      for (const name of ["value", ...app.STATISTICS]) this.head.append(app.createElement("span", { className: name === "value" ? "" : "stat" }, name === "value" ? "" : NAMES[name]));
      this.body = app.createElement("div", { className: "legend-lines", role: "group", "aria-label": app.translate("{title}: lines", { title }) }, this.head);
      this.more = app.createElement("button", { type: "button", className: "legend-more", hidden: true });
      this.more.addEventListener("click", () => {
        this.isExpanded = !this.isExpanded;
        this.show();
      });
      this.body.addEventListener("keydown", (event) => this.moveFocus(event));
      this.note = app.createElement("span", { className: "legend-note", role: "status" });
      this.foot = app.createElement("div", { className: "legend-foot" }, this.more, this.note);
      this.element = app.createElement("div", { className: "legend" }, this.body, this.foot);
      chart.section.querySelector(".chart").after(this.element);
    }

    moveTo(chart) {
      this.chart = chart;
      this.filter.chart = chart;
      this.drawnKey = "";
      return this;
    }

    show() {
      const { liveView, chart } = this;
      const lines = chart.legendLines();
      this.updateOrder(lines);
      const isShort = lines.length > MAX_ROWS && !this.isExpanded;
      const shown = isShort ? this.order.slice(0, TOP_ROWS) : this.order;
      while (this.rows.length > shown.length) this.rows.pop().element.remove();
      while (this.rows.length < shown.length) this.addRow();
      shown.forEach((line, index) => {
        const { metric } = line;
        const isHidden = liveView.renderQueue.isHidden(metric.key);
        this.rows[index].show({ metric, name: this.nameOf(metric), colour: app.markColour(line), isHidden, value: this.valueText(metric), statistics: this.statisticsOf(metric.key) });
      });
      if (this.rows.length && !this.rows.some(({ element }) => element.tabIndex === 0)) this.rows[0].element.tabIndex = 0;
      this.element.classList.toggle("empty", !this.rows.length);
      this.element.classList.toggle("with-statistics", this.legends.hasStatistics());
      this.element.classList.toggle("scrolls", this.isExpanded && lines.length > MAX_ROWS);
      this.more.hidden = lines.length <= MAX_ROWS;
      app.setText(this.more, isShort ? app.translate("{count} more", { count: app.formatCount(lines.length - TOP_ROWS) }) : app.translate("Show fewer"));
      this.more.setAttribute("aria-expanded", String(this.isExpanded));
      const omitted = app.describeOmitted(liveView.catalog.omittedByPanel.get(chart.panel) ?? []);
      app.setText(this.note, [chart.stackNote, chart.note, omitted].filter(Boolean).join(" "));
      this.filter.show(this.foot);
    }

    addRow() {
      const row = new app.LegendRow(this);
      this.rows.push(row);
      this.body.append(row.element);
    }

    /* The order changes only with the points, so that rows do not move below the mouse. */
    updateOrder(lines) {
      const { shownSeries: series, shownRange: range } = this.liveView;
      const drawnKey = [series.generation, series.endIndex, ...range, ...lines.map(({ metric }) => metric.key)].join();
      if (drawnKey === this.drawnKey) return;
      this.drawnKey = drawnKey;
      this.statistics.clear();
      this.countLabels(lines);
      this.span = series.span([range[0] + BEFORE_NEXT_MS, range[1]]);
      const isRanked = lines.length > MAX_ROWS && lines.every(({ metric }) => metric.unit === lines[0].metric.unit);
      if (!isRanked) this.order = lines;
      else {
        const means = new Map(lines.map((line) => [line, app.computeMean(series, line.metric.key, this.span)]));
        const whole = wholeOf(this.chart, lines);
        // Checks that are down come first.
        const sign = lines[0].metric.unit === app.STATE_UNIT ? -1 : 1;
        this.order = [...lines].sort((one, other) => (other === whole) - (one === whole) || sign * (means.get(other) - means.get(one)) || 0);
      }
    }

    countLabels(lines) {
      this.labelCounts = new Map();
      for (const { metric } of lines) this.labelCounts.set(metric.label, (this.labelCounts.get(metric.label) ?? 0) + 1);
    }

    /* The label; with the key if another line has the same. */
    nameOf({ key, label }) {
      if (!label.trim()) return key;
      return this.labelCounts.get(label) > 1 ? `${label} (${key})` : label;
    }

    statisticsOf(key) {
      if (!this.legends.hasStatistics()) return null;
      if (!this.statistics.has(key)) this.statistics.set(key, app.computeStatistics(this.liveView.shownSeries, key, this.span));
      return this.statistics.get(key);
    }

    /* The same value as in the title and in the tooltip. */
    valueText({ key, unit }) {
      const { panelValues } = this.legends;
      if (panelValues.time === null) return app.formatQuantity(panelValues.value(key), unit);
      const point = this.liveView.pointAt(key, panelValues.time);
      return point === null ? "" : app.formatPoint(point, unit);
    }

    /* Callbacks of the rows. */

    toggle(key) {
      this.liveView.renderQueue.toggleLine(key);
    }

    highlight(key) {
      this.chart.highlight(key);
    }

    /* One stop of the Tab key for all rows; the arrow keys move between them. */
    moveFocus(event) {
      const elements = this.rows.map(({ element }) => element);
      const index = elements.indexOf(event.target.closest(".legend-line"));
      const target = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: elements.length - 1 }[event.key];
      if (index < 0 || !elements[target]) return;
      elements[index].tabIndex = -1;
      elements[target].tabIndex = 0;
      elements[target].focus();
      event.preventDefault();
    }
  }

  /* The line with the sum of the stack in `chart`; null if there is none. */
  function wholeOf({ stacked = [] }, lines) {
    const others = stacked.length ? lines.filter(({ metric }) => !stacked.includes(metric.key)) : [];
    return others.length === 1 ? others[0] : null;
  }

  /* Of curves, which have no time: the value is the last one, and the statistics are those of all points. */
  class CurveLegend extends Legend {
    updateOrder(lines) {
      this.order = lines;
      this.countLabels(lines);
    }

    valuesOf(key) {
      return this.order.find(({ metric }) => metric.key === key).values;
    }

    valueText({ key, unit }) {
      return app.formatQuantity(this.valuesOf(key).findLast((value) => value !== null) ?? null, unit);
    }

    statisticsOf(key) {
      if (!this.legends.hasStatistics()) return null;
      const values = this.valuesOf(key);
      return app.computeStatistics({ y: { [key]: values }, low: {}, high: {}, downsampled: false }, key, [0, values.length]);
    }
  }
})((window.dashapp = window.dashapp || {}));
