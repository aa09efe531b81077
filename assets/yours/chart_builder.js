/* The dialog to build a chart, and the menu of one. */
(function (app) {
  "use strict";

  /* Build a chart on `page`; or change the one named `edited`. */
  app.openChartBuilder = function (page, edited = null) {
    new ChartBuilder(page, edited).open();
  };

  /* The menu items of the chart `name`; none if it is a panel of the server. */
  app.builtChartItems = function (page, name) {
    const built = page.builtCharts.get(name);
    if (!built) return [];
    return [
      { text: app.translate("Change the chart"), run: () => app.openChartBuilder(page, name) },
      { text: app.translate("Copy as [[panel]]"), run: async () => page.toast.show(await copyToml(page, built.chart)) },
      { text: app.translate("Remove"), run: () => page.builtCharts.remove(name) },
    ];
  };

  /* Return a sentence about it. */
  async function copyToml({ builtCharts }, chart) {
    const text = app.chartToToml(chart, (key) => builtCharts.labelOf(key));
    return (await app.copyToClipboard(text)) ? app.translate("Copied. Add it to the settings file dashapp.toml.") : app.translate("Could not copy it. Copy it here: {text}", { text });
  }

  class ChartBuilder {
    constructor(page, edited) {
      this.page = page;
      this.edited = edited;
      const chart = page.builtCharts.get(edited)?.chart ?? { kind: "line", title: "", metrics: [], right: [] };
      this.kind = chart.kind;
      this.title = chart.title;
      // In their order, each with its axis.
      this.chosen = [...chart.metrics.map((key) => ({ key, right: false })), ...chart.right.map((key) => ({ key, right: true }))];
      this.metrics = page.liveView.catalog.metrics;
      const entries = [...this.metrics.values()].filter(({ isFormula }) => !isFormula).map((metric) => ({ kind: "metric", title: metric.label || metric.key, detail: metric.key, key: metric.unit, metric }));
      this.index = new app.SearchIndex(entries);
    }

    open() {
      this.results = new app.ResultList(app.translate("Add a metric"), "builder-results", (text) => this.find(text), ({ metric }) => this.add(metric));
      this.results.input.placeholder = app.translate("Add a metric");
      this.formula = new app.FormulaField(this.page.builtCharts.formulas, (key) => this.addFormula(key));
      this.list = app.createElement("ul", { className: "chosen", "aria-label": app.translate("Metrics of the chart") });
      this.titleInput = app.createElement("input", { type: "text", maxLength: app.MAX_CHART_TITLE_LENGTH, value: this.title, placeholder: app.translate("Names of the metrics") });
      const kinds = Object.entries(app.CHART_KINDS).map(([value, text]) => app.createElement("option", { value, selected: value === this.kind }, text));
      this.kindInput = app.createElement("select", {}, ...kinds);
      this.error = app.createElement("p", { className: "wrong", role: "alert" });
      this.note = app.createElement("p", { className: "builder-note", role: "status" });
      const save = app.createElement("button", { type: "submit", className: "plain primary" }, this.edited === null ? app.translate("Add chart") : app.translate("Change chart"));
      const copy = app.createElement("button", { type: "button", className: "plain" }, app.translate("Copy as [[panel]]"));
      copy.addEventListener("click", () => this.withWholeChart(async (chart) => this.showNote(await copyToml(this.page, chart))));
      const form = app.createElement(
        "form",
        { className: "range" },
        app.createElement("label", {}, app.translate("Kind "), this.kindInput),
        app.createElement("label", {}, app.translate("Title "), this.titleInput),
        save,
        copy
      );
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.withWholeChart((chart) => {
          this.dialog.close();
          this.page.builtCharts.add(chart, this.edited);
        });
      });
      this.dialog = app.openDialog(this.edited === null ? app.translate("Build a chart") : app.translate("Change the chart"), this.results.input, this.results.list, this.results.count, this.formula.element, this.list, form, this.error, this.note);
      this.dialog.classList.add("search", "builder");
      this.showChosen();
      this.results.update();
      this.results.input.focus();
    }

    /* Metrics that are not chosen yet; none without a text. */
    find(text) {
      if (!text.trim()) return [];
      const keys = new Set(this.chosen.map(({ key }) => key));
      return this.index.find(text).filter(({ metric }) => !keys.has(metric.key));
    }

    add(metric) {
      if (this.chosen.length >= app.MAX_CHART_METRICS) return this.showError(app.translate("A chart has at most {count} metrics.", { count: app.MAX_CHART_METRICS }));
      this.chosen.push({ key: metric.key, right: this.hasOtherUnit(metric) });
      this.results.input.value = "";
      this.showError("");
      this.showChosen();
      this.results.update();
    }

    addFormula(key) {
      if (this.chosen.length >= app.MAX_CHART_METRICS) return this.showError(app.translate("A chart has at most {count} metrics.", { count: app.MAX_CHART_METRICS }));
      if (!this.chosen.some((choice) => choice.key === key)) this.chosen.push({ key, right: this.hasOtherUnit(app.parseFormulaKey(key)) });
      this.showError("");
      this.showChosen();
    }

    hasOtherUnit({ unit }) {
      const first = this.chosen.find(({ right }) => !right)?.key;
      const known = first !== undefined && (app.isFormulaKey(first) ? app.parseFormulaKey(first) : this.metrics.get(first));
      return Boolean(known) && known.unit !== unit;
    }

    showError(sentence) {
      app.setText(this.error, sentence);
      app.setText(this.note, "");
    }

    showNote(sentence) {
      this.showError("");
      app.setText(this.note, sentence);
    }

    showChosen() {
      this.list.classList.toggle("with-formulas", this.chosen.some(({ key }) => app.isFormulaKey(key)));
      this.list.replaceChildren(...this.chosen.map((choice) => this.createRow(choice)));
    }

    createRow(choice) {
      const isFormula = app.isFormulaKey(choice.key);
      const metric = isFormula ? app.parseFormulaKey(choice.key) : this.metrics.get(choice.key);
      const label = this.page.builtCharts.labelOf(choice.key);
      const box = app.createElement("input", { type: "checkbox", checked: choice.right });
      box.addEventListener("change", () => (choice.right = box.checked));
      const unit = metric?.unit ? `, ${metric.unit}` : "";
      return app.createElement(
        "li",
        {},
        app.createElement("bdi", { className: "result-title" }, label),
        app.createElement("bdi", { className: "result-detail" }, `${isFormula ? metric.formula : choice.key}${unit}`),
        app.createElement("label", {}, box, app.translate(" right axis")),
        app.createElement(
          "span",
          { className: "row-buttons" },
          ...(isFormula ? [this.createButton(app.translate("{label}: change", { label }), "✎", () => this.drop(choice, () => this.formula.edit(choice.key)))] : []),
          this.createButton(app.translate("{label}: remove", { label }), "✕", () => this.drop(choice, () => this.results.input.focus()))
        )
      );
    }

    createButton(label, text, run) {
      const button = app.createElement("button", { type: "button", className: "plain", "aria-label": label }, text);
      button.addEventListener("click", run);
      return button;
    }

    drop(choice, focus) {
      this.chosen = this.chosen.filter((other) => other !== choice);
      this.showChosen();
      this.results.update();
      focus();
    }

    /* With the formula that is still in its field. */
    async withWholeChart(use) {
      if (await this.formula.submit()) this.withChart(use);
    }

    withChart(use) {
      const keysOf = (right) => this.chosen.filter((choice) => choice.right === right).map(({ key }) => key);
      const chart = { kind: this.kindInput.value, title: this.titleInput.value.trim(), metrics: keysOf(false), right: keysOf(true) };
      const checked = app.chartFromText(app.chartToText(chart));
      if (checked) return use(checked);
      this.showError(app.translate("Choose at least one metric."));
      this.results.input.focus();
    }
  }
})((window.dashapp = window.dashapp || {}));
