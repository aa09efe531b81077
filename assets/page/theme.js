/* Dark, light, or the system's theme. The style sheet does the rest. */
(function (app) {
  "use strict";

  app.THEMES = ["auto", "dark", "light"];
  const LABELS = { auto: app.translate("Theme: system"), dark: app.translate("Theme: dark"), light: app.translate("Theme: light") };

  app.Theme = class {
    constructor(page) {
      this.page = page;
      this.defaultTheme = document.getElementById("page").dataset.theme || "auto";
      this.current = this.defaultTheme;
    }

    /* Apply the URL, or else the stored preference. */
    applyUrl() {
      const requested = [this.page.urlState.read().theme, app.readPreferences().theme];
      this.set(requested.find((theme) => app.THEMES.includes(theme)) ?? this.defaultTheme);
    }

    next() {
      this.set(app.THEMES[(app.THEMES.indexOf(this.current) + 1) % app.THEMES.length]);
      app.writePreferences({ theme: this.current });
      this.page.writeUrl();
      this.page.toast.show(LABELS[this.current]);
    }

    set(theme) {
      this.current = theme;
      document.documentElement.dataset.theme = theme;
      this.page.liveView?.renderQueue.redraw(true); // in the colours of the theme
      const button = document.getElementById("theme");
      button.textContent = LABELS[theme];
    }

    urlParams() {
      return { theme: this.current === this.defaultTheme ? null : this.current };
    }
  };
})((window.dashapp = window.dashapp || {}));
