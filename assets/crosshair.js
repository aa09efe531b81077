/* One time that is pointed at, with a line in every chart and its values in every title. */
(function (app) {
  "use strict";

  app.Crosshair = class {
    constructor(live) {
      this.live = live;
      this.time = null; // epoch milliseconds of a point; null where nothing is pointed at
    }

    point(time) {
      if (time === this.time) return;
      this.time = time;
      for (const chart of this.live.charts) chart.cross(time);
      this.live.host.changed();
    }

    /* To the next point on that side; at first to the newest on screen. */
    step(side) {
      const { t } = this.live.shown;
      const [start, end] = this.live.held ?? this.live.range();
      const there = t.filter((time) => time >= start && time <= end);
      if (!there.length) return;
      const place = this.time === null ? -1 : there.indexOf(this.time);
      if (place < 0) this.point(there[there.length - 1]);
      else this.point(there[Math.min(Math.max(place + side, 0), there.length - 1)]);
    }
  };
})((window.dashapp = window.dashapp || {}));
