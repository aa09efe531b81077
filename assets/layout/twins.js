/* Pairs of panels with the same numbers, together and by device. The page shows one of each pair, with a switch. */
(function (app) {
  "use strict";

  const CHOICES = [app.translate("Together"), app.translate("By device")];

  app.Twins = class {
    /* `pairs`: [[name, name of the twin]]. `onChange()`: another panel is visible. */
    constructor(panelOrder, pairs, onChange) {
      this.panelOrder = panelOrder;
      this.onChange = onChange;
      const { sections } = panelOrder;
      this.pairs = pairs.filter((names) => names.every((name) => sections.has(name)));
      this.byDevice = new Set(app.readPreferences().byDevice ?? []); // first names of pairs
      for (const [name, twin] of this.pairs) {
        [name, twin].forEach((own, index) => this.addSwitch(sections.get(own), name, index));
      }
      this.update();
    }

    addSwitch(section, name, ownIndex) {
      const title = app.panelTitle(section);
      const buttons = CHOICES.map((text, index) => {
        const button = app.createElement("button", { type: "button", "aria-pressed": String(index === ownIndex) }, text);
        button.addEventListener("click", () => this.choose(name, index === 1));
        return button;
      });
      const group = app.createElement("div", { className: "switch", role: "group", "aria-label": title }, ...buttons);
      section.querySelector("h2").after(group);
    }

    choose(name, isByDevice) {
      this.byDevice[isByDevice ? "add" : "delete"](name);
      app.writePreferences({ byDevice: [...this.byDevice] });
      this.update();
      const shown = this.panelOrder.sections.get(isByDevice ? this.pairs.find(([first]) => first === name)[1] : name);
      shown.querySelector('.switch [aria-pressed="true"]').focus();
    }

    /* Show the panel `name`, if it is one of a pair. */
    reveal(name) {
      const pair = this.pairs.find((names) => names.includes(name));
      if (!pair || !this.panelOrder.sections.get(name).classList.contains("aside")) return;
      this.byDevice[name === pair[1] ? "add" : "delete"](pair[0]);
      this.update();
    }

    /* A panel without its twin needs no switch: it has no metrics, or the user hid it. */
    update() {
      let changed = false;
      for (const names of this.pairs) {
        const sections = names.map((name) => this.panelOrder.sections.get(name));
        const isPair = sections.every((section) => !section.hidden && !section.classList.contains("absent"));
        sections.forEach((section, index) => {
          const isAside = isPair && this.byDevice.has(names[0]) !== (index === 1);
          changed ||= section.classList.contains("aside") !== isAside;
          section.classList.toggle("aside", isAside);
          section.classList.toggle("paired", isPair);
        });
      }
      if (changed) this.onChange();
    }
  };
})((window.dashapp = window.dashapp || {}));
