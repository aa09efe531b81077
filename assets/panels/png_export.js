/* Charts as one PNG with their titles, in the colours of the current theme. */
(function (app) {
  "use strict";

  const CHART_WIDTH = 900;
  const CHART_HEIGHT = 320;
  const TITLE_HEIGHT = 36;
  const HEADER_HEIGHT = 44;
  const SCALE = 2;

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
      const figure = chart.buildFigure(view.series, metricsOf(chart.panel), view.range, CHART_WIDTH, view.curves);
      const image = new Image();
      image.src = await window.Plotly.toImage(applyTheme(figure, themeColour), { format: "png", width: CHART_WIDTH, height: CHART_HEIGHT, scale: SCALE });
      await image.decode();
      context.drawImage(image, left, top + TITLE_HEIGHT, CHART_WIDTH, CHART_HEIGHT);
    }
    return canvas.toDataURL("image/png");
  };

  function drawText(context, text, left, top, colour, font) {
    context.fillStyle = colour;
    context.font = `${font} system-ui, sans-serif`;
    context.fillText(text, left, top);
  }

  /* On the page, the style sheet sets these colours; an image does not use it. */
  function applyTheme({ data, layout }, themeColour) {
    layout.font.color = themeColour("--quiet");
    layout.paper_bgcolor = layout.plot_bgcolor = themeColour("--card");
    layout.yaxis.gridcolor = themeColour("--line");
    return { data, layout, config: { staticPlot: true } };
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
