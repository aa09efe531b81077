/* The crosshair's line in one chart. Knows no Plotly, only where the axes are. */
(function (app) {
  "use strict";

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
      if (!this.line) this.section.append((this.line = app.element("div", { className: "cross" })));
      const chart = this.section.querySelector(".chart");
      this.line.style.left = `${chart.offsetLeft + l + share * w}px`;
      this.line.style.top = `${chart.offsetTop + t}px`;
      this.line.style.height = `${h}px`;
      this.line.hidden = false;
    }
  };
})((window.dashapp = window.dashapp || {}));
