/* The server's time, told by the browser's steady clock: the viewer's own may be a day off. */
(function (app) {
  "use strict";

  // A cache in front may give an answer to many for a second or two, so its "now" is never late and often early: the
  // latest seen is the best. Where a cache answers all but the first, all others hear an early one tick by tick, which
  // is no reason to ask later. Who heard nothing new asked too early, and gives way: the server's clock is slower, or
  // was set back.
  const STEP_BACK_MS = 3500;
  const SLEW_MS = 2;

  app.ServerClock = class {
    constructor() {
      this.offset = null;
    }

    /* `came`: whether the answer brought anything. */
    update(seconds, isNew) {
      const offset = seconds * 1000 - performance.now();
      const behind = this.offset === null ? 0 : this.offset - offset;
      if (behind <= 0 || behind > STEP_BACK_MS) this.offset = offset;
      else if (!isNew) this.offset -= Math.min(behind, SLEW_MS);
    }

    /* Epoch milliseconds; null until an answer came. */
    now() {
      return this.offset === null ? null : performance.now() + this.offset;
    }
  };
})((window.dashapp = window.dashapp || {}));
