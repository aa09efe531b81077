/* Patterns of metric keys: `*` is anything, `?` one character, all else itself. The server reads them the same way. */
(function (app) {
  "use strict";

  // What a question may hold; past that it asks for everything.
  const MOST = 64;
  const LONGEST = 3000;
  const known = new Map();

  function meant(pattern) {
    if (!known.has(pattern)) {
      const text = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
      known.set(pattern, new RegExp(`^${text}$`, "s"));
    }
    return known.get(pattern);
  }

  /* The metrics that the patterns mean, in the patterns' order. */
  app.matchMetrics = function (metrics, patterns) {
    return patterns.flatMap((pattern) => metrics.filter((metric) => meant(pattern).test(metric.key)));
  };

  /* Those of `columns`, by their keys. */
  app.filterColumns = function (columns, patterns) {
    const keys = Object.keys(columns).filter((key) => patterns.some((pattern) => meant(pattern).test(key)));
    return Object.fromEntries(keys.map((key) => [key, columns[key]]));
  };

  /* As more of a query: "" where there are none, or too many. */
  app.likeParam = function (patterns) {
    // A comma is what separates them; whatever else they mean is left out by who asked.
    const all = [...new Set(patterns)].map((pattern) => pattern.replace(/,/g, "?"));
    const text = encodeURIComponent(all.join());
    return all.length && all.length <= MOST && text.length <= LONGEST ? `&like=${text}` : "";
  };
})((window.dashapp = window.dashapp || {}));
