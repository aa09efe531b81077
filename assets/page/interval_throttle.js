/* The beat of Dash's interval, which costs more than all else while nothing in sight moves: it may rest then, as long as
   every tick comes that is due. The asker's own timer goes from one to the next meanwhile. */
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
