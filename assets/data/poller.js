/* Asks the server for every feed of the page at once: soon after a tick is due, one request at a time, given up after
   five seconds. Knows when to ask and how, not what is done with an answer. */
(function (app) {
  "use strict";

  const GIVE_UP_MS = 5000;
  const LONGEST_WAIT_MS = 5000;
  const MARGIN_MS = { least: 40, most: 300, more: 30, less: 1 };
  const MOST_QUESTIONS = 16; // in one request
  const CLOCK_MS = 3_600_000; // after which the time is asked for itself, where a cache may tell it late
  const NOTHING = { frame: null, refused: null, locked: false };
  const LOCKED = { ...NOTHING, locked: true };

  app.Poller = class {
    /* `base`: where the server's paths begin. */
    constructor(base) {
      this.base = base;
      this.clock = new app.ServerClock();
      this.subscriptions = [];
      this.margin = MARGIN_MS.least;
      this.jitter = Math.random() * 60; // so that a thousand viewers do not ask in the same instant
      this.timer = null;
      this.flight = null;
      this.begun = null; // performance.now() of the question in flight
      this.failing = false;
      this.stalled = false; // the last answer had nothing new
      this.wanted = false;
      this.told = 0; // performance.now() when the server itself told its time
      this.learning = null; // the catalogue, while it is asked for
    }

    add(subscription) {
      this.subscriptions.push(subscription);
    }

    /* Nothing is asked for this one any more; nothing at all once there is none left. */
    remove(subscription) {
      this.subscriptions = this.subscriptions.filter((each) => each !== subscription);
      if (this.subscriptions.length) return;
      clearTimeout(this.timer);
      this.timer = null;
      this.flight?.abort();
      this.flight = null;
    }

    /* Since when an answer is waited for, by performance.now(); null while none is. */
    get waiting() {
      return this.flight ? this.begun : null;
    }

    get ready() {
      return this.subscriptions.filter((subscription) => subscription.ready);
    }

    /* Called on every interval: ask when the next tick is due, or now where it is late. */
    plan() {
      if (!this.ready.length) return;
      if (this.flight) {
        this.wanted = true;
        return;
      }
      if (this.timer === null) this.timer = setTimeout(() => this.ask(), this.wait());
    }

    wait() {
      const now = this.clock.now();
      if (now === null || this.failing) return 0;
      const wait = Math.min(...this.ready.map((subscription) => subscription.due)) + this.margin + this.jitter - now;
      return Math.min(Math.max(wait, 0), LONGEST_WAIT_MS);
    }

    /* Before anything else: what is in flight no longer asks what is wanted. */
    soon(pause) {
      if (this.flight) {
        this.flight.abort();
        this.flight = null;
      }
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), pause);
    }

    async ask() {
      clearTimeout(this.timer);
      this.timer = null;
      const questions = this.questions();
      if (this.flight || document.hidden || !questions.length) return;
      this.begun = performance.now();
      const flight = (this.flight = new AbortController());
      const limit = setTimeout(() => flight.abort(), GIVE_UP_MS);
      let answers;
      try {
        answers = await this.fetch(questions.map(({ text }) => text), flight.signal);
      } catch (error) {
        answers = questions.map(() => NOTHING); // down, aborted, or no JSON: all the same to the viewer
      }
      clearTimeout(limit);
      if (this.flight !== flight) return; // a newer question took its place
      this.flight = null;
      this.failing = answers.every(({ frame }) => frame === null);
      const came = this.deliver(questions, answers);
      // After a tick the next is due in a known time, wherever the interval's own beat falls. Where nothing
      // came the beat must ask: a collector that stopped is no reason to hurry.
      if (this.wanted || came) {
        this.wanted = false;
        this.plan();
      }
    }

    /* What to ask: `[{text, asked: [{feed, past}]}]`, one question for all feeds that stand at the same place. */
    questions() {
      const found = new Map();
      for (const subscription of this.ready) {
        const { place, like } = subscription.question();
        if (!found.has(place)) found.set(place, { place, like: [], asked: [] });
        const question = found.get(place);
        question.asked.push({ subscription, past: subscription.past });
        question.like.push(...like);
      }
      const first = [...found.values()].slice(0, MOST_QUESTIONS);
      // Where there are more, the others have their turn the next time.
      if (found.size > MOST_QUESTIONS) {
        const served = new Set(first.flatMap(({ asked }) => asked.map(({ subscription }) => subscription)));
        this.subscriptions = [...this.subscriptions.filter((subscription) => !served.has(subscription)), ...served];
        this.wanted = true;
      }
      return first.map(({ place, like, asked }) => ({ text: place + app.likeParam(like), asked }));
    }

    /* `[{frame, refused, locked}]`, one for each text: a frame, null where none came; why the server refuses one, and
       whether because the viewer's session has ended. */
    async fetch(texts, signal) {
      const alone = texts.length === 1;
      const path = alone ? `ticks?${texts[0]}` : `frames?${texts.map((text) => `q=${encodeURIComponent(text)}`).join("&")}`;
      const answer = await fetch(`${this.base}api/${path}`, { signal, cache: "no-store" });
      if (answer.status === 401) return texts.map(() => LOCKED);
      if (!answer.ok && !(alone && (answer.status === 400 || answer.status === 404))) return texts.map(() => NOTHING);
      if (answer.headers.get("cache-control")?.includes("s-maxage")) this.setClock();
      const body = await answer.json();
      const parts = alone ? [body] : body.frames;
      // The body is the same for all who ask this of this tick; when it was told stands beside it.
      const now = Number(answer.headers.get("x-now"));
      return texts.map((_, place) => ({ ...NOTHING, frame: checked(parts[place], now), refused: parts[place]?.error ?? null }));
    }

    /* Hear the time from the server itself, which no cache keeps: two clocks differ by some milliseconds an hour. */
    setClock() {
      if (performance.now() - this.told < CLOCK_MS) return;
      this.told = performance.now();
      fetch(`${this.base}healthz`, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MS) })
        .then((answer) => Number(answer.headers.get("x-now")))
        .then((now) => now && this.clock.hear(now, true))
        .catch(() => {}); // in an hour again
    }

    /* Whether any of them brought a tick. */
    deliver(questions, answers) {
      const live = [];
      questions.forEach(({ asked }, place) => {
        for (const { subscription, past } of asked) {
          if (!this.subscriptions.includes(subscription)) continue; // it left meanwhile
          const came = subscription.hear(answers[place], past, this.begun);
          if (came !== null) live.push(came);
        }
      });
      if (!live.length) return false;
      const came = live.includes(true);
      const { least, most, more, less } = MARGIN_MS;
      // Nothing new although a tick was due: it takes longer to arrive than we thought. Nothing again: it stalls.
      if (came) this.margin = Math.max(least, this.margin - less);
      else if (!this.stalled) this.margin = Math.min(most, this.margin + more);
      this.stalled = !came;
      return came;
    }

    /* The catalogue of metrics, asked for once for all who want it now. */
    metrics() {
      this.learning ??= fetch(`${this.base}api/metrics`, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MS) })
        .then((answer) => answer.json())
        .finally(() => (this.learning = null));
      return this.learning;
    }
  };

  /* The frame, told at `now` seconds where that is known; null where it is none: a proxy's page with status 200, say. */
  function checked(frame, now) {
    const whole =
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
    return whole ? { ...frame, now: now || frame.now } : null;
  }
})((window.dashapp = window.dashapp || {}));
