/* The state of the connection: live, paused, stale or offline, and a sentence about it. By the server's clock. */
(function (app) {
  "use strict";

  const OFFLINE_AFTER_MS = 3500;
  const NO_DATA_AFTER_MS = 5000; // without a first point: longer than any collector takes to begin

  app.ConnectionStatus = class {
    constructor() {
      this.firstResponseAt = null; // performance.now() of the first answer
      this.failures = 0;
      this.failingSince = null; // performance.now() of the first question of those without an answer
      this.sessionExpired = false; // whether the server asks for its password again
      this.serverError = null; // why the server has no answer, in its words
    }

    recordSuccess() {
      this.firstResponseAt ??= performance.now();
      this.failures = 0;
      this.failingSince = null;
      this.serverError = null;
      this.sessionExpired = false;
    }

    /* `why`: the server's word where it answered, and refused; `locked`: because the session has ended. */
    recordFailure(requestedAt, error, sessionExpired = false) {
      if (error) {
        this.recordSuccess();
        this.serverError = error;
        return;
      }
      this.sessionExpired = sessionExpired;
      this.failures += 1;
      if (this.failingSince === null) this.failingSince = requestedAt;
    }

    describe(view) {
      if (this.sessionExpired) return ["offline", "Signed out"];
      const since = this.failingSince ?? view.waitingSince;
      const silenceMs = since === null ? 0 : performance.now() - since;
      if (this.failures >= 2 || silenceMs > OFFLINE_AFTER_MS) {
        return ["offline", `Server not reachable for ${app.formatDuration(silenceMs / 1000)}; trying again`];
      }
      if (this.serverError !== null) return ["stale", this.serverError];
      if (view.pausedRangeEmpty) return ["paused", "Paused; nothing was recorded then"];
      if (view.pausedRange) return ["paused", `Paused, up to ${app.formatTime(view.pausedRange[1])}`];
      if (view.newest === null) return ["stale", this.noDataText()];
      if (view.age > 2 * view.step + 1500) {
        const time = app.formatTimeOfDay(new Date(view.newest));
        return ["stale", `No data for ${app.formatDuration(view.age / 1000)}, since ${time}`];
      }
      return ["live", "Live"];
    }

    /* Whether the server has answered for long and had no point. */
    get noData() {
      return this.firstResponseAt !== null && performance.now() - this.firstResponseAt > NO_DATA_AFTER_MS;
    }

    noDataText() {
      if (this.firstResponseAt === null) return "Connecting";
      return this.noData ? "No points yet" : "Waiting for the first points";
    }
  };
})((window.dashapp = window.dashapp || {}));
