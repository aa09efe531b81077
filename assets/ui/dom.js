/* Elements made by hand, and the dialogs made of them. All text goes in as text. */
(function (app) {
  "use strict";

  /* A `tag` with `properties` (those with a "-" are attributes) and children: elements or text. */
  app.createElement = function (tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.includes("-") || name === "role" || name === "popover") element.setAttribute(name, value);
      else element[name] = value;
    }
    element.append(...children);
    return element;
  };

  /* Have `element` say `text`. To set what stands there already would have the browser lay the page out anew. */
  app.setText = function (element, text) {
    if (element.textContent !== text) element.textContent = text;
  };

  /* Show `children` under `title`, until Escape, its button or a click beside it; the focus goes back then. */
  app.openDialog = function (title, ...children) {
    document.querySelector("dialog[open]")?.close();
    const focused = document.activeElement;
    const close = app.createElement("button", { type: "button", className: "close", "aria-label": "Close" }, "✕");
    const heading = app.createElement("h2", { id: "dialog-title" }, title);
    const dialog = app.createElement(
      "dialog",
      { "aria-labelledby": "dialog-title" },
      app.createElement("div", { className: "dialog-body" }, app.createElement("div", { className: "dialog-head" }, heading, close), ...children)
    );
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (focused && focused.isConnected) focused.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  };
})((window.dashapp = window.dashapp || {}));
