/* What is around a chart's lines: its margins, the times below it. Knows Plotly's layout and no graph. */
(function (app) {
  "use strict";

  const LABEL_PX = 65; // a time's width, and air
  const MOST_LABELS = 7;
  const FROM_AFAR = 1.4;

  /* For `range`, on axes so many pixels wide. */
  app.layOut = function (layout, range, width) {
    layout.xaxis.range = range.slice();
    layout.xaxis.nticks = app.labels(width);
    app.enlarge(layout);
  };

  /* What is read from afar. */
  app.enlarge = function (layout) {
    if (!window.matchMedia("(min-width: 2400px)").matches) return;
    layout.font.size *= FROM_AFAR;
    for (const side of ["l", "b"]) layout.margin[side] *= FROM_AFAR;
  };

  /* How many times fit below a chart so many pixels wide. */
  app.labels = function (width) {
    return Math.max(2, Math.min(MOST_LABELS, Math.floor(width / LABEL_PX)));
  };

  /* Above the lines, for their legend where there is one. */
  app.makeRoom = function (layout, count) {
    layout.margin.t = count > 1 && count <= app.MOST_IN_LEGEND ? 34 : 12;
    if (layout.yaxis2) layout.margin.r = layout.margin.l;
  };
})((window.dashapp = window.dashapp || {}));
