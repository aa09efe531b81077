/* A filter for the lines of a panel with many, and how many of them it draws. */
(function (app) {
  "use strict";

  app.LineFilter = class {
    constructor(liveView, chart) {
      this.liveView = liveView;
      this.chart = chart;
      this.count = null; // element
    }

    /* Add the filter to `place` if the panel has many lines. */
    show(place) {
      const { catalog } = this.liveView;
      const total = catalog.metricsByPanel.get(this.chart.panel)?.length ?? 0;
      if (total <= app.MAX_LEGEND_LINES && !this.count) return;
      if (!this.count) this.add(place);
      const drawn = this.liveView.metricsOf(this.chart.panel).length;
      const text = drawn === total ? app.translateCount("{count} lines", "{count} line", total) : app.translate("{count} of {total} lines", { count: app.formatCount(drawn), total: app.formatCount(total) });
      app.setText(this.count, text);
    }

    add(place) {
      const title = app.panelTitle(this.chart.section);
      const input = app.createElement("input", { type: "search", placeholder: app.translate("Filter lines"), "aria-label": app.translate("{title}: filter lines by name", { title }) });
      this.count = app.createElement("span", {});
      input.addEventListener("input", () => this.filter(input.value));
      place.append(app.createElement("div", { className: "line-filter" }, input, this.count));
    }

    filter(text) {
      const { chart, liveView } = this;
      liveView.catalog.offsets.delete(chart.panel);
      liveView.catalog.filters.set(chart.panel, text.trim().toLowerCase());
      liveView.updateRequestedKeys();
      chart.dirty = true;
      chart.queue.schedule();
      liveView.owner.refresh();
    }
  };
})((window.dashapp = window.dashapp || {}));
