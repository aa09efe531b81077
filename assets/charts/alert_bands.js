/* Marks when alerts fired with a stripe above the plot, and when the clock was set. The limits of these alerts are red. */
(function (app) {
  "use strict";

  const STRIPE_PX = [1, 5]; // bottom and top, above the plot
  const MARK_POSITION = { xref: "x", yref: "paper", y0: 0, y1: 1 };

  /* Set the shapes of `layout`: those of the panel, and the stripes and marks in `range`. */
  app.drawAlertBands = function (chart, layout, metrics, range) {
    const bands = (chart.bands = chart.queue.alertBands(metrics.map(({ key }) => key), range));
    const marks = chart.queue.clockMarks.filter((time) => time > range[0] && time < range[1]);
    if (!bands.length && !marks.length && !chart.hasAlertBands) return;
    chart.hasAlertBands = bands.length + marks.length > 0;
    const limits = (chart.component.props.figure.layout.shapes ?? []).map((shape) => limitShape(shape, bands));
    layout.shapes = [...limits, ...bands.map(stripeShape), ...marks.map(markShape)];
  };

  /* Paint the parts of lines beyond the limits of alerts. */
  app.drawBeyondLimits = function (chart, context, size) {
    for (const band of chart.bands ?? []) {
      const index = chart.lines.findIndex(({ part, metric }) => part === "y" && metric.key === band.metric);
      const [line, trace] = [chart.lines[index], chart.gd.data[index]];
      if (band.limit === null || !line || line.style === "stacked" || trace?.meta !== line.meta || trace.visible === "legendonly") continue;
      app.paintBeyondLimit(context, size, { times: trace.x, values: trace.y }, band, chart.scales(line));
    }
  };

  function limitShape(shape, bands) {
    const isFiring = bands.some(({ limit }) => limit === shape.y0);
    return isFiring ? { ...shape, line: { ...shape.line, color: app.ALERT_COLOUR } } : shape;
  }

  function stripeShape({ from, to }) {
    const [y0, y1] = STRIPE_PX;
    const position = { xref: "x", x0: from, x1: to, yref: "paper", ysizemode: "pixel", yanchor: 1, y0, y1 };
    return { type: "rect", layer: "above", ...position, fillcolor: app.ALERT_COLOUR, line: { width: 1, color: app.ALERT_COLOUR } };
  }

  function markShape(time) {
    return { type: "line", layer: "below", ...MARK_POSITION, x0: time, x1: time, line: { width: 1, dash: "dot", color: app.ALERT_COLOUR } };
  }
})((window.dashapp = window.dashapp || {}));
