/* The dialog in which panels are chosen and put in order. */
(function (app) {
  "use strict";

  app.openPanelList = function (arrangement) {
    const list = app.element("ul", { className: "panel-list" });
    const all = app.element("button", { type: "button", className: "plain" }, "As at first");
    all.addEventListener("click", () => {
      arrangement.forget();
      fill(list, arrangement);
    });
    fill(list, arrangement);
    app.openDialog(
      "Panels",
      app.element("p", {}, "What is shown, in this order. This browser remembers it."),
      list,
      all
    );
  };

  function fill(list, arrangement) {
    list.replaceChildren(...arrangement.present().map((name) => row(list, arrangement, name)));
  }

  function row(list, arrangement, name) {
    const title = app.panelTitle(arrangement.sections.get(name));
    const box = app.element("input", { type: "checkbox", checked: !arrangement.hidden.has(name) });
    box.addEventListener("change", () => arrangement.setHidden(name, !box.checked));
    const mover = (text, side, words) => {
      const button = app.element("button", { type: "button", className: "plain", "aria-label": `${title}: ${words}` }, text);
      button.dataset.mover = `${name} ${side}`;
      button.addEventListener("click", () => {
        const present = arrangement.present();
        const neighbour = present[present.indexOf(name) + side];
        if (!neighbour) return;
        arrangement.put(name, neighbour, side > 0);
        fill(list, arrangement);
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
