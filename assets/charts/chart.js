/* One dcc.Graph that follows a series. Points arrive through extendData. Dash or Plotly may change them
   afterwards, so each draw is verified and repaired. */
(function (app) {
  "use strict";

  const DRAW_TIMEOUT_MS = 1500;
  const SETTLE_FRAMES = 2;

  app.Chart = class {
    /* `section`: the element with data-panel. `queue`: an app.RenderQueue. `panel`: {kind, graph(slot)}, which
       returns the dcc.Graph to mount; slotId, if its parent has another id than the element. Its scale is {unit, low,
       high} of the left axis, as far as the panel sets them; `stack`: patterns of the metrics to stack. */
    constructor(section, queue, panel) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.queue = queue;
      this.spec = panel;
      this.kind = panel.kind;
      this.reference = panel.reference ?? null;
      this.comparison = null; // of the line with its reference
      const chartId = section.querySelector(".chart").id;
      // The id in Dash: text, or an object for a component with pattern-matching ids.
      this.slotId = panel.slotId ?? chartId;
      this.component = panel.graph(chartId.slice("chart-".length));
      this.scale = panel.scale ?? {};
      this.stack = panel.stack ?? [];
      this.stacked = []; // keys of the metrics in the stack on screen, from the bottom up
      this.view = {}; // what the viewer chose for the axis; see app.fitChosenAxis
      this.note = ""; // sentence about points that are not on the axis
      this.stackNote = ""; // sentence about a stack that is drawn as lines
      this.highlightedKey = null;
      this.hasFaded = false;
      this.hasAlertBands = false;
      this.bands = []; // alerts on screen
      this.areaCanvas = new app.PlotCanvas(section.querySelector(".chart"));
      this.limitCanvas = new app.PlotCanvas(section.querySelector(".chart"), true);
      this.abortController = new AbortController();
      this.mounted = section.querySelector(".dash-graph") !== null;
      this.gd = null;
      this.lines = [];
      this.isDark = false; // the theme of the last draw: reading styles after it would make the browser compute them again
      this.dirty = true;
      this.generation = -1; // generation of the series on screen
      this.endIndex = 0; // index after the last point on screen
      this.expected = null; // {length, last, range}: what the graph must contain after the draw
      this.drawingSince = null;
      this.framesToSkip = 0;
      this.dragging = false;
      this.crosshairLine = new app.CrosshairLine(section);
      this.tooltip = new app.Tooltip(section);
      this.hovered = false; // the mouse is in this chart
      this.visibility = new app.VisibilityObserver(section, () => this.queue.schedule());
    }

    close() {
      this.visibility.close();
      this.abortController.abort();
    }

    /* Remove the graph from the page, because another kind of chart takes its place. */
    unmount() {
      this.close();
      this.crosshairLine.hide();
      this.tooltip.hide();
      for (const { canvas } of [this.areaCanvas, this.limitCanvas]) canvas?.remove();
      if (this.mounted) window.dash_clientside.set_props(this.slotId, { children: null });
    }

    get onScreen() {
      return this.visibility.visible;
    }

    /* Whether a draw can begin in this animation frame. */
    canDraw() {
      if (!this.onScreen || this.dragging) return false;
      if (!this.mounted) return true;
      const gd = this.section.querySelector(".js-plotly-plot");
      if (!gd || !gd._fullLayout || !gd.on) return false;
      if (gd !== this.gd) this.bind(gd);
      if (this.framesToSkip > 0) {
        this.framesToSkip -= 1;
        return false;
      }
      if (this.drawingSince === null) return true;
      if (performance.now() - this.drawingSince < DRAW_TIMEOUT_MS) return false;
      this.generation = -1; // the draw never finished: start again
      this.drawingSince = null;
      return true;
    }

    /* Whether the graph is mounted but not ready. */
    get mounting() {
      return this.mounted && this.gd === null;
    }

    /* Whether this chart needs another frame, even if no data arrives. */
    needsFrame() {
      return (this.dirty || this.mounting) && this.onScreen && !this.dragging;
    }

    bind(gd) {
      // A graph that we mounted has its first points already; any other has none of ours.
      if (this.gd !== null || !this.expected) this.generation = -1;
      this.gd = gd;
      this.drawingSince = null;
      gd.on("plotly_afterplot", () => this.verifyDraw());
      gd.on("plotly_relayout", (event) => {
        this.framesToSkip = SETTLE_FRAMES;
        const keys = Object.keys(event || {});
        if (keys.some((key) => key.startsWith("xaxis.range"))) this.queue.onZoom(this.range());
      });
      // Otherwise a screen reader takes the labels of the axes for its name.
      for (const drawing of gd.querySelectorAll("svg")) drawing.setAttribute("aria-hidden", "true");
      app.watchPointer(this, this.abortController.signal);
      app.watchDragging(gd, this.abortController.signal, (dragging) => {
        this.dragging = dragging;
        if (dragging) return;
        this.framesToSkip = SETTLE_FRAMES;
        this.queue.schedule();
      });
      // The first draw ended before. On a paused page, no other draw paints the areas.
      if (this.expected) this.verifyDraw();
    }

    get plotElement() {
      return this.gd;
    }

    /* Position and size of the plot in the graph, in pixels. */
    get plotSize() {
      return this.gd._fullLayout._size;
    }

    /* The visible x-range in epoch milliseconds. A zoom may end between two of them. */
    range() {
      return this.gd.layout.xaxis.range.map(Math.round);
    }

    /* Whether the range moved by at least a pixel since the last draw. */
    rangeMoved(range) {
      if (!this.expected || this.generation < 0) return true;
      const pixel = (range[1] - range[0]) / Math.max(1, this.gd._fullLayout._size.w);
      return [0, 1].some((end) => Math.abs(range[end] - this.expected.range[end]) >= pixel);
    }

    /* Draw `metrics` (`[{key, label, unit}]`) over `range`, with as few changes as possible. */
    draw(series, metrics, range) {
      this.dirty = false;
      this.comparison = app.compareToReference(this.reference, series, metrics, range);
      if (this.comparison) this.section.dataset.side = this.comparison.direction;
      this.view = this.queue.viewOf(this.panel);
      const { keys, note } = app.chooseStack(this, metrics, series, range);
      Object.assign(this, { stacked: keys, stackNote: note });
      if (!this.mounted) return this.mount(series, metrics, range);
      const tracesChanged = this.updateTraces(series, metrics);
      const comparisonChanged = app.updateComparison(this, this.gd.data, metrics, range);
      const redrawAll = tracesChanged || comparisonChanged || series.generation !== this.generation || this.endIndex < series.firstIndex;
      if (!redrawAll && !this.rangeMoved(range)) return;
      const newPoints = series.endIndex - this.endIndex;
      const { xaxis } = this.gd.layout;
      Object.assign(xaxis, { range: range.slice(), autorange: false });
      app.labelTimes(xaxis, range, app.timeLabelCount(this.gd._fullLayout._size.w));
      this.fitFigure(this.gd, series, metrics, range);
      this.expectDraw(series, metrics, range);
      if (redrawAll || newPoints <= 0 || !this.lines.length) return this.redraw(series);
      window.dash_clientside.set_props(this.component.props.id, {
        extendData: [
          {
            x: this.lines.map(() => series.t.slice(-newPoints)),
            y: this.lines.map((line) => app.linePoints(series, line, -newPoints)),
          },
          this.lines.map((_, index) => index),
          series.t.length,
        ],
      });
    }

    /* Record what the graph must contain after the draw that begins now. */
    expectDraw(series, metrics, range) {
      this.expected = { length: series.t.length, last: series.lastTime, range: range.slice() };
      this.generation = series.generation;
      this.endIndex = series.endIndex;
      this.drawingSince = performance.now();
      app.markEmpty(this.section, series, metrics);
    }

    /* Mount the graph with all points that there are, so that its first draw shows them. */
    mount(series, metrics, range) {
      this.mounted = true;
      const graph = structuredClone(this.component);
      const { lines, ...figure } = this.buildFigure(series, metrics, range, this.section.clientWidth);
      graph.props.figure = figure;
      this.lines = lines;
      this.expectDraw(series, metrics, range);
      window.dash_clientside.set_props(this.slotId, { children: graph });
    }

    /* The complete figure over `range`, for a graph of `width` pixels, and the lines that it draws. */
    buildFigure(series, metrics, range, width) {
      const { layout } = structuredClone(this.component.props.figure);
      const lines = this.buildLines(series, metrics, layout);
      const data = lines.map((line) => ({
        ...app.buildTrace(line),
        visible: this.queue.isHidden(line.metric.key) ? "legendonly" : true,
        x: series.t.slice(),
        y: app.linePoints(series, line),
      }));
      app.fitLayout(layout, range, width - 80);
      app.addRightAxis(layout, metrics, this.spec.rightAxis);
      app.fitMargins(layout);
      app.labelAxes(layout, metrics);
      app.updateComparison({ queue: this.queue, kind: this.kind, stacked: this.stacked, lines }, data, metrics, range);
      this.fitFigure({ data, layout }, series, metrics, range);
      return { data, layout, lines };
    }

    /* Paint a picture of `size` ({width, height}) with the colours of `theme(name)`; return the lines in it. */
    async paintPicture(context, size, view, metrics, theme) {
      const figure = this.buildFigure(view.series, metrics, view.range, size.width, view.curves);
      const { l, r, t, b } = figure.layout.margin;
      const plot = { l, t, w: size.width - l - r, h: size.height - t - b };
      const scales = ({ metric }) => app.plotScales(plot, view.range, metric.right ? figure.layout.yaxis2 : figure.layout.yaxis);
      context.save();
      context.translate(l, t);
      app.paintAreas(context, plot, app.buildAreas({ lines: figure.lines, stacked: this.stacked }, figure.data), scales);
      context.restore();
      await app.paintFigure(context, figure, size, theme);
      context.save();
      context.translate(l, t);
      app.paintEvents(context, plot, view.range, this.queue.liveView.events.columns(view.range, plot.w), this.isDark);
      context.restore();
      return figure.lines.filter(({ part, metric }) => part === "y" && !this.queue.isHidden(metric.key));
    }

    /* Fit shapes and vertical axes to the points and the range. */
    fitFigure(figure, series, metrics, range) {
      app.drawAlertBands(this, figure.layout, metrics, range);
      app.drawReference(this, figure.layout);
      app.fitYAxes(this, figure, series, metrics, range);
    }

    buildLines(series, metrics, layout) {
      this.isDark = app.isDark(this.section);
      const colours = this.comparison ? [this.comparison.colour] : app.lineColours(this.isDark, layout);
      return app.buildLines(metrics, series, colours, this.kind, this.stacked);
    }

    redraw(series) {
      this.lines.forEach((line, index) => {
        this.gd.data[index].x = series.t.slice();
        this.gd.data[index].y = app.linePoints(series, line);
      });
      window.Plotly.redraw(this.gd);
    }

    /* Replace the traces if the metrics changed; return whether they did. */
    updateTraces(series, metrics) {
      this.lines = this.buildLines(series, metrics, this.gd.layout);
      if (!app.updateTraces(this.gd.data, this.lines, (key) => this.queue.isHidden(key))) return false;
      app.addRightAxis(this.gd.layout, metrics, this.spec.rightAxis);
      app.fitMargins(this.gd.layout);
      app.labelAxes(this.gd.layout, metrics);
      return true;
    }

    /* Plotly calls this after each draw: check the points and the range. */
    verifyDraw() {
      this.drawingSince = null;
      if (!this.expected || !this.gd.data) return;
      this.paintCanvases();
      app.fadeOthers(this, this.gd);
      this.queue.onDrawn(this);
      const isComplete = this.gd.data.every(
        (trace) =>
          app.isComparisonTrace(trace) ||
          (trace.x.length === this.expected.length && (trace.x.length ? trace.x[trace.x.length - 1] : null) === this.expected.last)
      );
      if (!isComplete) {
        this.generation = -1;
        this.dirty = true;
        this.queue.schedule();
      }
      // Plotly draws a zoom before it sends the event: check the range after the event.
      requestAnimationFrame(() => requestAnimationFrame(() => this.queue.repairRange(this)));
    }

    /* Paint the areas below the lines that Plotly has drawn, and alerts and events above them. */
    paintCanvases() {
      const layout = this.gd._fullLayout;
      const areas = app.buildAreas(this, this.gd.data);
      const backdrops = this.queue.liveView.backdrops.filter((backdrop) => backdrop.covers(this));
      const context = this.areaCanvas.clear(layout._size, areas.length + backdrops.length > 0);
      for (const backdrop of backdrops) backdrop.paint(this, context, layout._size);
      if (context) app.paintAreas(context, layout._size, areas, (area) => this.scales(area), this.highlightedKey);
      const events = app.visibleEvents(this, layout.xaxis.range, layout._size.w);
      const above = this.limitCanvas.clear(layout._size, this.hasAlertBands || events.length > 0);
      if (!above) return;
      app.drawBeyondLimits(this, above, layout._size);
      app.paintEvents(above, layout._size, layout.xaxis.range, events, this.isDark);
    }

    /* See app.plotScales. */
    scales({ metric }) {
      const layout = this.gd._fullLayout;
      return app.plotScales(layout._size, layout.xaxis.range, metric.right ? layout.yaxis2 : layout.yaxis);
    }

    /* One line for each row of the legend. */
    legendLines() {
      return this.lines.filter(({ part }) => part === "y");
    }

    /* Let the line of a metric stand out; null for none. */
    highlight(key) {
      this.highlightedKey = key !== null && this.queue.isHidden(key) ? null : key;
      if (!this.gd?._fullLayout) return;
      app.fadeOthers(this, this.gd);
      this.paintCanvases();
    }

    /* Callbacks of app.watchPointer. */

    /* `time`: below the mouse; null if the mouse left the plot. */
    onPointer(time) {
      if (time === null && !this.hovered) return;
      this.hovered = time !== null;
      this.queue.onPointer(this, time);
      if (!this.hovered) this.tooltip.hide();
    }

    onClick(time, event) {
      this.queue.onClick(this, time, event);
    }

    onDoubleClick() {
      this.queue.onZoomBack();
    }

    onPinch(range, isLast) {
      this.dragging = false;
      this.queue.onPinch(range, isLast);
    }

    /* Show the crosshair at `time`, and the values there if the mouse is here; hide both if it is null. */
    showCrosshair(time) {
      const layout = this.gd?._fullLayout;
      const isVisible = time !== null && this.onScreen && Boolean(layout);
      const left = isVisible ? this.crosshairLine.show(time, this.range(), layout._size, app.crosshairText(this, time)) : this.crosshairLine.hide();
      if (this.hovered && !this.dragging && typeof left === "number") {
        const lines = app.readLines(this.queue.liveView, this.visibleLines(), time);
        this.tooltip.show(time, this.queue.liveView.shownSeries, lines, left, this.section.querySelector(".chart").offsetTop + 4, app.eventsAtCrosshair(this, time));
      } else this.tooltip.hide();
    }

    /* One for each metric that the legend does not hide. */
    visibleLines() {
      return this.lines.filter(({ part, meta }, index) => part === "y" && this.gd.data[index]?.meta === meta && this.gd.data[index].visible !== "legendonly");
    }

    /* Whether the graph shows another range than it should. */
    rangeDiffers() {
      // A graph that was removed from the page has no layout.
      if (!this.gd?.layout || !this.expected || this.drawingSince !== null || this.dragging) return false;
      return this.range().some((end, side) => Math.abs(end - this.expected.range[side]) > 2);
    }
  };
})((window.dashapp = window.dashapp || {}));
