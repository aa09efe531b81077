/* Charts as one PNG, each with its title, in the colours of the page's theme. */
(function (app) {
  "use strict";

  const WIDTH = 900;
  const HEIGHT = 320;
  const TITLE = 36;
  const HEAD = 44;
  const SCALE = 2;

  /* The address of a PNG of `charts` over `view`; two side by side where there are many. */
  app.picture = async function (charts, view, metricsOf) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const columns = charts.length > 2 ? 2 : 1;
    const rows = Math.ceil(charts.length / columns);
    const canvas = app.element("canvas", {
      width: columns * WIDTH * SCALE,
      height: (HEAD + rows * (HEIGHT + TITLE)) * SCALE,
    });
    const pen = canvas.getContext("2d");
    pen.scale(SCALE, SCALE);
    pen.fillStyle = resolved(colour("--card"));
    pen.fillRect(0, 0, canvas.width, canvas.height);
    write(pen, `${app.fullMoment(view.range[0])} – ${app.fullMoment(view.range[1])}`, 16, 28, resolved(colour("--quiet")), "14px");
    for (const [place, chart] of charts.entries()) {
      const left = (place % columns) * WIDTH;
      const top = HEAD + Math.floor(place / columns) * (HEIGHT + TITLE);
      write(pen, app.panelTitle(chart.section), left + 16, top + 24, resolved(colour("--text")), "600 17px");
      const figure = chart.figure(view.series, metricsOf(chart.panel), view.range, WIDTH, view.curves);
      const image = new Image();
      image.src = await window.Plotly.toImage(themed(figure, colour), { format: "png", width: WIDTH, height: HEIGHT, scale: SCALE });
      await image.decode();
      pen.drawImage(image, left, top + TITLE, WIDTH, HEIGHT);
    }
    return canvas.toDataURL("image/png");
  };

  function write(pen, text, left, top, colour, font) {
    pen.fillStyle = colour;
    pen.font = `${font} system-ui, sans-serif`;
    pen.fillText(text, left, top);
  }

  /* On the page these colours are the style sheet's, which a picture does not see. */
  function themed({ data, layout }, colour) {
    layout.font.color = resolved(colour("--quiet"));
    layout.paper_bgcolor = layout.plot_bgcolor = resolved(colour("--card"));
    layout.yaxis.gridcolor = resolved(colour("--line"));
    for (const shape of layout.shapes ?? []) shape.line.color = resolved(colour("--warn"));
    return { data, layout, config: { staticPlot: true } };
  }

  /* "light-dark(a, b)" as the one of both that is seen. */
  function resolved(value) {
    const probe = app.element("span", {});
    probe.style.color = value;
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }
})((window.dashapp = window.dashapp || {}));
