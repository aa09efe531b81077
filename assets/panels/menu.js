/* Popover menus for mouse, touch and arrow keys. */
(function (app) {
  "use strict";

  /* `items()` returns `[{text, run, checked}]`; `checked` of a choice. */
  app.attachMenu = function (button, items) {
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => open(button, items()));
  };

  app.addPanelMenu = function (page, name, section) {
    const title = app.panelTitle(section);
    const button = app.createElement("button", { type: "button", className: "more", "aria-label": app.translate("{title}: menu", { title }) }, "⋯");
    app.attachMenu(button, () => [...page.chartItems(name), ...layoutItems(page, name), ...page.viewOptions.items(name), ...page.eventMarks.items(), ...page.exportMenu.items(name)]);
    section.append(button);
    section.querySelector("h2").draggable = true;
  };

  function layoutItems({ panelOrder, fullScreen, toast }, name) {
    const large = panelOrder.large.has(name);
    return [
      { text: large ? app.translate("Make smaller") : app.translate("Enlarge"), run: () => panelOrder.setLarge(name, !large) },
      ...(panelOrder.neighbour(name, -1) ? [{ text: app.translate("Move up"), run: () => panelOrder.move(name, -1) }] : []),
      ...(panelOrder.neighbour(name, 1) ? [{ text: app.translate("Move down"), run: () => panelOrder.move(name, 1) }] : []),
      { text: app.translate("Full screen"), run: () => fullScreen.show(name) },
      { text: app.translate("Hide"), run: () => hide(panelOrder, toast, name) },
    ];
  }

  function hide(panelOrder, toast, name) {
    panelOrder.setHidden(name, true);
    toast.show(app.translate("{title} is hidden.", { title: app.panelTitle(panelOrder.sections.get(name)) }), { text: app.translate("Undo"), run: () => panelOrder.setHidden(name, false) });
  }

  function open(button, items) {
    const menu = app.createElement("div", { className: "menu", role: "menu", popover: "auto" });
    for (const { text, run, checked } of items) {
      const role = checked === undefined ? { role: "menuitem" } : { role: "menuitemcheckbox", "aria-checked": String(checked) };
      const item = app.createElement("button", { type: "button", ...role, tabIndex: -1 }, text);
      item.addEventListener("click", () => {
        menu.hidePopover();
        run();
        if (button.isConnected && button.offsetParent) button.focus();
      });
      menu.append(item);
    }
    menu.addEventListener("keydown", (event) => moveFocus(event, menu));
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

  function moveFocus(event, menu) {
    const items = [...menu.children];
    const index = items.indexOf(document.activeElement);
    const focusIndex = { ArrowDown: index + 1, ArrowUp: index - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (focusIndex === undefined) return;
    items[focusIndex % items.length].focus();
    event.preventDefault();
    event.stopPropagation();
  }

  /* Drag a panel by its title to move it before or after another. */
  app.enablePanelDrag = function (panelOrder) {
    let draggedPanel = null;
    const panelAt = (event) => event.target.closest?.("#page main .panel");
    panelOrder.main.addEventListener("dragstart", (event) => {
      if (!event.target.closest?.(".panel > h2")) return;
      draggedPanel = app.panelName(panelAt(event));
      event.dataTransfer.setData("text/plain", draggedPanel);
      event.dataTransfer.effectAllowed = "move";
    });
    panelOrder.main.addEventListener("dragend", () => (draggedPanel = null));
    panelOrder.main.addEventListener("dragover", (event) => {
      const section = panelAt(event);
      if (draggedPanel !== null && section && panelOrder.isSameGroup(draggedPanel, app.panelName(section))) event.preventDefault();
    });
    panelOrder.main.addEventListener("drop", (event) => {
      const section = panelAt(event);
      if (draggedPanel === null || !section) return;
      event.preventDefault();
      const visible = panelOrder.visiblePanels();
      const other = app.panelName(section);
      panelOrder.moveNextTo(draggedPanel, other, visible.indexOf(draggedPanel) < visible.indexOf(other));
    });
  };
})((window.dashapp = window.dashapp || {}));
