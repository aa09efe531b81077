/* Patterns of metric keys: `*` matches any text, `?` one character. Must match the server's. The key of a formula matches itself. */
(function (app) {
  "use strict";

  // Limits of a request; above them it asks for all metrics.
  const MAX_PATTERNS = 64;
  const MAX_QUERY_LENGTH = 3000;
  const MAX_WILDCARDS = 64;

  /* Whether a pattern matches all of `text`. Only the last `*` can grow: as a regular expression, a pattern of twenty wildcards
     in a link would stop the page for minutes. */
  function matchesPattern(pattern, text) {
    let index = 0;
    let position = 0;
    let star = -1;
    let start = 0;
    while (position < text.length) {
      if (pattern[index] === "*") {
        star = index++;
        start = position;
      } else if (pattern[index] === "?" || pattern[index] === text[position]) {
        index++;
        position++;
      } else if (star >= 0) {
        index = star + 1;
        position = ++start;
      } else return false;
    }
    while (pattern[index] === "*") index++;
    return index === pattern.length;
  }

  /* A function that is true for the keys that match. */
  function matcherOf(pattern) {
    const isLiteral = app.isFormulaKey(pattern) || !/[*?]/.test(pattern);
    return isLiteral ? (key) => key === pattern : (key) => matchesPattern(pattern, key);
  }

  /* The metrics that match, in the order of the patterns. */
  app.matchMetrics = function (metrics, patterns) {
    return patterns.map(matcherOf).flatMap((matches) => metrics.filter((metric) => matches(metric.key)));
  };

  /* The columns with a matching key. */
  app.filterColumns = function (columns, patterns) {
    const matchers = patterns.map(matcherOf);
    const keys = Object.keys(columns).filter((key) => matchers.some((matches) => matches(key)));
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
