/* The server's time, told by the browser's steady clock: the viewer's own may be a day off. */
(function (app) {
  "use strict";

  // A cache in front may give an answer to many for a second or two, so its "now" is never late and often early: the
  // latest seen is the best, unless the server's clock was set back. Where a cache answers all but the first, all
  // others hear one that is early, tick by tick: then the clock gives way by no more than clocks differ. Who heard
  // nothing new asked too early, and gives way sooner.
  const SET_BACK_MS = 3500;
  const DRIFT_MS = { news: 0.1, nothing: 2 };

  app.ServerClock = class {
    constructor() {
      this.offset = null;
    }

    /* `came`: whether the answer brought anything. */
    hear(seconds, came) {
      const offset = seconds * 1000 - performance.now();
      const behind = this.offset === null ? 0 : this.offset - offset;
      if (behind <= 0 || behind > SET_BACK_MS) this.offset = offset;
      else this.offset -= Math.min(behind, came ? DRIFT_MS.news : DRIFT_MS.nothing);
    }

    /* Epoch milliseconds; null until an answer came. */
    now() {
      return this.offset === null ? null : performance.now() + this.offset;
    }
  };
})((window.dashapp = window.dashapp || {}));
