/* What this browser remembers of its viewer's choices. Whatever else it finds in its place is forgotten. */
(function (app) {
  "use strict";

  const STORAGE_KEY = "dashapp";
  const VERSION = 1;
  const VALIDATORS = { order: Array.isArray, hidden: Array.isArray, large: Array.isArray, theme: (value) => typeof value === "string" };

  /* `{order, hidden, large (lists of panels' names), theme}`, as far as they were ever chosen. */
  app.readPreferences = function () {
    let stored = null;
    try {
      stored = JSON.parse(window.localStorage.getItem(STORAGE_KEY));
    } catch (error) {
      return {}; // none of ours, or a browser that keeps nothing
    }
    if (stored === null || typeof stored !== "object" || stored.version !== VERSION) return {};
    return Object.fromEntries(Object.entries(VALIDATORS).filter(([name, isValid]) => isValid(stored[name])).map(([name]) => [name, stored[name]]));
  };

  app.writePreferences = function (changes) {
    try {
      window.localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...app.readPreferences(), ...changes, version: VERSION }));
    } catch (error) {
      // A browser that keeps nothing shows the same for as long as the page is open.
    }
  };
})((window.dashapp = window.dashapp || {}));
