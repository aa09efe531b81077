/* The field for a formula in the dialog of a chart. */
(function (app) {
  "use strict";

  app.FormulaField = class {
    /* `formulas`: an app.ChartFormulas; `onFormula(key)` gets each valid formula. */
    constructor(formulas, onFormula) {
      this.formulas = formulas;
      this.onFormula = onFormula;
      this.input = app.createElement("input", { type: "text", maxLength: 700, placeholder: "rate = 100 * hits / (hits + misses) [%]", autocomplete: "off", spellcheck: false });
      this.input.setAttribute("aria-describedby", "formula-problem");
      this.problem = app.createElement("p", { className: "wrong", role: "alert", id: "formula-problem" });
      const add = app.createElement("button", { type: "submit", className: "plain" }, app.translate("Add formula"));
      this.element = app.createElement("form", { className: "range formula" }, app.createElement("label", {}, app.translate("Formula "), this.input), add, this.problem);
      this.element.addEventListener("submit", (event) => {
        event.preventDefault();
        this.submit();
      });
      this.input.addEventListener("input", () => this.show(""));
    }

    /* Pass the formula on; resolves to whether none is left in the field. */
    async submit() {
      const text = this.input.value.trim();
      if (!text) return true;
      const problem = await this.formulas.validate(`=${text}`);
      if (this.input.value.trim() !== text) return false; // changed meanwhile
      this.show(problem);
      if (problem) {
        this.input.focus();
        return false;
      }
      this.input.value = "";
      this.onFormula(`=${text}`);
      return true;
    }

    edit(key) {
      this.input.value = app.formulaText(key);
      this.show("");
      this.input.focus();
    }

    show(sentence) {
      app.setText(this.problem, sentence);
      this.input.setAttribute("aria-invalid", String(Boolean(sentence)));
    }
  };
})((window.dashapp = window.dashapp || {}));
