/* Elements and dialogs. Text is always set as text, never as HTML. */
(function (app) {
  "use strict";

  /* `properties` with a "-" become attributes; children are elements or text. */
  app.createElement = function (tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.includes("-") || name === "role" || name === "popover") element.setAttribute(name, value);
      else element[name] = value;
    }
    element.append(...children);
    return element;
  };

  /* Setting the same text again would cause a new layout. */
  app.setText = function (element, text) {
    if (element.textContent !== text) element.textContent = text;
  };

  /* Replace the children of `list`. The focus stays on the button with the same name. If that button is gone, the one that
     `chooseNext(buttons, index)` returns has it, or else the button that closes the dialog. */
  app.replaceKeepingFocus = function (list, children, chooseNext) {
    const listButtons = () => [...list.querySelectorAll("button")];
    const nameOf = (button) => button.dataset.name ?? button.getAttribute("aria-label") ?? button.textContent;
    const before = listButtons();
    const index = before.indexOf(document.activeElement);
    list.replaceChildren(...children);
    if (index < 0) return;
    const name = nameOf(before[index]);
    const after = listButtons();
    const same = after.find((button) => nameOf(button) === name);
    if (same) same.focus({ preventScroll: true });
    else (chooseNext(after, index) ?? list.closest("dialog").querySelector(".close")).focus();
  };

  /* Open a dialog. Escape, its button or a click outside closes it, and the focus returns. */
  app.openDialog = function (title, ...children) {
    document.querySelector("dialog[open]")?.close();
    const focused = document.activeElement;
    const close = app.createElement("button", { type: "button", className: "close", "aria-label": app.translate("Close") }, "✕");
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
