/* Shows the state: badge, tab title and icon, notices, the end of a session. */
(function (app) {
  "use strict";

  const COLOURS = { live: "#009e73", paused: "#0091d5", stale: "#b36b00", offline: "#b3261e", broken: "#d55e00" };
  let shownFavicon = null;

  app.StatusBadge = class {
    /* `status`: an app.Status. */
    constructor(connectionStatus) {
      this.connectionStatus = connectionStatus;
      this.sessionEndShown = false;
    }

    /* `view`: {pausedRange, hidden, waitingSince, newest (ms or null), age (ms), step (ms), value, alert, host
       (texts), isFiring (at the time on screen)}. A hidden tab sends no requests, so its title shows neither old values nor an alert. */
    show(view) {
      this.showSessionEnd();
      if (view.hidden) {
        document.title = "dashapp";
        return;
      }
      const [state, sentence] = this.connectionStatus.describe(view);
      const badge = document.getElementById("status");
      if (!badge) return;
      if (badge.dataset.state !== state) badge.dataset.state = state;
      app.setText(badge, sentence);
      const page = document.getElementById("page");
      if (page.dataset.state !== state) page.dataset.state = state;
      page.classList.toggle("empty", view.newest === null && this.connectionStatus.noData && this.connectionStatus.serverError === null);
      const isCurrent = state === "live" || state === "paused";
      const prefix = isCurrent ? view.alert || view.value : state === "stale" ? app.translate("No data") : this.connectionStatus.sessionExpired ? app.translate("Signed out") : app.translate("Offline");
      setFavicon(isCurrent && view.isFiring ? "broken" : state);
      const title = [prefix, view.host || "dashapp"].filter(Boolean).join(" · ");
      if (document.title !== title) document.title = title;
    }

    /* Whether the badge shows, or may soon show, for how long something has failed. */
    get needsTicks() {
      return this.connectionStatus.failingSince !== null || ["stale", "offline"].includes(document.getElementById("status")?.dataset.state);
    }

    /* A link to this page leads to the server's login form. */
    showSessionEnd() {
      const { sessionExpired } = this.connectionStatus;
      if (this.sessionEndShown === sessionExpired) return;
      this.sessionEndShown = sessionExpired;
      document.getElementById("locked")?.remove();
      if (!sessionExpired) return;
      const link = app.createElement("a", { href: window.location.href }, app.translate("Sign in again"));
      const box = app.createElement("div", { id: "locked", role: "alert" }, app.translate("You are signed out. "), link);
      document.getElementById("notices")?.before(box);
    }

    showNotices(lines) {
      const box = document.getElementById("notices");
      const text = lines.join("\n");
      if (!box || box.dataset.text === text) return;
      box.dataset.text = text;
      box.hidden = !lines.length;
      box.replaceChildren(
        ...lines.map((sentence) => {
          const line = document.createElement("p");
          line.textContent = sentence;
          return line;
        })
      );
    }
  };

  function setFavicon(state) {
    if (state === shownFavicon) return;
    shownFavicon = state;
    const line = state === "offline" ? "M4 24h24" : "M3 22l7-7 5 5 6-13 4 9h4";
    const dot = state === "broken" ? '<circle cx="25" cy="7" r="6"/>' : "";
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="${COLOURS[state]}"><path d="${line}" fill="none" stroke="${COLOURS[state]}" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/>${dot}</svg>`;
    const link = document.querySelector("link[rel~=icon]");
    link.type = "image/svg+xml";
    link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  }
})((window.dashapp = window.dashapp || {}));
