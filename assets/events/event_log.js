/* The events of a page: loaded once, and again when their number changes. All charts draw from this list. */
(function (app) {
  "use strict";

  const REQUEST_TIMEOUT_MS = 5000;
  const MIN_RELOAD_MS = 1000; // and as much again for each thousand events
  const MAX_CACHED_GROUPINGS = 8;
  const NONE = "";
  app.EVENT_KINDS = ["alert", "user", "gap", "boot", "start"]; // the most important first

  app.EventLog = class {
    /* `base`: URL path of the server. */
    constructor(base, isEnabled) {
      this.base = base;
      this.isEnabled = isEnabled;
      this.listeners = new Set();
      this.events = []; // {t, text, kind}, the oldest first
      this.version = 0; // rises when the events change
      this.groupings = new Map(); // columns by their length in milliseconds
      this.loadedNumbers = NONE;
      this.seenNumbers = NONE;
      this.loadedAt = -Infinity;
      this.loading = false;
    }

    /* `frame`: its `events` and `changes` are the numbers of the newest event and of the newest change of an alert. A new
       store counts from 1 again; the cursor begins with the store's generation. */
    update({ events = 0, changes = 0, cursor }) {
      const numbers = events || changes ? `${cursor.split(".")[0]} ${events} ${changes}` : NONE;
      // A response of the same tick can be older than this frame, so the next frame loads it.
      const isSettled = numbers === this.seenNumbers;
      this.seenNumbers = numbers;
      if (!this.isEnabled || !isSettled || numbers === this.loadedNumbers || this.loading) return;
      if (performance.now() - this.loadedAt < MIN_RELOAD_MS * (1 + this.events.length / 1000)) return;
      this.load(numbers);
    }

    async load(numbers) {
      this.loading = true;
      this.loadedAt = performance.now();
      try {
        const response = await fetch(`${this.base}api/events`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        const events = await response.json();
        if (!response.ok || !Array.isArray(events)) return; // the next frame loads it again
        this.loadedNumbers = numbers;
        const valid = events.filter(({ t, text }) => Number.isFinite(t) && typeof text === "string");
        // People write the texts of marks.
        this.replace(valid.map((event) => (event.kind === "user" ? event : { ...event, text: app.translateSentence(event.text) })));
      } catch (error) {
        // Offline or no JSON: the next frame loads it again.
      } finally {
        this.loading = false;
      }
    }

    replace(events) {
      this.events = events;
      this.version += 1;
      this.groupings.clear();
      for (const listener of this.listeners) listener();
    }

    /* Call `listener()` when there are other events, until the returned function is called. */
    subscribe(listener) {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    }

    /* Show an event that the server has accepted, before the server lists it. */
    add(event) {
      this.replace([...this.events, event].sort((one, other) => one.t - other.t));
    }

    remove({ t, text }) {
      this.replace(this.events.filter((event) => event.kind !== "user" || event.t !== t || event.text !== text));
    }

    /* The events in [start, end], the oldest first. */
    between([start, end]) {
      return this.events.slice(firstIndex(this.events, start), firstIndex(this.events, end + 1));
    }

    /* The events in `range` as columns of a plot that is `width` pixels wide; see app.groupEvents. A column keeps its events
       when the range moves. */
    columns([start, end], width) {
      if (!this.events.length) return [];
      const length = app.eventColumnLength((end - start) / Math.max(1, width));
      if (!this.groupings.has(length)) {
        if (this.groupings.size >= MAX_CACHED_GROUPINGS) this.groupings.clear();
        this.groupings.set(length, app.groupEvents(this.events, length));
      }
      const columns = this.groupings.get(length);
      return columns.slice(firstIndex(columns, start), firstIndex(columns, end + 1));
    }
  };

  /* The index of the first entry that is not before `time`. */
  function firstIndex(entries, time) {
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (entries[middle].t < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
})((window.dashapp = window.dashapp || {}));
