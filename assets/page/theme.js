/* Dark, light, or as the system is. The style sheet does the rest. */
(function (app) {
  "use strict";

  app.THEMES = ["auto", "dark", "light"];
  const WORDS = { auto: "Theme: as the system", dark: "Theme: dark", light: "Theme: light" };
  const SIGNS = { auto: "◐", dark: "●", light: "○" };

  app.Theme = class {
    constructor(page) {
      this.page = page;
      this.own = document.getElementById("page").dataset.theme || "auto"; // where nobody chose
      this.chosen = this.own;
    }

    /* As the address says, or else as this viewer last chose. */
    go() {
      const wanted = [this.page.urlState.read().theme, app.readPreferences().theme];
      this.put(wanted.find((theme) => app.THEMES.includes(theme)) ?? this.own);
    }

    next() {
      this.put(app.THEMES[(app.THEMES.indexOf(this.chosen) + 1) % app.THEMES.length]);
      app.writePreferences({ theme: this.chosen });
      this.page.write();
      this.page.toast.say(WORDS[this.chosen]);
    }

    put(theme) {
      this.chosen = theme;
      document.documentElement.dataset.theme = theme;
      const button = document.getElementById("theme");
      button.textContent = SIGNS[theme];
      button.title = `${WORDS[theme]} (t)`;
      button.setAttribute("aria-label", WORDS[theme]);
    }

    written() {
      return { theme: this.chosen === this.own ? null : this.chosen };
    }
  };
})((window.dashapp = window.dashapp || {}));
