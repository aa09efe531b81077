/* The charts that the user built: in the address, so that a link shows them, and in this browser. */
(function (app) {
  "use strict";

  const MAX_CHARTS = 8;

  app.BuiltCharts = class {
    /* `page`: liveView, panelOrder, panelSpecs, urlState, toast, writeUrl(), addChart(section), addMenu(name, section). */
    constructor(page) {
      this.page = page;
      this.charts = []; // {text, chart, name, section}
      this.freeSections = [...document.querySelectorAll(".panel[data-built]")];
      this.formulas = new app.ChartFormulas(page.liveView, () => this.apply());
    }

    get catalog() {
      return this.page.liveView.catalog;
    }

    /* The charts in the address, or else those that this browser stores. */
    applyUrl() {
      if (this.page.isBare) return;
      const { charts } = this.page.urlState.read();
      const texts = (charts ?? app.readPreferences().charts ?? []).filter((text) => typeof text === "string");
      const known = [...new Set(texts.map(app.chartFromText).filter(Boolean).map(app.chartToText))].slice(0, MAX_CHARTS);
      if (known.join("\n") === this.charts.map(({ text }) => text).join("\n")) return;
      for (const { name } of [...this.charts]) this.drop(name);
      for (const text of known) this.insert(app.chartFromText(text));
      this.apply();
    }

    urlParams() {
      return { chart: this.charts.length ? this.charts.map(({ text }) => text) : null };
    }

    /* Add `chart`, in place of the one named `replaced` if that is set, and show it. */
    add(chart, replaced = null) {
      const text = app.chartToText(chart);
      const existing = this.charts.find((other) => other.text === text);
      if (existing) return app.showPanel(this.page, existing.name);
      const index = this.charts.findIndex(({ name }) => name === replaced);
      if (index < 0 && this.charts.length >= MAX_CHARTS) return this.page.toast.show(app.translate("There is room for {count} charts of your own. Remove one first.", { count: MAX_CHARTS }));
      const oldText = this.charts[index]?.text;
      if (index >= 0) this.drop(replaced);
      const name = this.insert(chart, index < 0 ? this.charts.length : index);
      this.apply();
      this.store((texts) => [...texts.filter((other) => other !== text && other !== oldText), text]);
      app.showPanel(this.page, name);
    }

    remove(name) {
      const removed = this.charts.find((chart) => chart.name === name);
      this.drop(name);
      this.apply();
      this.store((texts) => texts.filter((text) => text !== removed.text));
      this.page.toast.show(app.translate("{title} is removed.", { title: app.chartTitle(removed.chart, (key) => this.labelOf(key)) }), { text: app.translate("Undo"), run: () => this.add(removed.chart) });
    }

    /* Write the address, and change what this browser stores. */
    store(change) {
      app.writePreferences({ charts: change((app.readPreferences().charts ?? []).filter((text) => typeof text === "string")).slice(-MAX_CHARTS) });
      this.page.writeUrl();
    }

    /* Add the metrics and formulas of a chart to the query of a download. */
    addQuery(name, query) {
      const keys = this.page.liveView.metricsOf(name).map(({ key }) => key);
      const metrics = keys.filter((key) => !app.isFormulaKey(key));
      const formulas = new Set(keys.filter(app.isFormulaKey).map(app.formulaText));
      if (metrics.length || !formulas.size) query.set("metrics", metrics.join());
      if (formulas.size) query.set("formulas", [...formulas].join());
    }

    get(name) {
      return this.charts.find((chart) => chart.name === name) ?? null;
    }

    insert(chart, index = this.charts.length) {
      const { page } = this;
      const section = this.freeSections.shift();
      const name = nameOf(app.chartToText(chart));
      const spec = { ...page.panelSpecs.fallback, kind: chart.kind, metrics: this.patterns(chart.metrics), right: this.patterns(chart.right), hasChosenSides: true };
      spec.graph = withExtras(spec.graph, chart, page.panelSpecs);
      page.panelSpecs.set(name, spec);
      page.panelOrder.addSection(name, section, app.translate("Chart"), index);
      section.classList.remove("absent");
      this.charts.splice(index, 0, { text: app.chartToText(chart), chart, name, section, note: null });
      page.addChart(section);
      app.addPanelMenu(page, name, section);
      return name;
    }

    drop(name) {
      const { page } = this;
      const { section, note } = this.get(name);
      note?.remove();
      this.charts = this.charts.filter((chart) => chart.name !== name);
      page.liveView.renderQueue.remove(section);
      page.panelSpecs.delete(name);
      page.panelOrder.removeSection(name);
      for (const selector of [".more", ".tooltip", ".cross"]) section.querySelector(selector)?.remove();
      section.classList.add("absent", "loading");
      this.freeSections.push(section);
    }

    /* Use the changed charts. */
    apply() {
      const owner = (key) => this.charts.find(({ chart }) => [...chart.metrics, ...chart.right].includes(key))?.name;
      this.formulas.update(this.charts.flatMap(({ chart }) => [...chart.metrics, ...chart.right]), owner);
      this.catalog.setPanelSpecs(this.page.panelSpecs);
      this.catalog.assignPanels();
      this.refresh();
      this.page.panelOrder.arrange();
      this.page.liveView.updateRequestedKeys();
      this.page.liveView.renderQueue.redraw(true);
    }

    /* When hosts are compared, a key stands for the metric of each host. */
    patterns(keys) {
      const { hosts } = this.catalog;
      if (hosts.length < 2) return keys;
      return keys.flatMap((key) => (hosts.some((host) => key.startsWith(`${host}/`)) ? [key] : hosts.map((host) => `${host}/${key}`)));
    }

    labelOf(key) {
      if (app.isFormulaKey(key)) return app.parseFormulaKey(key).name || app.parseFormulaKey(key).formula;
      return this.catalog.metrics.get(key)?.label || key;
    }

    /* Titles, and a sentence about metrics that the server does not have. */
    refresh() {
      if (this.catalog.empty) return;
      const all = [...this.catalog.metrics.values()];
      for (const built of this.charts) {
        const { chart, section } = built;
        const keys = [...chart.metrics, ...chart.right];
        const title = app.chartTitle(chart, (key) => this.labelOf(key));
        app.setText(section.querySelector("h2 .title"), title);
        section.setAttribute("aria-label", title);
        section.querySelector(".chart").setAttribute("aria-label", app.translate("{title}: chart", { title }));
        const isKnown = (key) => app.matchMetrics(all, this.patterns([key])).length > 0;
        const unknown = keys.filter((key) => !app.isFormulaKey(key) && !isKnown(key));
        const problems = keys.filter(app.isFormulaKey).map((key) => this.formulas.problemOf(key, isKnown)).filter(Boolean);
        section.classList.toggle("without-metrics", unknown.length + problems.length >= keys.length);
        showNote(built, [unknown.length ? describeUnknown(unknown) : "", ...problems].filter(Boolean).join(" "));
      }
    }
  };

  /* The same name on each visit, so that a link can order or hide it. */
  function nameOf(text) {
    let hash = 5381;
    for (const character of text) hash = (hash * 33 + character.codePointAt(0)) % 0xffffffff;
    return `yours-${hash.toString(36)}`;
  }

  function showNote(built, text) {
    if (!text && !built.note) return;
    if (!built.note) {
      built.note = app.createElement("p", { className: "rest unknown-metrics", role: "status" });
      built.section.querySelector("h2").after(built.note);
    }
    app.setText(built.note, text);
  }

  function describeUnknown(unknown) {
    const names = unknown.slice(0, 3).map((key) => `“${app.isolateText(app.shortenText(key, 40))}”`);
    const hiddenCount = unknown.length - names.length;
    if (hiddenCount) return app.translate("No metric {names} and {count} more.", { names: names.join(", "), count: app.formatCount(hiddenCount) });
    return app.translate("No metric {names}.", { names: names.join(", ") });
  }

  /* The graph with its right axis, and with the limits of its metrics on the left one. A part of a stack has no relation
     to its limit. */
  function withExtras(graph, { kind, metrics, right }, { rightAxis, limits }) {
    const shapes = limits.filter(({ metric }) => kind !== "stacked" && metrics.includes(metric)).map(({ shape }) => shape);
    return (slot) => {
      const component = graph(slot);
      const { layout } = component.props.figure;
      layout.shapes = structuredClone(shapes);
      if (right.length) layout.yaxis2 = structuredClone(rightAxis);
      return component;
    };
  }
})((window.dashapp = window.dashapp || {}));
