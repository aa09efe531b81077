/* The live charts of a page: a subscription, the points that it received, and the charts that draw them, live or
   paused. */
(function (app) {
  "use strict";

  const DEBOUNCE_MS = 120; // wait for the slider or a zoom to settle before a request
  // Up to here, request all metrics: a panel that scrolls into view is drawn sooner.
  const MAX_UNFILTERED_METRICS = (app.MAX_UNFILTERED_METRICS = 200);
  const MAX_METRICS = 64; // of one request
  const MAX_KEYS_LENGTH = 6000; // characters
  // Points of a metric in one response; the server downsamples more than 2,000, and rounds the ends.
  const MAX_POINTS = 1990;
  const MIN_RANGE_MS = 10_000;

  app.LiveView = class {
    /* `poller` may serve other views too. `owner`: showsEvents, onFrame(frame), onPast(frame), onFailure(requestedAt, error,
       sessionExpired), onZoom(range, isStep), onZoomBack(), onLegend(), refresh(), onMetricsChange(),
       onNewPanel(name, kind), extraQuery(isStream), requiredKeys(), perhaps needsRequest. `patterns`: of all metrics that these charts draw; empty
       means every metric. */
    constructor(poller, owner, patterns = []) {
      this.owner = owner;
      this.window = null; // seconds on screen while live
      this.maxSeconds = Infinity; // longest range of one request
      this.wholeHistoryWindow = null; // window that starts at the first point, in seconds
      this.hasManyMetrics = false;
      this.abortController = new AbortController();
      this.age = 0; // milliseconds between the newest point and the last response
      this.series = new app.SeriesBuffer();
      this.curvesAt = null; // server time of the curves on screen, in epoch milliseconds
      this.curves = {}; // newest curves by panel; while paused, those of that moment
      this.pastSeries = null; // points of the paused range if the live series lacks them; null while live
      this.clock = poller.clock;
      this.catalog = new app.MetricCatalog(
        poller,
        () => {
          this.updateRequestedKeys();
          this.subscription.scheduleNext();
          this.renderQueue.redraw(); // a paused chart may have waited for its labels
          owner.onMetricsChange();
        },
        (name, kind) => owner.onNewPanel(name, kind)
      );
      this.subscription = new app.Subscription(poller, this, patterns);
      this.renderQueue = new app.RenderQueue(this);
      this.backdrops = []; // painted below the lines of charts: {covers(chart), paint(chart, context, size)}
      this.events = new app.EventLog(poller.base, owner.showsEvents ?? true);
      this.events.subscribe(() => {
        this.renderQueue.repaintCanvases();
        owner.refresh();
      });
      this.reading = new app.ReadingTime();
      this.reading.subscribe(() => owner.refresh());
      this.crosshair = new app.Crosshair(this);
      for (const [target, event] of [[document, "visibilitychange"], [window, "pageshow"], [window, "online"], [window, "focus"]]) {
        const resume = () => {
          if (document.hidden) poller.leave();
          else poller.checkSession();
          this.tick();
        };
        target.addEventListener(event, resume, { signal: this.abortController.signal });
      }
      for (const event of ["pagehide", "offline"]) window.addEventListener(event, () => poller.leave(), { signal: this.abortController.signal });
      const themeChange = () => this.renderQueue.redraw(true);
      window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChange, { signal: this.abortController.signal });
    }

    /* Remove all listeners, requests and draws. */
    close() {
      this.abortController.abort();
      this.subscription.close();
      this.renderQueue.close();
    }

    /* Whether the keys to request are known. With many metrics, the catalog is requested first. */
    ready() {
      if (!this.hasManyMetrics || !this.catalog.empty) return true;
      this.catalog.request();
      return false;
    }

    /* Whether to request only the metrics of visible charts. */
    get choosesMetrics() {
      return !this.subscription.patterns.length && this.catalog.metrics.size > MAX_UNFILTERED_METRICS;
    }

    /* The metrics to request, comma-separated: those of visible charts, or "" (all) if there are few. */
    requestedKeys() {
      const { catalog } = this;
      if (!this.choosesMetrics) return "";
      const visibleCharts = this.charts.filter((chart) => chart.onScreen && !chart.section.hidden);
      const lists = visibleCharts.map((chart) => catalog.selectedMetrics(chart.panel).map((metric) => metric.key));
      // Take one metric of each panel in turn, so that a panel with a thousand leaves room for the others.
      const referenceKeys = visibleCharts.map((chart) => app.referenceKey(chart.reference ?? null));
      const interleaved = Array.from({ length: MAX_METRICS }, (_, index) => lists.map((list) => list[index])).flat();
      const isMetric = (key) => key && !app.isFormulaKey(key);
      const keys = [...new Set([...this.owner.requiredKeys(), ...referenceKeys, ...interleaved])].filter(isMetric).slice(0, MAX_METRICS);
      while (keys.join().length > MAX_KEYS_LENGTH) keys.pop();
      return keys.join();
    }

    /* Request other metrics if other charts are visible now. */
    updateRequestedKeys() {
      if (this.window === null || !this.ready()) return;
      const keys = this.requestedKeys();
      if (keys === this.subscription.metricKeys) return;
      this.subscription.metricKeys = keys;
      this.restart();
    }

    /* Request these formulas, comma-separated, with the metrics. */
    setFormulas(formulas) {
      if (formulas === this.subscription.formulas) return;
      this.subscription.formulas = formulas;
      this.restart();
    }

    /* Request the points on screen again. */
    restart() {
      this.subscription.restart(DEBOUNCE_MS);
      if (this.pausedRange) this.pauseAt(this.pausedRange);
    }

    get charts() {
      return this.renderQueue.charts;
    }

    get hasResponse() {
      return this.clock.isKnown;
    }

    /* [start, end] in epoch milliseconds; null while live. */
    get pausedRange() {
      return this.reading.range;
    }

    /* [start, end] on screen in epoch milliseconds. */
    get shownRange() {
      return this.pausedRange ?? this.liveRange();
    }

    /* `{value, low, high, time}` of a metric at `time`; null if it has none then. */
    pointAt(key, time) {
      return this.shownSeries.pointAt(key, time, this.catalog.hosts.length > 0);
    }

    get shownSeries() {
      return this.pastSeries ?? this.series;
    }

    /* Whether the paused range was loaded and has no points. */
    get isPausedRangeEmpty() {
      if (!this.pausedRange || this.subscription.pastRange) return false;
      const [start, end] = this.pausedRange;
      return !this.shownSeries.t.some((time) => time > start && time <= end);
    }

    /* Input for ConnectionStatus. */
    get statusInput() {
      const { pausedRange, isPausedRangeEmpty: pausedRangeEmpty, age } = this;
      const { waitingSince, newest, step } = this.subscription;
      return { pausedRange, pausedRangeEmpty, waitingSince, newest, age, step };
    }

    tick() {
      if (!document.hidden && this.window !== null && this.ready()) this.subscription.scheduleNext();
      this.owner.refresh();
    }

    /* Show the newest `seconds`. */
    follow(seconds, debounce = true) {
      this.setLiveWindow(seconds, debounce);
      if (this.pausedRange) this.resume();
      else this.renderQueue.redraw();
      this.owner.refresh();
    }

    /* Show `seconds`: up to now, or up to the end of a paused range. */
    zoomTo(seconds) {
      if (!this.pausedRange) return this.follow(seconds);
      const [, end] = this.pausedRange;
      this.setLiveWindow(seconds, true);
      this.pauseAt([end - Math.min(seconds, this.maxSeconds) * 1000, end]);
    }

    setLiveWindow(seconds, debounce) {
      this.window = this.subscription.window = seconds;
      this.trim();
      this.subscription.restart(debounce ? DEBOUNCE_MS : 0);
    }

    /* Callbacks of the subscription. */

    onFrame(frame) {
      if (frame.reset) this.series.replace(frame);
      else this.series.append(frame);
      if (this.subscription.newest !== null) this.age = frame.now * 1000 - this.subscription.newest;
      this.trim();
      this.catalog.ensureKnown(this.series.y);
      this.events.update(frame);
      if (!this.pausedRange) {
        this.curves = Object.assign(Object.create(null), frame.curves);
        this.curvesAt = frame.now * 1000;
        this.renderQueue.redraw();
      }
      this.owner.onFrame(frame);
    }

    onPast(frame) {
      if (this.pausedRange) {
        this.pastSeries = this.pastSeries || new app.SeriesBuffer();
        this.pastSeries.replace(frame);
        this.catalog.ensureKnown(this.pastSeries.y);
        this.renderQueue.redraw();
      }
      this.owner.onPast(frame);
    }

    onFailure(requestedAt, error, sessionExpired) {
      this.owner.onFailure(requestedAt, error, sessionExpired);
    }

    onSilence() {
      this.owner.refresh();
    }

    extraQuery(isStream) {
      return this.owner.extraQuery(isStream);
    }

    get needsRequest() {
      return this.owner.needsRequest === true;
    }

    /* Drop points older than the window. A paused range is a copy. */
    trim() {
      const last = this.series.lastTime;
      if (last !== null) this.series.trim(last - this.window * 1000);
    }

    /* Input for the charts; null if there is nothing to draw yet. */
    renderInput() {
      const series = this.shownSeries;
      const awaitsMetrics = this.catalog.empty && series.t.length > 0;
      if (awaitsMetrics || !this.hasResponse) return null;
      return { series, range: this.shownRange, curves: this.curves };
    }

    metricsOf(panel) {
      return this.catalog.metricsOf(panel, this.shownSeries.y);
    }

    /* The newest window in epoch milliseconds. */
    liveRange() {
      const end = this.series.lastTime ?? this.clock.now();
      const start = end - this.window * 1000;
      return [this.window === this.wholeHistoryWindow ? Math.max(start, Math.min(this.series.firstValueTime ?? end, end - MIN_RANGE_MS)) : start, end];
    }

    /* Pause at `range`. Load it if the points at hand are downsampled, too few, or lack a visible metric. */
    pauseAt(range) {
      const requested = this.subscription.metricKeys.split(",").filter((key) => this.catalog.metrics.has(key));
      const keys = [...requested, ...[...this.catalog.metrics.values()].filter(({ isFormula }) => isFormula).map(({ key }) => key)];
      const covers = (series) =>
        series &&
        series.t.length &&
        !series.downsampled &&
        range[0] >= series.t[0] - this.subscription.step &&
        range[1] <= series.lastTime + 1 &&
        keys.every((key) => key in series.y);
      if (covers(this.pastSeries)) this.subscription.pastRange = null;
      else if (covers(this.series)) this.freeze();
      else {
        if (this.pastSeries === null) this.freeze(); // show something until the response arrives
        const length = range[1] - range[0];
        // Load a margin on both sides, unless that makes points coarser.
        const spare = Math.min(MAX_POINTS * this.subscription.step, this.maxSeconds * 1000) - length;
        const margin = Math.max(0, Math.min(length, spare) / 2);
        const newest = this.clock.isKnown ? this.clock.now() : Infinity;
        this.subscription.loadRange([Math.max(0, range[0] - margin), Math.min(range[1] + margin, newest)], DEBOUNCE_MS);
      }
      this.reading.hold(range);
      this.renderQueue.align(range);
    }

    pause() {
      const range = this.liveRange();
      // The first data is not here yet.
      if (this.series.lastTime === null) return this.pauseAt(range);
      this.freeze();
      this.reading.hold(range);
    }

    /* Copy what is on screen, so that new points do not change it. */
    freeze() {
      this.pastSeries = this.series.copy();
      this.subscription.pastRange = null;
    }

    resume() {
      this.pastSeries = null;
      this.subscription.pastRange = null;
      this.renderQueue.redraw(true);
      this.subscription.scheduleNext();
      this.reading.release();
    }
  };
})((window.dashapp = window.dashapp || {}));
