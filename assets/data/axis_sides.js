/* Two axes for metrics of several units. */
(function (app) {
  "use strict";

  /* Whether panels of a kind have no axes. */
  app.isBarTable = function (kind) {
    return kind === "bar" || kind === "table";
  };

  /* `{drawn, omitted}`: the metrics of a chart, each with `right`, and those that it has no axis for. `spec`: its patterns and
     its kind; `rightMetrics`: those that its patterns put on the right. If it puts none there, the first unit is on the left
     and the next one on the right. The metrics of a third unit are on the right if their keys are in the patterns. `hasChosenSides`: the user built the chart. */
  app.chooseSides = function ({ kind, metrics: patterns, right, scale, hasChosenSides = false }, metrics, rightMetrics) {
    const units = [...new Set(metrics.map(({ unit }) => unit))];
    if (!patterns.length || right.length || hasChosenSides || scale?.unit || units.length < 2 || ["bar", "table"].includes(kind)) {
      return { drawn: metrics.map((metric) => ({ ...metric, right: rightMetrics.has(metric) })), omitted: [] };
    }
    const named = new Set(app.matchMetrics(metrics, patterns.filter((pattern) => !/[*?]/.test(pattern))));
    const [leftUnit] = units;
    const isOther = ({ unit }) => unit !== leftUnit;
    const rightUnit = [...metrics.filter((metric) => named.has(metric)), ...metrics].find(isOther).unit;
    const omitted = metrics.filter((metric) => isOther(metric) && metric.unit !== rightUnit && !named.has(metric));
    const drawn = metrics.filter((metric) => !omitted.includes(metric)).map((metric) => ({ ...metric, right: isOther(metric) }));
    return { drawn, omitted };
  };

  /* Names the metrics that a chart omits; empty if there are none. */
  app.describeOmitted = function (metrics) {
    const names = metrics.map(({ label, unit }) => (unit ? `${label} (${unit})` : label));
    const shown = names.length > 4 ? [...names.slice(0, 3), app.translate("{count} more", { count: app.formatCount(names.length - 3) })] : names;
    return names.length ? app.translate("A chart has two axes; not drawn: {names}.", { names: shown.join(", ") }) : "";
  };
})((window.dashapp = window.dashapp || {}));
