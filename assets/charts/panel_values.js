/* Values in the titles of panels and in the tab title, at the time that the page shows. */
(function (app) {
  "use strict";

  const MAX_VALUES = 2; // more do not fit into a title
  const MAX_LABEL_LENGTH = 20; // in a title
  const NO_VALUE = "–";

  /* The whole of a stack, or all lines. */
  function titleMetrics({ stacked = [] }, metrics) {
    const whole = stacked.length ? metrics.filter(({ key }) => !stacked.includes(key)) : [];
    return whole.length === 1 ? whole : metrics;
  }

  app.PanelValues = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.lastValues = Object.create(null); // values of the newest tick by metric key
    }

    update(frame) {
      const end = frame.t.length - 1;
      const last = frame.last ?? (end < 0 ? null : Object.fromEntries(Object.entries(frame.y).map(([k, y]) => [k, y[end]])));
      // Without a prototype: a metric may have the key "constructor".
      if (last) this.lastValues = Object.assign(Object.create(null), last);
    }

    /* Epoch milliseconds of the values; null for now. */
    get time() {
      return this.liveView.reading.at;
    }

    /* The value of a metric at that time; null if it has none. */
    value(key) {
      if (this.time === null) return this.lastValues[key] ?? null;
      return this.liveView.pointAt(key, this.time)?.value ?? null;
    }

    get tabTitle() {
      const cpu = this.value("cpu.percent");
      if (cpu === null) return "";
      const value = app.formatQuantity(cpu, "%");
      return this.time === null ? app.translate("{value} CPU", { value }) : app.translate("{value} CPU at {time}", { value, time: app.formatTime(this.time) });
    }

    /* Show a panel as soon as it has metrics, and its values if they are few. */
    show(chart) {
      const { section } = chart;
      const absent = section.classList.contains("absent");
      if (!chart.onScreen && !absent) return;
      const metrics = this.liveView.metricsOf(chart.panel);
      if (metrics.length && absent) section.classList.remove("absent");
      const output = section.querySelector(".value");
      if (!output) return;
      app.setText(output, this.titleText(chart, metrics));
      const subtitle = section.querySelector(".of");
      // A single line has no legend: add its label to the title if it differs.
      const { textContent: title } = section.querySelector("h2").firstChild;
      if (metrics.length === 1 && !subtitle.textContent && metrics[0].label !== title) subtitle.textContent = metrics[0].label;
      output.classList.toggle("several", titleMetrics(chart, metrics).length > 1);
      output.classList.toggle("then", this.time !== null);
    }

    titleText(chart, metrics) {
      const { curvesAt, pausedRange } = this.liveView;
      // A curve has no history: in the past, the panel shows when the page received it.
      if (chart.kind === "curve" && pausedRange && curvesAt !== null) return app.translate("at {time}", { time: app.formatTime(curvesAt) });
      if (metrics.length > app.MAX_LEGEND_LINES) return this.extremesText(metrics);
      const shown = titleMetrics(chart, metrics);
      if (!shown.length || shown.length > MAX_VALUES) return "";
      return this.valueTexts(chart, shown).join(" · ");
    }

    /* "2.0 % – 97.5 %", of lines with the same unit. */
    extremesText(metrics) {
      const [{ unit }] = metrics;
      const values = metrics.map(({ key }) => this.value(key)).filter((value) => value !== null);
      if (!values.length || metrics.some((metric) => metric.unit !== unit)) return "";
      return `${app.formatQuantity(Math.min(...values), unit)} – ${app.formatQuantity(Math.max(...values), unit)}`;
    }

    valueTexts(chart, metrics) {
      const { liveView } = this;
      const [start, end] = liveView.shownRange;
      const comparison = app.compareToReference(chart.reference ?? null, liveView.shownSeries, metrics, [start, this.time ?? end]);
      if (comparison) return [app.formatComparison(comparison, metrics[0].unit)];
      return metrics.map((metric) => this.text(metric, metrics.length));
    }

    text(metric, count) {
      const text = app.formatQuantity(this.value(metric.key), metric.unit) || NO_VALUE;
      return count > 1 ? `${app.isolateText(app.shortenText(metric.label, MAX_LABEL_LENGTH))} ${text}` : text;
    }
  };
})((window.dashapp = window.dashapp || {}));
