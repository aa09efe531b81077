/* What the page says about itself: the badge, the tab's title, the notices. By the server's clock. */
(function (app) {
  "use strict";

  const OFFLINE_MS = 3500;

  app.Status = class {
    constructor() {
      this.answered = null; // performance.now() of the last answer
      this.failures = 0;
      this.state = null;
    }

    heard() {
      this.answered = performance.now();
      this.failures = 0;
    }

    failed() {
      this.failures += 1;
    }

    /* `view`: {paused, newest (ms or null), step (ms), now (ms or null), interval (ms), value (text)}. */
    show(view) {
      const [state, sentence] = this.judge(view);
      const badge = document.getElementById("status");
      if (!badge) return;
      if (badge.dataset.state !== state) badge.dataset.state = state;
      if (badge.textContent !== sentence) badge.textContent = sentence;
      document.getElementById("page").dataset.state = state;
      const front = state === "live" || state === "paused" ? view.value : state === "stale" ? "No data" : "Offline";
      const title = front ? `${front} · dashapp` : "dashapp";
      if (document.title !== title) document.title = title;
    }

    judge(view) {
      const silent = this.answered === null ? 0 : performance.now() - this.answered;
      if (this.failures >= 2 || silent > Math.max(OFFLINE_MS, view.interval * 2.5)) {
        const since = this.answered === null ? "" : ` for ${app.words(silent / 1000)}`;
        return ["offline", `Server not reachable${since}; trying again`];
      }
      if (view.paused) return ["paused", "Paused; the newest points wait"];
      if (view.newest === null || view.now === null) {
        return ["stale", this.answered === null ? "Connecting" : "Waiting for the first points"];
      }
      const age = view.now - view.newest;
      if (age > 2 * view.step + 1500) {
        const time = new Date(view.newest).toLocaleTimeString();
        return ["stale", `No data for ${app.words(age / 1000)}, since ${time}`];
      }
      return ["live", "Live"];
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

  /* A length of time, short: "12 s", "5 min", "3 h", "2 days". */
  app.words = function (seconds) {
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  };

  /* The same in full, for the slider: "100 seconds", "5 minutes", "2 hours". */
  app.fullWords = function (seconds) {
    for (const [size, unit] of [[3600, "hour"], [60, "minute"]]) {
      if (seconds >= size && seconds % (size / 2) === 0) {
        const count = seconds / size;
        return `${count} ${unit}${count === 1 ? "" : "s"}`;
      }
    }
    return `${seconds} second${seconds === 1 ? "" : "s"}`;
  };
})((window.dashapp = window.dashapp || {}));
