/* The recorded top processes: responses of /api/top, requested when the reading time rests, and cached. */
(function (app) {
  "use strict";

  const REST_MS = 120; // without a change of the reading time before a request
  const TIMEOUT_MS = 5000;
  const MAX_CACHED = 300;
  // A record of the newest moments is not written yet, so an earlier one in its place is not cached.
  const SETTLED_MS = 60_000;
  const NOT_LOADED = { span: 0, cpu: [], memory: [], unknown: null, message: app.translate("The processes could not be loaded.") };

  app.TopRecords = class {
    /* `base`: of addresses; `clock`: of the server. */
    constructor(base, clock) {
      this.base = base;
      this.clock = clock;
      this.responses = new Map(); // by query, the oldest first
      this.timer = null;
      this.inFlight = null;
    }

    /* The cached response for `moment`; undefined if it must be requested. `moment`: `{at}` or `{from, to}` in epoch
       milliseconds, or `{}` for now. */
    find(moment) {
      const exact = this.responses.get(queryOf(moment));
      if (exact || moment.at === undefined) return exact;
      return [...this.responses.values()].find(({ t, span, isMoment }) => isMoment && t - 1000 * span < moment.at && moment.at <= t);
    }

    /* Call `onResponse(response)` once; at once if it is cached, and never after another call. `isUrgent`: do not wait for
       the reading time to rest. */
    request(moment, onResponse, isUrgent = false) {
      this.cancel();
      const cached = this.find(moment);
      if (cached) return onResponse(cached);
      this.timer = setTimeout(() => this.load(moment, onResponse), isUrgent ? 0 : REST_MS);
    }

    cancel() {
      clearTimeout(this.timer);
      this.inFlight?.abort();
      this.inFlight = null;
    }

    async load(moment, onResponse) {
      const inFlight = (this.inFlight = new AbortController());
      const limit = setTimeout(() => inFlight.abort(), TIMEOUT_MS);
      let response = NOT_LOADED;
      try {
        const answer = await fetch(`${this.base}api/top?${queryOf(moment)}`, { signal: inFlight.signal, cache: "no-store", redirect: "manual" });
        const body = answer.ok ? await answer.json() : null;
        if (Array.isArray(body?.cpu) && Array.isArray(body.memory)) response = body;
      } catch (error) {
        // Offline, aborted or no JSON.
      }
      clearTimeout(limit);
      if (this.inFlight !== inFlight) return; // replaced by a later request
      this.inFlight = null;
      if (response !== NOT_LOADED) this.cache(moment, response);
      onResponse(response);
    }

    cache(moment, response) {
      const end = moment.at ?? moment.to;
      if (end === undefined || (response.t < end && end > this.clock.now() - SETTLED_MS)) return;
      this.responses.set(queryOf(moment), { ...response, isMoment: moment.at !== undefined && response.span > 0 });
      if (this.responses.size > MAX_CACHED) this.responses.delete(this.responses.keys().next().value);
    }
  };

  /* "ffmpeg 61 %, python 22 %": the first names of a ranking. */
  app.describeRanking = function (ranking, count = 3) {
    const texts = ranking.slice(0, count).map((entry) => `${app.isolateText(entry.name)} ${formatShort(entry)}`);
    return texts.join(", ");
  };

  /* Whole percent, as in messages. */
  function formatShort(entry) {
    return entry.percent >= 10 ? app.formatLimit(Math.round(entry.percent), "%") : app.formatUse(entry);
  }

  app.formatUse = function ({ percent, bytes }) {
    return percent === undefined ? app.formatQuantity(bytes, "B") : app.formatQuantity(percent, "%");
  };

  function queryOf(moment) {
    return new URLSearchParams(moment).toString();
  }
})((window.dashapp = window.dashapp || {}));
