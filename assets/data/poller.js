/* Requests frames for all subscriptions of a page at once, shortly after a tick is due. There is at most one
   request at a time, with a timeout of five seconds. */
(function (app) {
  "use strict";

  const REQUEST_TIMEOUT_MS = 5000;
  const MAX_WAIT_MS = 5000;
  const MARGIN_MS = { min: 40, max: 300, increase: 30, decrease: 1 };
  const MAX_QUERIES = 16; // in one request
  const CLOCK_SYNC_MS = 3_600_000; // how often to read the server's clock, if a cache may delay responses
  const NO_RESPONSE = { frame: null, error: null, sessionExpired: false };
  const SESSION_EXPIRED = { ...NO_RESPONSE, sessionExpired: true };

  app.Poller = class {
    /* `base`: URL path of the server. */
    constructor(base) {
      this.base = base;
      this.clock = new app.ServerClock();
      this.subscriptions = [];
      this.margin = MARGIN_MS.min;
      this.jitter = Math.random() * 60; // spreads the requests of many viewers
      this.timer = null;
      this.inFlight = null;
      this.requestedAt = null; // performance.now() of the request in flight
      this.lastRequestFailed = false;
      this.stalled = false; // the last response had nothing new
      this.needsPlan = false;
      this.sessionExpired = false; // no further request before the viewer returns to the page
      this.clockSyncedAt = 0; // performance.now() of the last clock request
      this.metricsRequest = null; // promise of the request in flight
    }

    add(subscription) {
      this.subscriptions.push(subscription);
    }

    /* Polling stops when the last subscription is removed. */
    remove(subscription) {
      this.subscriptions = this.subscriptions.filter((other) => other !== subscription);
      if (this.subscriptions.length) return;
      clearTimeout(this.timer);
      this.timer = null;
      this.inFlight?.abort();
      this.inFlight = null;
    }

    /* performance.now() of the request in flight; null if there is none. */
    get waitingSince() {
      return this.inFlight ? this.requestedAt : null;
    }

    get readySubscriptions() {
      return this.subscriptions.filter((subscription) => subscription.isReady);
    }

    /* Those of the next request. An extra subscription has a request of its own, before the next tick but after what the
       user waits for. */
    get nextSubscriptions() {
      const [extra, others] = [true, false].map((isExtra) => this.readySubscriptions.filter((subscription) => Boolean(subscription.isExtra) === isExtra));
      const isWaiting = others.some(({ pastRange, cursor }) => pastRange || cursor === null);
      if (!extra.length || isWaiting) return others;
      this.needsPlan = true; // for the ticks
      return extra.slice(0, 1);
    }

    /* Called at every interval: poll when the next tick is due, or now if it is late. */
    scheduleNext() {
      if (!this.readySubscriptions.length || this.sessionExpired) return;
      if (this.inFlight) {
        this.needsPlan = true;
        return;
      }
      if (this.timer === null) this.timer = setTimeout(() => this.poll(), this.nextDelay());
    }

    /* The viewer returned to the page, perhaps from signing in elsewhere. */
    checkSession() {
      this.sessionExpired = false;
    }

    nextDelay() {
      const now = this.clock.now();
      if (now === null || this.lastRequestFailed) return 0;
      const delay = Math.min(...this.readySubscriptions.map((subscription) => subscription.dueAt)) + this.margin + this.jitter - now;
      return Math.min(Math.max(delay, 0), MAX_WAIT_MS);
    }

    /* Poll after `delayMs`. Abort a request in flight, which asks for something else. */
    schedule(delayMs) {
      if (this.inFlight) {
        this.inFlight.abort();
        this.inFlight = null;
      }
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.poll(), delayMs);
    }

    async poll() {
      clearTimeout(this.timer);
      this.timer = null;
      const queries = this.buildQueries();
      if (this.inFlight || document.hidden || !queries.length) return;
      this.requestedAt = performance.now();
      const inFlight = (this.inFlight = new AbortController());
      const limit = setTimeout(() => inFlight.abort(), REQUEST_TIMEOUT_MS);
      let responses;
      try {
        responses = await this.fetchFrames(queries.map(({ text }) => text), inFlight.signal);
      } catch (error) {
        responses = queries.map(() => NO_RESPONSE); // offline, aborted or no JSON
      }
      clearTimeout(limit);
      if (this.inFlight !== inFlight) return; // replaced by a newer request
      this.inFlight = null;
      this.lastRequestFailed = responses.every(({ frame }) => frame === null);
      this.sessionExpired = responses.every(({ sessionExpired }) => sessionExpired);
      const isNew = this.deliver(queries, responses);
      // After a tick, the time of the next is known. Without one, wait for the interval: the collector may have
      // stopped, so there is no hurry.
      if (this.needsPlan || isNew) {
        this.needsPlan = false;
        this.scheduleNext();
      }
    }

    /* Request one frame now, beside all subscriptions; null if another request is in flight, or if there is no
       response. */
    async fetchFrame(text) {
      if (this.inFlight || document.hidden || this.sessionExpired) return null;
      this.requestedAt = performance.now();
      const inFlight = (this.inFlight = new AbortController());
      const limit = setTimeout(() => inFlight.abort(), REQUEST_TIMEOUT_MS);
      try {
        const [{ frame, sessionExpired }] = await this.fetchFrames([text], inFlight.signal);
        this.sessionExpired = sessionExpired;
        if (sessionExpired) for (const { listener } of this.subscriptions) listener.onFailure(this.requestedAt, null, true);
        return frame;
      } catch (error) {
        return null; // offline, aborted or no JSON
      } finally {
        clearTimeout(limit);
        if (this.inFlight === inFlight) {
          this.inFlight = null;
          this.scheduleNext();
        }
      }
    }

    /* `[{text, members: [{subscription, range}]}]`: one query for all subscriptions with the same parameters. */
    buildQueries() {
      const byParams = new Map();
      for (const subscription of this.nextSubscriptions) {
        const { params, patterns } = subscription.query();
        if (!byParams.has(params)) byParams.set(params, { params, patterns: [], members: [] });
        const query = byParams.get(params);
        query.members.push({ subscription, range: subscription.pastRange });
        query.patterns.push(...patterns);
      }
      const selected = [...byParams.values()].slice(0, MAX_QUERIES);
      // Serve the others first next time.
      if (byParams.size > MAX_QUERIES) {
        const served = new Set(selected.flatMap(({ members }) => members.map(({ subscription }) => subscription)));
        this.subscriptions = [...this.subscriptions.filter((subscription) => !served.has(subscription)), ...served];
        this.needsPlan = true;
      }
      return selected.map(({ params, patterns, members }) => ({ text: params + app.likeParam(patterns, selected.length), members }));
    }

    /* `[{frame, error, sessionExpired}]`, one for each text; `frame` is null if none arrived, `error` is the
       server's text. */
    async fetchFrames(texts, signal) {
      const single = texts.length === 1;
      const path = single ? `ticks?${texts[0]}` : `frames?${texts.map((text) => `q=${encodeURIComponent(text)}`).join("&")}`;
      const response = await fetch(`${this.base}api/${path}`, { signal, cache: "no-store", redirect: "manual" });
      // A login answers with an error or leads to its form. The API itself never redirects.
      const isRefused = response.status === 401 || response.status === 403 || response.type === "opaqueredirect";
      if (isRefused) return texts.map(() => SESSION_EXPIRED);
      if (!response.ok && !(single && (response.status === 400 || response.status === 404))) return texts.map(() => NO_RESPONSE);
      if (response.headers.get("cache-control")?.includes("s-maxage")) this.syncClock();
      const body = await response.json();
      const frames = single ? [body] : body.frames;
      // The body may come from a cache; the header has the time of the response.
      const now = Number(response.headers.get("x-now"));
      return texts.map((_, index) => ({ ...NO_RESPONSE, frame: parseFrame(frames[index], now), error: frames[index]?.error ?? null }));
    }

    /* Read the server's clock from a response that no cache keeps: clocks drift by milliseconds an hour. */
    syncClock() {
      if (performance.now() - this.clockSyncedAt < CLOCK_SYNC_MS) return;
      this.clockSyncedAt = performance.now();
      fetch(`${this.base}healthz`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
        .then((response) => Number(response.headers.get("x-now")))
        .then((now) => now && this.clock.update(now, true))
        .catch(() => {}); // try again in an hour
    }

    /* Pass the responses on; return whether one brought a new tick. */
    deliver(queries, responses) {
      const outcomes = [];
      queries.forEach(({ members }, index) => {
        for (const { subscription, range } of members) {
          if (!this.subscriptions.includes(subscription)) continue; // removed meanwhile
          const isNew = subscription.handleResponse(responses[index], range, this.requestedAt);
          if (isNew !== null) outcomes.push(isNew);
        }
      });
      if (!outcomes.length) return false;
      const isNew = outcomes.includes(true);
      const { min, max, increase, decrease } = MARGIN_MS;
      // A tick was due but there was nothing new: it arrives later than expected. The second time in a row, the
      // collector has stalled.
      if (isNew) this.margin = Math.max(min, this.margin - decrease);
      else if (!this.stalled) this.margin = Math.min(max, this.margin + increase);
      this.stalled = !isNew;
      return isNew;
    }

    /* The metric catalog; simultaneous callers share one request. */
    fetchMetrics() {
      this.metricsRequest ??= fetch(`${this.base}api/metrics`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
        .then((response) => response.json())
        .finally(() => (this.metricsRequest = null));
      return this.metricsRequest;
    }
  };

  /* The frame with the time `now` (seconds) if known; null if it is invalid, for example an HTML page of a
     proxy. */
  function parseFrame(frame, now) {
    const isValid =
      frame !== null &&
      typeof frame === "object" &&
      typeof frame.cursor === "string" &&
      typeof frame.now === "number" &&
      Array.isArray(frame.t) &&
      [frame.y, frame.min || {}, frame.max || {}].every(
        (part) =>
          typeof part === "object" &&
          Object.values(part).every((column) => Array.isArray(column) && column.length === frame.t.length)
      );
    return isValid ? { ...frame, now: now || frame.now } : null;
  }
})((window.dashapp = window.dashapp || {}));
