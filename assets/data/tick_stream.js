/* Ticks as server-sent events. The poller opens a stream after a response, so that the first data does not wait for it, and
   requests what a stream does not bring. After an error, a new stream continues at the newest cursors. */
(function (app) {
  "use strict";

  const OPEN_TIMEOUT_MS = 2000;
  const SILENT_STEPS = 2; // steps without an event after which the page requests ticks itself
  const SILENCE_MS = { min: 1000, max: 5000 }; // limits of these
  const MAX_FAILURES = 2; // in a row before a pause
  const PAUSE_MS = { min: 10_000, max: 600_000 };
  const PROVEN_EVENTS = 5; // of one stream, after which earlier failures do not count

  app.TickStream = class {
    /* `onFrames(queries, frames)`: one frame for each query. `onEnd()`: the stream failed. */
    constructor(base, onFrames, onEnd) {
      this.base = base;
      this.onFrames = onFrames;
      this.onEnd = onEnd;
      this.slot = new app.StreamSlot();
      this.source = null; // EventSource; null while closed
      this.queries = [];
      this.questions = new Map(); // of the subscriptions, when the stream was opened
      this.openTimer = null;
      this.events = 0; // of this stream
      this.heardAt = 0; // performance.now() of the last event, or of opening
      this.failures = 0;
      this.pauseMs = PAUSE_MS.min; // length of the next pause
      this.pausedUntil = 0; // performance.now()
    }

    /* Open a stream for these live subscriptions, unless one is open or cannot be opened now. */
    open(subscriptions) {
      if (this.source || performance.now() < this.pausedUntil || !subscriptions.length || !this.slot.take()) return;
      this.queries = app.groupQueries(subscriptions, (subscription) => subscription.streamQuery).slice(0, app.MAX_QUERIES);
      this.questions = new Map(this.queries.flatMap(({ members }) => members.map(({ subscription }) => [subscription, subscription.question])));
      this.events = 0;
      this.heardAt = performance.now();
      this.openTimer = setTimeout(() => this.fail(true), OPEN_TIMEOUT_MS);
      const source = (this.source = new EventSource(this.base + app.framesPath(this.queries, "stream", "stream")));
      source.onopen = () => clearTimeout(this.openTimer);
      source.onmessage = ({ data }) => this.handleEvent(data);
      // The browser opens a stream again that was cut, but with the old cursors; one that was refused is closed.
      source.onerror = () => this.fail(source.readyState === EventSource.CLOSED);
    }

    close() {
      clearTimeout(this.openTimer);
      this.source?.close();
      this.source = null;
      this.questions.clear();
      this.slot.release();
    }

    /* The stream is of no use. `isRefused`: nor is another one now. */
    fail(isRefused = false) {
      this.close();
      this.failures += isRefused ? MAX_FAILURES : 1;
      if (this.failures >= MAX_FAILURES) {
        // Not all viewers of a server try again at the same time.
        this.pausedUntil = performance.now() + this.pauseMs * (0.75 + Math.random() / 2);
        this.pauseMs = Math.min(2 * this.pauseMs, PAUSE_MS.max);
      }
      this.onEnd();
    }

    handleEvent(data) {
      const bodies = parseBodies(data, this.queries.length);
      const frames = this.queries.map((_, index) => app.parseFrame(bodies[index] ?? null));
      // A request finds out the error of a query.
      if (frames.includes(null)) return this.fail();
      this.events += 1;
      this.heardAt = performance.now();
      if (this.isProven) {
        this.failures = 0;
        this.pauseMs = PAUSE_MS.min;
      }
      this.onFrames(this.queries, frames);
    }

    /* Whether this stream is still the one for these live subscriptions. */
    suits(subscriptions) {
      if (!this.source) return true;
      const isCurrent = [...this.questions].every(([subscription, question]) => subscriptions.includes(subscription) && subscription.question === question);
      const isComplete = this.queries.length >= app.MAX_QUERIES || subscriptions.every((subscription) => this.questions.has(subscription));
      return isCurrent && isComplete && this.slot.keep();
    }

    /* Whether the ticks of a subscription come by this stream. */
    serves(subscription) {
      return this.events > 0 && this.questions.has(subscription) && this.silenceMs < this.maxSilenceMs;
    }

    get isProven() {
      return this.events >= PROVEN_EVENTS;
    }

    /* Whether a subscription may get its next tick by this stream. */
    mayServe(subscription) {
      return this.questions.has(subscription);
    }

    /* Since the last event. */
    get silenceMs() {
      return performance.now() - this.heardAt;
    }

    /* The silence after which the page requests ticks. */
    get maxSilenceMs() {
      return Math.min(this.deadAfterMs, SILENCE_MS.max);
    }

    get deadAfterMs() {
      const steps = [...this.questions.keys()].map(({ step }) => step);
      return Math.max(SILENT_STEPS * Math.max(...steps, 0), SILENCE_MS.min);
    }

    /* Whether the stream brought nothing for so long that a new tick in a response shows that it brings none: a proxy may
       hold the events back. */
    get isDead() {
      return this.source !== null && this.silenceMs >= this.deadAfterMs;
    }
  };

  function parseBodies(data, count) {
    try {
      const body = JSON.parse(data);
      return (count === 1 ? [body] : body?.frames) ?? [];
    } catch (error) {
      return [];
    }
  }
})((window.dashapp = window.dashapp || {}));
