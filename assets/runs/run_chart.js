/* The chart of one metric of a training run, and of the run that it is compared with. */
(function (app) {
  "use strict";

  const LABEL_COUNT = 4;
  const LABEL_WIDTH_PX = 80;
  const MAX_MARKERS = 60; // with more points, only the line
  const PADDING = 0.06; // share of the axis
  const END_SYMBOLS = { running: "circle", finished: "circle", failed: "x", lost: "circle-open" };

  app.RunChart = class {
    /* `parts()`: the runs to draw, as RunData, the own one first; `axis()`: "step", "time" or "elapsed"; `spec`:
       that of a panel, for the layout. */
    constructor(name, spec, parts, axis) {
      this.name = name;
      this.spec = spec;
      this.parts = parts;
      this.axis = axis;
      this.dirty = true;
      this.value = app.createElement("output", {});
      this.plot = app.createElement("div", { className: "run-plot", role: "img", "aria-label": app.translate("{title}: chart", { title: name }) });
      const title = app.createElement("figcaption", {}, app.createElement("span", { title: name }, app.isolateText(name)), this.value);
      this.rows = []; // of the legend: one for each run, if there are several
      this.lines = [];
      this.hidden = new Set(); // names of runs
      this.highlightedKey = null;
      this.hasFaded = false;
      this.legendLines = app.createElement("div", { className: "legend-lines", role: "group", "aria-label": app.translate("{title}: lines", { title: name }) });
      this.element = app.createElement("figure", {}, title, this.plot, app.createElement("div", { className: "legend" }, this.legendLines));
      this.element.dataset.runMetric = name;
      this.visibility = new app.VisibilityObserver(this.element, () => this.draw(), false);
    }

    close() {
      this.visibility.close();
      window.Plotly?.purge(this.plot);
    }

    /* Draw if it is visible and has changed. */
    draw() {
      if (!this.dirty || !this.visibility.visible || !window.Plotly || !this.plot.isConnected) return;
      this.dirty = false;
      const parts = this.parts();
      const axis = this.axis();
      const { config, figure } = this.spec.graph("run").props;
      const { layout } = figure;
      const colours = app.lineColours(app.isDark(this.element), layout);
      this.lines = parts.map(({ run }, index) => ({ metric: { key: run.name, label: run.name, unit: "" }, colour: colours[index % colours.length] }));
      const traces = parts.map((data, index) => this.buildTrace(data, data.points(this.name, axis), this.lines[index].colour, index > 0));
      this.fit(layout, traces.filter(({ x }) => x.length), axis);
      layout.shapes = axis === "time" ? marks(parts[0].run, layout) : [];
      const last = traces[0].y.at(-1);
      app.setText(this.value, last === undefined ? app.translate("no value") : app.formatQuantity(last, ""));
      this.showLegend(traces);
      window.Plotly.react(this.plot, traces, layout, config).then(() => app.fadeOthers(this, this.plot));
    }

    /* A row for each run, with its last value. */
    showLegend(traces) {
      const count = traces.length > 1 ? traces.length : 0;
      while (this.rows.length > count) this.rows.pop().element.remove();
      while (this.rows.length < count) {
        const row = new app.LegendRow(this);
        row.element.tabIndex = 0;
        this.rows.push(row);
        this.legendLines.append(row.element);
      }
      this.rows.forEach((row, index) => {
        const { metric, colour } = this.lines[index];
        const value = app.formatQuantity(traces[index].y.at(-1), "");
        row.show({ metric, name: metric.label, colour, isHidden: this.isHidden(metric.key), value, statistics: null });
      });
    }

    /* A run alone is always shown. */
    isHidden(key) {
      return this.lines.length > 1 && this.hidden.has(key);
    }

    /* Callbacks of the rows. */

    toggle(key) {
      if (!this.hidden.delete(key)) this.hidden.add(key);
      this.dirty = true;
      this.draw();
    }

    highlight(key) {
      this.highlightedKey = key !== null && this.isHidden(key) ? null : key;
      if (this.plot._fullData) app.fadeOthers(this, this.plot);
    }

    buildTrace({ run }, { x, y }, colour, isCompared) {
      const size = x.map((_, index) => (index === x.length - 1 ? 8 : x.length <= MAX_MARKERS ? 4 : 0));
      const symbol = x.map((_, index) => (index === x.length - 1 ? END_SYMBOLS[run.state] : "circle"));
      return {
        type: "scatter",
        mode: "lines+markers",
        meta: `run.${run.name}.${this.name}`,
        name: app.escapeForPlotly(run.name),
        x,
        y,
        line: { width: 1.5, color: colour },
        marker: { size, symbol, color: colour, line: { width: 0 } },
        opacity: isCompared ? 0.8 : 1,
        visible: this.isHidden(run.name) ? "legendonly" : true,
        hovertemplate: "%{y:.5~g}<extra>%{fullData.name}</extra>",
      };
    }

    /* Ranges and labels of both axes. */
    fit(layout, traces, axis) {
      const width = this.plot.clientWidth;
      const [low, high] = extent(traces.map(({ x }) => x));
      const [bottom, top] = pad(extent(traces.map(({ y }) => y)));
      Object.assign(layout, { autosize: true, hovermode: "x unified", hoverdistance: -1, showlegend: false, dragmode: false });
      layout.margin = { l: 58, r: 14, t: 8, b: 30 };
      app.enlargeForWall(layout);
      Object.assign(layout.xaxis, { fixedrange: true, range: low === high ? [low - 1, high + 1] : [low, high + (high - low) * 0.02] });
      layout.xaxis.hoverformat = ",";
      layout.yaxis.range = [bottom, top];
      if (axis === "time") app.labelTimes(layout.xaxis, layout.xaxis.range, app.timeLabelCount(width));
      else label(layout.xaxis, low, high, axis === "step" ? "" : "s", Math.max(2, Math.floor(width / LABEL_WIDTH_PX)));
      label(layout.yaxis, bottom, top, "", LABEL_COUNT);
    }
  };

  function label(axis, low, high, unit, count) {
    if (low >= high) return Object.assign(axis, { tickmode: "array", tickvals: [low], ticktext: [app.formatQuantity(low, unit)] });
    const { values, texts } = app.axisLabels(low, high, unit, count);
    return Object.assign(axis, { tickmode: "array", tickvals: values, ticktext: texts });
  }

  function extent(columns) {
    let low = Infinity;
    let high = -Infinity;
    for (const column of columns) {
      for (const value of column) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    return low <= high ? [low, high] : [0, 1];
  }

  function pad([low, high]) {
    const space = high > low ? (high - low) * PADDING : Math.abs(high) / 10 || 1;
    return [low - space, high + space];
  }

  /* Lines at the start and the end of the run, as far as they are on the axis. */
  function marks(run, layout) {
    const [low, high] = layout.xaxis.range;
    return [run.start, run.end]
      .filter((time) => time !== null && time >= low && time <= high)
      .map((time) => ({ type: "line", xref: "x", yref: "paper", x0: time, x1: time, y0: 0, y1: 1, line: { width: 1, dash: "dot", color: "#7a8594" } }));
  }
})((window.dashapp = window.dashapp || {}));
