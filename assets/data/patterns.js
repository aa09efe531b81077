/* Patterns of metric keys: `*` matches any text, `?` one character. Must match the server's. The key of a formula matches itself. */
(function (app) {
  "use strict";

  // Limits of a request; above them it asks for all metrics.
  const MAX_PATTERNS = 64;
  const MAX_QUERY_LENGTH = 3000;
  const MAX_WILDCARDS = 64;
  const regExpCache = new Map();

  function toRegExp(pattern) {
    if (!regExpCache.has(pattern)) {
      const literal = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
      const text = app.isFormulaKey(pattern) ? literal.replace(/[*?]/g, "\\$&") : literal.replace(/\*/g, ".*").replace(/\?/g, ".");
      regExpCache.set(pattern, new RegExp(`^${text}$`, "s"));
    }
    return regExpCache.get(pattern);
  }

  /* The metrics that match, in the order of the patterns. */
  app.matchMetrics = function (metrics, patterns) {
    return patterns.flatMap((pattern) => metrics.filter((metric) => toRegExp(pattern).test(metric.key)));
  };

  /* The columns with a matching key. */
  app.filterColumns = function (columns, patterns) {
    const keys = Object.keys(columns).filter((key) => patterns.some((pattern) => toRegExp(pattern).test(key)));
    return Object.fromEntries(keys.map((key) => [key, columns[key]]));
  };

  /* Query parameter for these patterns, in one of `count` queries of a request; "" (all metrics) if there are none
     or too many. */
  app.likeParam = function (patterns, count) {
    // Commas separate the patterns. `?` may match more; the subscription drops the rest.
    const all = [...new Set(patterns)].map((pattern) => pattern.replace(/,/g, "?"));
    const text = encodeURIComponent(all.join());
    const wildcards = all.join("").match(/[*?]/g)?.length ?? 0;
    const fits = all.length <= MAX_PATTERNS && text.length <= MAX_QUERY_LENGTH && wildcards * count <= MAX_WILDCARDS;
    return all.length && fits ? `&like=${text}` : "";
  };
})((window.dashapp = window.dashapp || {}));
