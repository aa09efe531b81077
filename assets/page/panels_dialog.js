/* The dialog in which panels are chosen and put in order. */
(function (app) {
  "use strict";

  app.openPanelList = function (panelOrder) {
    const list = app.element("ul", { className: "panel-list" });
    const all = app.element("button", { type: "button", className: "plain" }, "As at first");
    all.addEventListener("click", () => {
      panelOrder.forget();
      fill(list, panelOrder);
    });
    fill(list, panelOrder);
    app.openDialog(
      "Panels",
      app.element("p", {}, "What is shown, in this order. This browser remembers it."),
      list,
      all
    );
  };

  function fill(list, panelOrder) {
    list.replaceChildren(...panelOrder.present().map((name) => row(list, panelOrder, name)));
  }

  function row(list, panelOrder, name) {
    const title = app.panelTitle(panelOrder.sections.get(name));
    const box = app.element("input", { type: "checkbox", checked: !panelOrder.hidden.has(name) });
    box.addEventListener("change", () => panelOrder.setHidden(name, !box.checked));
    const mover = (text, side, words) => {
      const button = app.element("button", { type: "button", className: "plain", "aria-label": `${title}: ${words}` }, text);
      button.dataset.mover = `${name} ${side}`;
      button.addEventListener("click", () => {
        const present = panelOrder.present();
        const neighbour = present[present.indexOf(name) + side];
        if (!neighbour) return;
        panelOrder.put(name, neighbour, side > 0);
        fill(list, panelOrder);
        list.querySelector(`[data-mover="${CSS.escape(name)} ${side}"]`)?.focus();
      });
      return button;
    };
    return app.element(
      "li",
      {},
      app.element("label", {}, box, ` ${title}`),
      mover("↑", -1, "move up"),
      mover("↓", 1, "move down")
    );
  }
})((window.dashapp = window.dashapp || {}));
