/* A short message at the bottom of the page that disappears by itself. */
(function (app) {
  "use strict";

  const DURATION_MS = 8000;

  app.Toast = class {
    constructor() {
      this.element = app.createElement("div", { id: "note", role: "status" });
      document.body.append(this.element);
      this.timer = null;
    }

    /* `action`: {text, run} of a button, if there is one. */
    show(sentence, action = null) {
      if (!sentence) return;
      clearTimeout(this.timer);
      this.place(document.querySelector("dialog[open]"));
      this.element.replaceChildren(sentence);
      if (action) {
        const button = app.createElement("button", { type: "button" }, action.text);
        button.addEventListener("click", () => {
          this.hide();
          action.run();
        });
        this.element.append(" ", button);
      }
      this.element.classList.add("shown");
      this.timer = setTimeout(() => this.hide(), DURATION_MS);
    }

    /* Nothing outside an open dialog can be clicked or read aloud. */
    place(dialog) {
      const parent = dialog ?? document.body;
      if (this.element.parentElement === parent) return;
      parent.append(this.element);
      dialog?.addEventListener("close", () => this.place(document.querySelector("dialog[open]")), { once: true });
    }

    hide() {
      this.element.classList.remove("shown");
    }
  };
})((window.dashapp = window.dashapp || {}));
