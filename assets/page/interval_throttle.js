/* The beat of Dash's interval, which costs more than all else while nothing in sight moves: it may rest then, as long as
   every tick comes that is due. The asker's own timer goes from one to the next meanwhile. */
(function (app) {
  "use strict";

  const RESTING_MS = 10000;

  app.IntervalThrottle = class {
    constructor() {
      this.usual = this.now = Number(document.getElementById("page").dataset.beat); // milliseconds between two
    }

    pace(moving) {
      const beat = moving ? this.usual : RESTING_MS;
      if (beat === this.now) return;
      this.now = beat;
      window.dash_clientside.set_props("interval", { interval: beat });
    }
  };
})((window.dashapp = window.dashapp || {}));
