/* The dialog to choose and order panels. */
(function (app) {
  "use strict";

  app.openPanelsDialog = function (panelOrder) {
    const list = app.createElement("ul", { className: "panel-list" });
    const resetButton = app.createElement("button", { type: "button", className: "plain" }, app.translate("Reset to default"));
    resetButton.addEventListener("click", () => {
      panelOrder.resetToDefault();
      fill(list, panelOrder);
    });
    fill(list, panelOrder);
    app.openDialog(
      app.translate("Panels"),
      app.createElement("p", {}, app.translate("Choose which panels to show, and in which order. This browser remembers your choice.")),
      list,
      resetButton
    );
  };

  function fill(list, panelOrder) {
    list.replaceChildren(...panelOrder.availablePanels().map((name) => row(list, panelOrder, name)));
  }

  function row(list, panelOrder, name) {
    const title = app.panelTitle(panelOrder.sections.get(name));
    const box = app.createElement("input", { type: "checkbox", checked: !panelOrder.hidden.has(name) });
    box.addEventListener("change", () => panelOrder.setHidden(name, !box.checked));
    const moveButton = (text, direction, label) => {
      const button = app.createElement("button", { type: "button", className: "plain", "aria-label": label }, text);
      button.dataset.move = `${name} ${direction}`;
      button.addEventListener("click", () => {
        const available = panelOrder.availablePanels();
        const neighbour = available[available.indexOf(name) + direction];
        if (!neighbour) return;
        panelOrder.moveNextTo(name, neighbour, direction > 0);
        fill(list, panelOrder);
        list.querySelector(`[data-move="${CSS.escape(name)} ${direction}"]`)?.focus();
      });
      return button;
    };
    return app.createElement(
      "li",
      {},
      app.createElement("label", {}, box, ` ${title}`),
      moveButton("↑", -1, app.translate("{title}: move up", { title })),
      moveButton("↓", 1, app.translate("{title}: move down", { title }))
    );
  }
})((window.dashapp = window.dashapp || {}));
