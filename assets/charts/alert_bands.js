/* Shades the times in which an alert fired, and marks the times when the clock was set. */
(function (app) {
  "use strict";

  /* Set the shapes of `layout`: those of the panel, and the bands and marks in `range`. */
  app.drawAlertBands = function (chart, layout, metrics, range) {
    const bands = chart.queue.alertBands(metrics.map(({ key }) => key), range);
    const marks = chart.queue.clockMarks.filter((time) => time > range[0] && time < range[1]);
    if (!bands.length && !marks.length && !chart.hasAlertBands) return;
    chart.hasAlertBands = bands.length + marks.length > 0;
    const shapes = [...bands.map(bandShape), ...marks.map(markShape)];
    layout.shapes = [...(chart.component.props.figure.layout.shapes ?? []), ...shapes];
  };

  function bandShape([from, to]) {
    const position = { xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1 };
    return { type: "rect", layer: "below", ...position, fillcolor: "#d5433a", opacity: 0.16, line: { width: 0 } };
  }

  function markShape(time) {
    const position = { xref: "x", yref: "paper", x0: time, x1: time, y0: 0, y1: 1 };
    return { type: "line", layer: "below", ...position, line: { width: 1, dash: "dot", color: "#d5433a" } };
  }
})((window.dashapp = window.dashapp || {}));
