/* Charts as one PNG with their titles, in the colours of the current theme. */
(function (app) {
  "use strict";

  const CHART_WIDTH = 900;
  const CHART_HEIGHT = 320;
  const TITLE_HEIGHT = 36;
  const HEADER_HEIGHT = 44;
  const SCALE = 2; // pixels of the picture in a pixel of the page

  /* A data URL of the PNG; more than two charts are placed in two columns. */
  app.renderPng = async function (charts, view, metricsOf) {
    const style = getComputedStyle(document.documentElement);
    const themeColour = (name) => resolveColour(style.getPropertyValue(name).trim());
    const columns = charts.length > 2 ? 2 : 1;
    const rows = Math.ceil(charts.length / columns);
    const canvas = app.createElement("canvas", {
      width: columns * CHART_WIDTH * SCALE,
      height: (HEADER_HEIGHT + rows * (CHART_HEIGHT + TITLE_HEIGHT)) * SCALE,
    });
    const context = canvas.getContext("2d");
    context.scale(SCALE, SCALE);
    context.fillStyle = themeColour("--card");
    context.fillRect(0, 0, canvas.width, canvas.height);
    drawText(context, app.formatRange(view.range), 16, 28, themeColour("--quiet"), "14px");
    for (const [index, chart] of charts.entries()) {
      const left = (index % columns) * CHART_WIDTH;
      const top = HEADER_HEIGHT + Math.floor(index / columns) * (CHART_HEIGHT + TITLE_HEIGHT);
      drawText(context, app.panelTitle(chart.section), left + 16, top + 24, themeColour("--text"), "600 17px");
      const nameLeft = left + 16 + context.measureText(app.panelTitle(chart.section)).width;
      context.save();
      context.translate(left, top + TITLE_HEIGHT);
      const lines = await chart.paintPicture(context, { width: CHART_WIDTH, height: CHART_HEIGHT }, view, metricsOf(chart.panel), themeColour);
      context.restore();
      drawNames(context, lines, nameLeft, top + 24, left + CHART_WIDTH - 16, themeColour("--quiet"));
    }
    return canvas.toDataURL("image/png");
  };

  function drawText(context, text, left, top, colour, font) {
    context.fillStyle = colour;
    context.font = `${font} system-ui, sans-serif`;
    context.fillText(text, left, top);
  }

  /* Names of several lines after a title, as far as they fit. */
  function drawNames(context, lines, left, baseline, right, colour) {
    if (lines.length < 2) return;
    context.font = "13px system-ui, sans-serif";
    for (const line of lines) {
      const name = app.isolateText(app.shortenText(line.metric.label.trim() || line.metric.key, 30));
      const width = context.measureText(name).width;
      if (left + 40 + width > right) break;
      context.fillStyle = app.markColour(line);
      context.fillRect(left + 20, baseline - 9, 10, 10);
      context.fillStyle = colour;
      context.fillText(name, left + 36, baseline);
      left += 36 + width;
    }
  }

  /* Resolve "light-dark(a, b)" for the current theme. */
  function resolveColour(value) {
    const probe = app.createElement("span", {});
    probe.style.color = value;
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }
})((window.dashapp = window.dashapp || {}));
