/* Choices of the viewer for the left axis of a panel: a logarithmic scale, a fixed range, or an axis that clips spikes. */
(function (app) {
  "use strict";

  const CLIP_SHARE = 0.95; // of the values fit the axis with clipped spikes
  const CLIP_FACTOR = 1.5;
  const MAX_DECADES = 6; // with a label each

  /* Fit `axis` as `view` ({log, clip, fixed}) demands. `columns`: values of the drawn lines, and `span` of their indices. Return
     a sentence about values that are not on the axis; null if `view` demands nothing. */
  app.fitChosenAxis = function (axis, view, columns, span, unit, applyRange) {
    const values = valuesOf(columns, span);
    if (view.fixed) {
      const [low, high] = view.fixed;
      applyRange({ low, high, fixed: true }, unit);
      return describeOutside(values, low, high, unit);
    }
    if (view.log) return fitLog(axis, values, unit);
    if (!view.clip || !values.length) return null;
    const high = Math.min(values.at(-1), CLIP_FACTOR * values[Math.ceil(CLIP_SHARE * values.length) - 1]);
    const low = Math.min(0, values[0]);
    if (!(high > low) || high >= values.at(-1)) return null; // no spikes
    applyRange({ low, high, fixed: false }, unit);
    return describeOutside(values, low, axis.range[1], unit);
  };

  function valuesOf(columns, [first, last]) {
    const values = columns.flatMap((column) => column.slice(first, last)).filter((value) => value !== null && value !== undefined);
    return Float64Array.from(values).sort();
  }

  /* "3 points above 40 % are clipped; the highest is 91.5 %." */
  function describeOutside(values, low, high, unit) {
    const above = values.filter((value) => value > high).length;
    const below = values.filter((value) => value < low).length;
    const texts = (limit, value) => ({ limit: app.formatQuantity(limit, unit), value: app.formatQuantity(value, unit) });
    const parts = [];
    if (above) parts.push(app.translateCount("{count} points above {limit} clipped; the highest is {value}.", "{count} point above {limit} clipped; the highest is {value}.", above, texts(high, values.at(-1))));
    if (below) parts.push(app.translateCount("{count} points below {limit} clipped; the lowest is {value}.", "{count} point below {limit} clipped; the lowest is {value}.", below, texts(low, values[0])));
    return parts.join(" ");
  }

  function fitLog(axis, values, unit) {
    const positive = values.filter((value) => value > 0);
    if (values.length && !positive.length) return app.translate("No value above 0: the scale is linear.");
    const [low, high] = positive.length ? [positive[0], positive.at(-1)] : [1, 10];
    let [start, end] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
    if (start === end) end += 1;
    const step = Math.ceil((end - start) / MAX_DECADES);
    const decades = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => 10 ** (start + index * step));
    const texts = decades.map((value) => app.escapeForPlotly(app.formatLimit(value, unit)));
    Object.assign(axis, { type: "log", range: [start, end], autorange: false, tickmode: "array", tickvals: decades, ticktext: texts });
    return positive.length < values.length ? app.translate("Values of 0 and below are not on a logarithmic scale.") : "";
  }
})((window.dashapp = window.dashapp || {}));
