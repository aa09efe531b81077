/* The page in an iframe: `bare=1` shows only charts; with it, `chart=KEY,KEY` shows one chart of these metrics or of a
   curve. Without it, the page draws this chart among its own (yours/built_charts.js). The path /chart/KEY,KEY does both. */
(function (app) {
  "use strict";

  const PANEL_NAME = "embedded";
  const MAX_METRICS = 64; // of one request
  const params = new URLSearchParams(window.location.search);

  const pathMatch = window.location.pathname.match(/\/chart\/([^/]+)$/);

  app.bare = pathMatch !== null || params.get("bare") === "1";
  // The only panel of this page; null if the URL lists panels.
  app.singlePanel = pathMatch && PANEL_NAME;
  if (app.bare) document.documentElement.classList.add("bare");

  /* Set `page` up for one chart; null if its URL names none. */
  app.embed = function (page) {
    const keys = (pathMatch ? decodeURIComponent(pathMatch[1]) : app.bare ? params.get("chart") ?? "" : "").split(",").filter(Boolean);
    return keys.length ? new EmbeddedChart(page, keys) : null;
  };

  class EmbeddedChart {
    constructor(page, keys) {
      this.page = page;
      const curve = keys.length === 1 && page.panelSpecs.get(keys[0])?.kind === "curve" ? keys[0] : null;
      this.curve = curve;
      this.keys = curve === null ? keys : [`${curve}.points`];
      this.appliedKeys = ""; // metrics of the current title and axis
      page.panelSpecs.set(PANEL_NAME, { ...page.panelSpecs.fallback, ...(curve === null ? {} : { kind: "curve", curve }), metrics: this.keys });
      this.section = page.panelOrder.claimSection(PANEL_NAME);
      this.section.classList.remove("absent");
      this.setTitle(keys);
      // Load the catalog first: it is needed to know what to request.
      page.liveView.hasManyMetrics = document.getElementById("page").dataset.metrics !== "0";
      page.liveView.requestedKeys = () => this.requestedKeys();
    }

    /* A curve that appeared after the page was loaded: load the page again. */
    handleNewPanel(name, kind) {
      if (kind === "curve" && this.keys.length === 1 && this.keys[0] === name) window.location.reload();
    }

    setTitle(titles) {
      this.section.querySelector("h2").firstChild.textContent = titles.join(", ");
      this.section.setAttribute("aria-label", titles.join(", "));
    }

    get metrics() {
      return this.page.liveView.metricsOf(PANEL_NAME);
    }

    /* Request only what is drawn; request all while a metric is missing, to learn when it appears. */
    requestedKeys() {
      const knownKeys = (this.page.liveView.catalog.metricsByPanel.get(PANEL_NAME) ?? []).map((metric) => metric.key);
      const isComplete = this.keys.every((key) => /[*?]/.test(key) || knownKeys.includes(key));
      return isComplete && knownKeys.length <= MAX_METRICS ? knownKeys.join() : "";
    }

    /* Title, axis and thresholds are those of the metrics' own panel. */
    refresh() {
      const { liveView, panelSpecs } = this.page;
      const { metrics } = this;
      this.section.querySelector(".chart").dataset.message =
        metrics.length || liveView.catalog.empty ? "" : app.translate("No metric {names} yet", { names: this.keys.join(", ") });
      const appliedKeys = metrics.map((metric) => metric.key).join(",");
      const chart = liveView.charts.find((candidate) => candidate.section === this.section);
      if (appliedKeys === this.appliedKeys || !chart || chart.mounting) return;
      this.appliedKeys = appliedKeys;
      this.setTitle(metrics.map((metric) => metric.label));
      const samePanel = metrics.every((metric) => metric.panel === metrics[0].panel);
      const template = (samePanel && panelSpecs.get(metrics[0].panel)) || panelSpecs.fallback;
      chart.scale = template.scale ?? {};
      for (const component of [chart.component?.props.figure, chart.gd].filter(Boolean)) {
        component.layout.shapes = this.thresholdShapes(template, metrics.filter(({ right }) => !right).map(({ key }) => key));
      }
      chart.generation = -1;
      chart.dirty = true;
    }

    thresholdShapes(panel, keys) {
      const all = JSON.parse(document.getElementById("page").dataset.thresholds);
      const ownLimits = all.filter(({ metric }) => keys.includes(metric)).map(({ limit }) => limit);
      return panel.shapes.filter((shape) => ownLimits.includes(shape.y0));
    }
  }
})((window.dashapp = window.dashapp || {}));
