/* The crosshair: one time for all charts, and a line in each chart that marks it. */
(function (app) {
  "use strict";

  app.Crosshair = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.time = null; // epoch milliseconds of a point; null if there is no crosshair
    }

    moveTo(time) {
      if (time === this.time) return;
      this.time = time;
      for (const chart of this.liveView.charts) chart.showCrosshair(time);
      this.liveView.owner.refresh();
    }

    /* Move to the next point in `direction`; the first step goes to the newest visible point. */
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

    /* `[start, end]`: range of the axis; `l`, `t`, `w`, `h`: position of the plot in the chart, in pixels. */
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
