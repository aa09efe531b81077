/* Preferences in localStorage. Invalid values are ignored. */
(function (app) {
  "use strict";

  const STORAGE_KEY = "dashapp";
  const VERSION = 1;
  const isText = (value) => typeof value === "string";
  const VALIDATORS = {
    order: Array.isArray,
    hidden: Array.isArray,
    large: Array.isArray,
    collapsed: Array.isArray,
    byDevice: Array.isArray,
    charts: Array.isArray,
    theme: isText,
    tz: isText,
    statistics: (value) => typeof value === "boolean",
    usual: (value) => typeof value === "boolean",
    views: (value) => value !== null && typeof value === "object" && !Array.isArray(value),
  };

  /* `{order, hidden, large, byDevice (lists of panel names), collapsed (names of groups), charts (list of texts), theme,
     tz, statistics, usual, views (lists of options by panel name)}`, each only if stored. */
  app.readPreferences = function () {
    let stored = null;
    try {
      stored = JSON.parse(window.localStorage.getItem(STORAGE_KEY));
    } catch (error) {
      return {}; // no JSON, or storage is blocked
    }
    if (stored === null || typeof stored !== "object" || stored.version !== VERSION) return {};
    return Object.fromEntries(Object.entries(VALIDATORS).filter(([name, isValid]) => isValid(stored[name])).map(([name]) => [name, stored[name]]));
  };

  app.writePreferences = function (changes) {
    try {
      window.localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...app.readPreferences(), ...changes, version: VERSION }));
    } catch (error) {
      // Without storage, preferences last until the page is closed.
    }
  };
})((window.dashapp = window.dashapp || {}));
