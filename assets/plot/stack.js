/* Stacks: parts of a whole on top of each other. */
(function (app) {
  "use strict";

  const NONE = { keys: [], note: "" };

  /* `{keys, note}` of a chart: the keys of the metrics to stack, from the bottom up. There are none if the panel does not
     stack, or if a visible part is negative: areas would overlap, and `note` explains it. `stack`: patterns of the parts; all
     metrics if empty. */
  app.chooseStack = function ({ kind, stack = [], view = {} }, metrics, series, range) {
    if (kind !== "stacked" || view.log) return NONE;
    const left = metrics.filter(({ right }) => !right);
    const parts = stack.length ? app.matchMetrics(left, stack) : left;
    const keys = [...new Set(parts.map(({ key }) => key))];
    if (keys.length < 2) return NONE;
    const isNegative = keys.some((key) => hasNegative(series.y[key], series.span(range)));
    return isNegative ? { keys: [], note: app.translate("Not stacked: some values are below 0.") } : { keys, note: "" };
  };

  function hasNegative(column = [], [first, last]) {
    for (let index = first; index < last; index += 1) if (column[index] < 0) return true;
    return false;
  }

  /* The upper edges of `columns` on top of each other. A part without a value leaves a gap in itself and in those above it:
     their height is unknown then. */
  app.stackColumns = function (columns) {
    let below = null;
    return columns.map((column) => {
      const lower = below;
      below = column.map((value, index) => (value === null || value === undefined || lower?.[index] === null ? null : value + (lower?.[index] ?? 0)));
      return below;
    });
  };
})((window.dashapp = window.dashapp || {}));
