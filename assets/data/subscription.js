/* One reader's place in what the server has: which window, up to which point, or which stretch of the past. When it
   asks, and together with whom, is the asker's. */
(function (app) {
  "use strict";

  app.Subscription = class {
    /* `host`: onFrame(frame) for each answer, onPast(frame) for a stretch of the past, onFailure(asked, why, locked); extras()
       gives what else to ask for, as more of the query; ready() whether anything is to be asked.
       `like`: patterns of the only metrics to ask for; all where there is none. */
    constructor(poller, listener, patterns = []) {
      this.poller = poller;
      this.listener = listener;
      this.patterns = patterns;
      this.pastRange = null; // the range that is wanted of the past, in epoch milliseconds
      this.window = 100;
      this.metricKeys = ""; // the only ones to ask for, with commas between; all where it is empty
      this.cursor = null;
      this.step = 1000;
      this.newest = null;
      this.lastWasNew = true; // whether the last answer brought a tick
      this.error = null; // why the server does not answer this, in its words
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

    /* When the next tick is due, in epoch milliseconds. What was refused asks along with the others, in no hurry. */
    get dueAt() {
      if (this.error !== null && !this.pastRange) return Infinity;
      return this.newest === null || this.cursor === null ? -Infinity : this.newest + this.step;
    }

    /* Forget the cursor and ask for the whole window, once the slider has come to rest. */
    restart(delayMs) {
      this.cursor = null;
      this.pastRange = null;
      this.error = null;
      this.poller.schedule(delayMs);
    }

    /* Ask for (start, end] of the past, before anything else. */
    loadRange(range, delayMs) {
      this.pastRange = range;
      this.poller.schedule(delayMs);
    }

    /* `place`: the query less its patterns, which feeds at the same place may put together. */
    query() {
      const metricsParam = this.metricKeys ? `&metrics=${encodeURIComponent(this.metricKeys)}` : "";
      if (this.pastRange) {
        return { params: `from=${Math.floor(this.pastRange[0])}&to=${Math.ceil(this.pastRange[1])}${metricsParam}`, patterns: this.patterns };
      }
      const cursorParam = this.cursor === null ? "" : "&after=" + encodeURIComponent(this.cursor);
      return { params: `window=${this.window}${cursorParam}${metricsParam}${this.listener.extraQuery()}`, patterns: this.patterns };
    }

    /* The answer to what was asked at `begun`, when `past` was wanted. Whether it brought a tick; null where it was not
       about what is new. */
    handleResponse({ frame, error, sessionExpired }, range, requestedAt) {
      // No second try helps a stretch that cannot be had.
      if (error !== null && range && this.pastRange === range) this.pastRange = null;
      if (range && range !== this.pastRange) this.poller.needsPlan = true; // the viewer went on meanwhile
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
      this.poller.needsPlan = true; // what is new waited for this
      this.listener.onPast(frame);
    }

    handleFrame(frame) {
      this.error = null;
      const isNew = frame.newest ? frame.newest !== this.newest : frame.t.length > 0;
      this.poller.clock.update(frame.now, isNew);
      // Where a point stands for several ticks the answer says when the newest of them was.
      this.step = (frame.tick ?? frame.step) * 1000;
      if (frame.newest || isNew) this.newest = frame.newest || frame.t[frame.t.length - 1];
      this.cursor = frame.cursor;
      this.lastWasNew = isNew;
      this.listener.onFrame(frame);
      return isNew;
    }

    /* Less what the answer has for others. */
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
