/* What the page says about itself: the badge, the tab's title, the notices. By the server's clock. */
(function (app) {
  "use strict";

  const OFFLINE_MS = 3500;
  const EMPTY_MS = 5000; // without a first point: longer than any collector takes to begin

  app.Status = class {
    constructor() {
      this.answered = null; // performance.now() of the first answer
      this.failures = 0;
      this.failing = null; // performance.now() of the first question of those without an answer
      this.locked = false; // whether the server asks for its password again
      this.refused = null; // why the server has no answer, in its words
    }

    heard() {
      this.answered ??= performance.now();
      this.failures = 0;
      this.failing = null;
      this.refused = null;
      this.lock(false);
    }

    /* `why`: the server's word where it answered, and refused; `locked`: because the session has ended. */
    failed(asked, why, locked = false) {
      if (why) {
        this.heard();
        this.refused = why;
        return;
      }
      this.lock(locked);
      this.failures += 1;
      if (this.failing === null) this.failing = asked;
    }

    /* `view`: {held ([start, end] or null), hidden, waiting (since when, or null), newest (ms or null), age (ms), step (ms),
       value, alert, host (texts)}. A hidden tab asks nothing, so it says nothing: neither old numbers nor an alarm. */
    show(view) {
      if (view.hidden) {
        document.title = "dashapp";
        return;
      }
      const [state, sentence] = this.judge(view);
      const badge = document.getElementById("status");
      if (!badge) return;
      if (badge.dataset.state !== state) badge.dataset.state = state;
      app.say(badge, sentence);
      const page = document.getElementById("page");
      if (page.dataset.state !== state) page.dataset.state = state;
      page.classList.toggle("empty", view.newest === null && this.empty && this.refused === null);
      const seen = state === "live" || state === "paused";
      const front = seen ? view.alert || view.value : state === "stale" ? "No data" : this.locked ? "Signed out" : "Offline";
      app.setFavicon(seen && view.alert ? "broken" : state);
      const title = [front, view.host || "dashapp"].filter(Boolean).join(" · ");
      if (document.title !== title) document.title = title;
    }

    /* Whether it says how long something has been wrong, or may soon have to. */
    get uneasy() {
      return this.failing !== null || ["stale", "offline"].includes(document.getElementById("status")?.dataset.state);
    }

    judge(view) {
      if (this.locked) return ["offline", "Signed out"];
      const since = this.failing ?? view.waiting;
      const silent = since === null ? 0 : performance.now() - since;
      if (this.failures >= 2 || silent > OFFLINE_MS) {
        return ["offline", `Server not reachable for ${app.words(silent / 1000)}; trying again`];
      }
      if (this.refused !== null) return ["stale", this.refused];
      if (view.nothing) return ["paused", "Paused; nothing was recorded then"];
      if (view.held) return ["paused", `Paused, up to ${app.moment(view.held[1])}`];
      if (view.newest === null) return ["stale", this.emptiness()];
      if (view.age > 2 * view.step + 1500) {
        const time = app.timeOfDay(new Date(view.newest));
        return ["stale", `No data for ${app.words(view.age / 1000)}, since ${time}`];
      }
      return ["live", "Live"];
    }

    /* Say that the session has ended, and the way to a new one: this page, at whose door the server asks. */
    lock(locked) {
      if (this.locked === locked) return;
      this.locked = locked;
      document.getElementById("locked")?.remove();
      if (!locked) return;
      const link = app.element("a", { href: window.location.href }, "Sign in again");
      const box = app.element("div", { id: "locked", role: "alert" }, "Your session has ended. ", link);
      document.getElementById("notices")?.before(box);
    }

    /* Whether the server has answered for long and had no point. */
    get empty() {
      return this.answered !== null && performance.now() - this.answered > EMPTY_MS;
    }

    emptiness() {
      if (this.answered === null) return "Connecting";
      return this.empty ? "No points yet" : "Waiting for the first points";
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
})((window.dashapp = window.dashapp || {}));
