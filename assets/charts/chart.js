/* One dcc.Graph that follows a series. Its points come by extendData; whatever else Dash or Plotly does to
   them is found after the draw and put right. */
(function (app) {
  "use strict";

  const STUCK_MS = 1500;
  const QUIET_FRAMES = 2;

  app.Chart = class {
    /* `section`: the element with data-panel. `host`: {userZoomed(range), resume(), pointed(time), drawn(chart),
       repair(chart), wake(), stretches(keys, range)}. `panel`: {kind, graph(slot)}, the dcc.Graph to put into it where it has none yet;
       `place` where that goes has another id than its element's; fit(layout, metrics) where its scale is theirs. */
    constructor(section, host, panel) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.host = host;
      this.kind = panel.kind;
      this.reference = panel.reference ?? null;
      this.comparison = null; // of its line against that
      const place = section.querySelector(".chart").id;
      // The ids that Dash knows them by: text, or what a component made of several has for one.
      this.place = panel.place ?? place;
      this.component = panel.graph(place.slice("chart-".length));
      this.fit = panel.fit ?? (() => {});
      this.closing = new AbortController();
      this.mounted = section.querySelector(".dash-graph") !== null;
      this.gd = null;
      this.lines = [];
      this.dirty = true;
      this.generation = -1; // the series' life that is drawn
      this.end = 0; // and up to which point
      this.drawn = null; // {length, last, range}: what must stand there after the draw
      this.busySince = null;
      this.quiet = 0;
      this.dragging = false;
      this.line = new app.CrosshairLine(section);
      this.pointing = false; // whether the mouse is in this chart, whose line is Plotly's own then
      this.visibility = new app.VisibilityObserver(section, () => this.host.wake());
    }

    /* Leave nothing behind. */
    close() {
      this.visibility.close();
      this.closing.abort();
    }

    get onScreen() {
      return this.visibility.visible;
    }

    /* Whether a draw may begin in this animation frame. */
    ready() {
      if (!this.onScreen || this.dragging) return false;
      if (!this.mounted) return true;
      const gd = this.section.querySelector(".js-plotly-plot");
      if (!gd || !gd._fullLayout || !gd.on) return false;
      if (gd !== this.gd) this.bind(gd);
      if (this.quiet > 0) {
        this.quiet -= 1;
        return false;
      }
      if (this.busySince === null) return true;
      if (performance.now() - this.busySince < STUCK_MS) return false;
      this.generation = -1; // the draw never came: begin again
      this.busySince = null;
      return true;
    }

    /* Whether the graph is put in but not there yet. */
    get arriving() {
      return this.mounted && this.gd === null;
    }

    /* Whether this chart will want a frame without anything new happening. */
    waiting() {
      return (this.dirty || this.arriving) && this.onScreen && !this.dragging;
    }

    bind(gd) {
      // A graph that we put in has its first points already; any other is not ours yet.
      if (this.gd !== null || !this.drawn) this.generation = -1;
      this.gd = gd;
      this.busySince = null;
      gd.on("plotly_afterplot", () => this.check());
      gd.on("plotly_doubleclick", () => this.host.resume());
      gd.on("plotly_hover", ({ points }) => {
        this.pointing = points.length > 0;
        this.host.pointed(this.pointed());
      });
      gd.on("plotly_unhover", () => {
        this.pointing = false;
        this.host.pointed(null);
      });
      gd.on("plotly_relayout", (event) => {
        this.quiet = QUIET_FRAMES;
        const keys = Object.keys(event || {});
        if (keys.some((key) => key.startsWith("xaxis.range"))) this.host.userZoomed(this.range());
      });
      app.watchDragging(gd, this.closing.signal, (dragging) => {
        this.dragging = dragging;
        if (dragging) return;
        this.quiet = QUIET_FRAMES;
        this.host.wake();
      });
    }

    /* The x-range on screen, in epoch milliseconds. Plotly keeps it as local time in text. */
    range() {
      return this.gd.layout.xaxis.range.map((end, side) =>
        typeof end === "number" ? end : app.parseLocalTime(String(end), this.drawn?.range, side)
      );
    }

    /* Whether the range has moved by a pixel since the last draw. */
    moved(range) {
      if (!this.drawn || this.generation < 0) return true;
      const pixel = (range[1] - range[0]) / Math.max(1, this.gd._fullLayout._size.w);
      return [0, 1].some((end) => Math.abs(range[end] - this.drawn.range[end]) >= pixel);
    }

    /* Draw the series' metrics (`[{key, label, unit}]`) over `range`, moving as little as possible. */
    draw(series, metrics, range) {
      this.dirty = false;
      this.comparison = app.compareToReference(this.reference, series, metrics, range);
      if (this.comparison) this.section.dataset.side = this.comparison.direction;
      if (!this.mounted) return this.mount(series, metrics, range);
      const fresh = this.retrace(series, metrics);
      const whole = fresh || series.generation !== this.generation || this.end < series.firstIndex;
      if (!whole && !this.moved(range)) return;
      const count = series.endIndex - this.end;
      const { xaxis } = this.gd.layout;
      Object.assign(xaxis, { range: range.slice(), autorange: false });
      xaxis.nticks = app.timeLabelCount(this.gd._fullLayout._size.w);
      app.drawAlertBands(this, this.gd.layout, metrics, range);
      app.updateBaseline(this, this.gd, series, metrics, range);
      this.begin(series, range);
      if (whole || count <= 0 || !this.lines.length) return this.redraw(series);
      window.dash_clientside.set_props(this.component.props.id, {
        extendData: [
          {
            x: this.lines.map(() => series.t.slice(-count)),
            y: this.lines.map((line) => app.linePoints(series, line, -count)),
          },
          this.lines.map((_, index) => index),
          series.t.length,
        ],
      });
    }

    /* Note what will stand there after the draw that now begins. */
    begin(series, range) {
      this.drawn = { length: series.t.length, last: series.lastTime, range: range.slice() };
      this.generation = series.generation;
      this.end = series.endIndex;
      this.busySince = performance.now();
      this.section.classList.toggle("loading", !series.t.length);
    }

    /* Put the graph in, with what there is: its first drawing has the past. */
    mount(series, metrics, range) {
      this.mounted = true;
      const graph = structuredClone(this.component);
      graph.props.figure = this.figure(series, metrics, range, this.section.clientWidth);
      this.lines = this.linesOf(series, metrics, graph.props.figure.layout);
      this.begin(series, range);
      window.dash_clientside.set_props(this.place, { children: graph });
    }

    /* The whole picture of `range`, for a graph so many pixels wide. */
    figure(series, metrics, range, width) {
      const { layout } = structuredClone(this.component.props.figure);
      const data = this.linesOf(series, metrics, layout).map((line) => ({
        ...app.buildTrace(line, metrics.length),
        x: series.t.slice(),
        y: app.linePoints(series, line),
      }));
      app.fitLayout(layout, range, width - 80);
      app.fitMargins(layout, metrics.length);
      app.labelAxes(layout, metrics);
      this.fit(layout, metrics);
      app.drawAlertBands(this, layout, metrics, range);
      app.updateBaseline(this, { data, layout }, series, metrics, range);
      return { data, layout };
    }

    linesOf(series, metrics, { colorway }) {
      return app.buildLines(metrics, series, this.comparison ? [this.comparison.colour] : colorway, this.kind);
    }

    redraw(series) {
      this.lines.forEach((line, index) => {
        this.gd.data[index].x = series.t.slice();
        this.gd.data[index].y = app.linePoints(series, line);
      });
      window.Plotly.redraw(this.gd);
    }

    /* Make the traces be those of the metrics; whether they were not. */
    retrace(series, metrics) {
      this.lines = this.linesOf(series, metrics, this.gd.layout);
      if (!app.updateTraces(this.gd.data, this.lines, metrics.length)) return false;
      app.fitMargins(this.gd.layout, metrics.length);
      app.labelAxes(this.gd.layout, metrics);
      this.fit(this.gd.layout, metrics);
      return true;
    }

    /* After any draw: are the points ours, and the range? */
    check() {
      this.busySince = null;
      if (!this.drawn || !this.gd.data) return;
      this.host.drawn(this);
      const whole = this.gd.data.every(
        (trace) =>
          trace.x.length === this.drawn.length &&
          (trace.x.length ? trace.x[trace.x.length - 1] : null) === this.drawn.last
      );
      if (!whole) {
        this.generation = -1;
        this.dirty = true;
        this.host.wake();
      }
      // A zoom of the user's is drawn before it is told: look at the range only when that has been heard.
      requestAnimationFrame(() => requestAnimationFrame(() => this.host.repair(this)));
    }

    /* The time below the mouse. Plotly tells it as text; the points have it as we gave it. */
    pointed() {
      const [point] = (this.pointing && this.gd._hoverdata) || [];
      return point ? point.data.x[point.pointIndex] : null;
    }

    /* Stand the crosshair's line at `time`; none where that is null, or where the mouse has Plotly's own. */
    cross(time) {
      if (time === null || this.pointing || !this.onScreen || !this.gd || !this.gd._fullLayout) this.line.hide();
      else this.line.stand(time, this.range(), this.gd._fullLayout._size);
    }

    /* While following: has something thrown the range back? */
    strayed() {
      // A graph that has left the page has no layout any more.
      if (!this.gd?.layout || !this.drawn || this.busySince !== null || this.dragging) return false;
      return this.range().some((end, side) => Math.abs(end - this.drawn.range[side]) > 2);
    }
  };
})((window.dashapp = window.dashapp || {}));
