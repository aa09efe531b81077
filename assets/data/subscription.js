/* Requests of one view: a window from a cursor on, or a range of the past. The poller decides when to send them. */
(function (app) {
  "use strict";

  const MAX_POINTS = 400; // of a metric, if each stands for several ticks: more are a solid block

  app.Subscription = class {
    /* `listener`: onFrame(frame), onPast(frame), onFailure(requestedAt, error, sessionExpired); extraQuery()
       returns more query parameters; ready() whether to request anything. `patterns`: of the metrics to request;
       empty means all. */
    constructor(poller, listener, patterns = []) {
      this.poller = poller;
      this.listener = listener;
      this.patterns = patterns;
      this.pastRange = null; // range of the past to request, in epoch milliseconds
      this.window = 100;
      this.metricKeys = ""; // comma-separated; "" means all
      this.formulas = ""; // comma-separated, beside the metrics
      this.cursor = null;
      this.step = 1000;
      this.newest = null;
      this.lastWasNew = true; // whether the last response had a new tick
      this.error = null; // error text from the server
      poller.add(this);
    }

    close() {
      this.poller.remove(this);
    }

    get inFlight() {
      return this.poller.inFlight;
    }

    get margin() {
      return this.poller.margin;
    }

    get waitingSince() {
      return this.poller.waitingSince;
    }

    get isReady() {
      return this.listener.ready();
    }

    scheduleNext() {
      this.poller.scheduleNext();
    }

    /* When the next tick is due, in epoch milliseconds. After an error, wait for other subscriptions. */
    get dueAt() {
      if (this.error !== null && !this.pastRange) return Infinity;
      return this.newest === null || this.cursor === null ? -Infinity : this.newest + this.step;
    }

    /* Drop the cursor and request the whole window. */
    restart(delayMs) {
      this.cursor = null;
      this.pastRange = null;
      this.error = null;
      this.poller.schedule(delayMs);
    }

    /* Request (start, end] of the past next. */
    loadRange(range, delayMs) {
      this.pastRange = range;
      this.poller.schedule(delayMs);
    }

    /* `params`: the query without patterns. Subscriptions with equal params share a query. */
    query() {
      const pointsParam = `&points=${MAX_POINTS}`;
      const metrics = this.metricKeys || (this.formulas && !this.patterns.length ? "*" : "");
      const metricsParam = (metrics ? `&metrics=${encodeURIComponent(metrics)}` : "") + (this.formulas ? `&formulas=${encodeURIComponent(this.formulas)}` : "");
      if (this.pastRange) {
        return { params: `from=${Math.floor(this.pastRange[0])}&to=${Math.ceil(this.pastRange[1])}${metricsParam}${pointsParam}`, patterns: this.patterns };
      }
      const cursorParam = this.cursor === null ? "" : "&after=" + encodeURIComponent(this.cursor);
      return { params: `window=${this.window}${cursorParam}${metricsParam}${pointsParam}${this.listener.extraQuery()}`, patterns: this.patterns };
    }

    /* `range`: the past range of that request, or null. Return whether the response had a new tick; null if it
       was about the past or failed. */
    handleResponse({ frame, error, sessionExpired }, range, requestedAt) {
      // A retry would return the same error.
      if (error !== null && range && this.pastRange === range) this.pastRange = null;
      if (range && range !== this.pastRange) this.poller.needsPlan = true; // the user requested another range meanwhile
      else if (frame && range) this.handlePast(this.filterFrame(frame));
      else if (frame) return this.handleFrame(this.filterFrame(frame));
      else {
        this.error = error;
        this.listener.onFailure(requestedAt, error, sessionExpired);
      }
      return null;
    }

    handlePast(frame) {
      this.poller.clock.update(frame.now, true);
      this.pastRange = null;
      this.poller.needsPlan = true; // new ticks waited for this
      this.listener.onPast(frame);
    }

    handleFrame(frame) {
      this.error = null;
      const isNew = frame.newest ? frame.newest !== this.newest : frame.t.length > 0;
      this.poller.clock.update(frame.now, isNew);
      // Downsampled frames state the time of their newest tick.
      this.step = (frame.tick ?? frame.step) * 1000;
      if (frame.newest || isNew) this.newest = frame.newest || frame.t[frame.t.length - 1];
      this.cursor = frame.cursor;
      this.lastWasNew = isNew;
      this.listener.onFrame(frame);
      return isNew;
    }

    /* Without columns that other subscriptions requested. */
    filterFrame(frame) {
      if (!this.patterns.length) return frame;
      const filtered = { ...frame };
      for (const part of ["y", "min", "max"]) {
        if (frame[part]) filtered[part] = app.filterColumns(frame[part], this.patterns);
      }
      return filtered;
    }
  };
})((window.dashapp = window.dashapp || {}));
