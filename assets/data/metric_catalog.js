/* All metrics of the server. Requested again when a frame has an unknown one. */
(function (app) {
  "use strict";

  const MIN_REQUEST_INTERVAL_MS = 5000;
  const RUN_PANEL_PREFIX = "run:";
  // Indices of colours with a meaning in every panel: CPU, memory, input, output. Others follow their order. Parts of a
  // whole have shades: shares of the colour's opacity.
  const MEANINGS = [
    ...[["user", 0, 1], ["nice", 0, 0.75], ["system", 0, 0.5], ["irq", 7, 0.8], ["steal", 4, 0.8], ["iowait", 1, 0.9]].map(([kind, colour, shade]) => [new RegExp(`^cpu\\.${kind}$`), colour, shade]),
    [/^memory\.used$/, 6, 1],
    [/^memory\.available$/, 6, 0.3],
    [/^(memory|swap)\.percent$/, 6],
    [/\.(received|read)$/, 2],
    [/\.(sent|write|written)$/, 1],
  ];

  app.MetricCatalog = class {
    /* `onNewPanel(name, kind)`: a metric belongs to a panel without a spec. */
    constructor(poller, onChange, onNewPanel) {
      this.poller = poller;
      this.onChange = onChange;
      this.onNewPanel = onNewPanel;
      this.specs = new Map(); // by panel name
      this.metrics = new Map();
      this.metricsByPanel = new Map(); // by panel name
      this.omittedByPanel = new Map(); // metrics for which a chart has no axis, by panel name
      this.filters = new Map(); // text in lower case, by panel name
      this.offsets = new Map(); // index of the first metric that is shown, by panel name
      this.requestedAt = -Infinity;
      this.hosts = []; // names of compared hosts; each is the first part of its metrics' keys
      this.listeners = new Set();
    }

    /* Call `listener` after each change of the metrics. Returns a function that ends this. */
    subscribe(listener) {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    }

    get empty() {
      return this.metrics.size === 0;
    }

    /* The metrics of a panel whose labels or keys contain its filter, from the first one that is shown. */
    selectedMetrics(panel) {
      return this.filteredMetrics(panel).slice(this.offsets.get(panel) ?? 0);
    }

    /* How many match the filter, also before the first one that is shown. */
    countSelected(panel) {
      return this.filteredMetrics(panel).length;
    }

    filteredMetrics(panel) {
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
      this.omittedByPanel.clear();
      for (const [name, spec] of this.specs) {
        const { metrics, right } = spec;
        const leftMetrics = metrics.length ? app.matchMetrics(allMetrics, metrics) : this.metricsByPanel.get(name) ?? [];
        const panelMetrics = [...new Set([...leftMetrics, ...app.matchMetrics(allMetrics, right)])];
        const rightMetrics = new Set(app.matchMetrics(panelMetrics, right));
        const { drawn, omitted } = app.chooseSides(spec, panelMetrics, rightMetrics);
        this.metricsByPanel.set(name, drawn);
        if (omitted.length) this.omittedByPanel.set(name, omitted);
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
        const [, meaning, shade] = MEANINGS.find(([pattern]) => pattern.test(metric.key)) ?? [];
        const own = { colourIndex: meaning ?? colourIndex, ...(shade === undefined ? {} : { shade }) };
        Object.assign(metric, hostIndex < 0 ? own : { colourIndex: hostIndex, dashIndex });
      });
    }

    /* The metrics of formulas, in place of those before. */
    setFormulas(metrics) {
      for (const [key, { isFormula }] of this.metrics) if (isFormula) this.metrics.delete(key);
      for (const metric of metrics) this.metrics.set(metric.key, metric);
    }

    ensureKnown(columns) {
      if (!Object.keys(columns).every((key) => this.metrics.has(key))) this.request();
    }

    translated(metric) {
      const host = this.hosts.find((name) => metric.key.startsWith(`${name}/`));
      return { ...metric, label: app.translateLabel(metric, host) };
    }

    request() {
      if (performance.now() - this.requestedAt < MIN_REQUEST_INTERVAL_MS) return;
      this.requestedAt = performance.now();
      this.poller
        .fetchMetrics()
        .then((metrics) => {
          for (const metric of metrics) this.metrics.set(metric.key, this.translated(metric));
          this.assignPanels();
          this.onChange();
          for (const listener of this.listeners) listener();
        })
        .catch(() => (this.requestedAt = -Infinity)); // the next frame requests it again
    }
  };
})((window.dashapp = window.dashapp || {}));
