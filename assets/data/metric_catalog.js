/* What metrics there are, as the server last told: asked for again whenever one turns up that is not known. */
(function (app) {
  "use strict";

  const MIN_REQUEST_INTERVAL_MS = 5000;

  app.MetricCatalog = class {
    /* `onLearnt()`; `onNewPanel(name, kind)` for one that was never defined. */
    constructor(poller, onChange, onNewPanel) {
      this.poller = poller;
      this.onChange = onChange;
      this.onNewPanel = onNewPanel;
      this.specs = new Map(); // what draws each panel, by its name
      this.metrics = new Map();
      this.metricsByPanel = new Map(); // the metrics of each panel, by its name
      this.requestedAt = -Infinity;
      this.hosts = []; // names whose metrics begin with them, where those of several are laid over each other
    }

    get empty() {
      return this.metrics.size === 0;
    }

    /* The metrics of a panel that `columns` has values of. */
    metricsOf(panel, columns) {
      return (this.metricsByPanel.get(panel) ?? []).filter((metric) => metric.key in columns);
    }

    setPanelSpecs(specs) {
      this.specs = new Map(specs);
    }

    /* Put each metric into the panels that draw it: where it says, or where a pattern means it. */
    assignPanels() {
      const allMetrics = [...this.metrics.values()];
      this.metricsByPanel = Map.groupBy(allMetrics, (metric) => metric.panel);
      for (const metrics of this.metricsByPanel.values()) this.assignColours(metrics);
      for (const [name, [{ kind }]] of this.metricsByPanel) {
        if (this.specs.has(name)) continue;
        this.specs.set(name, { metrics: [], right: [] });
        this.onNewPanel(name, kind);
      }
      for (const [name, { metrics, right }] of this.specs) {
        const leftMetrics = metrics.length ? app.matchMetrics(allMetrics, metrics) : this.metricsByPanel.get(name) ?? [];
        const panelMetrics = [...new Set([...leftMetrics, ...app.matchMetrics(allMetrics, right)])];
        const rightMetrics = new Set(app.matchMetrics(panelMetrics, right));
        this.metricsByPanel.set(name, panelMetrics.map((metric) => ({ ...metric, right: rightMetrics.has(metric) })));
      }
    }

    /* Each metric's place in its own panel, which is its colour; of several hosts each has a colour, and its metrics
       are told apart by their dashes. */
    assignColours(metrics) {
      const dashCounts = new Map();
      metrics.forEach((metric, colourIndex) => {
        const hostIndex = this.hosts.indexOf(metric.key.slice(0, metric.key.indexOf("/")));
        const dashIndex = dashCounts.get(hostIndex) ?? 0;
        dashCounts.set(hostIndex, dashIndex + 1);
        Object.assign(metric, hostIndex < 0 ? { colourIndex } : { colourIndex: hostIndex, dashIndex });
      });
    }

    ensureKnown(columns) {
      if (!Object.keys(columns).every((key) => this.metrics.has(key))) this.request();
    }

    request() {
      if (performance.now() - this.requestedAt < MIN_REQUEST_INTERVAL_MS) return;
      this.requestedAt = performance.now();
      this.poller
        .fetchMetrics()
        .then((metrics) => {
          for (const metric of metrics) this.metrics.set(metric.key, metric);
          this.assignPanels();
          this.onChange();
        })
        .catch(() => (this.requestedAt = -Infinity)); // the next frame asks again
    }
  };
})((window.dashapp = window.dashapp || {}));
