/* The server's clock, kept with performance.now(): the viewer's own clock may be a day off. */
(function (app) {
  "use strict";

  // A cache may repeat a response for a second or two, so its time is never ahead and often behind: the latest time
  // seen is the best. If a cache answers all requests but the first, every response is behind; that alone must not
  // delay requests. A response without a new tick came too early: follow the server's clock, which is slower or
  // was set back.
  const STEP_BACK_MS = 3500;
  const SLEW_MS = 2;
  const DRIFT_MS = 0.1; // from one tick of a stream to the next: more than a clock drifts in a second

  app.ServerClock = class {
    constructor() {
      this.offset = null;
    }

    /* `isNew`: whether the response had a new tick. */
    update(seconds, isNew) {
      const offset = seconds * 1000 - performance.now();
      const behind = this.offset === null ? 0 : this.offset - offset;
      if (behind <= 0 || behind > STEP_BACK_MS) this.offset = offset;
      else if (!isNew) this.offset -= Math.min(behind, SLEW_MS);
    }

    /* A stream brought a tick of that time, perhaps late. */
    follow(seconds) {
      const offset = seconds * 1000 - performance.now();
      this.offset = this.offset === null ? offset : Math.max(offset, this.offset - DRIFT_MS);
    }

    /* Whether there was a response. */
    get isKnown() {
      return this.offset !== null;
    }

    /* Epoch milliseconds; of the viewer's own clock before the first response. */
    now() {
      return this.offset === null ? Date.now() : performance.now() + this.offset;
    }
  };
})((window.dashapp = window.dashapp || {}));
