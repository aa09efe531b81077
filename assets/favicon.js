/* The tab's icon: a line in the colour of what is so. */
(function (app) {
  "use strict";

  const COLOURS = { live: "#009e73", paused: "#0091d5", stale: "#e69f00", offline: "#b3261e", broken: "#d55e00" };
  let shown = null;

  app.setFavicon = function (state) {
    if (state === shown) return;
    shown = state;
    const line = state === "offline" ? "M4 24h24" : "M3 22l7-7 5 5 6-13 4 9h4";
    const mark = state === "broken" ? '<circle cx="25" cy="7" r="6"/>' : "";
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="${COLOURS[state]}"><path d="${line}" fill="none" stroke="${COLOURS[state]}" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/>${mark}</svg>`;
    const link = document.querySelector("link[rel~=icon]");
    link.type = "image/svg+xml";
    link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  };
})((window.dashapp = window.dashapp || {}));
