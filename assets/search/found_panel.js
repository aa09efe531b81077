/* Shows a panel or a metric that the user searched for. */
(function (app) {
  "use strict";

  const MARK_MS = 2000;

  /* Scroll to the panel and mark it for a moment. */
  app.showPanel = function (page, name) {
    page.panelOrder.reveal(name);
    const section = page.panelOrder.sections.get(name);
    if (!section) return;
    section.classList.add("found");
    setTimeout(() => section.classList.remove("found"), MARK_MS);
  };

  /* Show the panel that draws the metric. If it has too many lines to find one, or there is none, build a chart. */
  app.showMetric = function (page, metric) {
    const name = panelOf(page, metric);
    if (name === null) return page.chartMetric(metric);
    app.showPanel(page, name);
  };

  function panelOf({ panelOrder, liveView }, { key, panel }) {
    const { metricsByPanel } = liveView.catalog;
    const draws = (name) => {
      const metrics = metricsByPanel.get(name) ?? [];
      return metrics.length <= app.MAX_LEGEND_LINES && metrics.some((metric) => metric.key === key);
    };
    const available = panelOrder.availablePanels();
    return [panel, ...available].find((name) => available.includes(name) && draws(name)) ?? null;
  }
})((window.dashapp = window.dashapp || {}));
