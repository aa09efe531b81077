/* Compares a panel's only line with a reference: a metric, a number, or the first visible point. Shows the
   result as a colour, a sign and text, so that it does not depend on colour alone. */
(function (app) {
  "use strict";

  const FIRST_POINT = "first";
  const REFERENCE_SHAPE = "reference"; // name of its shape in a chart
  // Colour-blind safe, from Okabe and Ito.
  const DIRECTIONS = {
    above: { colour: "#009e73", sign: "▲" },
    at: { colour: "#7f8c8d", sign: "●" },
    below: { colour: "#d55e00", sign: "▼" },
  };

  /* The metric key if the reference is a metric; else null. */
  app.referenceKey = function (reference) {
    return typeof reference === "string" && reference !== FIRST_POINT ? reference : null;
  };

  /* `{direction, colour, sign, value, referenceValue}` at the end of `range`; null if there is nothing to
     compare. */
  app.compareToReference = function (reference, series, metrics, [start, end]) {
    if (reference === null || metrics.length !== 1) return null;
    const column = series.y[metrics[0].key] ?? [];
    const key = app.referenceKey(reference);
    const value = lastValue(series.t, column, end);
    const referenceValue =
      reference === FIRST_POINT ? firstValue(series.t, column, start) : key === null ? reference : lastValue(series.t, series.y[key] ?? [], end);
    if (value === null || referenceValue === null) return null;
    const direction = value > referenceValue ? "above" : value < referenceValue ? "below" : "at";
    return { direction, ...DIRECTIONS[direction], value, referenceValue };
  };

  /* "182.3 ▲ 0.62 % above 181.2" */
  app.formatComparison = function ({ direction, sign, value, referenceValue }, unit) {
    const [current, reference] = [value, referenceValue].map((number) => app.formatQuantity(number, unit));
    if (direction === "at") return app.translate("{value} {sign} at {reference}", { value: current, sign, reference });
    const values = { value: current, sign, reference, share: referenceValue ? `${app.formatChange((100 * (value - referenceValue)) / referenceValue)} ` : "" };
    return direction === "above" ? app.translate("{value} {sign} {share}above {reference}", values) : app.translate("{value} {sign} {share}below {reference}", values);
  };

  /* Draw the reference of `chart` as a line across `layout`. */
  app.drawReference = function ({ comparison }, layout) {
    if (!comparison) return;
    const { referenceValue } = comparison;
    const line = { width: 1, dash: "dot", color: DIRECTIONS.at.colour };
    const shape = { type: "line", name: REFERENCE_SHAPE, xref: "paper", x0: 0, x1: 1, y0: referenceValue, y1: referenceValue, line };
    layout.shapes = [...(layout.shapes ?? []).filter(({ name }) => name !== REFERENCE_SHAPE), shape];
  };

  function lastValue(times, column, end) {
    let index = times.length - 1;
    while (index >= 0 && (times[index] > end || (column[index] ?? null) === null)) index -= 1;
    return index < 0 ? null : column[index];
  }

  function firstValue(times, column, start) {
    const index = times.findIndex((time, at) => time >= start && (column[at] ?? null) !== null);
    return index < 0 ? null : column[index];
  }
})((window.dashapp = window.dashapp || {}));
