/* One reader's place in what the server has: which window, up to which point, or which stretch of the past. When it
   asks, and together with whom, is the asker's. */
(function (app) {
  "use strict";

  app.Subscription = class {
    /* `host`: onFrame(frame) for each answer, onPast(frame) for a stretch of the past, onFailure(asked, why, locked); extras()
       gives what else to ask for, as more of the query; ready() whether anything is to be asked.
       `like`: patterns of the only metrics to ask for; all where there is none. */
    constructor(poller, host, like = []) {
      this.poller = poller;
      this.host = host;
      this.like = like;
      this.past = null; // the range that is wanted of the past, in epoch milliseconds
      this.window = 100;
      this.metrics = ""; // the only ones to ask for, with commas between; all where it is empty
      this.cursor = null;
      this.step = 1000;
      this.newest = null;
      this.came = true; // whether the last answer brought a tick
      this.refused = null; // why the server does not answer this, in its words
      poller.add(this);
    }

    close() {
      this.poller.remove(this);
    }

    get flight() {
      return this.poller.flight;
    }

    get margin() {
      return this.poller.margin;
    }

    get waiting() {
      return this.poller.waiting;
    }

    get ready() {
      return this.host.ready();
    }

    plan() {
      this.poller.plan();
    }

    /* When the next tick is due, in epoch milliseconds. What was refused asks along with the others, in no hurry. */
    get due() {
      if (this.refused !== null && !this.past) return Infinity;
      return this.newest === null || this.cursor === null ? -Infinity : this.newest + this.step;
    }

    /* Forget the cursor and ask for the whole window, once the slider has come to rest. */
    restart(pause) {
      this.cursor = null;
      this.past = null;
      this.refused = null;
      this.poller.soon(pause);
    }

    /* Ask for (start, end] of the past, before anything else. */
    travel(range, pause) {
      this.past = range;
      this.poller.soon(pause);
    }

    /* `place`: the query less its patterns, which feeds at the same place may put together. */
    question() {
      const only = this.metrics ? `&metrics=${encodeURIComponent(this.metrics)}` : "";
      if (this.past) {
        return { place: `from=${Math.floor(this.past[0])}&to=${Math.ceil(this.past[1])}${only}`, like: this.like };
      }
      const after = this.cursor === null ? "" : "&after=" + encodeURIComponent(this.cursor);
      return { place: `window=${this.window}${after}${only}${this.host.extras()}`, like: this.like };
    }

    /* The answer to what was asked at `begun`, when `past` was wanted. Whether it brought a tick; null where it was not
       about what is new. */
    hear({ frame, refused, locked }, past, begun) {
      // No second try helps a stretch that cannot be had.
      if (refused !== null && past && this.past === past) this.past = null;
      if (past && past !== this.past) this.poller.wanted = true; // the viewer went on meanwhile
      else if (frame && past) this.arrive(this.narrow(frame));
      else if (frame) return this.take(this.narrow(frame));
      else {
        this.refused = refused;
        this.host.onFailure(begun, refused, locked);
      }
      return null;
    }

    arrive(frame) {
      this.poller.clock.hear(frame.now, true);
      this.past = null;
      this.poller.wanted = true; // what is new waited for this
      this.host.onPast(frame);
    }

    take(frame) {
      this.refused = null;
      const came = frame.newest ? frame.newest !== this.newest : frame.t.length > 0;
      this.poller.clock.hear(frame.now, came);
      // Where a point stands for several ticks the answer says when the newest of them was.
      this.step = (frame.tick ?? frame.step) * 1000;
      if (frame.newest || came) this.newest = frame.newest || frame.t[frame.t.length - 1];
      this.cursor = frame.cursor;
      this.came = came;
      this.host.onFrame(frame);
      return came;
    }

    /* Less what the answer has for others. */
    narrow(frame) {
      if (!this.like.length) return frame;
      const own = { ...frame };
      for (const part of ["y", "min", "max"]) {
        if (frame[part]) own[part] = app.filterColumns(frame[part], this.like);
      }
      return own;
    }
  };
})((window.dashapp = window.dashapp || {}));
