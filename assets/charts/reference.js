/* What a panel's one line is measured against: a metric, a number, or the first point in sight. Says on which side the
   line stands, in a colour, a sign and words, so that no colour alone tells it. Knows no graph. */
(function (app) {
  "use strict";

  const FIRST = "first";
  app.REFERENCE = "reference"; // what its line is called among a chart's shapes
  // Of Okabe and Ito's set, which the colour-blind tell apart.
  const SIDES = {
    above: { colour: "#009e73", sign: "▲" },
    at: { colour: "#7f8c8d", sign: "●" },
    below: { colour: "#d55e00", sign: "▼" },
  };

  /* The key of the metric that it is; null where it is none. */
  app.referenceKey = function (reference) {
    return typeof reference === "string" && reference !== FIRST ? reference : null;
  };

  /* `{side, colour, sign, value, against}` at the end of `range`; null where there is nothing to compare. */
  app.standing = function (reference, series, metrics, [start, end]) {
    if (reference === null || metrics.length !== 1) return null;
    const column = series.y[metrics[0].key] ?? [];
    const key = app.referenceKey(reference);
    const value = newest(series.t, column, end);
    const against =
      reference === FIRST ? first(series.t, column, start) : key === null ? reference : newest(series.t, series.y[key] ?? [], end);
    if (value === null || against === null) return null;
    const side = value > against ? "above" : value < against ? "below" : "at";
    return { side, ...SIDES[side], value, against };
  };

  /* "182.3 ▲ 0.62 % above 181.2" */
  app.standingWords = function ({ side, sign, value, against }, unit) {
    const [now, then] = [value, against].map((each) => app.quantity(each, unit));
    const share = against ? `${Math.abs((100 * (value - against)) / against).toFixed(2)} % ` : "";
    return `${now} ${sign} ${side === "at" ? "" : share}${side} ${then}`;
  };

  /* Its line across the panel. */
  app.referenceLine = function ({ against }) {
    const line = { width: 1, dash: "dot", color: SIDES.at.colour };
    return { type: "line", name: app.REFERENCE, xref: "paper", x0: 0, x1: 1, y0: against, y1: against, line };
  };

  function newest(times, column, end) {
    let place = times.length - 1;
    while (place >= 0 && (times[place] > end || (column[place] ?? null) === null)) place -= 1;
    return place < 0 ? null : column[place];
  }

  function first(times, column, start) {
    const place = times.findIndex((time, each) => time >= start && (column[each] ?? null) !== null);
    return place < 0 ? null : column[place];
  }
})((window.dashapp = window.dashapp || {}));
