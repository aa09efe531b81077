/* Low, mean, p95 and high of the points on screen. */
(function (app) {
  "use strict";

  app.STATISTICS = ["low", "mean", "p95", "high"];
  const PERCENTILE = 0.95;

  /* `{low, mean, p95, high}` of a metric in `range`; null without values. For points that stand for several ticks, low and
     high are those of the ticks, the mean is that of the points, and the p95 is unknown: null. So are low and high of a formula. */
  app.computeStatistics = function (series, key, [first, last]) {
    const means = series.y[key] ?? [];
    const [lows, highs] = [series.low[key] ?? means, series.high[key] ?? means];
    let [low, high] = [Infinity, -Infinity];
    for (let index = first; index < last; index += 1) {
      const value = means[index] ?? null;
      if (value === null) continue;
      low = Math.min(low, lows[index] ?? value);
      high = Math.max(high, highs[index] ?? value);
    }
    if (low > high) return null;
    if (series.downsampled && app.isFormulaKey(key)) [low, high] = [null, null];
    return { low, mean: app.computeMean(series, key, [first, last]), p95: series.downsampled ? null : percentile(means, first, last), high };
  };

  /* The mean alone; -Infinity without values. */
  app.computeMean = function (series, key, [first, last]) {
    const values = (series.y[key] ?? []).slice(first, last).filter((value) => value !== null);
    if (!values.length) return -Infinity;
    const sum = values.reduce((total, value) => total + value, 0);
    // A sum of huge values is infinite.
    return Number.isFinite(sum) ? sum / values.length : values.reduce((total, value) => total + value / values.length, 0);
  };

  /* The smallest value that at least 95 % of the values do not exceed: always a value that was measured. */
  function percentile(column, first, last) {
    const values = Float64Array.from(column.slice(first, last).filter((value) => value !== null)).sort();
    return values[Math.max(0, Math.ceil(PERCENTILE * values.length) - 1)];
  }
})((window.dashapp = window.dashapp || {}));
