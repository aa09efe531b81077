/* Axes of a chart: margins, time labels and titles. */
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
    layout.font.size *= app.wallScale();
    for (const edge of ["l", "b"]) layout.margin[edge] *= app.wallScale();
  };

  app.wallScale = function () {
    return window.matchMedia("(min-width: 2400px)").matches ? LARGE_SCREEN_SCALE : 1;
  };

  /* How many time labels fit below an axis of `width` pixels. */
  app.timeLabelCount = function (width) {
    return Math.max(2, Math.min(MAX_LABELS, Math.floor(width / LABEL_WIDTH_PX)));
  };

  /* Add a right axis if a metric needs it. */
  app.addRightAxis = function (layout, metrics, rightAxis) {
    if (rightAxis && metrics.some(({ right }) => right)) layout.yaxis2 ??= structuredClone(rightAxis);
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

  /* Leave space above the lines, and for a right axis. */
  app.fitMargins = function (layout) {
    layout.margin.t = 12;
    if (layout.yaxis2) layout.margin.r = layout.margin.l;
  };
})((window.dashapp = window.dashapp || {}));
