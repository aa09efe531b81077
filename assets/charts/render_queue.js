/* The page's charts, drawn one an animation frame. Knows when each may draw, not what the points mean. */
(function (app) {
  "use strict";

  // Those that want to draw: one has its turn in an animation frame, however many there are on the page.
  const pendingQueues = [];
  let frameRequest = null;

  function drawNext() {
    frameRequest = null;
    pendingQueues.shift().drawOne();
    if (pendingQueues.length && frameRequest === null) frameRequest = requestAnimationFrame(drawNext);
  }

  app.RenderQueue = class {
    /* `host`: view() gives {series, range, curves} to draw now, null where there is nothing yet; metricsOf(panel);
       `held`, `crosshair`; and a `host` of its own that is told of zooms. */
    constructor(liveView) {
      this.liveView = liveView;
      this.scheduled = false;
      this.nextIndex = 0;
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
    redraw(force) {
      for (const chart of this.charts) {
        chart.dirty = true;
        if (force) chart.generation = -1;
      }
      this.schedule();
    }

    /* The charts that do not show `range` want drawing. */
    align(range) {
      for (const chart of this.charts) {
        // A graph that was only just put in is not bound yet, and shows the range it was put in with.
        if (chart.gd?.layout && chart.range().every((end, side) => Math.abs(end - range[side]) < 2)) continue;
        chart.generation = -1;
        chart.dirty = true;
      }
      this.schedule();
    }

    schedule() {
      if (this.scheduled) return;
      this.scheduled = true;
      pendingQueues.push(this);
      frameRequest ??= requestAnimationFrame(drawNext);
    }

    drawOne() {
      this.scheduled = false;
      this.liveView.updateRequestedKeys();
      const input = this.liveView.renderInput();
      if (!input) return;
      for (let attempts = 0; attempts < this.charts.length; attempts += 1) {
        const chart = this.charts[this.nextIndex++ % this.charts.length];
        // A graph that was just put in is listened to as soon as it is there: the first zoom may come before a tick.
        if (!chart.dirty && !chart.mounting) continue;
        if (!chart.canDraw() || !chart.dirty) continue;
        const metrics = this.liveView.metricsOf(chart.panel);
        // What is not there at first is put in when it has metrics; the rest is there, empty if need be.
        if (!metrics.length && chart.section.classList.contains("absent")) {
          chart.dirty = false;
          continue;
        }
        chart.draw(input.series, metrics, input.range, input.curves);
        break;
      }
      if (this.charts.some((chart) => chart.needsFrame())) this.schedule();
    }

    /* What a chart tells. */

    onZoom(range) {
      this.liveView.owner.onZoom(range);
    }

    onResume() {
      this.liveView.owner.onResume();
    }

    /* Of a chart that is the page's own; others have no log. */
    alertBands(keys, range) {
      return this.liveView.owner.alertHistory?.alertBands(keys, range) ?? [];
    }

    onHover(time) {
      this.liveView.crosshair.moveTo(time);
    }

    /* The points went by below the mouse, and below the line. */
    onDrawn(chart) {
      const { time } = this.liveView.crosshair;
      if (time !== null && time < chart.expected.range[0]) this.onHover(null); // it has left the window
      if (chart.hovered) this.onHover(chart.hoveredTime());
      else chart.showCrosshair(this.liveView.crosshair.time);
    }

    repairRange(chart) {
      if (this.liveView.pausedRange || !chart.rangeDiffers()) return;
      chart.generation = -1;
      chart.dirty = true;
      this.schedule();
    }
  };
})((window.dashapp = window.dashapp || {}));
