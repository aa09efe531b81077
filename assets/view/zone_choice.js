/* The choice of the time zone for all times of the page: the browser's, the host's, or UTC. */
(function (app) {
  "use strict";

  const BROWSER = "browser";
  const TEXTS = { browser: app.translate("Times of this browser: {zone}."), host: app.translate("Times of the host: {zone}."), UTC: app.translate("Times of UTC: {zone}.") };

  app.ZoneChoice = class {
    /* `page`: urlState, toast, writeUrl(), onZone(). */
    constructor(page) {
      this.page = page;
      this.hostZone = document.getElementById("page").dataset.zone ?? ""; // "" if the server does not know it
      this.choice = BROWSER;
    }

    /* The choices that this page offers. */
    get choices() {
      return [BROWSER, ...(this.hostZone ? ["host"] : []), "UTC"];
    }

    /* Apply the address, or else the stored preference. */
    applyUrl() {
      const requested = this.page.urlState.read().tz ?? app.readPreferences().tz;
      this.set(Object.hasOwn(TEXTS, requested ?? "") ? requested : BROWSER);
    }

    /* One sentence if the zone in the address cannot be used; else "". */
    get problem() {
      return this.page.urlState.read().tz === "host" && this.choice !== "host" ? app.translate("The time zone of the host is not known, so times are those of this browser.") : "";
    }

    urlParams() {
      return { tz: this.choice === BROWSER ? null : this.choice };
    }

    next() {
      const { choices } = this;
      this.set(choices[(choices.indexOf(this.choice) + 1) % choices.length]);
      app.writePreferences({ tz: this.choice });
      this.page.writeUrl();
      this.page.toast.show(app.fillText(TEXTS[this.choice], { zone: this.name }));
    }

    set(choice) {
      const name = { browser: null, host: this.hostZone, UTC: "UTC" }[choice];
      // The server may know a zone that this browser does not.
      const isKnown = name !== "" && app.setTimeZone(name);
      const applied = isKnown ? choice : BROWSER;
      if (!isKnown) app.setTimeZone(null);
      if (applied === this.choice) return;
      this.choice = applied;
      this.page.onZone();
    }

    /* "Europe/Berlin" */
    get name() {
      return app.timeZoneName() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    }

    /* The name, if the times are not the browser's. */
    get label() {
      return this.choice === BROWSER ? "" : this.name;
    }
  };
})((window.dashapp = window.dashapp || {}));
