/* Alerts that fire now: as text above the panels, and as marks on tiles, panels, tab and icon. */
(function (app) {
  "use strict";

  const OPERATOR_TEXT = { ">": "above", ">=": "at or above", "<": "below", "<=": "at or below" };

  app.ActiveAlerts = class {
    constructor(catalog) {
      this.catalog = catalog;
      this.element = document.getElementById("alerts");
      this.thresholds = JSON.parse(document.getElementById("page").dataset.thresholds || "[]");
      this.firing = [];
    }

    /* `firing`: `[{metric, text, since}]` from the newest frame. */
    update(firing) {
      this.firing = firing;
      const sentences = firing.map((alert) => `${this.describe(alert)} since ${app.formatTime(alert.since)}`);
      const text = sentences.join("\n");
      if (this.element.dataset.text === text) return;
      this.element.dataset.text = text;
      this.element.hidden = !sentences.length;
      this.element.replaceChildren(...sentences.map((sentence) => app.createElement("p", {}, sentence)));
    }

    /* "CPU above 90 %" */
    describe({ metric, text }) {
      const info = this.catalog.metrics.get(metric);
      const threshold = this.thresholds.find((candidate) => candidate.text === text);
      if (!threshold) return text;
      if (threshold.op === "missing") return `No data: ${info?.label ?? metric}`;
      return `${info?.label ?? metric} ${OPERATOR_TEXT[threshold.op] ?? threshold.op} ${app.formatQuantity(threshold.limit, info?.unit ?? "").replace(".0 %", " %")}`;
    }

    formatValue({ metric, value }) {
      return value === null ? "" : app.formatQuantity(value, this.catalog.metrics.get(metric)?.unit ?? "");
    }

    get tabTitle() {
      if (!this.firing.length) return "";
      return this.firing.length > 1 ? `${this.firing.length} alerts` : this.describe(this.firing[0]);
    }

    /* Mark the panels and tiles with an alert. */
    markPanels(charts, tiles) {
      const metrics = this.firing.map((alert) => this.catalog.metrics.get(alert.metric)).filter(Boolean);
      const panels = new Set(metrics.map((metric) => metric.panel));
      for (const chart of charts) chart.section.classList.toggle("broken", panels.has(chart.panel));
      for (const tile of tiles) tile.element.classList.toggle("broken", metrics.some((metric) => tile.matches(metric)));
    }
  };
})((window.dashapp = window.dashapp || {}));
