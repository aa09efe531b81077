/* The groups of panels: their rows, and the navigation between them. A group can be collapsed. */
(function (app) {
  "use strict";

  const WIDE_PANELS = ["cpu", "top"]; // next to others, these have the width of two
  const TILE_PX = 150; // the least width, with the gap
  const FULL_ROW_PANELS = ["hosts", "runs"];
  const CURRENT_AREA = "-72px 0px -65% 0px"; // the group here is the current one

  app.Groups = class {
    /* `page`: panelOrder, toast. */
    constructor(page) {
      this.page = page;
      this.nav = document.getElementById("groups");
      this.groups = new Map([...document.querySelectorAll("[data-group]")].map((element) => [element.dataset.group, new Group(element, this.nav)]));
      const collapsed = app.readPreferences().collapsed ?? [];
      for (const [name, group] of this.groups) {
        group.setCollapsed(collapsed.includes(name));
        group.toggle.addEventListener("click", () => this.toggle(name));
        group.link.addEventListener("click", (event) => {
          event.preventDefault(); // a new address would restore the state in it
          this.jump(name);
        });
      }
      this.jumpedTo = null; // the group of the last jump
      this.arrangeScheduled = false;
      const observer = new ResizeObserver(() => this.scheduleArrange());
      for (const { cards } of this.groups.values()) observer.observe(cards);
      this.tiles = document.getElementById("tiles");
      this.observeCurrent();
      const target = this.groups.get(decodeURIComponent(window.location.hash.slice(1)));
      if (target) requestAnimationFrame(() => target.element.scrollIntoView());
    }

    groupOf(section) {
      return this.groups.get(section.closest("[data-group]").dataset.group);
    }

    toggle(name) {
      const group = this.groups.get(name);
      group.setCollapsed(!group.isCollapsed);
      this.save();
    }

    save() {
      const collapsed = [...this.groups].filter(([, { isCollapsed }]) => isCollapsed).map(([name]) => name);
      app.writePreferences({ collapsed });
      this.page.liveView?.renderQueue.redraw();
    }

    /* Make sure that a panel is not in a collapsed group. */
    expand(section) {
      const group = this.groupOf(section);
      if (!group.isCollapsed) return;
      group.setCollapsed(false);
      this.save();
    }

    jump(name) {
      const group = this.groups.get(name);
      if (group.isCollapsed) this.toggle(name);
      window.history.replaceState(null, "", `#${name}`);
      group.element.scrollIntoView();
      group.toggle.focus({ preventScroll: true });
      this.jumpedTo = group;
      this.setCurrent(name);
    }

    observeCurrent() {
      const seen = new Set();
      const observer = new IntersectionObserver((entries) => {
        for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.dataset.group);
        // At the end of the page, a group cannot reach the top.
        if (this.jumpedTo?.isHeadingOnScreen) return;
        this.jumpedTo = null;
        const first = [...this.groups.keys()].find((name) => seen.has(name));
        if (first !== undefined) this.setCurrent(first);
      }, { rootMargin: CURRENT_AREA });
      for (const { element } of this.groups.values()) observer.observe(element);
    }

    setCurrent(name) {
      for (const [other, { link }] of this.groups) {
        if (other === name) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }

    /* Mark the groups in which a panel has an alert. */
    showAlerts() {
      for (const group of this.groups.values()) group.showAlert(group.cards.querySelector(":scope > .broken") !== null);
    }

    /* Lay the cards out again, once in this frame. */
    scheduleArrange() {
      if (this.arrangeScheduled) return;
      this.arrangeScheduled = true;
      requestAnimationFrame(() => {
        this.arrangeScheduled = false;
        this.arrange();
      });
    }

    arrange() {
      const textPx = parseFloat(getComputedStyle(document.documentElement).fontSize);
      const groups = [...this.groups.values()];
      const width = Math.max(...groups.map(({ cards }) => cards.clientWidth));
      const columns = app.columnCount(width, textPx);
      const weightOf = (section) => {
        if (section.classList.contains("large") || FULL_ROW_PANELS.includes(app.panelName(section))) return Infinity;
        return columns > 2 && WIDE_PANELS.includes(app.panelName(section)) ? 2 : 1;
      };
      for (const group of groups) {
        app.arrangeRows(group.visibleCards, weightOf, columns);
        group.showEmpty();
      }
      const tiles = [...this.tiles.children].filter((tile) => !tile.matches(".absent"));
      app.arrangeRows(tiles, () => 1, Math.max(1, Math.floor(this.tiles.clientWidth / (TILE_PX * (textPx / 16)))));
    }
  };

  class Group {
    constructor(element, nav) {
      this.element = element;
      this.name = element.dataset.group;
      this.toggle = element.querySelector(".toggle");
      this.body = element.querySelector(".group-body");
      this.cards = element.querySelector(".cards");
      this.link = nav.querySelector(`[href="#${this.name}"]`);
      this.isAlerting = false;
    }

    get isCollapsed() {
      return this.body.hidden;
    }

    get isHeadingOnScreen() {
      const { top, bottom } = this.toggle.getBoundingClientRect();
      return top >= 0 && bottom <= window.innerHeight;
    }

    setCollapsed(collapsed) {
      this.body.hidden = collapsed;
      this.toggle.setAttribute("aria-expanded", String(!collapsed));
    }

    get visibleCards() {
      return [...this.cards.children].filter((section) => !section.hidden && !section.matches(".absent, .folded, .aside"));
    }

    /* A group with nothing to show has no heading. */
    showEmpty() {
      const hasCards = this.visibleCards.length > 0 || this.cards.querySelector(":scope > .folded") !== null;
      const isEmpty = !hasCards && this.name !== "overview";
      this.element.classList.toggle("absent", isEmpty);
      this.link.classList.toggle("absent", isEmpty);
    }

    showAlert(isAlerting) {
      if (isAlerting === this.isAlerting) return;
      this.isAlerting = isAlerting;
      this.link.classList.toggle("alerting", isAlerting);
      this.link.querySelector(".visually-hidden")?.remove();
      if (isAlerting) this.link.append(app.createElement("span", { className: "visually-hidden" }, app.translate(", alert")));
    }
  }
})((window.dashapp = window.dashapp || {}));
