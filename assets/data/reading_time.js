/* The one time that a page shows. Everything that depends on it subscribes to it: values, tables, alerts, slider. */
(function (app) {
  "use strict";

  const MAX_STEPS = 50; // of zooms that can be undone

  app.ReadingTime = class {
    constructor() {
      this.range = null; // [start, end] on screen in epoch milliseconds; null while live
      this.pointer = null; // time below the mouse, or chosen with keys; null if there is none
      this.steps = []; // ranges before each zoom, null for live
      this.listeners = new Set();
    }

    /* Epoch milliseconds; null for now. */
    get at() {
      return this.pointer ?? this.range?.[1] ?? null;
    }

    /* Call `listener()` at each change. */
    subscribe(listener) {
      this.listeners.add(listener);
    }

    pointAt(time) {
      if (time === this.pointer) return;
      this.pointer = time;
      this.notify();
    }

    /* Show `range` instead of now. */
    hold(range) {
      this.range = range;
      if (this.pointer !== null && (this.pointer < range[0] || this.pointer > range[1])) this.pointer = null;
      this.notify();
    }

    /* Show now. */
    release() {
      this.range = null;
      this.pointer = null;
      this.steps = [];
      this.notify();
    }

    /* Before a zoom: record what is on screen. */
    pushStep() {
      this.steps = [...this.steps, this.range].slice(-MAX_STEPS);
    }

    /* The range before the last zoom; null for live. */
    popStep() {
      return this.steps.pop() ?? null;
    }

    notify() {
      for (const listener of this.listeners) listener();
    }
  };
})((window.dashapp = window.dashapp || {}));
