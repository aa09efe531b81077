/* Values in words, in the panels' titles and the tab's: the newest, or those of the time that is pointed at or held. */
(function (app) {
  "use strict";

  const MAX_VALUES = 2; // values that a title has room for

  app.PanelValues = class {
    constructor(liveView) {
      this.liveView = liveView;
      this.lastValues = {}; // the newest tick's values by metric key
    }

    update(frame) {
      const end = frame.t.length - 1;
      if (frame.last) this.lastValues = frame.last;
      else if (end >= 0) this.lastValues = Object.fromEntries(Object.entries(frame.y).map(([k, y]) => [k, y[end]]));
    }

    /* For the tab. */
    get tabTitle() {
      const cpu = this.lastValues["cpu.percent"] ?? null;
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
      const values = metrics.length > MAX_VALUES ? [] : this.valueTexts(chart, metrics);
      const total = this.liveView.catalog.metricsByPanel.get(chart.panel)?.length ?? 0;
      const isTruncated = metrics.length && this.liveView.subscription.metricKeys && total > metrics.length;
      const text = isTruncated ? `${metrics.length} of ${total.toLocaleString("en")} lines` : values.filter(Boolean).join(" · ");
      app.setText(output, text);
      const subtitle = section.querySelector(".of");
      // One line has no legend: it is named beside the title, unless the title does.
      const { textContent: title } = section.querySelector("h2").firstChild;
      if (metrics.length === 1 && !subtitle.textContent && metrics[0].label !== title) subtitle.textContent = metrics[0].label;
      output.classList.toggle("several", metrics.length > 1);
      output.classList.toggle("then", this.readingTime !== null);
    }

    /* The time whose values are shown, where that is not the newest. */
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
