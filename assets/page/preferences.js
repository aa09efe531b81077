/* What this browser remembers of its viewer's choices. Whatever else it finds in its place is forgotten. */
(function (app) {
  "use strict";

  const NAME = "dashapp";
  const VERSION = 1;
  const SHAPE = { order: Array.isArray, hidden: Array.isArray, large: Array.isArray, theme: (it) => typeof it === "string" };

  /* `{order, hidden, large (lists of panels' names), theme}`, as far as they were ever chosen. */
  app.readPreferences = function () {
    let stored = null;
    try {
      stored = JSON.parse(window.localStorage.getItem(NAME));
    } catch (error) {
      return {}; // none of ours, or a browser that keeps nothing
    }
    if (stored === null || typeof stored !== "object" || stored.version !== VERSION) return {};
    return Object.fromEntries(Object.entries(SHAPE).filter(([name, fits]) => fits(stored[name])).map(([name]) => [name, stored[name]]));
  };

  app.writePreferences = function (chosen) {
    try {
      window.localStorage.setItem(NAME, JSON.stringify({ ...app.readPreferences(), ...chosen, version: VERSION }));
    } catch (error) {
      // A browser that keeps nothing shows the same for as long as the page is open.
    }
  };
})((window.dashapp = window.dashapp || {}));
