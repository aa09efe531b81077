/* All metrics of the server. Requested again when a frame has an unknown one. */
(function (app) {
  "use strict";

  const MIN_REQUEST_INTERVAL_MS = 5000;
  const RUN_PANEL_PREFIX = "run:";
  // Indices of colours with a meaning in every panel: memory, input, output. Others follow their order.
  const MEANINGS = [[/^(memory|swap)\.percent$/, 6], [/\.(received|read)$/, 2], [/\.(sent|write|written)$/, 1]];

  app.MetricCatalog = class {
    /* `onNewPanel(name, kind)`: a metric belongs to a panel without a spec. */
    constructor(poller, onChange, onNewPanel) {
      this.poller = poller;
      this.onChange = onChange;
      this.onNewPanel = onNewPanel;
      this.specs = new Map(); // by panel name
      this.metrics = new Map();
      this.metricsByPanel = new Map(); // by panel name
      this.filters = new Map(); // text in lower case, by panel name
      this.requestedAt = -Infinity;
      this.hosts = []; // names of compared hosts; each is the first part of its metrics' keys
    }

    get empty() {
      return this.metrics.size === 0;
    }

    /* The metrics of a panel whose labels or keys contain its filter. */
    selectedMetrics(panel) {
      const metrics = this.metricsByPanel.get(panel) ?? [];
      const text = this.filters.get(panel);
      return text ? metrics.filter(({ key, label }) => `${label}\n${key}`.toLowerCase().includes(text)) : metrics;
    }

    /* Those that have values in `columns`. */
    metricsOf(panel, columns) {
      return this.selectedMetrics(panel).filter((metric) => metric.key in columns);
    }

    setPanelSpecs(specs) {
      this.specs = new Map(specs);
    }

    /* Assign each metric to its own panel, or to those whose patterns match it. */
    assignPanels() {
      const allMetrics = [...this.metrics.values()];
      this.metricsByPanel = Map.groupBy(allMetrics, (metric) => metric.panel);
      for (const metrics of this.metricsByPanel.values()) this.assignColours(metrics);
      for (const [name, [{ kind }]] of this.metricsByPanel) {
        // Training runs have charts of their own (assets/runs).
        if (this.specs.has(name) || name.startsWith(RUN_PANEL_PREFIX)) continue;
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

    /* The colour of a metric is its meaning or its index in its panel. When hosts are compared, each host has a colour, and its
       metrics differ in their dashes. */
    assignColours(metrics) {
      const dashCounts = new Map();
      metrics.forEach((metric, colourIndex) => {
        const hostIndex = this.hosts.indexOf(metric.key.slice(0, metric.key.indexOf("/")));
        const dashIndex = dashCounts.get(hostIndex) ?? 0;
        dashCounts.set(hostIndex, dashIndex + 1);
        const meaning = MEANINGS.find(([pattern]) => pattern.test(metric.key))?.[1];
        Object.assign(metric, hostIndex < 0 ? { colourIndex: meaning ?? colourIndex } : { colourIndex: hostIndex, dashIndex });
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
        .catch(() => (this.requestedAt = -Infinity)); // the next frame requests it again
    }
  };
})((window.dashapp = window.dashapp || {}));
