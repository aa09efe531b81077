/* Values in words, in the panels' titles and the tab's: the newest, or those of the time that is pointed at or held. */
(function (app) {
  "use strict";

  const MOST = 2; // values that a title has room for

  app.PanelValues = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.last = {}; // the newest tick's values by metric key
    }

    take(frame) {
      const end = frame.t.length - 1;
      if (frame.last) this.last = frame.last;
      else if (end >= 0) this.last = Object.fromEntries(Object.entries(frame.y).map(([k, y]) => [k, y[end]]));
    }

    /* For the tab. */
    get title() {
      const cpu = this.last["cpu.percent"] ?? null;
      return cpu === null ? "" : `${Math.round(cpu)} % CPU`;
    }

    /* A panel that has metrics is there, with its values where they are few enough to read. */
    show(chart) {
      const { section } = chart;
      const absent = section.classList.contains("absent");
      if (!chart.onScreen && !absent) return;
      const metrics = this.liveView.metricsOf(chart.panel);
      if (metrics.length && absent) section.classList.remove("absent");
      const output = section.querySelector(".value");
      if (!output) return;
      const values = metrics.length > MOST ? [] : this.texts(chart, metrics);
      const all = this.liveView.catalog.metricsByPanel.get(chart.panel)?.length ?? 0;
      const left = metrics.length && this.liveView.subscription.metricKeys && all > metrics.length;
      const text = left ? `${metrics.length} of ${all.toLocaleString("en")} lines` : values.filter(Boolean).join(" · ");
      app.setText(output, text);
      const of = section.querySelector(".of");
      // One line has no legend: it is named beside the title, unless the title does.
      const { textContent: title } = section.querySelector("h2").firstChild;
      if (metrics.length === 1 && !of.textContent && metrics[0].label !== title) of.textContent = metrics[0].label;
      output.classList.toggle("several", metrics.length > 1);
      output.classList.toggle("then", this.then !== null);
    }

    /* The time whose values are shown, where that is not the newest. */
    get then() {
      const { crosshair, held } = this.liveView;
      return crosshair.time ?? (held ? held[1] : null);
    }

    texts(chart, metrics) {
      const [start, end] = this.liveView.held ?? this.liveView.range();
      const comparison = app.compareToReference(chart.reference ?? null, this.liveView.shown, metrics, [start, this.then ?? end]);
      if (comparison) return [app.formatComparison(comparison, metrics[0].unit)];
      return metrics.map((metric) => this.text(metric, metrics.length));
    }

    text(metric, count) {
      const text = app.formatQuantity(this.value(metric.key), metric.unit);
      return count > 1 && text ? `${metric.label} ${text}` : text;
    }

    value(key) {
      const { then } = this;
      if (then === null) return this.last[key];
      const { t, y } = this.liveView.shown;
      let place = t.length - 1;
      while (place >= 0 && t[place] > then) place -= 1;
      return y[key]?.[place];
    }
  };
})((window.dashapp = window.dashapp || {}));
