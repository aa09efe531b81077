/* Thresholds that are broken: in words above the panels, and marked on tile, panel, tab and favicon. */
(function (app) {
  "use strict";

  const SIDES = { ">": "above", ">=": "at or above", "<": "below", "<=": "at or below" };

  app.ActiveAlerts = class {
    constructor(catalog) {
      this.catalog = catalog;
      this.box = document.getElementById("alerts");
      this.thresholds = JSON.parse(document.getElementById("page").dataset.thresholds || "[]");
      this.broken = [];
    }

    /* `broken`: `[{metric, text, since}]` as the newest frame says. */
    take(broken) {
      this.broken = broken;
      const sentences = broken.map((each) => `${this.words(each)} since ${app.formatTime(each.since)}`);
      const text = sentences.join("\n");
      if (this.box.dataset.text === text) return;
      this.box.dataset.text = text;
      this.box.hidden = !sentences.length;
      this.box.replaceChildren(...sentences.map((sentence) => app.createElement("p", {}, sentence)));
    }

    /* "CPU above 90 %" */
    words({ metric, text }) {
      const known = this.catalog.metrics.get(metric);
      const threshold = this.thresholds.find((each) => each.text === text);
      if (!threshold) return text;
      if (threshold.op === "missing") return `No data: ${known?.label ?? metric}`;
      return `${known?.label ?? metric} ${SIDES[threshold.op] ?? threshold.op} ${app.formatQuantity(threshold.limit, known?.unit ?? "").replace(".0 %", " %")}`;
    }

    /* The value of a change, with its unit. */
    quantity({ metric, value }) {
      return value === null ? "" : app.formatQuantity(value, this.catalog.metrics.get(metric)?.unit ?? "");
    }

    /* For the tab. */
    get title() {
      if (!this.broken.length) return "";
      return this.broken.length > 1 ? `${this.broken.length} alerts` : this.words(this.broken[0]);
    }

    /* Mark the panels and tiles that the broken ones are in. */
    mark(charts, tiles) {
      const metrics = this.broken.map((each) => this.catalog.metrics.get(each.metric)).filter(Boolean);
      const panels = new Set(metrics.map((metric) => metric.panel));
      for (const chart of charts) chart.section.classList.toggle("broken", panels.has(chart.panel));
      for (const tile of tiles) tile.element.classList.toggle("broken", metrics.some((each) => tile.covers(each)));
    }
  };
})((window.dashapp = window.dashapp || {}));
