/* The crosshair: one reading time for all charts, and the line that marks it in each. */
(function (app) {
  "use strict";

  app.Crosshair = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.time = null; // epoch milliseconds of a point; null where nothing is pointed at
    }

    moveTo(time) {
      if (time === this.time) return;
      this.time = time;
      for (const chart of this.liveView.charts) chart.showCrosshair(time);
      this.liveView.owner.refresh();
    }

    /* To the next point on that side; at first to the newest on screen. */
    step(direction) {
      const { t } = this.liveView.shownSeries;
      const [start, end] = this.liveView.pausedRange ?? this.liveView.liveRange();
      const times = t.filter((time) => time >= start && time <= end);
      if (!times.length) return;
      const index = this.time === null ? -1 : times.indexOf(this.time);
      if (index < 0) this.moveTo(times[times.length - 1]);
      else this.moveTo(times[Math.min(Math.max(index + direction, 0), times.length - 1)]);
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
    show(time, [start, end], { l, t, w, h }) {
      this.hide();
      const fraction = (time - start) / (end - start);
      if (!(fraction >= 0 && fraction <= 1)) return;
      if (!this.line) this.section.append((this.line = app.createElement("div", { className: "cross" })));
      const chart = this.section.querySelector(".chart");
      this.line.style.left = `${chart.offsetLeft + l + fraction * w}px`;
      this.line.style.top = `${chart.offsetTop + t}px`;
      this.line.style.height = `${h}px`;
      this.line.hidden = false;
    }
  };
})((window.dashapp = window.dashapp || {}));
