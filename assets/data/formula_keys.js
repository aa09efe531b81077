/* Keys of formulas: "=" and the text, such as "=rate = hits / (hits + misses) [%]". When hosts are compared, "HOST/" precedes it.
   The server parses and computes them; here are only the parts that the page shows. */
(function (app) {
  "use strict";

  const KEY = /^(?:[A-Za-z0-9._-]{1,64}\/)?=/;
  const TEXT = /^\s*(?:(?:`([^`]+)`|([^`=]+?))\s*=)?([\s\S]*?)(?:\s*\[\s*(1\/s|[^\s\d[\]][^[\]]*?)\s*\]\s*)?$/u;
  const NAME = /`([^`]+)`|(?<![\p{L}\p{N}_.])([\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*)(?![\p{L}\p{N}_.])(?!\s*\()/gu;
  const PART = /`[^`]*`|[\p{L}\p{N}_.]+|\*\*|\/\/|[-+*/%]/gu;

  app.isFormulaKey = function (key) {
    return KEY.test(key);
  };

  app.formulaText = function (key) {
    return key.replace(KEY, "").toWellFormed();
  };

  /* `{name, formula, unit}` of a key; the name is empty if it has none. */
  app.parseFormulaKey = function (key) {
    const [, quoted, plain, formula, unit = ""] = TEXT.exec(app.formulaText(key).trim());
    return { name: (quoted ?? plain ?? "").trim(), formula: formula.trim(), unit };
  };

  /* The metrics in the formula of a key. */
  app.formulaInputs = function (key) {
    return [...new Set([...app.parseFormulaKey(key).formula.matchAll(NAME)].map(([, quoted, plain]) => quoted ?? plain))];
  };

  /* Whether a comma would end the formula in a list. */
  app.hasOuterComma = function (key) {
    let depth = 0;
    for (const symbol of app.formulaText(key).replace(/`[^`]*`/g, "")) {
      if (symbol === "(") depth += 1;
      else if (symbol === ")") depth -= 1;
      else if (symbol === "," && depth <= 0) return true;
    }
    return false;
  };

  /* At least the parts that the server counts. */
  app.countFormulaParts = function (key) {
    return (app.parseFormulaKey(key).formula.match(PART) ?? []).length;
  };
})((window.dashapp = window.dashapp || {}));
