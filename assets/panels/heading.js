/* The heading of each panel: a title, what it is of, and an empty element for the newest values. */
(function (app) {
  "use strict";

  /* Dash compares every component of its own after each change, so these elements are not Dash's. */
  app.addHeadings = function () {
    for (const section of document.querySelectorAll("main .panel[data-title]")) {
      const { title, of } = section.dataset;
      const value = app.createElement("output", { className: "value", "aria-live": "off" });
      const texts = [["title", title], ["of", of]].map(([className, text]) => app.createElement("span", { className }, text));
      section.prepend(app.createElement("h2", {}, ...texts, value));
    }
  };
})((window.dashapp = window.dashapp || {}));
