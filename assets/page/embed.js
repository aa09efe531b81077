/* What another page holds in a frame: `bare=1` leaves nothing of the page but its charts, and `chart=KEY,KEY` makes
   one of these metrics, or of a curve's name, in a panel of its own. */
(function (app) {
  "use strict";

  const NAME = "embedded";
  const MOST = 64; // metrics that a question may name
  const given = new URLSearchParams(window.location.search);

  app.bare = given.get("bare") === "1";
  if (app.bare) document.documentElement.classList.add("bare");

  /* Prepare `page` for its one chart; null where its address asks for none. */
  app.embed = function (page) {
    const keys = (given.get("chart") ?? "").split(",").filter(Boolean);
    return keys.length ? new EmbeddedChart(page, keys) : null;
  };

  class EmbeddedChart {
    constructor(page, keys) {
      this.page = page;
      const curve = keys.length === 1 && page.panels.get(keys[0])?.kind === "curve" ? keys[0] : null;
      this.curve = curve;
      this.keys = curve === null ? keys : [`${curve}.points`];
      this.settled = ""; // the metrics that title and axis are of
      page.panels.set(NAME, { ...page.panels.fallback, ...(curve === null ? {} : { kind: "curve", curve }), metrics: this.keys });
      this.section = page.panelOrder.adopt(NAME);
      this.section.classList.remove("absent");
      this.name(keys);
      this.allow(page.urlState.read().window);
      // Their names come first, where there are any: then it is known what to ask for.
      page.liveView.hasManyMetrics = document.getElementById("page").dataset.metrics !== "0";
      page.liveView.requestedKeys = () => this.wanted();
    }

    /* A window of any length may be asked for; the slider, which has it among its stops then, is not seen. */
    allow(seconds) {
      const { stops } = this.page;
      if (seconds !== null && seconds >= stops[0] && seconds <= this.page.liveView.maxSeconds) {
        stops[stops.indexOf(app.nearestStop(stops, seconds))] = seconds;
      }
    }

    /* A panel that was not there when the page was made: where it is the curve that is meant, begin again. */
    meet(name, kind) {
      if (kind === "curve" && this.keys.length === 1 && this.keys[0] === name) window.location.reload();
    }

    name(titles) {
      this.section.querySelector("h2").firstChild.textContent = titles.join(", ");
      this.section.setAttribute("aria-label", titles.join(", "));
    }

    get metrics() {
      return this.page.liveView.metricsOf(NAME);
    }

    /* Ask for no more than is drawn; for all where it is not there yet, to learn when it is. */
    wanted() {
      const known = (this.page.liveView.catalog.metricsByPanel.get(NAME) ?? []).map((metric) => metric.key);
      const all = this.keys.every((key) => /[*?]/.test(key) || known.includes(key));
      return all && known.length <= MOST ? known.join() : "";
    }

    /* Anything may have changed: title, axis and thresholds are those of the metrics that there are, as in the panel
       that they come from. */
    settle() {
      const { liveView, panels } = this.page;
      const { metrics } = this;
      this.section.querySelector(".chart").dataset.say =
        metrics.length || liveView.catalog.empty ? "" : `There is no metric ${this.keys.join(", ")} yet`;
      const settled = metrics.map((metric) => metric.key).join(",");
      const chart = liveView.charts.find((each) => each.section === this.section);
      if (settled === this.settled || !chart || chart.mounting) return;
      this.settled = settled;
      this.name(metrics.map((metric) => metric.label));
      const alike = metrics.every((metric) => metric.panel === metrics[0].panel);
      const like = (alike && panels.get(metrics[0].panel)) || panels.fallback;
      const { yaxis } = like.graph(NAME).props.figure.layout;
      for (const component of [chart.component.props.figure, chart.gd].filter(Boolean)) {
        Object.assign(component.layout.yaxis, yaxis);
        component.layout.shapes = this.limits(like, settled.split(","));
      }
      chart.generation = -1;
      chart.dirty = true;
    }

    limits(panel, keys) {
      const all = JSON.parse(document.getElementById("page").dataset.thresholds);
      const own = all.filter(({ metric }) => keys.includes(metric)).map(({ limit }) => limit);
      return panel.shapes.filter((shape) => own.includes(shape.y0));
    }
  }
})((window.dashapp = window.dashapp || {}));
