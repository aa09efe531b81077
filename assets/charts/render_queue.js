/* The page's charts, drawn one an animation frame. Knows when each may draw, not what the points mean. */
(function (app) {
  "use strict";

  // Those that want to draw: one has its turn in an animation frame, however many there are on the page.
  const queue = [];
  let frame = null;

  function turn() {
    frame = null;
    queue.shift().step();
    if (queue.length && frame === null) frame = requestAnimationFrame(turn);
  }

  app.RenderQueue = class {
    /* `host`: view() gives {series, range, curves} to draw now, null where there is nothing yet; metricsOf(panel);
       `held`, `crosshair`; and a `host` of its own that is told of zooms. */
    constructor(host) {
      this.host = host;
      this.awake = false;
      this.turn = 0;
      this.charts = [];
    }

    /* One more panel; `panel`: what draws it. */
    add(section, panel) {
      const Kind = panel.kind === "curve" ? app.CurveChart : app.isBarTable(panel.kind) ? app.BarTable : app.Chart;
      this.charts.push(new Kind(section, this, panel));
    }

    close() {
      for (const chart of this.charts) chart.close();
      this.charts = [];
    }

    /* Every chart wants drawing; `anew`: whatever stands there. */
    redraw(anew) {
      for (const chart of this.charts) {
        chart.dirty = true;
        if (anew) chart.generation = -1;
      }
      this.wake();
    }

    /* The charts that do not show `range` want drawing. */
    align(range) {
      for (const chart of this.charts) {
        // A graph that was only just put in is not bound yet, and shows the range it was put in with.
        if (chart.gd?.layout && chart.range().every((end, side) => Math.abs(end - range[side]) < 2)) continue;
        chart.generation = -1;
        chart.dirty = true;
      }
      this.wake();
    }

    wake() {
      if (this.awake) return;
      this.awake = true;
      queue.push(this);
      frame ??= requestAnimationFrame(turn);
    }

    step() {
      this.awake = false;
      this.host.look();
      const view = this.host.view();
      if (!view) return;
      for (let tried = 0; tried < this.charts.length; tried += 1) {
        const chart = this.charts[this.turn++ % this.charts.length];
        // A graph that was just put in is listened to as soon as it is there: the first zoom may come before a tick.
        if (!chart.dirty && !chart.arriving) continue;
        if (!chart.ready() || !chart.dirty) continue;
        const metrics = this.host.metricsOf(chart.panel);
        // What is not there at first is put in when it has metrics; the rest is there, empty if need be.
        if (!metrics.length && chart.section.classList.contains("absent")) {
          chart.dirty = false;
          continue;
        }
        chart.draw(view.series, metrics, view.range, view.curves);
        break;
      }
      if (this.charts.some((chart) => chart.waiting())) this.wake();
    }

    /* What a chart tells. */

    userZoomed(range) {
      this.host.host.onZoom(range);
    }

    resume() {
      this.host.host.onResume();
    }

    /* Of a chart that is the page's own; others have no log. */
    alertBands(keys, range) {
      return this.host.host.alertHistory?.alertBands(keys, range) ?? [];
    }

    pointed(time) {
      this.host.crosshair.point(time);
    }

    /* The points went by below the mouse, and below the line. */
    drawn(chart) {
      const { time } = this.host.crosshair;
      if (time !== null && time < chart.drawn.range[0]) this.pointed(null); // it has left the window
      if (chart.pointing) this.pointed(chart.pointed());
      else chart.cross(this.host.crosshair.time);
    }

    repair(chart) {
      if (this.host.held || !chart.strayed()) return;
      chart.generation = -1;
      chart.dirty = true;
      this.wake();
    }
  };
})((window.dashapp = window.dashapp || {}));
