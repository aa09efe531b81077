/* The texts of empty panels, which the style sheets show (panels.css, layout.css). */
(function (app) {
  "use strict";

  const quote = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;
  const TEXTS = {
    "--waiting": quote(app.translate("Waiting for data")),
    "--no-data-yet": `${quote(app.translate("No data yet."))} "\\A" ${quote(app.translate("Start a collector: {command}", { command: "python -m dashapp collect" }))}`,
    "--no-data-in-range": quote(app.translate("No data in this time range")),
    "--all-hidden": quote(app.translate("All panels are hidden. Choose “Panels” in the menu to show them.")),
  };

  for (const [name, text] of Object.entries(TEXTS)) document.documentElement.style.setProperty(name, text);
})((window.dashapp = window.dashapp || {}));
