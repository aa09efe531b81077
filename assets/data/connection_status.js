/* State of the connection (live, paused, stale or offline) with a text for people. */
(function (app) {
  "use strict";

  const OFFLINE_AFTER_MS = 3500;
  const MAX_LEAD_MS = 60_000; // a newest point that is further in the future shows a wrong clock; as on the server
  const NO_DATA_AFTER_MS = 5000; // any collector sends its first point sooner

  app.ConnectionStatus = class {
    constructor() {
      this.firstResponseAt = null; // performance.now() of the first response
      this.failures = 0;
      this.failingSince = null; // performance.now() of the first request since the last response
      this.sessionExpired = false;
      this.serverError = null; // error text from the server
    }

    recordSuccess() {
      this.firstResponseAt ??= performance.now();
      this.failures = 0;
      this.failingSince = null;
      this.serverError = null;
      this.sessionExpired = false;
    }

    /* `error`: text of an error response; null if there was no response. */
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
      if (this.sessionExpired) return ["offline", app.translate("You are signed out")];
      const since = this.failingSince ?? view.waitingSince;
      const silenceMs = since === null ? 0 : performance.now() - since;
      if (this.failures >= 2 || silenceMs > OFFLINE_AFTER_MS) {
        return ["offline", app.translate("Server not reachable for {duration}, retrying", { duration: app.formatDuration(silenceMs / 1000) })];
      }
      if (this.serverError !== null) return ["stale", this.serverError];
      if (view.pausedRangeEmpty) return ["paused", app.translate("Paused: no data in this time range")];
      if (view.pausedRange) return ["paused", app.translate("Paused at {time}", { time: app.formatTime(view.pausedRange[1]) })];
      if (view.newest === null) return ["stale", this.noDataText()];
      if (view.age < -MAX_LEAD_MS) {
        return ["stale", app.translate("The newest data is {duration} in the future: a clock was wrong", { duration: app.formatDuration(-view.age / 1000) })];
      }
      if (view.age > 2 * view.step + 1500) {
        return ["stale", app.translate("No data for {duration}, since {time}", { duration: app.formatDuration(view.age / 1000), time: app.formatTime(view.newest) })];
      }
      return ["live", app.translate("Live")];
    }

    /* Whether the server responds but has had no point for a while. */
    get noData() {
      return this.firstResponseAt !== null && performance.now() - this.firstResponseAt > NO_DATA_AFTER_MS;
    }

    noDataText() {
      if (this.firstResponseAt === null) return app.translate("Connecting");
      return this.noData ? app.translate("No data yet") : app.translate("Waiting for data");
    }
  };
})((window.dashapp = window.dashapp || {}));
