/* One dcc.Graph of whole curves over an x of their own, replaced at each answer. Stands where a chart might, and has
   nothing to do with time: no range, no zoom, no crosshair. */
(function (app) {
  "use strict";

  const FEW = 60; // points that are seen one by one
  const NONE = { x: [], y: [], names: [] };

  app.CurveChart = class {
    /* As for app.Chart. */
    constructor(section, host, panel) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.host = host;
      this.kind = panel.kind;
      this.curve = panel.curve ?? this.panel; // the panel that its curves come by
      const place = section.querySelector(".chart").id;
      this.place = panel.place ?? place;
      this.component = panel.graph(place.slice("chart-".length));
      this.mounted = false;
      this.graph = null;
      this.gd = null; // for whoever asks for a time or a range: it has none
      this.pointing = false;
      this.dirty = true;
      this.generation = -1;
      this.text = null; // of the curves that are drawn
      this.drawn = null; // the y of each that must stand there
      this.visibility = new app.VisibilityObserver(section, () => this.host.wake());
    }

    close() {
      this.visibility.close();
    }

    get onScreen() {
      return this.visibility.visible;
    }

    ready() {
      if (!this.onScreen || !this.mounted) return this.onScreen;
      const graph = this.section.querySelector(".js-plotly-plot");
      if (!graph || !graph._fullLayout || !graph.on) return false;
      if (graph !== this.graph) this.bind(graph);
      return true;
    }

    /* Whether the graph is put in but not there yet. */
    get arriving() {
      return this.mounted && this.graph === null;
    }

    waiting() {
      return (this.dirty || this.arriving) && this.onScreen;
    }

    bind(graph) {
      this.graph = graph;
      this.dirty = true;
      this.text = null;
      graph.on("plotly_afterplot", () => this.check());
    }

    draw(series, metrics, range, curves) {
      this.dirty = false;
      const curve = curves[this.curve] ?? NONE;
      this.section.classList.toggle("loading", !curve.names.length);
      if (!this.mounted) return this.mount(curve);
      const text = JSON.stringify(curve);
      if (text === this.text) return;
      this.text = text;
      const { layout } = this.graph;
      const known = new Map(this.graph.data.map((trace) => [trace.name, trace.visible]));
      const traces = tracesOf(curve, layout.colorway);
      // What was hidden in the legend stays hidden.
      for (const trace of traces) trace.visible = known.get(trace.name) ?? true;
      this.drawn = traces.map((trace) => trace.y);
      this.graph.data.splice(0, this.graph.data.length, ...traces);
      this.scale(layout, curve);
      window.Plotly.redraw(this.graph);
    }

    /* Put the graph in, with what there is. */
    mount(curve) {
      this.mounted = true;
      const graph = structuredClone(this.component);
      graph.props.figure = this.figure(null, null, null, null, { [this.curve]: curve });
      window.dash_clientside.set_props(this.place, { children: graph });
    }

    /* The whole picture, as of app.Chart. */
    figure(series, metrics, range, width, curves) {
      const curve = curves[this.curve] ?? NONE;
      const { layout } = structuredClone(this.component.props.figure);
      const { tickformatstops, hoverformat, range: time, ...axis } = layout.xaxis;
      layout.xaxis = { ...axis, type: "linear", autorange: true, fixedrange: true };
      layout.dragmode = false;
      layout.shapes = []; // a threshold is of a metric
      app.enlargeForWall(layout);
      this.scale(layout, curve);
      return { data: tracesOf(curve, layout.colorway), layout };
    }

    /* The y axis as the curves want it, where the settings do not say otherwise. */
    scale(layout, { names, unit, low, high }) {
      const said = this.component.props.figure.layout.yaxis;
      const bounded = typeof low === "number" && typeof high === "number";
      if (!said.ticksuffix && !said.tickformat) Object.assign(layout.yaxis, { tickformat: "" }, app.axisFormat(unit ?? ""));
      if (!said.range && bounded) Object.assign(layout.yaxis, { range: [low, high], autorange: false });
      else if (!said.range) Object.assign(layout.yaxis, { autorange: true, rangemode: low === 0 ? "tozero" : "normal" });
      app.fitMargins(layout, names.length);
    }

    /* After any draw: are the points ours? Dash may have put those back that the graph came with. */
    check() {
      if (!this.drawn) return;
      const { data } = this.graph;
      if (data.length === this.drawn.length && data.every((trace, place) => trace.y === this.drawn[place])) return;
      this.text = null;
      this.dirty = true;
      this.host.wake();
    }

    /* What only a chart in time has. */
    cross() {}

    strayed() {
      return false;
    }
  };

  function tracesOf({ x, y, names, unit }, colours) {
    return names.map((name, place) => ({
      type: "scatter",
      mode: x[place].length > FEW ? "lines" : "lines+markers",
      name: app.escapeForPlotly(name),
      x: x[place].slice(),
      y: y[place].slice(),
      connectgaps: false,
      line: { width: names.length > 1 ? 1.5 : 2, color: colours[place % colours.length] },
      marker: { size: 4, color: colours[place % colours.length] },
      hovertemplate: app.hoverFormat(unit ?? ""),
      showlegend: names.length > 1,
    }));
  }
})((window.dashapp = window.dashapp || {}));
