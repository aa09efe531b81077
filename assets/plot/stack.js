/* Stacks: parts of a whole on top of each other. */
(function (app) {
  "use strict";

  /* The keys of the metrics to stack, from the bottom up; none if the panel does not stack, or if a visible part is negative:
     areas would overlap. `patterns`: of the parts; all metrics if empty. */
  app.stackedKeys = function ({ kind, stack = [], view = {} }, metrics, series, range) {
    if (kind !== "stacked" || view.log) return [];
    const left = metrics.filter(({ right }) => !right);
    const parts = stack.length ? app.matchMetrics(left, stack) : left;
    const keys = [...new Set(parts.map(({ key }) => key))];
    return keys.length > 1 && !keys.some((key) => hasNegative(series.y[key], series.span(range))) ? keys : [];
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
