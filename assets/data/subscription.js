/* Requests of one view: a window from a cursor on, or a range of the past. The poller decides when to send them. */
(function (app) {
  "use strict";

  app.MAX_QUERIES = 16; // in one request, or of one stream
  const MAX_POINTS = 400; // of a metric, if each stands for several ticks: more are a solid block

  app.Subscription = class {
    /* `listener`: onFrame(frame), onPast(frame), onFailure(requestedAt, error, sessionExpired). extraQuery(isStream) returns more
       query parameters; those of a stream without side effects. ready() returns whether to request anything. It may have
       needsRequest, whether to request something that a stream does not bring, and onSilence(), when it brings no more ticks.
       `patterns`: of the metrics to request; empty means all. */
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
      this.lastWasNew = true; // whether the last response had a new tick, or a stream brings them
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

    /* Whether a stream has brought its ticks for a while. */
    get isServed() {
      return this.poller.stream.isProven && this.poller.stream.serves(this);
    }

    /* Whether it needs a request, although a stream brings its ticks. */
    get needsRequest() {
      return this.pastRange !== null || this.listener.needsRequest === true;
    }

    /* When the next tick is due, in epoch milliseconds. After an error, wait for other subscriptions. */
    get dueAt() {
      if (this.error !== null && !this.pastRange) return Infinity;
      return this.newest === null || this.cursor === null ? -Infinity : this.newest + this.step;
    }

    /* Whether it only needs the ticks after its cursor, which a stream can bring. */
    get isLive() {
      return this.cursor !== null && this.error === null && this.isReady;
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

    /* `{params, patterns}` of the next request; `params` is the query without patterns. Subscriptions with equal params share
       a query. */
    get query() {
      if (!this.pastRange) return this.liveQuery;
      const [start, end] = this.pastRange;
      return { params: `from=${Math.floor(start)}&to=${Math.ceil(end)}${this.metricsParam}&points=${MAX_POINTS}`, patterns: this.patterns };
    }

    get liveQuery() {
      return this.queryAfter(this.windowParams + this.listener.extraQuery(false));
    }

    /* The query of a stream. */
    get streamQuery() {
      return this.queryAfter(this.streamParams);
    }

    queryAfter(params) {
      return { params: params + (this.cursor === null ? "" : "&after=" + encodeURIComponent(this.cursor)), patterns: this.patterns };
    }

    /* The part of the query that a stream keeps; when it changes, another stream is needed. */
    get question() {
      return `${this.streamParams}\n${this.patterns}`;
    }

    get streamParams() {
      return this.windowParams + this.listener.extraQuery(true);
    }

    get windowParams() {
      return `window=${this.window}${this.metricsParam}&points=${MAX_POINTS}`;
    }

    get metricsParam() {
      const metrics = this.metricKeys || (this.formulas && !this.patterns.length ? "*" : "");
      return (metrics ? `&metrics=${encodeURIComponent(metrics)}` : "") + (this.formulas ? `&formulas=${encodeURIComponent(this.formulas)}` : "");
    }

    /* `range`: the past range of that request, or null; `cursor`: the cursor of it. Return whether the response had a new
       tick; null if it was about the past, failed, or came too late. */
    handleResponse({ frame, error, sessionExpired }, { range, cursor }, requestedAt) {
      // A retry would return the same error.
      if (error !== null && range && this.pastRange === range) this.pastRange = null;
      if (range && range !== this.pastRange) this.poller.needsPlan = true; // the user requested another range meanwhile
      else if (frame && range) this.handlePast(this.filterFrame(frame));
      else if (frame && cursor === this.cursor) return this.handleLive(frame);
      else if (!frame) {
        this.error = error;
        this.listener.onFailure(requestedAt, error, sessionExpired);
      }
      return null; // if a stream was faster, its next event or the next request has all that this response has
    }

    /* The frame of a stream's event, with the points after those of the event before. */
    receive(frame) {
      const newest = frame.newest ?? frame.t.at(-1) ?? 0;
      // A response was faster.
      if (!frame.reset && frame.cursor !== this.cursor && newest <= this.newest) return;
      this.poller.clock.follow(frame.now);
      this.handleFrame(this.filterFrame({ ...frame, now: this.poller.clock.now() / 1000 }), this.hasNew(frame));
    }

    handlePast(frame) {
      this.poller.clock.update(frame.now, true);
      this.pastRange = null;
      this.poller.needsPlan = true; // new ticks waited for this
      this.listener.onPast(frame);
    }

    handleLive(frame) {
      const isNew = this.hasNew(frame);
      this.poller.clock.update(frame.now, isNew);
      this.handleFrame(this.filterFrame(frame), isNew);
      return isNew;
    }

    /* Whether a frame has a new tick. Downsampled frames state the time of their newest tick. */
    hasNew(frame) {
      return frame.newest ? frame.newest !== this.newest : frame.t.length > 0;
    }

    handleFrame(frame, isNew) {
      this.error = null;
      this.step = (frame.tick ?? frame.step) * 1000;
      if (frame.newest || isNew) this.newest = frame.newest || frame.t[frame.t.length - 1];
      this.cursor = frame.cursor;
      this.lastWasNew = isNew || this.poller.stream.serves(this);
      this.listener.onFrame(frame);
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

  /* `[{text, members: [{subscription, range, cursor}]}]`: one query for all subscriptions with the same parameters. `queryOf`:
     returns the `{params, patterns}` of one. */
  app.groupQueries = function (subscriptions, queryOf) {
    const byParams = new Map();
    for (const subscription of subscriptions) {
      const { params, patterns } = queryOf(subscription);
      if (!byParams.has(params)) byParams.set(params, { params, patterns: [], members: [] });
      const query = byParams.get(params);
      query.members.push({ subscription, range: subscription.pastRange, cursor: subscription.cursor });
      query.patterns.push(...patterns);
    }
    const count = Math.min(byParams.size, app.MAX_QUERIES);
    return [...byParams.values()].map(({ params, patterns, members }) => ({ text: params + app.likeParam(patterns, count), members }));
  };
})((window.dashapp = window.dashapp || {}));
