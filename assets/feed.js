/* Asks for what is new: soon after a tick is due, one request at a time, given up after five seconds. */
(function (app) {
  "use strict";

  const GIVE_UP_MS = 5000;
  const LONGEST_WAIT_MS = 5000;
  const MARGIN_MS = { least: 40, most: 300, more: 30, less: 1 };

  app.Feed = class {
    /* `host`: onFrame(frame) for each answer, onPast(frame) for a stretch of the past, onFailure(asked); extras()
       gives what else to ask for, as more of the query. */
    constructor(base, clock, host) {
      this.base = base;
      this.clock = clock;
      this.host = host;
      this.past = null; // the range that is wanted of the past, in epoch milliseconds
      this.window = 100;
      this.metrics = ""; // the only ones to ask for, with commas between; all where it is empty
      this.cursor = null;
      this.step = 1000;
      this.newest = null;
      this.margin = MARGIN_MS.least;
      this.jitter = Math.random() * 60; // so that a thousand viewers do not ask in the same instant
      this.timer = null;
      this.flight = null;
      this.begun = null; // performance.now() of the question in flight
      this.failing = false;
      this.stalled = false; // the last answer had nothing new
      this.wanted = false;
    }

    /* Since when an answer is waited for, by performance.now(); null while none is. */
    get waiting() {
      return this.flight ? this.begun : null;
    }

    /* Called on every interval: ask when the next tick is due, or now where it is late. */
    plan() {
      if (!this.host.ready()) return;
      if (this.flight) {
        this.wanted = true;
        return;
      }
      if (this.timer === null) this.timer = setTimeout(() => this.ask(), this.wait());
    }

    wait() {
      const now = this.clock.now();
      if (now === null || this.newest === null || this.cursor === null || this.failing) return 0;
      const wait = this.newest + this.step + this.margin + this.jitter - now;
      return Math.min(Math.max(wait, 0), LONGEST_WAIT_MS);
    }

    /* Forget the cursor and ask for the whole window, once the slider has come to rest. */
    restart(pause) {
      this.cursor = null;
      this.past = null;
      this.soon(pause);
    }

    /* Ask for (start, end] of the past, before anything else. */
    travel(range, pause) {
      this.past = range;
      this.soon(pause);
    }

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
      if (this.flight || document.hidden || !this.host.ready()) return;
      this.begun = performance.now();
      const flight = (this.flight = new AbortController());
      const limit = setTimeout(() => flight.abort(), GIVE_UP_MS);
      const past = this.past;
      let frame = null;
      try {
        const answer = await fetch(this.base + this.question(), {
          signal: flight.signal,
          cache: "no-store",
        });
        if (answer.ok) frame = checked(await answer.json());
        // No second try helps a stretch that cannot be had.
        else if (answer.status === 400 && past && this.past === past) this.past = null;
      } catch (error) {
        frame = null; // down, aborted, or no JSON: all the same to the viewer
      }
      clearTimeout(limit);
      if (this.flight !== flight) return; // a newer question took its place
      this.flight = null;
      this.failing = frame === null;
      let came = false;
      if (past && past !== this.past) this.wanted = true; // the viewer went on meanwhile
      else if (frame && past) this.arrive(frame);
      else if (frame) came = this.take(frame);
      else this.host.onFailure(this.begun);
      // After a tick the next is due in a known time, wherever the interval's own beat falls. Where nothing
      // came the beat must ask: a collector that stopped is no reason to hurry.
      if (this.wanted || came) {
        this.wanted = false;
        this.plan();
      }
    }

    question() {
      const only = this.metrics ? `&metrics=${encodeURIComponent(this.metrics)}` : "";
      if (this.past) return `api/ticks?from=${Math.floor(this.past[0])}&to=${Math.ceil(this.past[1])}${only}`;
      const after = this.cursor === null ? "" : "&after=" + encodeURIComponent(this.cursor);
      return `api/ticks?window=${this.window}${after}${only}${this.host.extras()}`;
    }

    arrive(frame) {
      this.clock.hear(frame.now);
      this.past = null;
      this.wanted = true; // what is new waited for this
      this.host.onPast(frame);
    }

    /* Whether it brought a tick. */
    take(frame) {
      this.clock.hear(frame.now);
      const came = frame.newest ? frame.newest !== this.newest : frame.t.length > 0;
      const { least, most, more, less } = MARGIN_MS;
      // Nothing new although a tick was due: it takes longer to arrive than we thought. Nothing again: it stalls.
      if (came) this.margin = Math.max(least, this.margin - less);
      else if (!this.stalled) this.margin = Math.min(most, this.margin + more);
      this.stalled = !came;
      // Where a point stands for several ticks the answer says when the newest of them was.
      this.step = (frame.tick ?? frame.step) * 1000;
      if (frame.newest || came) this.newest = frame.newest || frame.t[frame.t.length - 1];
      this.cursor = frame.cursor;
      this.host.onFrame(frame);
      return came;
    }
  };

  /* The frame, or null where it is not one: a proxy's page with status 200, say. */
  function checked(frame) {
    const whole =
      frame !== null &&
      typeof frame.cursor === "string" &&
      typeof frame.now === "number" &&
      Array.isArray(frame.t) &&
      [frame.y, frame.min || {}, frame.max || {}].every(
        (part) =>
          typeof part === "object" &&
          Object.values(part).every((column) => Array.isArray(column) && column.length === frame.t.length)
      );
    return whole ? frame : null;
  }
})((window.dashapp = window.dashapp || {}));
