/* The crosshair: one reading time for all charts, and the line that marks it in each. */
(function (app) {
  "use strict";

  app.Crosshair = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.time = null; // epoch milliseconds of a point; null where nothing is pointed at
    }

    point(time) {
      if (time === this.time) return;
      this.time = time;
      for (const chart of this.liveView.charts) chart.cross(time);
      this.liveView.host.changed();
    }

    /* To the next point on that side; at first to the newest on screen. */
    step(side) {
      const { t } = this.liveView.shown;
      const [start, end] = this.liveView.held ?? this.liveView.range();
      const there = t.filter((time) => time >= start && time <= end);
      if (!there.length) return;
      const place = this.time === null ? -1 : there.indexOf(this.time);
      if (place < 0) this.point(there[there.length - 1]);
      else this.point(there[Math.min(Math.max(place + side, 0), there.length - 1)]);
    }
  };

  app.CrosshairLine = class {
    constructor(section) {
      this.section = section;
      this.line = null;
    }

    hide() {
      if (this.line) this.line.hidden = true;
    }

    /* At `time` of an axis that runs over `range`; `l`, `t`, `w`, `h`: where the axes are in the chart, in pixels. */
    stand(time, [start, end], { l, t, w, h }) {
      this.hide();
      const share = (time - start) / (end - start);
      if (!(share >= 0 && share <= 1)) return;
      if (!this.line) this.section.append((this.line = app.createElement("div", { className: "cross" })));
      const chart = this.section.querySelector(".chart");
      this.line.style.left = `${chart.offsetLeft + l + share * w}px`;
      this.line.style.top = `${chart.offsetTop + t}px`;
      this.line.style.height = `${h}px`;
      this.line.hidden = false;
    }
  };
})((window.dashapp = window.dashapp || {}));
