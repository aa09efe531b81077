/* The state of the connection: live, paused, stale or offline, and a sentence about it. By the server's clock. */
(function (app) {
  "use strict";

  const OFFLINE_MS = 3500;
  const EMPTY_MS = 5000; // without a first point: longer than any collector takes to begin

  app.ConnectionStatus = class {
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
      this.locked = false;
    }

    /* `why`: the server's word where it answered, and refused; `locked`: because the session has ended. */
    failed(asked, why, locked = false) {
      if (why) {
        this.heard();
        this.refused = why;
        return;
      }
      this.locked = locked;
      this.failures += 1;
      if (this.failing === null) this.failing = asked;
    }

    judge(view) {
      if (this.locked) return ["offline", "Signed out"];
      const since = this.failing ?? view.waiting;
      const silent = since === null ? 0 : performance.now() - since;
      if (this.failures >= 2 || silent > OFFLINE_MS) {
        return ["offline", `Server not reachable for ${app.formatDuration(silent / 1000)}; trying again`];
      }
      if (this.refused !== null) return ["stale", this.refused];
      if (view.nothing) return ["paused", "Paused; nothing was recorded then"];
      if (view.held) return ["paused", `Paused, up to ${app.formatTime(view.held[1])}`];
      if (view.newest === null) return ["stale", this.emptiness()];
      if (view.age > 2 * view.step + 1500) {
        const time = app.formatTimeOfDay(new Date(view.newest));
        return ["stale", `No data for ${app.formatDuration(view.age / 1000)}, since ${time}`];
      }
      return ["live", "Live"];
    }

    /* Whether the server has answered for long and had no point. */
    get empty() {
      return this.answered !== null && performance.now() - this.answered > EMPTY_MS;
    }

    emptiness() {
      if (this.answered === null) return "Connecting";
      return this.empty ? "No points yet" : "Waiting for the first points";
    }
  };
})((window.dashapp = window.dashapp || {}));
