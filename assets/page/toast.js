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

    show(sentence) {
      if (!sentence) return;
      clearTimeout(this.timer);
      this.element.textContent = sentence;
      this.element.classList.add("shown");
      this.timer = setTimeout(() => this.element.classList.remove("shown"), DURATION_MS);
    }
  };
})((window.dashapp = window.dashapp || {}));
