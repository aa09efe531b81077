/* A filter for the lines of a panel with more than its legend can name. */
(function (app) {
  "use strict";

  app.LineFilters = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.counts = new Map(); // elements by panel
    }

    /* Add the filter to the panel of `chart` if it has many lines, and show how many of them it draws. */
    show(chart) {
      const { catalog } = this.liveView;
      const total = catalog.metricsByPanel.get(chart.panel)?.length ?? 0;
      if (!chart.lines || !chart.onScreen || (total <= app.MAX_LEGEND_LINES && !this.counts.has(chart.panel))) return;
      if (!this.counts.has(chart.panel)) this.add(chart);
      const drawn = this.liveView.metricsOf(chart.panel).length;
      const text = drawn === total ? `${app.formatCount(total)} lines` : `${app.formatCount(drawn)} of ${app.formatCount(total)} lines`;
      app.setText(this.counts.get(chart.panel), text);
    }

    add(chart) {
      const title = app.panelTitle(chart.section);
      const input = app.createElement("input", { type: "search", placeholder: "Filter lines", "aria-label": `${title}: filter lines by name` });
      const count = app.createElement("span", {});
      input.addEventListener("input", () => this.filter(chart, input.value));
      chart.section.querySelector("h2").after(app.createElement("div", { className: "line-filter" }, input, count));
      this.counts.set(chart.panel, count);
    }

    filter(chart, text) {
      this.liveView.catalog.filters.set(chart.panel, text.trim().toLowerCase());
      this.liveView.updateRequestedKeys();
      chart.dirty = true;
      chart.queue.schedule();
      this.liveView.owner.refresh();
    }
  };
})((window.dashapp = window.dashapp || {}));
