/* Panels with flat lines become one row at the end of their group, until they move. Some panels are values in the
   heading of their group, until the user opens them. */
(function (app) {
  "use strict";

  const KEPT_GROUPS = ["overview", "yours"]; // whose panels stay
  const KEPT_KINDS = ["curve", "bar", "table"];
  const CHECK_MS = 5000; // between two checks of a panel that is shown
  const MIN_SHOWN_MS = 20_000; // after it moved

  app.FoldedPanels = class {
    /* `page`: liveView, panelOrder, urlState. `headingPanels`: names of panels in headings. */
    constructor(page, headingPanels) {
      this.page = page;
      this.headingPanels = new Set(headingPanels);
      this.opened = new Set(); // names of panels that the user opened
      this.movedAt = new Map(); // performance.now() by name
      this.checked = new Map(); // {key, at} of the last check by name
      this.texts = new Map(); // of folded panels and of flat ones that the user opened, by name
      this.rows = new Map([...document.querySelectorAll("[data-group]")].map((group) => [group.dataset.group, new Row(group, this)]));
      this.facts = document.querySelector(".facts");
      this.factButtons = new Map();
    }

    isFolded(name) {
      return this.texts.has(name) && !this.opened.has(name);
    }

    /* Show a folded panel. */
    open(name) {
      if (!this.isFolded(name)) return;
      this.opened.add(name);
      this.show();
    }

    setOpen(names, isOpen) {
      for (const name of names) this.opened[isOpen ? "add" : "delete"](name);
      this.show();
    }

    update() {
      const { liveView } = this.page;
      // With many metrics, only those of visible panels are known.
      if (document.documentElement.classList.contains("bare") || liveView.catalog.empty || liveView.catalog.metrics.size > app.MAX_UNFILTERED_METRICS) return;
      const chosen = new Set(this.page.urlState.read().panels ?? []); // a link names them, so they stay
      for (const chart of liveView.charts) this.check(chart, chosen);
      this.show();
    }

    check({ panel: name, kind, section }, chosen) {
      const { liveView } = this.page;
      const metrics = liveView.metricsOf(name);
      const isHeading = this.headingPanels.has(name);
      if (!metrics.length || section.hidden || chosen.has(name) || !canFold(kind, section)) this.texts.delete(name);
      else if (isHeading) this.texts.set(name, this.headingText(section, metrics));
      else if (this.isDue(name)) {
        const values = app.flatValues(liveView.shownSeries, metrics, liveView.shownRange);
        if (values) this.fold(name, section, values);
        else this.unfold(name);
      }
    }

    /* A folded panel opens as soon as it moves. */
    isDue(name) {
      const { shownSeries, pausedRange } = this.page.liveView;
      const key = [shownSeries.generation, pausedRange].join();
      const last = this.checked.get(name);
      const now = performance.now();
      if (last?.key === key && !this.texts.has(name) && now - last.at < CHECK_MS) return false;
      this.checked.set(name, { key, at: now });
      return true;
    }

    fold(name, section, values) {
      const isNew = !this.texts.has(name);
      const isInUse = section.matches(":hover, :focus-within");
      if (isNew && (isInUse || performance.now() - (this.movedAt.get(name) ?? -Infinity) < MIN_SHOWN_MS)) return;
      this.texts.set(name, app.flatText(app.panelTitle(section), values));
    }

    unfold(name) {
      if (this.texts.delete(name)) this.movedAt.set(name, performance.now());
      this.opened.delete(name);
    }

    /* "Up 3 days", "Context switches 5,117/s" */
    headingText(section, [metric]) {
      const value = app.formatQuantity(this.page.panelValues.value(metric.key), metric.unit) || "–";
      return `${app.isolateText(app.shortenText(metric.label, 30))} ${value}`;
    }

    show() {
      const names = [...this.texts.keys()];
      for (const chart of this.page.liveView.charts) chart.section.classList.toggle("folded", this.isFolded(chart.panel));
      this.showHeadings(names.filter((name) => this.headingPanels.has(name)));
      const quiet = names.filter((name) => !this.headingPanels.has(name));
      const groupOf = (name) => this.page.panelOrder.sections.get(name)?.closest("[data-group]").dataset.group;
      for (const [group, row] of this.rows) row.show(quiet.filter((name) => groupOf(name) === group));
    }

    showHeadings(names) {
      for (const [name, button] of this.factButtons) {
        if (names.includes(name)) continue;
        button.parentElement.remove();
        this.factButtons.delete(name);
      }
      for (const name of names) {
        if (!this.factButtons.has(name)) this.addFactButton(name);
        const button = this.factButtons.get(name);
        app.setText(button, this.texts.get(name));
        setAttribute(button, "aria-expanded", String(this.opened.has(name)));
      }
    }

    addFactButton(name) {
      const button = app.createElement("button", { type: "button", title: app.translate("Show or hide the chart") });
      button.addEventListener("click", () => this.setOpen([name], !this.opened.has(name)));
      this.factButtons.set(name, button);
      this.facts.append(app.createElement("li", {}, button));
    }
  };

  function canFold(kind, section) {
    const isKept = section.matches(".large, .broken") || KEPT_KINDS.includes(kind);
    return !isKept && !KEPT_GROUPS.includes(section.closest("[data-group]").dataset.group);
  }

  /* "Quiet: Swap 0 %" below the cards of a group. */
  class Row {
    constructor(group, folded) {
      this.folded = folded;
      this.names = [];
      this.items = app.createElement("span", { className: "quiet-items" });
      this.button = app.createElement("button", { type: "button" });
      this.button.addEventListener("click", () => this.folded.setOpen(this.names, this.names.some((name) => this.folded.isFolded(name))));
      this.element = app.createElement("div", { className: "quiet", role: "group", "aria-label": app.translate("Quiet"), hidden: true }, app.createElement("b", {}, app.translate("Quiet")), this.items, this.button);
      group.querySelector(".group-body").append(this.element);
    }

    show(names) {
      const { folded } = this;
      this.element.hidden = !names.length;
      if (!names.length && !this.names.length) return;
      if (names.join() !== this.names.join()) {
        this.names = names;
        this.items.replaceChildren(...names.map((name) => this.createItem(name)));
      }
      for (const item of this.items.children) {
        app.setText(item, folded.texts.get(item.dataset.name));
        setAttribute(item, "aria-expanded", String(folded.opened.has(item.dataset.name)));
      }
      app.setText(this.button, names.some((name) => folded.isFolded(name)) ? app.translate("show") : app.translate("fold"));
    }

    createItem(name) {
      const item = app.createElement("button", { type: "button", title: app.translate("Show or hide the chart") });
      item.dataset.name = name;
      item.addEventListener("click", () => this.folded.setOpen([name], this.folded.isFolded(name)));
      return item;
    }
  }

  function setAttribute(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
})((window.dashapp = window.dashapp || {}));
