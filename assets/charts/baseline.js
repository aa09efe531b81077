/* What of a chart changes with its points: the height that a mountain stands on, the line of its reference. Knows
   Plotly's figures and no graph. */
(function (app) {
  "use strict";

  const AIR = 0.08; // of the height, above and below

  /* Let the figure of `chart` be right for the points of `metrics` within `range`. */
  app.stand = function (chart, { data, layout }, series, metrics, range) {
    const { kind, standing } = chart;
    if (kind !== "mountain" && !standing) return;
    const own = structuredClone(chart.component.props.figure.layout);
    chart.fit(own, metrics);
    const { autorange, rangemode } = own.yaxis;
    // Where nobody gave it a bound a mountain stands on its lowest point: a price far from nought has a shape.
    if (kind === "mountain" && autorange && rangemode !== "tozero") {
      foot(layout, series, metrics, range, standing?.against);
      const [start, stop] = layout.yaxis.range ?? [];
      for (const { fillgradient } of data) if (fillgradient) Object.assign(fillgradient, { start, stop });
    }
    if (!standing) return;
    const others = (layout.shapes ?? []).filter(({ name }) => name !== app.REFERENCE);
    layout.shapes = [...others, app.referenceLine(standing)];
  };

  /* `against` is seen as well where that takes no more than half of the height. */
  function foot(layout, series, metrics, [start, end], against) {
    let low = Infinity;
    let high = -Infinity;
    for (const { key, right } of metrics) {
      if (right) continue;
      // The extremes, where a point stands for several ticks.
      for (const column of [series.low[key] ?? series.y[key], series.high[key] ?? series.y[key]]) {
        column.forEach((value, place) => {
          if (value === null || series.t[place] < start || series.t[place] > end) return;
          low = Math.min(low, value);
          high = Math.max(high, value);
        });
      }
    }
    if (low > high) return;
    const [least, most] = [low, high];
    if (against < least && least - against <= most - least) low = against;
    if (against > most && against - most <= most - least) high = against;
    const air = AIR * (high - low || Math.abs(high) || 1);
    Object.assign(layout.yaxis, { range: [low - air, high + air], autorange: false });
  }
})((window.dashapp = window.dashapp || {}));
