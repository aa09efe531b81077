/* Axes of a chart: margins, time labels, units and ranges. Must match dashapp/web/figures.py. */
(function (app) {
  "use strict";

  const LABEL_WIDTH_PX = 65; // width of a time label, with space
  const MAX_LABELS = 7;
  const LARGE_SCREEN_SCALE = 1.4;
  const AXIS_TITLE_PX = 20; // of an axis

  /* Fit to `range` and to an axis of `width` pixels. */
  app.fitLayout = function (layout, range, width) {
    layout.xaxis.range = range.slice();
    app.labelTimes(layout.xaxis, range, app.timeLabelCount(width));
    app.enlargeForWall(layout);
  };

  /* A screen on a wall is read from a distance. */
  app.enlargeForWall = function (layout) {
    if (!window.matchMedia("(min-width: 2400px)").matches) return;
    layout.font.size *= LARGE_SCREEN_SCALE;
    for (const edge of ["l", "b"]) layout.margin[edge] *= LARGE_SCREEN_SCALE;
  };

  /* How many time labels fit below an axis of `width` pixels. */
  app.timeLabelCount = function (width) {
    return Math.max(2, Math.min(MAX_LABELS, Math.floor(width / LABEL_WIDTH_PX)));
  };

  /* If there are two axes, each is named after its only line or its unit. */
  app.labelAxes = function (layout, metrics) {
    if (!layout.yaxis2) return;
    const titles = [layout.yaxis, layout.yaxis2].map((axis, side) => [axis, axisTitle(metrics.filter(({ right }) => right === (side === 1)))]);
    if (!layout.yaxis.title && titles.some(([, text]) => text)) {
      for (const edge of ["l", "r"]) layout.margin[edge] += AXIS_TITLE_PX;
    }
    for (const [axis, text] of titles) axis.title = { text, standoff: 4, font: { size: layout.font.size } };
  };

  function axisTitle(metrics) {
    const units = new Set(metrics.map(({ unit }) => unit));
    const unit = units.size === 1 ? [...units][0] : "";
    const label = metrics.length === 1 ? metrics[0].label : unit ? "" : metrics.slice(0, 2).map((metric) => metric.label).join(" · ");
    return app.escapeForPlotly(label && unit ? `${label}, ${unit}` : label || unit);
  }

  /* Leave space for a legend above the lines, and for a right axis. */
  app.fitMargins = function (layout, count) {
    layout.margin.t = count > 1 && count <= app.MAX_LEGEND_LINES ? 34 : 12;
    if (layout.yaxis2) layout.margin.r = layout.margin.l;
  };

  /* `overrides`: unit, low and high of the left axis, if the caller sets them. */
  app.fitYAxes = function (layout, metrics, overrides) {
    for (const [name, right] of [["yaxis", false], ["yaxis2", true]]) {
      const first = metrics.find((metric) => metric.right === right);
      if (first && layout[name]) Object.assign(layout[name], axisSettings(right ? first : { ...first, ...overrides }));
    }
  };

  function axisSettings({ unit, low, high }) {
    const bounded = low !== null && high !== null;
    const axis = bounded ? { range: [low, high * 1.01], autorange: false } : { autorange: true };
    if (!bounded) axis.rangemode = low === 0 ? "tozero" : "normal";
    // Otherwise an idle disk has an axis in thousandths of a byte.
    if (["B", "B/s"].includes(unit) && !bounded) axis.autorangeoptions = { include: 1000 };
    return { ...axis, ...app.axisFormat(unit) };
  }
})((window.dashapp = window.dashapp || {}));
