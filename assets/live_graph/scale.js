/* The y axes of a chart of which somebody said little: its metrics say the rest. As dashapp/web/figures.py's `scale`. */
(function (app) {
  "use strict";

  /* `said`: what somebody did say of the left one. */
  app.fitScale = function (layout, metrics, said) {
    for (const [name, right] of [["yaxis", false], ["yaxis2", true]]) {
      const first = metrics.find((metric) => metric.right === right);
      if (first && layout[name]) Object.assign(layout[name], scale(right ? first : { ...first, ...said }));
    }
  };

  function scale({ unit, low, high }) {
    const bounded = low !== null && high !== null;
    const axis = bounded ? { range: [low, high * 1.01], autorange: false } : { autorange: true };
    if (!bounded) axis.rangemode = low === 0 ? "tozero" : "normal";
    // Nothing at all is not drawn in thousandths of a byte.
    if (["B", "B/s"].includes(unit) && !bounded) axis.autorangeoptions = { include: 1000 };
    return { ...axis, ...app.axisFormat(unit) };
  }
})((window.dashapp = window.dashapp || {}));
