/* What metrics there are, as the server last told: asked for again whenever one turns up that is not known. */
(function (app) {
  "use strict";

  const PATIENCE_MS = 5000;

  app.MetricCatalog = class {
    /* `onLearnt()`; `onNewPanel(name, kind)` for one that was never defined. */
    constructor(poller, onLearnt, onNewPanel) {
      this.poller = poller;
      this.onLearnt = onLearnt;
      this.onNewPanel = onNewPanel;
      this.defined = new Map(); // what draws each panel, by its name
      this.metrics = new Map();
      this.panels = new Map(); // the metrics of each panel, by its name
      this.asked = -Infinity;
      this.hosts = []; // names whose metrics begin with them, where those of several are laid over each other
    }

    get empty() {
      return this.metrics.size === 0;
    }

    /* The metrics of a panel that `columns` has values of. */
    of(panel, columns) {
      return (this.panels.get(panel) ?? []).filter((metric) => metric.key in columns);
    }

    define(panels) {
      this.defined = new Map(panels);
    }

    /* Put each metric into the panels that draw it: where it says, or where a pattern means it. */
    sort() {
      const all = [...this.metrics.values()];
      this.panels = Map.groupBy(all, (metric) => metric.panel);
      for (const metrics of this.panels.values()) this.put(metrics);
      for (const [name, [{ kind }]] of this.panels) {
        if (this.defined.has(name)) continue;
        this.defined.set(name, { metrics: [], right: [] });
        this.onNewPanel(name, kind);
      }
      for (const [name, { metrics, right }] of this.defined) {
        const own = metrics.length ? app.matchMetrics(all, metrics) : this.panels.get(name) ?? [];
        const found = [...new Set([...own, ...app.matchMetrics(all, right)])];
        const aside = new Set(app.matchMetrics(found, right));
        this.panels.set(name, found.map((metric) => ({ ...metric, right: aside.has(metric) })));
      }
    }

    /* Each metric's place in its own panel, which is its colour; of several hosts each has a colour, and its metrics
       are told apart by their dashes. */
    put(metrics) {
      const counts = new Map();
      metrics.forEach((metric, colourIndex) => {
        const host = this.hosts.indexOf(metric.key.slice(0, metric.key.indexOf("/")));
        const dashIndex = counts.get(host) ?? 0;
        counts.set(host, dashIndex + 1);
        Object.assign(metric, host < 0 ? { colourIndex } : { colourIndex: host, dashIndex });
      });
    }

    learn(columns) {
      if (!Object.keys(columns).every((key) => this.metrics.has(key))) this.ask();
    }

    ask() {
      if (performance.now() - this.asked < PATIENCE_MS) return;
      this.asked = performance.now();
      this.poller
        .metrics()
        .then((metrics) => {
          for (const metric of metrics) this.metrics.set(metric.key, metric);
          this.sort();
          this.onLearnt();
        })
        .catch(() => (this.asked = -Infinity)); // the next frame asks again
    }
  };
})((window.dashapp = window.dashapp || {}));
