/* The points of an earlier time, as if they were of the time on screen: a day or a week earlier. */
(function (app) {
  "use strict";

  const DAY_MS = 86_400_000;
  const AHEAD_MS = 600_000; // load at least so much more than a short live window needs
  const AHEAD_SHARE = 0.1; // of a long window
  const TOLERANCE_SHARE = 0.02; // of a window that may lack points at its end before the next request
  const MAX_POINTS = 1990; // of a metric in one response
  const RETRY_MS = 30_000;
  const DEBOUNCE_MS = 120; // as for other jumps in time

  /* Of exactly 24 or 168 hours: a day or week with a change of the clocks has another length. */
  app.COMPARISONS = { "1d": DAY_MS, "7d": 7 * DAY_MS };
  const NAMES = { "1d": { recent: app.translate("yesterday"), past: app.translate("a day earlier"), exact: app.translate("24 hours earlier") }, "7d": { recent: app.translate("last week"), past: app.translate("a week earlier"), exact: app.translate("168 hours earlier") } };

  app.Comparison = class {
    /* `liveView`: the charts on screen. `onChange()` is called when other points are to be drawn. */
    constructor(liveView, onChange) {
      this.liveView = liveView;
      this.onChange = onChange;
      this.choice = null; // a name in app.COMPARISONS; null for none
      this.series = null; // with the times on screen; null before the first response
      this.generation = 0; // changes with what is to be drawn
      this.loaded = null; // {range (as on screen), length, keys} of the points or of the last request
      this.failedAt = null; // performance.now() of the last failure
      this.error = "";
      this.subscription = new app.Subscription(liveView.subscription.poller, this);
      this.subscription.isExtra = true;
    }

    get shiftMs() {
      return app.COMPARISONS[this.choice] ?? 0;
    }

    choose(choice) {
      if (choice === this.choice) return;
      this.choice = choice;
      this.clear();
      this.update();
      this.onChange();
    }

    clear() {
      this.series = this.loaded = this.failedAt = null;
      this.error = "";
      this.subscription.pastRange = null;
      this.generation += 1;
    }

    /* Request the points that the time on screen needs and that are not here. */
    update() {
      if (!this.choice || !this.liveView.hasResponse || this.liveView.window === null || this.liveView.series.lastTime === null || this.isLoaded()) return;
      const [start, end] = this.liveView.shownRange;
      const { maxSeconds, subscription, reading } = this.liveView;
      const length = end - start;
      const limit = Math.max(0, maxSeconds * 1000 - length);
      const spare = Math.min(MAX_POINTS * subscription.step - length, limit);
      const wish = spare > 0 ? Math.min(Math.max(length, AHEAD_MS), spare) : Math.min(AHEAD_SHARE * length, limit);
      const [before, ahead] = reading.range ? [wish / 2, wish / 2] : [0, wish];
      const newest = this.liveView.clock.now() + this.shiftMs;
      const range = [Math.max(start - before, this.shiftMs), Math.min(end + ahead, newest)];
      this.loaded = { range, length, keys: keysOf(subscription) };
      this.failedAt = null;
      this.subscription.metricKeys = subscription.metricKeys;
      this.subscription.formulas = subscription.formulas;
      this.subscription.loadRange(range.map((time) => time - this.shiftMs), DEBOUNCE_MS);
    }

    isLoaded() {
      const { loaded, liveView, series } = this;
      if (!loaded) return false;
      if (this.failedAt !== null && performance.now() - this.failedAt > RETRY_MS) return false;
      const [start, end] = liveView.shownRange;
      const length = end - start;
      const isFine = !series?.downsampled || length > loaded.length / 2;
      return loaded.keys === keysOf(liveView.subscription) && isFine && start >= loaded.range[0] - 1 && end - loaded.range[1] <= TOLERANCE_SHARE * length;
    }

    /* Whether the points for the time on screen have arrived and none has a value. */
    get isMissing() {
      if (!this.series) return false;
      const [start, end] = this.liveView.shownRange;
      const columns = Object.values(this.series.y);
      return !this.series.t.some((time, index) => time > start && time <= end && columns.some((column) => (column[index] ?? null) !== null));
    }

    /* `{value, low, high, time}` of a metric; null if there is none. `time` is as on screen. */
    pointAt(key, time) {
      return this.series?.pointAt(key, time, this.liveView.catalog.hosts.length > 0) ?? null;
    }

    /* app.translate("yesterday"), or app.translate("a day earlier") if the time on screen is not today. On days when the clocks change, it is neither
       at the same time of day. */
    get name() {
      const names = NAMES[this.choice];
      if (!names) return "";
      const [start, end] = this.liveView.shownRange;
      if (app.zoneOffset(end) !== app.zoneOffset(end - this.shiftMs)) return names.exact;
      const isRecent = app.isSameDay(end, this.liveView.clock.now()) && end - start <= this.shiftMs;
      return isRecent ? names.recent : names.past;
    }

    /* One sentence if there is nothing to draw; else "". */
    get problem() {
      if (this.error) return app.translate("The comparison failed: {error}.", { error: this.error });
      return this.choice && this.isMissing ? app.translate("No data from {name} to compare with.", { name: this.name }) : "";
    }

    /* Callbacks of the subscription. */

    ready() {
      return this.subscription.pastRange !== null;
    }

    extraQuery() {
      return "";
    }

    onFrame() {}

    onPast(frame) {
      this.series = new app.SeriesBuffer();
      this.series.replace({ ...frame, t: frame.t.map((time) => time + this.shiftMs) });
      this.generation += 1;
      this.error = "";
      this.onChange();
    }

    /* Ticks must not wait for this request: try again later. */
    onFailure(requestedAt, error) {
      this.subscription.pastRange = null;
      this.failedAt = performance.now();
      this.error = error ? error.replace(/\.$/, "") : app.translate("the server did not respond");
      this.onChange();
    }
  };

  /* The metrics and formulas that a subscription requests. */
  function keysOf({ metricKeys, formulas }) {
    return `${metricKeys}\n${formulas}`;
  }
})((window.dashapp = window.dashapp || {}));
