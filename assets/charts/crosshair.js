/* The crosshair: one time for all charts, and a line in each chart that marks it. */
(function (app) {
  "use strict";

  app.Crosshair = class {
    constructor(liveView) {
      this.liveView = liveView;
      liveView.reading.subscribe(() => this.draw());
    }

    /* Epoch milliseconds of a point; null if there is no crosshair. */
    get time() {
      return this.liveView.reading.pointer;
    }

    moveTo(time) {
      this.liveView.reading.pointAt(time);
    }

    draw() {
      for (const chart of this.liveView.charts) chart.showCrosshair(this.time);
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

    /* `[start, end]`: range of the axis; `l`, `t`, `w`, `h`: position of the plot in the chart, in pixels; `text`: beside
       the line. Return the position of the line in the section; undefined if it is outside the plot. */
    show(time, [start, end], { l, t, w, h }, text = "") {
      this.hide();
      const fraction = (time - start) / (end - start);
      if (!(fraction >= 0 && fraction <= 1)) return undefined;
      if (!this.line) this.section.append((this.line = app.createElement("div", { className: "cross" }, app.createElement("bdi", {}))));
      const chart = this.section.querySelector(".chart");
      const left = chart.offsetLeft + l + fraction * w;
      this.line.style.left = `${left}px`;
      this.line.style.top = `${chart.offsetTop + t}px`;
      this.line.style.height = `${h}px`;
      app.setText(this.line.firstChild, text);
      this.line.classList.toggle("turned", fraction > 0.5);
      this.line.hidden = false;
      return left;
    }
  };
})((window.dashapp = window.dashapp || {}));
