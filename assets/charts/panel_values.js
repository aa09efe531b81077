/* Values in the titles of panels and in the tab title: the newest, or those at the crosshair or the end of a
   paused range. */
(function (app) {
  "use strict";

  const MAX_VALUES = 2; // more do not fit into a title

  app.PanelValues = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.lastValues = {}; // values of the newest tick by metric key
    }

    update(frame) {
      const end = frame.t.length - 1;
      if (frame.last) this.lastValues = frame.last;
      else if (end >= 0) this.lastValues = Object.fromEntries(Object.entries(frame.y).map(([k, y]) => [k, y[end]]));
    }

    get tabTitle() {
      const cpu = this.lastValues["cpu.percent"] ?? null;
      return cpu === null ? "" : `${Math.round(cpu)} % CPU`;
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
      const values = metrics.length > MAX_VALUES ? [] : this.valueTexts(chart, metrics);
      const total = this.liveView.catalog.metricsByPanel.get(chart.panel)?.length ?? 0;
      const isTruncated = metrics.length && this.liveView.subscription.metricKeys && total > metrics.length;
      const text = isTruncated ? `${metrics.length} of ${total.toLocaleString("en")} lines` : values.filter(Boolean).join(" · ");
      app.setText(output, text);
      const subtitle = section.querySelector(".of");
      // A single line has no legend: add its label to the title if it differs.
      const { textContent: title } = section.querySelector("h2").firstChild;
      if (metrics.length === 1 && !subtitle.textContent && metrics[0].label !== title) subtitle.textContent = metrics[0].label;
      output.classList.toggle("several", metrics.length > 1);
      output.classList.toggle("then", this.readingTime !== null);
    }

    /* The time of the values; null for the newest. */
    get readingTime() {
      const { crosshair, pausedRange } = this.liveView;
      return crosshair.time ?? (pausedRange ? pausedRange[1] : null);
    }

    valueTexts(chart, metrics) {
      const [start, end] = this.liveView.pausedRange ?? this.liveView.liveRange();
      const comparison = app.compareToReference(chart.reference ?? null, this.liveView.shownSeries, metrics, [start, this.readingTime ?? end]);
      if (comparison) return [app.formatComparison(comparison, metrics[0].unit)];
      return metrics.map((metric) => this.text(metric, metrics.length));
    }

    text(metric, count) {
      const text = app.formatQuantity(this.value(metric.key), metric.unit);
      return count > 1 && text ? `${metric.label} ${text}` : text;
    }

    value(key) {
      const { readingTime } = this;
      if (readingTime === null) return this.lastValues[key];
      const { t, y } = this.liveView.shownSeries;
      let index = t.length - 1;
      while (index >= 0 && t[index] > readingTime) index -= 1;
      return y[key]?.[index];
    }
  };
})((window.dashapp = window.dashapp || {}));
