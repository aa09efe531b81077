/* A Plotly figure as a picture on a canvas. */
(function (app) {
  "use strict";

  const SCALE = 2; // pixels of a picture in a pixel of the page

  /* Paint `figure` over what is on the canvas. `theme(name)`: colours that the style sheet sets on the page. */
  app.paintFigure = async function (context, { data, layout }, { width, height }, theme) {
    layout.font.color = theme("--quiet");
    layout.yaxis.gridcolor = theme("--line");
    const image = new Image();
    const figure = { data, layout, config: { staticPlot: true } };
    image.src = await window.Plotly.toImage(figure, { format: "png", width, height, scale: SCALE });
    await image.decode();
    context.drawImage(image, 0, 0, width, height);
  };
})((window.dashapp = window.dashapp || {}));
