/* Draws the charts of a page, one in each animation frame. */
(function (app) {
  "use strict";

  const SNAP_PX = 20; // distance from the mouse to a point

  // Queues with something to draw. All queues of a page share the animation frames.
  const pendingQueues = [];
  let frameRequest = null;

  function drawNext() {
    frameRequest = null;
    pendingQueues.shift().drawOne();
    if (pendingQueues.length && frameRequest === null) frameRequest = requestAnimationFrame(drawNext);
  }

  app.RenderQueue = class {
    /* `liveView`: an app.LiveView. */
    constructor(liveView) {
      this.liveView = liveView;
      this.scheduled = false;
      this.nextIndex = 0;
      this.charts = [];
      this.clockMarks = []; // epoch milliseconds: when the clock was set
      this.hiddenKeys = new Set(); // of lines that the user hid in a legend
      this.views = new Map(); // by panel name: {log, clip, fixed, lines}, what the viewer chose for its chart
      this.pinching = false;
    }

    /* Add a chart; `panel`: its spec. */
    add(section, panel) {
      const Kind = panel.kind === "curve" ? app.CurveChart : app.isBarTable(panel.kind) ? app.BarTable : app.Chart;
      this.charts.push(new Kind(section, this, panel));
    }

    /* Remove the chart in `section`, and its graph. */
    remove(section) {
      const chart = this.charts.find((other) => other.section === section);
      this.charts = this.charts.filter((other) => other !== chart);
      chart?.close();
      window.dash_clientside.set_props(chart.slotId, { children: [] });
    }

    close() {
      for (const chart of this.charts) chart.close();
      this.charts = [];
    }

    /* Mark the times when the clock was set. */
    setClockMarks(times) {
      if (String(times) === String(this.clockMarks)) return;
      this.clockMarks = times;
      this.redraw(true);
    }

    /* Redraw every chart; `force`: even if nothing changed. */
    redraw(force) {
      for (const chart of this.charts) {
        chart.dirty = true;
        if (force) chart.generation = -1;
      }
      // A chart that becomes visible asks for its frame itself. Each frame also chooses the metrics to request.
      if (this.liveView.choosesMetrics || this.charts.some((chart) => chart.needsFrame())) this.schedule();
    }

    /* Redraw the charts that do not show `range`. */
    align(range) {
      for (const chart of this.charts) {
        // A graph that was just mounted is not bound yet, and shows the range it was mounted with.
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
        const index = this.nextIndex++ % this.charts.length;
        let chart = this.charts[index];
        // Bind a graph as soon as it is ready: the first zoom may come before a tick.
        if (!chart.dirty && !chart.mounting) continue;
        if (!chart.canDraw() || !chart.dirty) continue;
        const metrics = this.liveView.metricsOf(chart.panel);
        // An absent panel is mounted when it has metrics; any other is mounted empty.
        if (!metrics.length && chart.section.classList.contains("absent")) {
          chart.dirty = false;
          continue;
        }
        chart = this.fitKind(index, metrics);
        if (!chart.canDraw()) continue;
        chart.draw(input.series, metrics, input.range, input.curves);
        break;
      }
      if (this.charts.some((chart) => chart.needsFrame())) this.schedule();
      else this.nextIndex = 0; // the next tick is on the first chart first, unless a slow browser still draws the last ones
    }

    /* The chart at `index`, replaced if these metrics need another kind: many lines are a heat map. */
    fitKind(index, metrics) {
      const chart = this.charts[index];
      if (!(chart instanceof app.Chart || chart instanceof app.HeatMap)) return chart;
      const Kind = !this.viewOf(chart.panel).lines && app.isHeatMap(chart, metrics, this.liveView.catalog.offsets.get(chart.panel) ?? 0) ? app.HeatMap : app.Chart;
      if (chart instanceof Kind) return chart;
      chart.unmount();
      const other = new Kind(chart.section, this, chart.spec);
      other.scale = chart.scale; // an embedded chart has that of its metrics
      return (this.charts[index] = other);
    }

    /* Callbacks of the charts. */

    onZoom(range) {
      this.liveView.owner.onZoom(range);
    }

    /* A double click undoes the last zoom. */
    onClick(chart, time, { clientX, clientY }) {
      this.liveView.owner.onChartClick?.(chart, time, clientX, clientY);
    }

    onZoomBack() {
      this.liveView.owner.onZoomBack();
    }

    /* Two fingers change the range; one step back undoes all of it. */
    onPinch(range, isLast) {
      if (!this.pinching) this.liveView.reading.pushStep();
      this.pinching = !isLast;
      if (isLast) this.liveView.owner.onZoom(range, false);
      else this.liveView.pauseAt(range);
    }

    /* Hide or show a line. */
    toggleLine(key) {
      if (!this.hiddenKeys.delete(key)) this.hiddenKeys.add(key);
      this.applyHiddenKeys();
      this.liveView.owner.onLegend();
      this.liveView.owner.refresh();
    }

    /* Hide the lines in `hiddenKeys`, and show the others. */
    applyHiddenKeys() {
      for (const { gd, lines = [] } of this.charts) {
        lines.forEach(({ metric }, index) => {
          if (gd?.data[index]) gd.data[index].visible = this.isHidden(metric.key) ? "legendonly" : true;
        });
      }
      this.redraw(true);
    }

    /* There are other events or backdrops; nothing else changed. */
    repaintCanvases() {
      for (const chart of this.charts) {
        if (chart instanceof app.HeatMap) chart.redraw();
        else if (chart.gd?._fullLayout) chart.paintCanvases();
      }
    }

    viewOf(panel) {
      return this.views.get(panel) ?? {};
    }

    isHidden(key) {
      return this.hiddenKeys.has(key);
    }

    /* Only the page has an alert history; a LiveGraph has none. */
    alertBands(keys, range) {
      return this.liveView.owner.alertHistory?.alertBands(keys, range) ?? [];
    }

    /* Read the point nearest to `time`, or the gap there. A mouse at rest stays at its point. */
    onPointer(chart, time) {
      const series = this.liveView.shownSeries;
      const range = chart.range();
      const nearest = time === null ? null : series.nearestTime(time, range);
      const snapMs = Math.max(series.step, (SNAP_PX * (range[1] - range[0])) / chart.plotSize.w);
      this.liveView.reading.pointAt(nearest !== null && Math.abs(nearest - time) <= snapMs ? nearest : time);
    }

    /* The points moved below the crosshair. */
    onDrawn(chart) {
      const { reading } = this.liveView;
      if (reading.pointer !== null && reading.pointer < chart.expected.range[0]) reading.pointAt(null); // outside the window now
      chart.showCrosshair(reading.pointer);
    }

    repairRange(chart) {
      if (this.liveView.pausedRange || !chart.rangeDiffers()) return;
      chart.generation = -1;
      chart.dirty = true;
      this.schedule();
    }
  };
})((window.dashapp = window.dashapp || {}));
