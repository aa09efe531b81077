/* Which panels stand on the page, in which order, which of them large; this browser remembers it. */
(function (app) {
  "use strict";

  const NO_PANEL = "none"; // in the address, where all are hidden

  app.PanelOrder = class {
    constructor(page) {
      this.page = page;
      this.main = document.querySelector("#page main");
      const sections = [...this.main.querySelectorAll(".panel")];
      this.spare = sections.filter((section) => !app.panelName(section));
      this.sections = new Map(
        sections.filter((section) => app.panelName(section)).map((section) => [app.panelName(section), section])
      );
      this.own = [...this.sections.keys()]; // the order where nobody chose
      this.reset();
    }

    reset() {
      this.order = this.own.slice();
      this.hidden = new Set();
      this.large = new Set();
    }

    /* A spare place for a panel that turned up; undefined where none is left. */
    adopt(name) {
      const section = this.spare.shift();
      if (!section) return undefined;
      section.dataset.panel = name;
      const title = name.replace(/[_-]/g, " ");
      section.querySelector("h2").firstChild.textContent = title.charAt(0).toUpperCase() + title.slice(1);
      section.setAttribute("aria-label", title);
      this.sections.set(name, section);
      this.own.push(name);
      this.go();
      return section;
    }

    names() {
      return [...this.own, NO_PANEL];
    }

    /* The sections that a chart goes into. */
    charts() {
      return [...this.sections.values()].filter((section) => section.dataset.panel);
    }

    /* As the address says, or else as this viewer last left it. */
    go() {
      const { panels, large } = this.page.urlState.read();
      const known = (names) => [...new Set(names)].filter((name) => this.sections.has(name));
      const kept = app.readPreferences();
      this.reset();
      // "-swap" leaves a panel out of all; "cpu,memory" is these alone.
      const without = known((panels ?? []).filter((name) => name.startsWith("-")).map((name) => name.slice(1)));
      const first = known(panels ?? kept.order ?? []);
      const rest = this.own.filter((name) => !first.includes(name));
      // A list of hosts that turned up since stands where anybody would look for it.
      this.order = [...rest.filter((name) => name === "hosts"), ...first, ...rest.filter((name) => name !== "hosts")];
      if (panels === null) this.hidden = new Set(known(kept.hidden ?? []));
      else if (first.length || panels.includes(NO_PANEL)) this.hidden = new Set(this.own.filter((name) => !first.includes(name)));
      else this.hidden = new Set(without);
      this.large = new Set(known(large ?? (panels === null ? kept.large ?? [] : [])));
      this.place();
    }

    /* What the address must say of it; null where that is what everybody sees. */
    written() {
      const usual = this.order.every((name, place) => name === this.own[place]);
      const without = [...this.hidden].map((name) => `-${name}`);
      const shown = this.shown();
      const all = shown.length || !this.present().length ? shown : [NO_PANEL];
      const panels = usual && without.length <= shown.length ? without : all;
      return {
        panels: panels.length ? panels.join(",") : null,
        large: this.large.size ? [...this.large].join(",") : null,
      };
    }

    /* The panels that have something to show on this machine, in their order. */
    present() {
      return this.order.filter((name) => !this.sections.get(name).classList.contains("absent"));
    }

    shown() {
      return this.present().filter((name) => !this.hidden.has(name));
    }

    setHidden(name, hidden) {
      this.hidden[hidden ? "add" : "delete"](name);
      this.changed();
    }

    setLarge(name, large) {
      this.large[large ? "add" : "delete"](name);
      this.changed();
      this.sections.get(name).scrollIntoView({ block: "nearest" });
    }

    /* One place up (-1) or down among the panels that are seen. */
    move(name, side) {
      const shown = this.shown();
      const neighbour = shown[shown.indexOf(name) + side];
      if (neighbour) this.put(name, neighbour, side > 0);
    }

    /* Before or after another panel. */
    put(name, other, after) {
      if (name === other) return;
      this.order = this.order.filter((each) => each !== name);
      this.order.splice(this.order.indexOf(other) + (after ? 1 : 0), 0, name);
      this.changed();
    }

    forget() {
      this.reset();
      this.changed({});
    }

    /* `kept`: what is remembered so far. */
    changed(kept = app.readPreferences()) {
      this.place();
      const chosen = {};
      for (const what of ["order", "hidden", "large"]) {
        const names = (chosen[what] = [...this[what]]);
        // Panels that other pages have and this one has not stay as they are there.
        (kept[what] ?? []).forEach((name, place, all) => {
          if (!this.sections.has(name)) names.splice(names.indexOf(all[place - 1]) + 1, 0, name);
        });
      }
      app.writePreferences(chosen);
      this.page.write();
    }

    /* Move only what stands elsewhere: what moves loses the focus. */
    place() {
      let next = this.main.firstElementChild;
      for (const name of this.order) {
        const section = this.sections.get(name);
        section.hidden = this.hidden.has(name);
        section.classList.toggle("large", this.large.has(name));
        if (section === next) next = next.nextElementSibling;
        else this.main.insertBefore(section, next);
      }
    }
  };
})((window.dashapp = window.dashapp || {}));
