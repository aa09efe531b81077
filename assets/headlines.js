/* The newest values, in the panels' titles and the tab's. */
(function (app) {
  "use strict";

  app.Headlines = class {
    constructor() {
      this.last = {}; // the newest tick's values by metric key
    }

    take(frame) {
      const end = frame.t.length - 1;
      if (frame.last) this.last = frame.last;
      else if (end >= 0) this.last = Object.fromEntries(Object.entries(frame.y).map(([k, y]) => [k, y[end]]));
    }

    /* For the tab. */
    get title() {
      const cpu = this.last["cpu.percent"] ?? null;
      return cpu === null ? "" : `${Math.round(cpu)} % CPU`;
    }

    /* A panel that has metrics is there, with its values where they are few enough to read. */
    show(section, metrics) {
      if (metrics.length) section.classList.remove("absent");
      const output = section.querySelector(".value");
      if (!output) return;
      const text = metrics.length > 2 ? "" : metrics.map((m) => this.text(m, metrics.length)).filter(Boolean).join(" · ");
      if (output.textContent !== text) output.textContent = text;
      output.classList.toggle("several", metrics.length > 1);
    }

    text(metric, count) {
      const text = app.quantity(this.last[metric.key], metric.unit);
      return count > 1 && text ? `${metric.label} ${text}` : text;
    }
  };
})((window.dashapp = window.dashapp || {}));
