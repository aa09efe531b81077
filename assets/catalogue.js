/* What metrics there are, as the server last told: asked for again whenever one turns up that is not known. */
(function (app) {
  "use strict";

  const PATIENCE_MS = 5000;

  app.Catalogue = class {
    constructor(base, onLearnt) {
      this.address = `${base}api/metrics`;
      this.onLearnt = onLearnt;
      this.metrics = new Map();
      this.panels = new Map(); // the metrics of each panel, by its name
      this.asked = -Infinity;
    }

    get empty() {
      return this.metrics.size === 0;
    }

    /* The metrics of a panel that `columns` has values of. */
    of(panel, columns) {
      return (this.panels.get(panel) ?? []).filter((metric) => metric.key in columns);
    }

    learn(columns) {
      const known = Object.keys(columns).every((key) => this.metrics.has(key));
      if (known || performance.now() - this.asked < PATIENCE_MS) return;
      this.asked = performance.now();
      fetch(this.address, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) })
        .then((answer) => answer.json())
        .then((metrics) => {
          for (const metric of metrics) this.metrics.set(metric.key, metric);
          this.panels = Map.groupBy(this.metrics.values(), (metric) => metric.panel);
          this.onLearnt();
        })
        .catch(() => (this.asked = -Infinity)); // the next frame asks again
    }
  };
})((window.dashapp = window.dashapp || {}));
