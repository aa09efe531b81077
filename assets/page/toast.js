/* A sentence at the foot of the page that goes by itself: what was copied, what a link names in vain. */
(function (app) {
  "use strict";

  const SHOWN_MS = 8000;

  app.Toast = class {
    constructor() {
      this.box = app.element("div", { id: "note", role: "status" });
      document.body.append(this.box);
      this.timer = null;
    }

    say(sentence) {
      if (!sentence) return;
      clearTimeout(this.timer);
      this.box.textContent = sentence;
      this.box.classList.add("shown");
      this.timer = setTimeout(() => this.box.classList.remove("shown"), SHOWN_MS);
    }
  };
})((window.dashapp = window.dashapp || {}));
