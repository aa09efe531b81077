/* The live charts of a page: one feed, the points it brought, and the charts that draw them, live or held in the
   past. Knows nothing of what is around the charts. */
(function (app) {
  "use strict";

  const REST_MS = 120; // what a slider or a zoom rests before the server is asked
  const MAX_UNFILTERED_METRICS = (app.MAX_UNFILTERED_METRICS = 200); // metrics that are all asked for, and drawn the sooner when they come into sight
  const MOST_METRICS = 64; // that a question may name
  const LONGEST = 6000; // characters of their names
  // Of a metric in one answer; past 2,000 a point stands for several ticks, and the ends are rounded.
  const MOST_POINTS = 1990;
  const SHORTEST_MS = 10_000;

  app.LiveView = class {
    /* `asker` may serve others too. `host`: onAnswer(frame), onPast(frame), onFailure(asked, why, locked), onZoom(range),
       onResume(), changed(), onNames(), onNewPanel(name); extras() of a question, keys() of metrics that it shows by itself.
       `like`: patterns of all that these charts draw, where that is not everything. */
    constructor(poller, host, like = []) {
      this.host = host;
      this.window = null; // seconds on screen while following
      this.longest = Infinity; // seconds that can be asked for at once
      this.all = null; // the window that begins with the first point there is, in seconds
      this.many = false;
      this.closing = new AbortController();
      this.held = null; // [start, end] in epoch milliseconds; null while following
      this.age = 0; // milliseconds of the newest point when the server last answered
      this.series = new app.SeriesBuffer();
      this.curves = {}; // the newest by their panel, which have no past; held, those of that moment
      this.past = null; // the points of a held stretch that the live series has not; null while following
      this.clock = poller.clock;
      this.catalog = new app.MetricCatalog(
        poller,
        () => {
          this.look();
          this.subscription.scheduleNext();
          this.renderQueue.redraw(); // what is held too: it may have waited for its names
          host.onNames();
        },
        (name, kind) => host.onNewPanel(name, kind)
      );
      this.subscription = new app.Subscription(poller, this, like);
      this.renderQueue = new app.RenderQueue(this);
      this.crosshair = new app.Crosshair(this);
      for (const [target, event] of [[document, "visibilitychange"], [window, "pageshow"], [window, "online"]]) {
        target.addEventListener(event, () => this.tick(), { signal: this.closing.signal });
      }
    }

    /* Leave nothing behind: no listener, no question, no drawing. */
    close() {
      this.closing.abort();
      this.subscription.close();
      this.renderQueue.close();
    }

    /* Whether it is known what to ask for. `many` is told beforehand of a page with more metrics than are asked for
       at once: their names come first then. */
    ready() {
      if (!this.many || !this.catalog.empty) return true;
      this.catalog.request();
      return false;
    }

    /* The metrics to ask for: "" for all, where they are few; else those of the charts in sight. */
    wanted() {
      const { catalog } = this;
      if (this.subscription.patterns.length || catalog.metrics.size <= MAX_UNFILTERED_METRICS) return "";
      const seen = this.charts.filter((chart) => chart.onScreen && !chart.section.hidden);
      const lists = seen.map((chart) => (catalog.metricsByPanel.get(chart.panel) ?? []).map((metric) => metric.key));
      // One of each panel in turn, so that a panel of a thousand leaves the others theirs.
      const referenceKeys = seen.map((chart) => app.referenceKey(chart.reference ?? null));
      const turns = Array.from({ length: MOST_METRICS }, (_, turn) => lists.map((list) => list[turn])).flat();
      const all = [...new Set([...this.host.keys(), ...referenceKeys, ...turns])].filter(Boolean).slice(0, MOST_METRICS);
      while (all.join().length > LONGEST) all.pop();
      return all.join();
    }

    /* Other charts have come into sight, with metrics of their own. */
    look() {
      if (this.window === null || !this.ready()) return;
      const wanted = this.wanted();
      if (wanted === this.subscription.metricKeys) return;
      this.subscription.metricKeys = wanted;
      this.subscription.restart(REST_MS);
      if (this.held) this.travel(this.held);
    }

    get charts() {
      return this.renderQueue.charts;
    }

    /* Whether the server ever answered. */
    get answered() {
      return this.clock.now() !== null;
    }

    /* What the charts draw from. */
    get shown() {
      return this.past ?? this.series;
    }

    /* Whether the stretch that is held has come, and is empty. */
    get isPausedRangeEmpty() {
      if (!this.held || this.subscription.pastRange) return false;
      const [start, end] = this.held;
      return !this.shown.t.some((time) => time > start && time <= end);
    }

    /* What a status is judged by. */
    get condition() {
      const { held: pausedRange, isPausedRangeEmpty: pausedRangeEmpty, age } = this;
      const { waitingSince, newest, step } = this.subscription;
      return { pausedRange, pausedRangeEmpty, waitingSince, newest, age, step };
    }

    tick() {
      if (!document.hidden && this.window !== null && this.ready()) this.subscription.scheduleNext();
      this.host.changed();
    }

    /* Follow the newest `seconds`, asked for once the viewer has made up their mind. */
    follow(seconds, patient = true) {
      this.window = this.subscription.window = seconds;
      this.trim();
      this.subscription.restart(patient ? REST_MS : 0);
      if (this.held) this.release();
      else this.renderQueue.redraw();
      this.host.changed();
    }

    /* What the feed brings: the newest, a stretch of the past, or nothing. */

    onFrame(frame) {
      if (frame.reset) this.series.replace(frame);
      else this.series.append(frame);
      if (this.subscription.newest !== null) this.age = frame.now * 1000 - this.subscription.newest;
      this.trim();
      this.catalog.ensureKnown(this.series.y);
      if (!this.held) {
        this.curves = frame.curves ?? {};
        this.renderQueue.redraw();
      }
      this.host.onAnswer(frame);
    }

    onPast(frame) {
      if (this.held) {
        this.past = this.past || new app.SeriesBuffer();
        this.past.replace(frame);
        this.catalog.ensureKnown(this.past.y);
        this.renderQueue.redraw();
      }
      this.host.onPast(frame);
    }

    onFailure(requestedAt, error, sessionExpired) {
      this.host.onFailure(requestedAt, error, sessionExpired);
    }

    /* What else a question asks for, as more of its query. */
    extras() {
      return this.host.extras();
    }

    /* Forget what is older than the window. What is held is a copy. */
    trim() {
      const last = this.series.lastTime;
      if (last !== null) this.series.trim(last - this.window * 1000);
    }

    /* What the charts draw now; null where there is nothing yet. */
    view() {
      const series = this.shown;
      const unknown = this.catalog.empty && series.t.length > 0;
      if (unknown || !this.answered) return null;
      return { series, range: this.held ?? this.range(), curves: this.curves };
    }

    metricsOf(panel) {
      return this.catalog.metricsOf(panel, this.shown.y);
    }

    /* The newest window, in epoch milliseconds. */
    range() {
      const end = this.series.lastTime === null ? this.clock.now() || 0 : this.series.lastTime;
      const start = end - this.window * 1000;
      return [this.window === this.all ? Math.max(start, Math.min(this.series.firstValueTime ?? end, end - SHORTEST_MS)) : start, end];
    }

    /* Hold a stretch of time; fetch it where the points at hand are too coarse, do not reach so far, or lack what is in
       sight. */
    travel(range) {
      this.held = range;
      const wanted = this.subscription.metricKeys.split(",").filter((key) => this.catalog.metrics.has(key));
      const covers = (series) =>
        series &&
        series.t.length &&
        !series.downsampled &&
        range[0] >= series.t[0] - this.subscription.step &&
        range[1] <= series.lastTime + 1 &&
        wanted.every((key) => key in series.y);
      if (covers(this.past)) this.subscription.pastRange = null;
      else if (covers(this.series)) this.hold();
      else {
        if (this.past === null) this.hold(); // there is something to see until the answer comes
        const length = range[1] - range[0];
        // A little way on either side is there already then, where that makes no point coarser.
        const room = Math.min(MOST_POINTS * this.subscription.step, this.longest * 1000) - length;
        const near = Math.max(0, Math.min(length, room) / 2);
        const newest = this.clock.now() ?? Infinity;
        this.subscription.loadRange([Math.max(0, range[0] - near), Math.min(range[1] + near, newest)], REST_MS);
      }
      this.renderQueue.align(range);
      this.host.changed();
    }

    pause() {
      this.held = this.range();
      this.hold();
      this.host.changed();
    }

    /* Keep what is on screen now, whatever comes. */
    hold() {
      this.past = this.series.copy();
      this.subscription.pastRange = null;
    }

    /* Back to what is live. */
    release() {
      this.held = null;
      this.crosshair.point(null);
      this.past = null;
      this.subscription.pastRange = null;
      this.renderQueue.redraw(true);
      this.subscription.scheduleNext();
      this.host.changed();
    }
  };
})((window.dashapp = window.dashapp || {}));
