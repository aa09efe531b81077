/* The server's time, told by the browser's steady clock: the viewer's own may be a day off. */
(function (app) {
  "use strict";

  // Answers are shared for up to half a second, so an answer's "now" is never late and sometimes early:
  // the latest seen is the best, unless the server's clock was set back.
  const SET_BACK_MS = 2000;
  const DRIFT_MS = 2;

  app.ServerClock = class {
    constructor() {
      this.offset = null;
    }

    hear(seconds) {
      const offset = seconds * 1000 - performance.now();
      const behind = this.offset === null ? 0 : this.offset - offset;
      if (behind <= 0 || behind > SET_BACK_MS) this.offset = offset;
      else this.offset -= DRIFT_MS;
    }

    /* Epoch milliseconds; null until an answer came. */
    now() {
      return this.offset === null ? null : performance.now() + this.offset;
    }
  };
})((window.dashapp = window.dashapp || {}));
