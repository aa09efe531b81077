/* A chart of the user's own as text: for the address and for the settings file. */
(function (app) {
  "use strict";

  const DEFAULT_KIND = "line";
  const PREFIX = /^(right|kind|title):/;
  const MAX_METRICS = (app.MAX_CHART_METRICS = 64); // of a panel in the settings, and of one request
  const MAX_TITLE_LENGTH = (app.MAX_CHART_TITLE_LENGTH = 64);
  const MAX_KEY_LENGTH = 256;
  const MAX_FORMULA_KEY_LENGTH = 800;

  /* The kinds that a chart of one's own can have, with their names. */
  app.CHART_KINDS = { line: app.translate("Lines"), area: app.translate("Areas"), stacked: app.translate("Stacked"), bar: app.translate("Bars"), table: app.translate("Table") };

  /* `{kind, title, metrics, right}` as "cpu.percent,right:load.1min,kind:area". A comma separates keys, so one in a key is
     encoded, and so is a colon that looks like an option. */
  app.chartToText = function ({ kind, title, metrics, right }) {
    const options = [...(kind === DEFAULT_KIND ? [] : [`kind:${kind}`]), ...(title ? [`title:${encode(title)}`] : [])];
    return [...metrics.map(encode), ...right.map((key) => `right:${encode(key)}`), ...options].join(",");
  };

  /* The chart in such a text; null if it has no metric. Unknown kinds are ignored. */
  app.chartFromText = function (text) {
    const chart = { kind: DEFAULT_KIND, title: "", metrics: [], right: [] };
    for (const part of splitParts(String(text))) {
      const [, option = "metrics"] = PREFIX.exec(part) ?? [];
      const value = decode(option === "metrics" ? part : part.slice(option.length + 1));
      if (option === "title") chart.title = shorten(value);
      else if (option === "kind") chart.kind = Object.hasOwn(app.CHART_KINDS, value) ? value : DEFAULT_KIND;
      else if (value && value.length <= (app.isFormulaKey(value) ? MAX_FORMULA_KEY_LENGTH : MAX_KEY_LENGTH) && ![...chart.metrics, ...chart.right].includes(value)) chart[option].push(value);
    }
    const count = chart.metrics.length + chart.right.length;
    // The right axis is only beside a left one.
    if (!chart.metrics.length) chart.metrics = chart.right.splice(0);
    return count > 0 && count <= MAX_METRICS ? chart : null;
  };

  /* The parts between commas. Somebody may have written a link in which a formula has some in parentheses. */
  function splitParts(text) {
    const parts = [];
    for (const piece of text.split(",")) {
      const last = parts.at(-1) ?? "";
      const isOpen = app.isFormulaKey(last.replace(PREFIX, "")) && last.split("(").length > last.split(")").length;
      if (isOpen) parts[parts.length - 1] = `${last},${piece}`;
      else parts.push(piece);
    }
    return parts.filter(Boolean);
  }

  function shorten(title) {
    return Array.from(title.replace(/[\p{C}\p{Z}]/gu, " ").trim()).slice(0, MAX_TITLE_LENGTH).join("").trim();
  }

  function encode(text) {
    const plain = text.replace(/[%,]/g, encodeURIComponent);
    // A quoted name in a formula can have one parenthesis, which no comma may follow.
    const isOpen = app.isFormulaKey(text) && text.split("(").length > text.split(")").length;
    const encoded = isOpen ? plain.replaceAll("(", "%28") : plain;
    return PREFIX.test(encoded) ? encoded.replace(":", "%3A") : encoded;
  }

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch (error) {
      return text; // somebody wrote this link
    }
  }

  /* The title, or one from the names of the metrics. */
  app.chartTitle = function ({ title, metrics, right }, labelOf) {
    return title || shorten([...metrics, ...right].map(labelOf).join(", ")) || app.translate("Chart");
  };

  /* A table `[[panel]]` for the settings file, after a `[[metric]]` for each formula. */
  app.chartToToml = function (chart, labelOf) {
    const names = new Map();
    const tables = [...chart.metrics, ...chart.right].filter(app.isFormulaKey).map((key, index) => {
      const { name, formula, unit } = app.parseFormulaKey(key);
      names.set(key, name || `formula_${index + 1}`);
      return `[[metric]]\nname = ${quote(names.get(key))}\nformula = ${quote(formula)}\n${unit ? `unit = ${quote(unit)}\n` : ""}\n`;
    });
    const list = (keys) => `[${keys.map((key) => quote(names.get(key) ?? key)).join(", ")}]`;
    const title = app.chartTitle(chart, labelOf);
    const name = `yours-${app.foldText(title).replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "chart"}`.slice(0, MAX_TITLE_LENGTH);
    const lines = [
      ["name", quote(name)],
      ["title", quote(title)],
      ["kind", quote(chart.kind)],
      ["metrics", list(chart.metrics)],
      ...(chart.right.length ? [["right", list(chart.right)]] : []),
    ];
    return `${tables.join("")}[[panel]]\n${lines.map(([key, value]) => `${key} = ${value}\n`).join("")}`;
  };

  /* A basic string of TOML: as in JSON, except that it has no lone surrogates and no DEL. */
  function quote(text) {
    return JSON.stringify(text.toWellFormed()).replace(/\u007f/g, "\\u007f");
  }
})((window.dashapp = window.dashapp || {}));
