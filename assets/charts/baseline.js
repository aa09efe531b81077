/* What of a chart changes with its points: the height that a mountain stands on, the line of its reference. Knows
   Plotly's figures and no graph. */
(function (app) {
  "use strict";

  const PADDING = 0.08; // of the height, above and below

  /* Let the figure of `chart` be right for the points of `metrics` within `range`. */
  app.updateBaseline = function (chart, { data, layout }, series, metrics, range) {
    const { kind, comparison } = chart;
    if (kind !== "mountain" && !comparison) return;
    const template = structuredClone(chart.component.props.figure.layout);
    chart.fitAxes(template, metrics);
    const { autorange, rangemode } = template.yaxis;
    // Where nobody gave it a bound a mountain stands on its lowest point: a price far from nought has a shape.
    if (kind === "mountain" && autorange && rangemode !== "tozero") {
      fitYRange(layout, series, metrics, range, comparison?.referenceValue);
      const [start, stop] = layout.yaxis.range ?? [];
      for (const { fillgradient } of data) if (fillgradient) Object.assign(fillgradient, { start, stop });
    }
    if (!comparison) return;
    const otherShapes = (layout.shapes ?? []).filter(({ name }) => name !== app.REFERENCE_SHAPE);
    layout.shapes = [...otherShapes, app.referenceLine(comparison)];
  };

  /* `against` is seen as well where that takes no more than half of the height. */
  function fitYRange(layout, series, metrics, [start, end], referenceValue) {
    let low = Infinity;
    let high = -Infinity;
    for (const { key, right } of metrics) {
      if (right) continue;
      // The extremes, where a point stands for several ticks.
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
