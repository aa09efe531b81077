/* Patterns of metric keys: `*` is anything, `?` one character, all else itself. The server reads them the same way. */
(function (app) {
  "use strict";

  // What a question may hold; past that it asks for everything.
  const MAX_PATTERNS = 64;
  const MAX_QUERY_LENGTH = 3000;
  const regExpCache = new Map();

  function toRegExp(pattern) {
    if (!regExpCache.has(pattern)) {
      const text = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
      regExpCache.set(pattern, new RegExp(`^${text}$`, "s"));
    }
    return regExpCache.get(pattern);
  }

  /* The metrics that the patterns mean, in the patterns' order. */
  app.matchMetrics = function (metrics, patterns) {
    return patterns.flatMap((pattern) => metrics.filter((metric) => toRegExp(pattern).test(metric.key)));
  };

  /* Those of `columns`, by their keys. */
  app.filterColumns = function (columns, patterns) {
    const keys = Object.keys(columns).filter((key) => patterns.some((pattern) => toRegExp(pattern).test(key)));
    return Object.fromEntries(keys.map((key) => [key, columns[key]]));
  };

  /* As more of a query: "" where there are none, or too many. */
  app.likeParam = function (patterns) {
    // A comma is what separates them; whatever else they mean is left out by who asked.
    const all = [...new Set(patterns)].map((pattern) => pattern.replace(/,/g, "?"));
    const text = encodeURIComponent(all.join());
    return all.length && all.length <= MAX_PATTERNS && text.length <= MAX_QUERY_LENGTH ? `&like=${text}` : "";
  };
})((window.dashapp = window.dashapp || {}));
