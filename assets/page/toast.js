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

    hide() {
      this.element.classList.remove("shown");
    }
  };
})((window.dashapp = window.dashapp || {}));
