/* Menus: a button's popover of things to do, by mouse, finger or arrow keys. */
(function (app) {
  "use strict";

  /* Let `button` open a menu of what `items()` gives: `[{text, act}]`. */
  app.giveMenu = function (button, items) {
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => open(button, items()));
  };

  /* The menu of a panel. */
  app.putMenu = function (page, name, section) {
    const title = app.panelTitle(section);
    const button = app.element("button", { type: "button", className: "more", "aria-label": `${title}: more` }, "⋯");
    app.giveMenu(button, () => [...placing(page.panelOrder, name), ...page.exportMenu.items(name)]);
    section.append(button);
    section.querySelector("h2").draggable = true;
  };

  function placing(panelOrder, name) {
    const large = panelOrder.large.has(name);
    const shown = panelOrder.shown();
    const place = shown.indexOf(name);
    return [
      { text: large ? "Make smaller" : "Enlarge", act: () => panelOrder.setLarge(name, !large) },
      ...(place > 0 ? [{ text: "Move up", act: () => panelOrder.move(name, -1) }] : []),
      ...(place < shown.length - 1 ? [{ text: "Move down", act: () => panelOrder.move(name, 1) }] : []),
      { text: "Hide", act: () => panelOrder.setHidden(name, true) },
    ];
  }

  function open(button, items) {
    const menu = app.element("div", { className: "menu", role: "menu", popover: "auto" });
    for (const { text, act } of items) {
      const item = app.element("button", { type: "button", role: "menuitem", tabIndex: -1 }, text);
      item.addEventListener("click", () => {
        menu.hidePopover();
        act();
        if (button.isConnected && button.offsetParent) button.focus();
      });
      menu.append(item);
    }
    menu.addEventListener("keydown", (event) => walk(event, menu));
    menu.addEventListener("toggle", (event) => {
      button.setAttribute("aria-expanded", String(event.newState === "open"));
      if (event.newState === "closed") menu.remove();
    });
    button.after(menu);
    menu.showPopover();
    const { bottom, right, top } = button.getBoundingClientRect();
    const { offsetHeight: height, offsetWidth: width } = menu;
    menu.style.left = `${Math.max(8, right - width)}px`;
    menu.style.top = `${bottom + height + 4 > window.innerHeight ? Math.max(8, top - height - 4) : bottom + 4}px`;
    menu.firstElementChild.focus();
  }

  function walk(event, menu) {
    const items = [...menu.children];
    const place = items.indexOf(document.activeElement);
    const to = { ArrowDown: place + 1, ArrowUp: place - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (to === undefined) return;
    items[to % items.length].focus();
    event.preventDefault();
    event.stopPropagation();
  }

  /* A panel is taken by its title and put before or after another. */
  app.letDrag = function (panelOrder) {
    let taken = null;
    const over = (event) => event.target.closest?.("#page main .panel");
    panelOrder.main.addEventListener("dragstart", (event) => {
      if (!event.target.closest?.(".panel > h2")) return;
      taken = app.panelName(over(event));
      event.dataTransfer.setData("text/plain", taken);
      event.dataTransfer.effectAllowed = "move";
    });
    panelOrder.main.addEventListener("dragend", () => (taken = null));
    panelOrder.main.addEventListener("dragover", (event) => {
      if (taken !== null && over(event)) event.preventDefault();
    });
    panelOrder.main.addEventListener("drop", (event) => {
      const section = over(event);
      if (taken === null || !section) return;
      event.preventDefault();
      const shown = panelOrder.shown();
      const other = app.panelName(section);
      panelOrder.put(taken, other, shown.indexOf(taken) < shown.indexOf(other));
    });
  };
})((window.dashapp = window.dashapp || {}));
