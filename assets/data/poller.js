/* Asks the server for every feed of the page at once: soon after a tick is due, one request at a time, given up after
   five seconds. Knows when to ask and how, not what is done with an answer. */
(function (app) {
  "use strict";

  const REQUEST_TIMEOUT_MS = 5000;
  const MAX_WAIT_MS = 5000;
  const MARGIN_MS = { min: 40, max: 300, increase: 30, decrease: 1 };
  const MAX_QUERIES = 16; // in one request
  const CLOCK_SYNC_MS = 3_600_000; // after which the time is asked for itself, where a cache may tell it late
  const NO_RESPONSE = { frame: null, error: null, sessionExpired: false };
  const SESSION_EXPIRED = { ...NO_RESPONSE, sessionExpired: true };

  app.Poller = class {
    /* `base`: where the server's paths begin. */
    constructor(base) {
      this.base = base;
      this.clock = new app.ServerClock();
      this.subscriptions = [];
      this.margin = MARGIN_MS.min;
      this.jitter = Math.random() * 60; // so that a thousand viewers do not ask in the same instant
      this.timer = null;
      this.inFlight = null;
      this.requestedAt = null; // performance.now() of the question in flight
      this.lastRequestFailed = false;
      this.stalled = false; // the last answer had nothing new
      this.needsPlan = false;
      this.clockSyncedAt = 0; // performance.now() when the server itself told its time
      this.metricsRequest = null; // the catalogue, while it is asked for
    }

    add(subscription) {
      this.subscriptions.push(subscription);
    }

    /* Nothing is asked for this one any more; nothing at all once there is none left. */
    remove(subscription) {
      this.subscriptions = this.subscriptions.filter((other) => other !== subscription);
      if (this.subscriptions.length) return;
      clearTimeout(this.timer);
      this.timer = null;
      this.inFlight?.abort();
      this.inFlight = null;
    }

    /* Since when an answer is waited for, by performance.now(); null while none is. */
    get waitingSince() {
      return this.inFlight ? this.requestedAt : null;
    }

    get readySubscriptions() {
      return this.subscriptions.filter((subscription) => subscription.isReady);
    }

    /* Called on every interval: ask when the next tick is due, or now where it is late. */
    scheduleNext() {
      if (!this.readySubscriptions.length) return;
      if (this.inFlight) {
        this.needsPlan = true;
        return;
      }
      if (this.timer === null) this.timer = setTimeout(() => this.poll(), this.nextDelay());
    }

    nextDelay() {
      const now = this.clock.now();
      if (now === null || this.lastRequestFailed) return 0;
      const delay = Math.min(...this.readySubscriptions.map((subscription) => subscription.dueAt)) + this.margin + this.jitter - now;
      return Math.min(Math.max(delay, 0), MAX_WAIT_MS);
    }

    /* Before anything else: what is in flight no longer asks what is wanted. */
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
        responses = queries.map(() => NO_RESPONSE); // down, aborted, or no JSON: all the same to the viewer
      }
      clearTimeout(limit);
      if (this.inFlight !== inFlight) return; // a newer question took its place
      this.inFlight = null;
      this.lastRequestFailed = responses.every(({ frame }) => frame === null);
      const isNew = this.deliver(queries, responses);
      // After a tick the next is due in a known time, wherever the interval's own beat falls. Where nothing
      // came the beat must ask: a collector that stopped is no reason to hurry.
      if (this.needsPlan || isNew) {
        this.needsPlan = false;
        this.scheduleNext();
      }
    }

    /* What to ask: `[{text, asked: [{feed, past}]}]`, one question for all feeds that stand at the same place. */
    buildQueries() {
      const byParams = new Map();
      for (const subscription of this.readySubscriptions) {
        const { params, patterns } = subscription.query();
        if (!byParams.has(params)) byParams.set(params, { params, patterns: [], members: [] });
        const query = byParams.get(params);
        query.members.push({ subscription, range: subscription.pastRange });
        query.patterns.push(...patterns);
      }
      const selected = [...byParams.values()].slice(0, MAX_QUERIES);
      // Where there are more, the others have their turn the next time.
      if (byParams.size > MAX_QUERIES) {
        const served = new Set(selected.flatMap(({ members }) => members.map(({ subscription }) => subscription)));
        this.subscriptions = [...this.subscriptions.filter((subscription) => !served.has(subscription)), ...served];
        this.needsPlan = true;
      }
      return selected.map(({ params, patterns, members }) => ({ text: params + app.likeParam(patterns), members }));
    }

    /* `[{frame, refused, locked}]`, one for each text: a frame, null where none came; why the server refuses one, and
       whether because the viewer's session has ended. */
    async fetchFrames(texts, signal) {
      const single = texts.length === 1;
      const path = single ? `ticks?${texts[0]}` : `frames?${texts.map((text) => `q=${encodeURIComponent(text)}`).join("&")}`;
      const response = await fetch(`${this.base}api/${path}`, { signal, cache: "no-store" });
      if (response.status === 401) return texts.map(() => SESSION_EXPIRED);
      if (!response.ok && !(single && (response.status === 400 || response.status === 404))) return texts.map(() => NO_RESPONSE);
      if (response.headers.get("cache-control")?.includes("s-maxage")) this.syncClock();
      const body = await response.json();
      const frames = single ? [body] : body.frames;
      // The body is the same for all who ask this of this tick; when it was told stands beside it.
      const now = Number(response.headers.get("x-now"));
      return texts.map((_, index) => ({ ...NO_RESPONSE, frame: parseFrame(frames[index], now), error: frames[index]?.error ?? null }));
    }

    /* Hear the time from the server itself, which no cache keeps: two clocks differ by some milliseconds an hour. */
    syncClock() {
      if (performance.now() - this.clockSyncedAt < CLOCK_SYNC_MS) return;
      this.clockSyncedAt = performance.now();
      fetch(`${this.base}healthz`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
        .then((response) => Number(response.headers.get("x-now")))
        .then((now) => now && this.clock.update(now, true))
        .catch(() => {}); // in an hour again
    }

    /* Whether any of them brought a tick. */
    deliver(queries, responses) {
      const outcomes = [];
      queries.forEach(({ members }, index) => {
        for (const { subscription, range } of members) {
          if (!this.subscriptions.includes(subscription)) continue; // it left meanwhile
          const isNew = subscription.handleResponse(responses[index], range, this.requestedAt);
          if (isNew !== null) outcomes.push(isNew);
        }
      });
      if (!outcomes.length) return false;
      const isNew = outcomes.includes(true);
      const { min, max, increase, decrease } = MARGIN_MS;
      // Nothing new although a tick was due: it takes longer to arrive than we thought. Nothing again: it stalls.
      if (isNew) this.margin = Math.max(min, this.margin - decrease);
      else if (!this.stalled) this.margin = Math.min(max, this.margin + increase);
      this.stalled = !isNew;
      return isNew;
    }

    /* The catalogue of metrics, asked for once for all who want it now. */
    fetchMetrics() {
      this.metricsRequest ??= fetch(`${this.base}api/metrics`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
        .then((response) => response.json())
        .finally(() => (this.metricsRequest = null));
      return this.metricsRequest;
    }
  };

  /* The frame, told at `now` seconds where that is known; null where it is none: a proxy's page with status 200, say. */
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
