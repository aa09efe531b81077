/* Shades the times in which an alert fired. */
(function (app) {
  "use strict";

  /* Set the shapes of `layout`: those of the panel, and one band for each alert in `range`. */
  app.drawAlertBands = function (chart, layout, metrics, range) {
    const bands = chart.queue.alertBands(metrics.map(({ key }) => key), range);
    if (!bands.length && !chart.hasAlertBands) return;
    chart.hasAlertBands = bands.length > 0;
    layout.shapes = [...(chart.component.props.figure.layout.shapes ?? []), ...bands.map(bandShape)];
  };

  function bandShape([from, to]) {
    const position = { xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1 };
    return { type: "rect", layer: "below", ...position, fillcolor: "#d5433a", opacity: 0.16, line: { width: 0 } };
  }
})((window.dashapp = window.dashapp || {}));
