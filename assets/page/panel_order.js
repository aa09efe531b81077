/* Order, visibility and size of the panels, stored in this browser. */
(function (app) {
  "use strict";

  const NO_PANEL = "none"; // in the URL, if all panels are hidden

  app.PanelOrder = class {
    constructor(page) {
      this.page = page;
      this.main = document.querySelector("#page main");
      const sections = [...this.main.querySelectorAll(".panel")];
      this.spareSections = sections.filter((section) => !app.panelName(section) && !("built" in section.dataset));
      this.sections = new Map(
        sections.filter((section) => app.panelName(section)).map((section) => [app.panelName(section), section])
      );
      this.defaultOrder = [...this.sections.keys()];
      this.reset();
    }

    reset() {
      this.order = this.defaultOrder.slice();
      this.hidden = new Set();
      this.large = new Set();
    }

    /* Use a spare section for a new panel; undefined if none is left. */
    claimSection(name) {
      const section = this.spareSections.shift();
      if (!section) return undefined;
      const title = name.replace(/[_-]/g, " ");
      this.addSection(name, section, title.charAt(0).toUpperCase() + title.slice(1));
      return section;
    }

    /* `index`: in the default order; undefined for the end. */
    addSection(name, section, title, index = this.defaultOrder.length) {
      section.dataset.panel = name;
      section.querySelector("h2").firstChild.textContent = title;
      section.setAttribute("aria-label", title);
      this.sections.set(name, section);
      this.defaultOrder.splice(index, 0, name);
      this.applyUrl();
    }

    removeSection(name) {
      delete this.sections.get(name).dataset.panel;
      this.sections.delete(name);
      this.defaultOrder = this.defaultOrder.filter((other) => other !== name);
      this.order = this.order.filter((other) => other !== name);
      this.hidden.delete(name);
      this.large.delete(name);
    }

    names() {
      return [...this.defaultOrder, NO_PANEL];
    }

    chartSections() {
      return [...this.sections.values()].filter((section) => section.dataset.panel);
    }

    /* Apply the URL, or else the stored preferences. */
    applyUrl() {
      const { panels, large } = this.page.urlState.read();
      const existing = (names) => [...new Set(names)].filter((name) => this.sections.has(name));
      const stored = app.readPreferences();
      this.reset();
      // "-swap" means all but swap; "cpu,memory" means only these.
      const excluded = existing((panels ?? []).filter((name) => name.startsWith("-")).map((name) => name.slice(1)));
      const first = existing(panels ?? stored.order ?? []);
      const rest = this.defaultOrder.filter((name) => !first.includes(name));
      // A host table that appeared later goes to the top, because people look for it there.
      this.order = [...rest.filter((name) => name === "hosts"), ...first, ...rest.filter((name) => name !== "hosts")];
      if (panels === null) this.hidden = new Set(existing(stored.hidden ?? []));
      else if (first.length || panels.includes(NO_PANEL)) this.hidden = new Set(this.defaultOrder.filter((name) => !first.includes(name)));
      else this.hidden = new Set(excluded);
      this.large = new Set(existing(large ?? (panels === null ? stored.large ?? [] : [])));
      this.arrange();
    }

    /* URL parameters; null for defaults. */
    urlParams() {
      const isDefaultOrder = this.order.every((name, index) => name === this.defaultOrder[index]);
      const excluded = [...this.hidden].map((name) => `-${name}`);
      const visible = this.visiblePanels();
      const all = visible.length || !this.availablePanels().length ? visible : [NO_PANEL];
      const panels = isDefaultOrder && excluded.length <= visible.length ? excluded : all;
      return {
        panels: panels.length ? panels.join(",") : null,
        large: this.large.size ? [...this.large].join(",") : null,
      };
    }

    /* The panels that have data, in their order. */
    availablePanels() {
      return this.order.filter((name) => !this.sections.get(name).classList.contains("absent"));
    }

    visiblePanels() {
      return this.availablePanels().filter((name) => !this.hidden.has(name));
    }

    setHidden(name, hidden) {
      this.hidden[hidden ? "add" : "delete"](name);
      this.save();
    }

    setLarge(name, large) {
      this.large[large ? "add" : "delete"](name);
      this.save();
      this.page.arrange();
      this.sections.get(name).scrollIntoView({ block: "center" });
    }

    /* Scroll to a panel, and show it if it is hidden. */
    reveal(name) {
      const section = this.sections.get(name);
      if (!section) return;
      if (this.hidden.has(name)) this.setHidden(name, false);
      this.page.uncover(name, section);
      section.scrollIntoView({ block: "center" });
      section.querySelector(".more")?.focus({ preventScroll: true });
    }

    /* The panel before (-1) or after (1) it on screen, in its group; undefined if there is none. */
    neighbour(name, direction) {
      const onScreen = [...this.sections.get(name).parentElement.children].filter((section) => section.offsetParent);
      const section = onScreen[onScreen.indexOf(this.sections.get(name)) + direction];
      return section && app.panelName(section);
    }

    /* Move up (-1) or down (1) in its group. */
    move(name, direction) {
      const neighbour = this.neighbour(name, direction);
      if (neighbour) this.moveNextTo(name, neighbour, direction > 0);
    }

    isSameGroup(name, other) {
      return this.sections.get(name).parentElement === this.sections.get(other).parentElement;
    }

    /* Move before or after another panel of its group. */
    moveNextTo(name, other, after) {
      if (name === other || !this.isSameGroup(name, other)) return;
      this.order = this.order.filter((current) => current !== name);
      this.order.splice(this.order.indexOf(other) + (after ? 1 : 0), 0, name);
      this.save();
    }

    resetToDefault() {
      this.reset();
      this.save({});
    }

    /* `stored`: the preferences so far. */
    save(stored = app.readPreferences()) {
      this.arrange();
      const changes = {};
      for (const list of ["order", "hidden", "large"]) {
        const names = (changes[list] = [...this[list]]);
        // Keep the positions of panels that only other pages have.
        (stored[list] ?? []).forEach((name, index, all) => {
          if (!this.sections.has(name)) names.splice(names.indexOf(all[index - 1]) + 1, 0, name);
        });
      }
      app.writePreferences(changes);
      this.page.writeUrl();
    }

    /* Move as few elements as possible: a moved element loses the focus. */
    arrange() {
      const nextByGroup = new Map(); // the next element by its parent
      for (const name of this.order) {
        const section = this.sections.get(name);
        const parent = section.parentElement;
        section.hidden = this.hidden.has(name);
        section.classList.toggle("large", this.large.has(name));
        const next = nextByGroup.has(parent) ? nextByGroup.get(parent) : parent.firstElementChild;
        if (section !== next) parent.insertBefore(section, next);
        nextByGroup.set(parent, section === next ? next.nextElementSibling : next);
      }
      document.getElementById("page").classList.toggle("all-hidden", this.hidden.size > 0 && !this.visiblePanels().length);
    }
  };
})((window.dashapp = window.dashapp || {}));
