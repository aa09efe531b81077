/* Whether the lines of a panel are flat and quiet: the page shows the same value for all points on screen. */
(function (app) {
  "use strict";

  const MIN_POINTS = 10; // of each line
  const BUSY = 0.8; // of the highest possible value: such a line is flat, but not quiet
  const MAX_CHANGE = 0.02; // of the value; a larger change has another text

  /* The values of `metrics` in `range` if all are flat, as `[{metric, value}]`; null otherwise. */
  app.flatValues = function (series, metrics, range) {
    const values = [];
    for (const metric of metrics) {
      const value = flatValue(series, metric, range);
      if (value === null) return null;
      values.push({ metric, value });
    }
    return values.length ? values : null;
  };

  function flatValue(series, { key, unit, high: bound }, [start, end]) {
    const { t } = series;
    const mean = series.y[key] ?? [];
    const [lows, highs] = [series.low[key] ?? mean, series.high[key] ?? mean];
    let low = Infinity;
    let high = -Infinity;
    let count = 0;
    for (let index = t.length - 1; index >= 0 && t[index] >= start; index -= 1) {
      if (t[index] > end || (mean[index] ?? null) === null) continue;
      count += 1;
      if (lows[index] < low) low = lows[index];
      if (highs[index] > high) high = highs[index];
      if (high - low > MAX_CHANGE * Math.max(Math.abs(low), Math.abs(high))) return null;
    }
    if (count < MIN_POINTS || (bound !== null && high >= BUSY * bound)) return null;
    return low === high || app.formatQuantity(low, unit) === app.formatQuantity(high, unit) ? high : null;
  }

  /* "Swap 0 %", "Load: 1 min 0.25, 5 min 0.25 and 1 more" */
  app.flatText = function (title, values) {
    const text = ({ metric, value }) => (value ? app.formatQuantity(value, metric.unit) : app.formatLimit(0, metric.unit));
    const name = app.isolateText(app.shortenText(title, 30));
    const [first, ...rest] = values;
    if (rest.every((other) => text(other) === text(first))) return `${name} ${text(first)}`;
    const parts = values.slice(0, 2).map((each) => `${app.isolateText(app.shortenText(each.metric.label, 20))} ${text(each)}`);
    const shown = `${name}: ${parts.join(", ")}`;
    return values.length > 2 ? app.translate("{names} and {count} more", { names: shown, count: app.formatCount(values.length - 2) }) : shown;
  };
})((window.dashapp = window.dashapp || {}));
