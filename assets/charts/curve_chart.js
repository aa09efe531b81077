/* One dcc.Graph of complete curves with their own x values, replaced at each response. Same interface as
   app.Chart, but without time: no range, zoom or crosshair. */
(function (app) {
  "use strict";

  const MAX_MARKERS = 60; // more points than this are drawn without markers
  const EMPTY_CURVE = { x: [], y: [], names: [] };

  app.CurveChart = class {
    /* Like app.Chart. */
    constructor(section, queue, panel) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.queue = queue;
      this.kind = panel.kind;
      this.scale = panel.scale ?? {};
      this.curve = panel.curve ?? this.panel; // the panel name of the curves in a response
      const chartId = section.querySelector(".chart").id;
      this.slotId = panel.slotId ?? chartId;
      this.component = panel.graph(chartId.slice("chart-".length));
      this.mounted = false;
      this.graph = null;
      this.gd = null; // there is no time range
      this.hovered = false;
      this.dirty = true;
      this.generation = -1;
      this.lines = []; // one for each curve
      this.drawnJson = null; // JSON of the curves on screen and of those that are hidden
      this.highlightedKey = null;
      this.hasFaded = false;
      this.expected = null; // y values of each trace after the draw
      this.visibility = new app.VisibilityObserver(section, () => this.queue.schedule());
    }

    close() {
      this.visibility.close();
    }

    get onScreen() {
      return this.visibility.visible;
    }

    canDraw() {
      if (!this.onScreen || !this.mounted) return this.onScreen;
      const graph = this.section.querySelector(".js-plotly-plot");
      if (!graph || !graph._fullLayout || !graph.on) return false;
      if (graph !== this.graph) this.bind(graph);
      return true;
    }

    /* Whether the graph is mounted but not ready. */
    get mounting() {
      return this.mounted && this.graph === null;
    }

    needsFrame() {
      return (this.dirty || this.mounting) && this.onScreen;
    }

    bind(graph) {
      this.graph = graph;
      this.dirty = true;
      this.drawnJson = null;
      graph.on("plotly_afterplot", () => this.verifyDraw());
    }

    draw(series, metrics, range, curves) {
      this.dirty = false;
      const curve = curves[this.curve] ?? EMPTY_CURVE;
      this.section.classList.toggle("loading", !curve.names.length);
      if (!this.mounted) return this.mount(curve);
      const { layout } = this.graph;
      this.lines = this.buildLines(curve, layout);
      const json = JSON.stringify([curve, this.lines.map(({ metric, colour }) => [colour, this.queue.isHidden(metric.key)])]);
      if (json === this.drawnJson) return;
      this.drawnJson = json;
      const traces = this.buildTraces(curve);
      this.expected = traces.map((trace) => trace.y);
      this.graph.data.splice(0, this.graph.data.length, ...traces);
      this.fitYAxis(layout, curve);
      window.Plotly.redraw(this.graph);
    }

    mount(curve) {
      this.mounted = true;
      const graph = structuredClone(this.component);
      graph.props.figure = this.buildFigure(null, null, null, null, { [this.curve]: curve });
      window.dash_clientside.set_props(this.slotId, { children: graph });
    }

    /* The complete figure, like that of app.Chart. */
    buildFigure(series, metrics, range, width, curves) {
      const curve = curves[this.curve] ?? EMPTY_CURVE;
      const { layout } = structuredClone(this.component.props.figure);
      const { tickmode, tickvals, ticktext, range: timeRange, ...axis } = layout.xaxis;
      layout.xaxis = { ...axis, autorange: true, fixedrange: true };
      layout.dragmode = false;
      layout.hovermode = "x unified";
      layout.shapes = []; // thresholds apply to metrics
      app.enlargeForWall(layout);
      this.fitYAxis(layout, curve);
      this.lines = this.buildLines(curve, layout);
      return { data: this.buildTraces(curve), layout };
    }

    async paintPicture(context, size, view, metrics, theme) {
      await app.paintFigure(context, this.buildFigure(null, null, null, null, view.curves), size, theme);
      return this.legendLines().filter(({ metric }) => !this.queue.isHidden(metric.key));
    }

    /* One line for each curve, as in app.buildLines. */
    buildLines({ y, names, unit }, layout) {
      const colours = app.lineColours(app.isDark(this.section), layout);
      return names.map((name, index) => ({
        part: "y",
        metric: { key: `${this.curve}/${name}`, label: name, unit: unit ?? "" },
        colour: colours[index % colours.length],
        values: y[index],
      }));
    }

    buildTraces({ x, y }) {
      return this.lines.map((line, index) => ({
        ...buildCurveTrace(line, x[index], y[index], this.lines.length > 1),
        visible: this.lines.length > 1 && this.queue.isHidden(line.metric.key) ? "legendonly" : true,
      }));
    }

    /* A single curve needs no legend. */
    legendLines() {
      return this.lines.length > 1 ? this.lines : [];
    }

    /* Let a curve stand out; null for none. */
    highlight(key) {
      this.highlightedKey = key !== null && this.queue.isHidden(key) ? null : key;
      if (this.graph?._fullLayout) app.fadeOthers(this, this.graph);
    }

    /* Set the y axis from the curve, unless the panel's settings do. */
    fitYAxis(layout, { y, unit, low, high }) {
      const { scale } = this;
      app.fitYAxis(layout.yaxis, { unit: scale.unit || (unit ?? ""), low: scale.low ?? low, high: scale.high ?? high }, y.flat());
      app.fitMargins(layout);
    }

    /* Plotly calls this after each draw. Dash may have restored the curves that the graph was mounted with. */
    verifyDraw() {
      if (!this.expected) return;
      const { data } = this.graph;
      app.fadeOthers(this, this.graph);
      if (data.length === this.expected.length && data.every((trace, index) => trace.y === this.expected[index])) return;
      this.drawnJson = null;
      this.dirty = true;
      this.queue.schedule();
    }

    /* Only a chart over time has a crosshair and a range. */
    showCrosshair() {}

    rangeDiffers() {
      return false;
    }
  };

  function buildCurveTrace({ metric: { label, unit }, colour }, x, y, hasOthers) {
    return {
      type: "scatter",
      mode: x.length > MAX_MARKERS ? "lines" : "lines+markers",
      name: app.escapeForPlotly(label),
      x: x.slice(),
      y: y.slice(),
      connectgaps: false,
      line: { width: hasOthers ? 1.5 : 2, color: colour },
      marker: { size: 4, color: colour },
      text: y.map((value) => app.escapeForPlotly(app.formatQuantity(value, unit))),
      hovertemplate: "%{text}",
      showlegend: false, // assets/legend has the legend
    };
  }
})((window.dashapp = window.dashapp || {}));
