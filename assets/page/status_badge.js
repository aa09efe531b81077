/* What the page shows of its state: the badge, the tab's title and icon, the notices, the end of a session. */
(function (app) {
  "use strict";

  const COLOURS = { live: "#009e73", paused: "#0091d5", stale: "#e69f00", offline: "#b3261e", broken: "#d55e00" };
  let shownFavicon = null;

  app.StatusBadge = class {
    /* `status`: an app.Status. */
    constructor(connectionStatus) {
      this.connectionStatus = connectionStatus;
      this.locked = false; // whether the page says that the session has ended
    }

    /* `view`: {held ([start, end] or null), hidden, waiting (since when, or null), newest (ms or null), age (ms), step (ms),
       value, alert, host (texts)}. A hidden tab asks nothing, so it says nothing: neither old numbers nor an alarm. */
    show(view) {
      this.lock();
      if (view.hidden) {
        document.title = "dashapp";
        return;
      }
      const [state, sentence] = this.connectionStatus.judge(view);
      const badge = document.getElementById("status");
      if (!badge) return;
      if (badge.dataset.state !== state) badge.dataset.state = state;
      app.setText(badge, sentence);
      const page = document.getElementById("page");
      if (page.dataset.state !== state) page.dataset.state = state;
      page.classList.toggle("empty", view.newest === null && this.connectionStatus.empty && this.connectionStatus.refused === null);
      const seen = state === "live" || state === "paused";
      const front = seen ? view.alert || view.value : state === "stale" ? "No data" : this.connectionStatus.locked ? "Signed out" : "Offline";
      setFavicon(seen && view.alert ? "broken" : state);
      const title = [front, view.host || "dashapp"].filter(Boolean).join(" · ");
      if (document.title !== title) document.title = title;
    }

    /* Whether it says how long something has been wrong, or may soon have to. */
    get uneasy() {
      return this.connectionStatus.failing !== null || ["stale", "offline"].includes(document.getElementById("status")?.dataset.state);
    }

    /* Say that the session has ended, and the way to a new one: this page, at whose door the server asks. */
    lock() {
      const { locked } = this.connectionStatus;
      if (this.locked === locked) return;
      this.locked = locked;
      document.getElementById("locked")?.remove();
      if (!locked) return;
      const link = app.createElement("a", { href: window.location.href }, "Sign in again");
      const box = app.createElement("div", { id: "locked", role: "alert" }, "Your session has ended. ", link);
      document.getElementById("notices")?.before(box);
    }

    notices(sentences) {
      const box = document.getElementById("notices");
      const text = sentences.join("\n");
      if (!box || box.dataset.text === text) return;
      box.dataset.text = text;
      box.hidden = !sentences.length;
      box.replaceChildren(
        ...sentences.map((sentence) => {
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
    const mark = state === "broken" ? '<circle cx="25" cy="7" r="6"/>' : "";
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="${COLOURS[state]}"><path d="${line}" fill="none" stroke="${COLOURS[state]}" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/>${mark}</svg>`;
    const link = document.querySelector("link[rel~=icon]");
    link.type = "image/svg+xml";
    link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  }
})((window.dashapp = window.dashapp || {}));
