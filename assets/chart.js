/* One dcc.Graph that follows a series. Its points come by extendData; whatever else Dash or Plotly does to
   them is found after the draw and put right. */
(function (app) {
  "use strict";

  const STUCK_MS = 1500;
  const QUIET_FRAMES = 2;
  const LABEL_PX = 65; // a time's width, and air
  const MOST_LABELS = 7;

  app.Chart = class {
    /* `section`: the element with data-panel. `host`: {userZoomed(range), resume(), wake()}. */
    constructor(section, host) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.host = host;
      this.graph = section.querySelector(".dash-graph");
      this.gd = null;
      this.dirty = true;
      this.life = -1; // the series' life that is drawn
      this.end = 0; // and up to which point
      this.drawn = null; // {length, last, range}: what must stand there after the draw
      this.busySince = null;
      this.quiet = 0;
      this.dragging = false;
      this.onScreen = true;
      new IntersectionObserver((entries) => {
        this.onScreen = entries[entries.length - 1].isIntersecting;
        if (this.onScreen) this.host.wake();
      }).observe(section);
    }

    /* Whether a draw may begin in this animation frame. */
    ready() {
      const gd = this.section.querySelector(".js-plotly-plot");
      if (!gd || !gd._fullLayout || !gd.on) return false;
      if (gd !== this.gd) this.bind(gd);
      if (!this.onScreen || this.dragging) return false;
      if (this.quiet > 0) {
        this.quiet -= 1;
        return false;
      }
      if (this.busySince === null) return true;
      if (performance.now() - this.busySince < STUCK_MS) return false;
      this.life = -1; // the draw never came: begin again
      this.busySince = null;
      return true;
    }

    /* Whether this chart will want a frame without anything new happening. */
    waiting() {
      return this.dirty && this.onScreen && !this.dragging;
    }

    bind(gd) {
      this.gd = gd;
      this.life = -1;
      gd.on("plotly_afterplot", () => this.check());
      gd.on("plotly_doubleclick", () => this.host.resume());
      gd.on("plotly_relayout", (event) => {
        this.quiet = QUIET_FRAMES;
        const keys = Object.keys(event || {});
        if (keys.some((key) => key.startsWith("xaxis.range"))) this.host.userZoomed(this.range());
      });
      gd.addEventListener("pointerdown", (event) => (this.dragging = event.button === 0), true);
      const released = () => {
        if (!this.dragging) return;
        this.dragging = false;
        this.quiet = QUIET_FRAMES;
        this.host.wake();
      };
      window.addEventListener("pointerup", released, true);
      window.addEventListener("pointercancel", released, true);
      // A finger on a chart scrolls the page.
      if (window.matchMedia("(pointer: coarse)").matches) gd.layout.dragmode = false;
    }

    /* The x-range on screen, in epoch milliseconds. Plotly keeps it as local time in text. */
    range() {
      return this.gd.layout.xaxis.range.map((end) =>
        typeof end === "number" ? end : new Date(String(end).replace(" ", "T")).getTime()
      );
    }

    /* Whether the range has moved by a pixel since the last draw. */
    moved(range) {
      if (!this.drawn || this.life < 0) return true;
      const pixel = (range[1] - range[0]) / Math.max(1, this.gd._fullLayout._size.w);
      return [0, 1].some((end) => Math.abs(range[end] - this.drawn.range[end]) >= pixel);
    }

    /* Draw the series' metrics (`[{key, label, unit}]`) over `range`, moving as little as possible. */
    draw(series, metrics, range) {
      this.dirty = false;
      const fresh = this.traces(metrics);
      const whole = fresh || series.life !== this.life || this.end < series.first;
      if (!whole && !this.moved(range)) return;
      const count = series.end - this.end;
      const xaxis = this.gd.layout.xaxis;
      xaxis.range = range.slice();
      xaxis.autorange = false;
      xaxis.nticks = Math.max(2, Math.min(MOST_LABELS, Math.floor(this.gd._fullLayout._size.w / LABEL_PX)));
      this.drawn = { length: series.t.length, last: series.last, range: range.slice() };
      this.life = series.life;
      this.end = series.end;
      this.section.classList.toggle("loading", !series.t.length);
      this.busySince = performance.now();
      if (whole || count <= 0 || !metrics.length) return this.redraw(series, metrics);
      window.dash_clientside.set_props(this.graph.id, {
        extendData: [
          {
            x: metrics.map(() => series.t.slice(-count)),
            y: metrics.map((metric) => series.y[metric.key].slice(-count)),
          },
          metrics.map((_, index) => index),
          series.t.length,
        ],
      });
    }

    redraw(series, metrics) {
      metrics.forEach((metric, index) => {
        this.gd.data[index].x = series.t.slice();
        this.gd.data[index].y = series.y[metric.key].slice();
      });
      window.Plotly.redraw(this.gd);
    }

    /* Make the traces be those of the metrics; whether they were not. */
    traces(metrics) {
      const data = this.gd.data;
      if (data.length === metrics.length && metrics.every((m, i) => data[i].meta === m.key)) return false;
      const known = new Map(data.map((trace) => [trace.meta, trace]));
      const single = metrics.length === 1;
      data.splice(0, data.length, ...metrics.map((m) => known.get(m.key) || trace(m, single)));
      return true;
    }

    /* After any draw: are the points ours, and the range? */
    check() {
      this.busySince = null;
      if (!this.drawn) return;
      const whole = this.gd.data.every(
        (trace) =>
          trace.x.length === this.drawn.length &&
          (trace.x.length ? trace.x[trace.x.length - 1] : null) === this.drawn.last
      );
      if (!whole) {
        this.life = -1;
        this.dirty = true;
        this.host.wake();
      }
      // A zoom of the user's is drawn before it is told: look at the range only when that has been heard.
      requestAnimationFrame(() => requestAnimationFrame(() => this.host.repair(this)));
    }

    /* While following: has something thrown the range back? */
    strayed() {
      if (!this.gd || !this.drawn || this.busySince !== null || this.dragging) return false;
      return this.range().some((end, side) => Math.abs(end - this.drawn.range[side]) > 2);
    }
  };

  function trace(metric, single) {
    const look = single ? { fill: "tozeroy", fillcolor: "rgba(0,145,213,0.14)" } : {};
    return {
      type: "scatter",
      mode: "lines",
      meta: metric.key,
      name: plain(metric.label),
      x: [],
      y: [],
      connectgaps: false,
      line: { width: single ? 2 : 1.5 },
      hovertemplate: `%{y:.1f} ${plain(metric.unit)}`,
      ...look,
    };
  }

  /* Plotly reads tags in a name, links among them. */
  function plain(text) {
    const short = text.length > 60 ? text.slice(0, 59) + "…" : text;
    return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }
})((window.dashapp = window.dashapp || {}));
