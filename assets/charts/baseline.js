/* Parts of a chart that depend on its points: the lower bound of a mountain, the reference line. */
(function (app) {
  "use strict";

  const PADDING = 0.08; // share of the height, above and below

  /* Update the figure of `chart` for the points of `metrics` in `range`. */
  app.updateBaseline = function (chart, { data, layout }, series, metrics, range) {
    const { kind, comparison } = chart;
    if (kind !== "mountain" && !comparison) return;
    const template = structuredClone(chart.component.props.figure.layout);
    chart.fitAxes(template, metrics);
    const { autorange, rangemode } = template.yaxis;
    // Without a bound, a mountain starts at its lowest point: otherwise a price far from zero has no shape.
    if (kind === "mountain" && autorange && rangemode !== "tozero") {
      fitYRange(layout, series, metrics, range, comparison?.referenceValue);
      const [start, stop] = layout.yaxis.range ?? [];
      for (const { fillgradient } of data) if (fillgradient) Object.assign(fillgradient, { start, stop });
    }
    if (!comparison) return;
    const otherShapes = (layout.shapes ?? []).filter(({ name }) => name !== app.REFERENCE_SHAPE);
    layout.shapes = [...otherShapes, app.referenceLine(comparison)];
  };

  /* Include `referenceValue` if that takes at most half of the height. */
  function fitYRange(layout, series, metrics, [start, end], referenceValue) {
    let low = Infinity;
    let high = -Infinity;
    for (const { key, right } of metrics) {
      if (right) continue;
      // Downsampled points have a minimum and a maximum.
      for (const column of [series.low[key] ?? series.y[key], series.high[key] ?? series.y[key]]) {
        column.forEach((value, index) => {
          if (value === null || series.t[index] < start || series.t[index] > end) return;
          low = Math.min(low, value);
          high = Math.max(high, value);
        });
      }
    }
    if (low > high) return;
    const [dataLow, dataHigh] = [low, high];
    if (referenceValue < dataLow && dataLow - referenceValue <= dataHigh - dataLow) low = referenceValue;
    if (referenceValue > dataHigh && referenceValue - dataHigh <= dataHigh - dataLow) high = referenceValue;
    const padding = PADDING * (high - low || Math.abs(high) || 1);
    Object.assign(layout.yaxis, { range: [low - padding, high + padding], autorange: false });
  }
})((window.dashapp = window.dashapp || {}));
