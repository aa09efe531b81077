/* Pale dashed lines of an earlier time in a chart (comparison.js). They come after the other traces, and have points
   ahead of the time on screen, so that a tick changes nothing in them. */
(function (app) {
  "use strict";

  const GROUP = "comparison"; // legendgroup, which marks these traces
  const MAX_LINES = 12; // of a chart; more cannot be distinguished
  const AHEAD_MS = 60_000; // at least, between two updates

  app.isComparisonTrace = function (trace) {
    return trace.legendgroup === GROUP;
  };

  /* The page's comparison if `chart` has lines to compare; else null. */
  function comparisonOf({ queue }, metrics) {
    const { comparison } = queue.liveView.owner;
    return comparison?.series && metrics.length <= MAX_LINES ? comparison : null;
  }

  /* Set the traces in `data`, after those of `chart.lines`, for `range`; return whether they changed. */
  app.updateComparison = function (chart, data, metrics, range) {
    const comparison = comparisonOf(chart, metrics);
    const first = data.findIndex(app.isComparisonTrace);
    if (!comparison) {
      chart.comparedState = null;
      if (first >= 0) data.splice(first);
      return first >= 0;
    }
    const lines = comparedLines(chart, comparison, metrics);
    const keys = lines.map(({ line, isHidden }) => [line.meta, line.colour, isHidden]);
    const state = [comparison.generation, comparison.name, keys].join();
    const { comparedState } = chart;
    const covers = comparedState && range[0] >= comparedState.range[0] && range[1] <= comparedState.range[1];
    if (first >= 0 === lines.length > 0 && comparedState?.state === state && covers) return false;
    const ahead = Math.max(AHEAD_MS, (range[1] - range[0]) / 4);
    chart.comparedState = { state, range: [range[0], range[1] + ahead] };
    const traces = lines.map((compared) => buildTrace(compared, comparison, chart.comparedState.range));
    data.splice(first < 0 ? data.length : first, Infinity, ...traces);
    return true;
  };

  /* `[{line, columns, isHidden}]`: the lines to compare, with the columns whose sum they show. Of a stack, only its height. */
  function comparedLines(chart, { series }, metrics) {
    const lines = chart.lines.filter(({ part, metric }) => part === "y" && metric.key in series.y);
    const stacked = new Set(chart.stacked ?? (chart.kind === "stacked" ? metrics.map(({ key }) => key) : []));
    const single = lines.filter(({ metric }) => !stacked.has(metric.key));
    const parts = lines.filter(({ metric }) => stacked.has(metric.key));
    const isHidden = (line) => chart.queue.isHidden(line.metric.key);
    const compared = single.map((line) => ({ line, columns: [series.y[line.metric.key]], isHidden: isHidden(line) }));
    // A line above the stack is its height already.
    if (single.length || !parts.length) return compared;
    const shown = parts.filter((line) => !isHidden(line));
    return [{ line: parts.at(-1), columns: shown.map(({ metric }) => series.y[metric.key]), isHidden: !shown.length }];
  }

  function buildTrace({ line, columns, isHidden }, comparison, [start, end]) {
    const { t, step } = comparison.series;
    const indices = Array.from(t, (_, index) => index).filter((index) => t[index] >= start - step && t[index] <= end + step);
    const valueAt = (index) => columns.reduce((sum, column) => ((column[index] ?? null) === null || sum === null ? null : sum + column[index]), 0);
    return {
      type: "scatter",
      mode: "lines",
      meta: `${line.metric.key}:${comparison.choice}`,
      name: app.escapeForPlotly(`${app.shortenText(line.metric.label, 40)}, ${comparison.name}`),
      x: indices.map((index) => t[index]),
      y: indices.map(valueAt),
      connectgaps: line.connectGaps,
      line: { width: 1.5, color: line.colour, dash: "5px,4px" },
      opacity: 0.6,
      hoverinfo: "skip",
      showlegend: false,
      visible: isHidden ? "legendonly" : true,
      legendgroup: GROUP,
      ...(line.metric.right ? { yaxis: "y2" } : {}),
    };
  }

  /* `[low, high]`, widened by the compared lines of one axis in `range`. */
  app.includeComparison = function ([low, high], data, isRight, [start, end]) {
    for (const { x, y, visible } of data.filter((trace) => app.isComparisonTrace(trace) && (trace.yaxis === "y2") === isRight)) {
      if (visible !== true) continue;
      for (let index = 0; index < x.length; index += 1) {
        if (y[index] === null || x[index] < start || x[index] > end) continue;
        if (y[index] < low) low = y[index];
        if (y[index] > high) high = y[index];
      }
    }
    return [low, high];
  };

  /* " · yesterday 8.1 %", for a value at `time`; "" without a comparison. */
  app.comparisonText = function ({ owner }, { key, unit }, time) {
    const point = owner.comparison?.pointAt(key, time);
    return point ? ` · ${owner.comparison.name} ${app.formatQuantity(point.value, unit)}` : "";
  };
})((window.dashapp = window.dashapp || {}));
