/* Slows Dash's interval down while nothing on screen changes, or while a stream brings the ticks: its callbacks cost more than
   anything else then. The poller's own timer still fetches every tick. */
(function (app) {
  "use strict";

  const IDLE_MS = 10000;

  app.IntervalThrottle = class {
    constructor() {
      this.activeMs = this.currentMs = Number(document.getElementById("page").dataset.beat); // milliseconds between two
    }

    setActive(active) {
      const interval = active ? this.activeMs : IDLE_MS;
      if (interval === this.currentMs) return;
      this.currentMs = interval;
      window.dash_clientside.set_props("interval", { interval });
    }
  };
})((window.dashapp = window.dashapp || {}));
