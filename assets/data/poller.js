/* Requests frames for all subscriptions of a page at once, shortly after a tick is due, unless a stream brings the tick. There is
   at most one request at a time, with a timeout of five seconds. */
(function (app) {
  "use strict";

  const REQUEST_TIMEOUT_MS = 5000;
  const MAX_WAIT_MS = 5000;
  const MARGIN_MS = { min: 40, max: 300, increase: 30, decrease: 1 };
  const STREAM_GRACE = { share: 0.3, max: 300 }; // of a step, in milliseconds: how much later to request a tick that a stream may bring
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
      this.mayStream = false; // whether the server offers streams
      this.isWatching = false; // whether the timer only waits for the stream to be silent
      this.wasServed = false; // whether a stream brought ticks since the last request
      this.stream = new app.TickStream(base, (queries, frames) => this.receive(queries, frames), () => this.planAgain());
    }

    add(subscription) {
      this.subscriptions.push(subscription);
    }

    /* Polling stops when the last subscription is removed. */
    remove(subscription) {
      this.subscriptions = this.subscriptions.filter((other) => other !== subscription);
      if (this.subscriptions.length) return;
      this.stream.close();
      clearTimeout(this.timer);
      this.timer = null;
      this.inFlight?.abort();
      this.inFlight = null;
    }

    /* performance.now() of the request in flight, or of a later event of the stream; null if there is no request. */
    get waitingSince() {
      return this.inFlight ? Math.max(this.requestedAt, this.stream.heardAt) : null;
    }

    get readySubscriptions() {
      return this.subscriptions.filter((subscription) => subscription.isReady);
    }

    get liveSubscriptions() {
      return this.subscriptions.filter((subscription) => subscription.isLive);
    }

    /* Those that need a request. */
    get waitingSubscriptions() {
      return this.readySubscriptions.filter((subscription) => subscription.needsRequest || !this.stream.serves(subscription));
    }

    /* Those of the next request. An extra subscription has a request of its own, before the next tick but after what the
       user waits for. */
    get nextSubscriptions() {
      const [extra, others] = [true, false].map((isExtra) => this.waitingSubscriptions.filter((subscription) => Boolean(subscription.isExtra) === isExtra));
      const isWaiting = others.some(({ pastRange, cursor }) => pastRange || cursor === null);
      if (!extra.length || isWaiting) return others;
      this.needsPlan = true; // for the ticks
      return extra.slice(0, 1);
    }

    /* Called at every interval: poll when the next tick is due, or now if it is late. */
    scheduleNext() {
      if (!this.readySubscriptions.length || this.sessionExpired) return;
      this.checkStream();
      if (this.inFlight) {
        this.needsPlan = true;
        return;
      }
      if (this.timer !== null) return;
      this.isWatching = !this.waitingSubscriptions.length;
      this.timer = setTimeout(() => this.poll(), this.nextDelay());
    }

    /* The viewer returned to the page, perhaps from signing in elsewhere. */
    checkSession() {
      this.sessionExpired = false;
    }

    /* The viewer or the network leaves; a request follows when they return. */
    leave() {
      this.stream.close();
      this.planAgain();
    }

    /* Close a stream that brings something else than the subscriptions need now. */
    checkStream() {
      if (this.stream.suits(this.liveSubscriptions)) return;
      this.stream.close();
      clearTimeout(this.timer);
      this.timer = null;
    }

    /* Without a stream, the next request is due earlier. */
    planAgain() {
      clearTimeout(this.timer);
      this.timer = null;
      this.scheduleNext();
    }

    nextDelay() {
      const waiting = this.waitingSubscriptions;
      if (!waiting.length) return this.stream.maxSilenceMs - this.stream.silenceMs;
      if (!this.clock.isKnown || this.lastRequestFailed) return 0;
      const delay = Math.min(...waiting.map((subscription) => this.dueAt(subscription))) + this.margin + this.jitter - this.clock.now();
      return Math.min(Math.max(delay, 0), MAX_WAIT_MS);
    }

    /* When to request a subscription, in epoch milliseconds: at once if a stream brings its ticks, a little later if a stream may
       bring the next one. */
    dueAt(subscription) {
      if (this.stream.serves(subscription)) return -Infinity;
      return subscription.dueAt + (this.stream.mayServe(subscription) ? Math.min(STREAM_GRACE.share * subscription.step, STREAM_GRACE.max) : 0);
    }

    /* Poll after `delayMs`. Abort a request in flight, which asks for something else. */
    schedule(delayMs) {
      if (this.inFlight) {
        this.inFlight.abort();
        this.inFlight = null;
      }
      this.checkStream();
      clearTimeout(this.timer);
      this.isWatching = false;
      this.timer = setTimeout(() => this.poll(), delayMs);
    }

    async poll() {
      clearTimeout(this.timer);
      this.timer = null;
      if (this.inFlight || document.hidden) return;
      const queries = this.buildQueries();
      if (!queries.length) return this.scheduleNext();
      this.requestedAt = performance.now();
      const inFlight = (this.inFlight = new AbortController());
      const limit = setTimeout(() => inFlight.abort(), REQUEST_TIMEOUT_MS);
      this.noticeSilence();
      let responses;
      try {
        responses = await this.fetchFrames(queries, inFlight.signal);
      } catch (error) {
        responses = queries.map(() => NO_RESPONSE); // offline, aborted or no JSON
      }
      clearTimeout(limit);
      if (this.inFlight !== inFlight) return; // replaced by a newer request
      this.inFlight = null;
      this.lastRequestFailed = responses.every(({ frame }) => frame === null);
      this.sessionExpired = responses.every(({ sessionExpired }) => sessionExpired);
      const isNew = this.deliver(queries, responses);
      if (isNew && this.stream.isDead) this.stream.fail();
      if (this.mayStream && !this.lastRequestFailed && !document.hidden) this.stream.open(this.liveSubscriptions);
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
        const [{ frame, sessionExpired }] = await this.fetchFrames([{ text }], inFlight.signal);
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

    /* The queries of the next request. */
    buildQueries() {
      const queries = app.groupQueries(this.nextSubscriptions, (subscription) => subscription.query);
      const selected = queries.slice(0, app.MAX_QUERIES);
      // Serve the others first next time.
      if (queries.length > selected.length) {
        const served = new Set(selected.flatMap(({ members }) => members.map(({ subscription }) => subscription)));
        this.subscriptions = [...this.subscriptions.filter((subscription) => !served.has(subscription)), ...served];
        this.needsPlan = true;
      }
      return selected;
    }

    /* `[{frame, error, sessionExpired}]`, one for each query; `frame` is null if none arrived, `error` is the
       server's text. */
    async fetchFrames(queries, signal) {
      const single = queries.length === 1;
      const response = await fetch(this.base + app.framesPath(queries, "ticks", "frames"), { signal, cache: "no-store", redirect: "manual" });
      // A login answers with an error or leads to its form. The API itself never redirects.
      const isRefused = response.status === 401 || response.status === 403 || response.type === "opaqueredirect";
      if (isRefused) return queries.map(() => SESSION_EXPIRED);
      if (!response.ok && !(single && (response.status === 400 || response.status === 404))) return queries.map(() => NO_RESPONSE);
      this.mayStream = response.headers.get("x-stream") === "1";
      if (response.headers.get("cache-control")?.includes("s-maxage")) this.syncClock();
      const body = await response.json();
      const frames = single ? [body] : body.frames;
      // The body may come from a cache; the header has the time of the response.
      const now = Number(response.headers.get("x-now"));
      return queries.map((_, index) => ({ ...NO_RESPONSE, frame: app.parseFrame(frames[index], now), error: frames[index]?.error ?? null }));
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
        for (const member of members) {
          if (!this.subscriptions.includes(member.subscription)) continue; // removed meanwhile
          const isNew = member.subscription.handleResponse(responses[index], member, this.requestedAt);
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

    /* An event of the stream. */
    receive(queries, frames) {
      queries.forEach(({ members }, index) => {
        for (const { subscription } of members) if (this.subscriptions.includes(subscription)) subscription.receive(frames[index]);
      });
      this.wasServed = true;
      if (this.isWatching && this.waitingSubscriptions.length) this.planAgain();
      else this.scheduleNext();
    }

    /* Ticks come by requests again: the interval of a page may be slow. */
    noticeSilence() {
      if (!this.wasServed) return;
      this.wasServed = false;
      for (const { listener } of this.readySubscriptions) listener.onSilence?.();
    }

    /* The metric catalog; simultaneous callers share one request. */
    fetchMetrics() {
      this.metricsRequest ??= fetch(`${this.base}api/metrics`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
        .then((response) => response.json())
        .finally(() => (this.metricsRequest = null));
      return this.metricsRequest;
    }
  };
})((window.dashapp = window.dashapp || {}));
