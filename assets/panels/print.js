/* Charts on paper: as wide as a card there. Plotly does not follow the page while the browser prints. */
(function (app) {
  "use strict";

  const MAX_DELAY = 0.05; // of the range
  const SIZE_PX = { width: 678, height: 240 }; // must match the style sheet

  app.listenForPrint = function (liveView) {
    let onPaper = false;
    const show = (isPrint) => {
      if (isPrint === onPaper) return;
      onPaper = isPrint;
      showTitle(isPrint, liveView);
      for (const chart of liveView.charts) {
        chart.section.classList.toggle("outdated", isPrint && isOutdated(chart, liveView.shownRange));
        // A graph that left the screen before it was ready is not known to its chart.
        resize(chart.section.querySelector(".js-plotly-plot"), isPrint);
      }
    };
    window.addEventListener("beforeprint", () => show(true));
    window.addEventListener("afterprint", () => show(false));
    window.matchMedia("print").addEventListener("change", ({ matches }) => show(matches));
  };

  /* Whether a chart shows another range, because it left the screen. A chart on screen is late by some ticks at most. */
  function isOutdated({ expected }, [start, end]) {
    const [drawnStart, drawnEnd] = expected?.range ?? [start, end];
    const tolerance = MAX_DELAY * (end - start);
    return Math.abs(drawnStart - start) > tolerance || Math.abs(drawnEnd - end) > tolerance;
  }

  /* The bar is not printed: a line with its host and time is. */
  function showTitle(isPrint, liveView) {
    document.getElementById("paper-title")?.remove();
    if (!isPrint || !liveView.hasResponse) return;
    const host = document.querySelector("h1")?.firstChild?.textContent ?? "";
    const zone = app.timeZoneName() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    const title = app.createElement("p", { id: "paper-title" }, [host, app.formatRange(liveView.shownRange), zone].filter(Boolean).join(" · "));
    document.querySelector("main").before(title);
  }

  function resize(gd, isPrint) {
    if (!gd?.layout) return;
    if (isPrint) {
      Object.assign(gd.layout, SIZE_PX);
      // Paper is white in any theme. The next draw restores the colours.
      const { colorway, meta } = gd.layout;
      for (const { line } of gd.data) line.color = colorway[meta?.darkColorway.indexOf(line.color)] ?? line.color;
    }
    else for (const side of Object.keys(SIZE_PX)) delete gd.layout[side];
    window.Plotly.redraw(gd);
    if (!isPrint) window.Plotly.Plots.resize(gd);
  }
})((window.dashapp = window.dashapp || {}));
