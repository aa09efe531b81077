/* The live charts of a page: one feed, the points it brought, and the charts that draw them, live or held in the
   past. Knows nothing of what is around the charts. */
(function (app) {
  "use strict";

  const DEBOUNCE_MS = 120; // what a slider or a zoom rests before the server is asked
  const MAX_UNFILTERED_METRICS = (app.MAX_UNFILTERED_METRICS = 200); // metrics that are all asked for, and drawn the sooner when they come into sight
  const MAX_METRICS = 64; // that a question may name
  const MAX_KEYS_LENGTH = 6000; // characters of their names
  // Of a metric in one answer; past 2,000 a point stands for several ticks, and the ends are rounded.
  const MAX_POINTS = 1990;
  const MIN_RANGE_MS = 10_000;

  app.LiveView = class {
    /* `asker` may serve others too. `host`: onAnswer(frame), onPast(frame), onFailure(asked, why, locked), onZoom(range),
       onResume(), changed(), onNames(), onNewPanel(name); extras() of a question, keys() of metrics that it shows by itself.
       `like`: patterns of all that these charts draw, where that is not everything. */
    constructor(poller, owner, patterns = []) {
      this.owner = owner;
      this.window = null; // seconds on screen while following
      this.maxSeconds = Infinity; // seconds that can be asked for at once
      this.wholeHistoryWindow = null; // the window that begins with the first point there is, in seconds
      this.hasManyMetrics = false;
      this.abortController = new AbortController();
      this.pausedRange = null; // [start, end] in epoch milliseconds; null while following
      this.age = 0; // milliseconds of the newest point when the server last answered
      this.series = new app.SeriesBuffer();
      this.curves = {}; // the newest by their panel, which have no past; held, those of that moment
      this.pastSeries = null; // the points of a held stretch that the live series has not; null while following
      this.clock = poller.clock;
      this.catalog = new app.MetricCatalog(
        poller,
        () => {
          this.updateRequestedKeys();
          this.subscription.scheduleNext();
          this.renderQueue.redraw(); // what is held too: it may have waited for its names
          owner.onMetricsChange();
        },
        (name, kind) => owner.onNewPanel(name, kind)
      );
      this.subscription = new app.Subscription(poller, this, patterns);
      this.renderQueue = new app.RenderQueue(this);
      this.crosshair = new app.Crosshair(this);
      for (const [target, event] of [[document, "visibilitychange"], [window, "pageshow"], [window, "online"]]) {
        target.addEventListener(event, () => this.tick(), { signal: this.abortController.signal });
      }
    }

    /* Leave nothing behind: no listener, no question, no drawing. */
    close() {
      this.abortController.abort();
      this.subscription.close();
      this.renderQueue.close();
    }

    /* Whether it is known what to ask for. `many` is told beforehand of a page with more metrics than are asked for
       at once: their names come first then. */
    ready() {
      if (!this.hasManyMetrics || !this.catalog.empty) return true;
      this.catalog.request();
      return false;
    }

    /* The metrics to ask for: "" for all, where they are few; else those of the charts in sight. */
    requestedKeys() {
      const { catalog } = this;
      if (this.subscription.patterns.length || catalog.metrics.size <= MAX_UNFILTERED_METRICS) return "";
      const visibleCharts = this.charts.filter((chart) => chart.onScreen && !chart.section.hidden);
      const lists = visibleCharts.map((chart) => (catalog.metricsByPanel.get(chart.panel) ?? []).map((metric) => metric.key));
      // One of each panel in turn, so that a panel of a thousand leaves the others theirs.
      const referenceKeys = visibleCharts.map((chart) => app.referenceKey(chart.reference ?? null));
      const interleaved = Array.from({ length: MAX_METRICS }, (_, index) => lists.map((list) => list[index])).flat();
      const keys = [...new Set([...this.owner.requiredKeys(), ...referenceKeys, ...interleaved])].filter(Boolean).slice(0, MAX_METRICS);
      while (keys.join().length > MAX_KEYS_LENGTH) keys.pop();
      return keys.join();
    }

    /* Other charts have come into sight, with metrics of their own. */
    updateRequestedKeys() {
      if (this.window === null || !this.ready()) return;
      const keys = this.requestedKeys();
      if (keys === this.subscription.metricKeys) return;
      this.subscription.metricKeys = keys;
      this.subscription.restart(DEBOUNCE_MS);
      if (this.pausedRange) this.pauseAt(this.pausedRange);
    }

    get charts() {
      return this.renderQueue.charts;
    }

    /* Whether the server ever answered. */
    get hasResponse() {
      return this.clock.now() !== null;
    }

    /* What the charts draw from. */
    get shownSeries() {
      return this.pastSeries ?? this.series;
    }

    /* Whether the stretch that is held has come, and is empty. */
    get isPausedRangeEmpty() {
      if (!this.pausedRange || this.subscription.pastRange) return false;
      const [start, end] = this.pausedRange;
      return !this.shownSeries.t.some((time) => time > start && time <= end);
    }

    /* What a status is judged by. */
    get statusInput() {
      const { pausedRange, isPausedRangeEmpty: pausedRangeEmpty, age } = this;
      const { waitingSince, newest, step } = this.subscription;
      return { pausedRange, pausedRangeEmpty, waitingSince, newest, age, step };
    }

    tick() {
      if (!document.hidden && this.window !== null && this.ready()) this.subscription.scheduleNext();
      this.owner.refresh();
    }

    /* Follow the newest `seconds`, asked for once the viewer has made up their mind. */
    follow(seconds, debounce = true) {
      this.window = this.subscription.window = seconds;
      this.trim();
      this.subscription.restart(debounce ? DEBOUNCE_MS : 0);
      if (this.pausedRange) this.resume();
      else this.renderQueue.redraw();
      this.owner.refresh();
    }

    /* What the feed brings: the newest, a stretch of the past, or nothing. */

    onFrame(frame) {
      if (frame.reset) this.series.replace(frame);
      else this.series.append(frame);
      if (this.subscription.newest !== null) this.age = frame.now * 1000 - this.subscription.newest;
      this.trim();
      this.catalog.ensureKnown(this.series.y);
      if (!this.pausedRange) {
        this.curves = frame.curves ?? {};
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

    /* What else a question asks for, as more of its query. */
    extraQuery() {
      return this.owner.extraQuery();
    }

    /* Forget what is older than the window. What is held is a copy. */
    trim() {
      const last = this.series.lastTime;
      if (last !== null) this.series.trim(last - this.window * 1000);
    }

    /* What the charts draw now; null where there is nothing yet. */
    renderInput() {
      const series = this.shownSeries;
      const awaitsMetrics = this.catalog.empty && series.t.length > 0;
      if (awaitsMetrics || !this.hasResponse) return null;
      return { series, range: this.pausedRange ?? this.liveRange(), curves: this.curves };
    }

    metricsOf(panel) {
      return this.catalog.metricsOf(panel, this.shownSeries.y);
    }

    /* The newest window, in epoch milliseconds. */
    liveRange() {
      const end = this.series.lastTime === null ? this.clock.now() || 0 : this.series.lastTime;
      const start = end - this.window * 1000;
      return [this.window === this.wholeHistoryWindow ? Math.max(start, Math.min(this.series.firstValueTime ?? end, end - MIN_RANGE_MS)) : start, end];
    }

    /* Hold a stretch of time; fetch it where the points at hand are too coarse, do not reach so far, or lack what is in
       sight. */
    pauseAt(range) {
      this.pausedRange = range;
      const keys = this.subscription.metricKeys.split(",").filter((key) => this.catalog.metrics.has(key));
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
        if (this.pastSeries === null) this.freeze(); // there is something to see until the answer comes
        const length = range[1] - range[0];
        // A little way on either side is there already then, where that makes no point coarser.
        const spare = Math.min(MAX_POINTS * this.subscription.step, this.maxSeconds * 1000) - length;
        const margin = Math.max(0, Math.min(length, spare) / 2);
        const newest = this.clock.now() ?? Infinity;
        this.subscription.loadRange([Math.max(0, range[0] - margin), Math.min(range[1] + margin, newest)], DEBOUNCE_MS);
      }
      this.renderQueue.align(range);
      this.owner.refresh();
    }

    pause() {
      this.pausedRange = this.liveRange();
      this.freeze();
      this.owner.refresh();
    }

    /* Keep what is on screen now, whatever comes. */
    freeze() {
      this.pastSeries = this.series.copy();
      this.subscription.pastRange = null;
    }

    /* Back to what is live. */
    resume() {
      this.pausedRange = null;
      this.crosshair.moveTo(null);
      this.pastSeries = null;
      this.subscription.pastRange = null;
      this.renderQueue.redraw(true);
      this.subscription.scheduleNext();
      this.owner.refresh();
    }
  };
})((window.dashapp = window.dashapp || {}));
