/* The points of the window: the truth that every chart is compared with. Knows no chart and no server. */
(function (app) {
  "use strict";

  // What a frame says of each metric: its value or mean, and where a point stands for several ticks its extremes.
  const PARTS = { y: "y", low: "min", high: "max" };

  let lives = 0;

  app.SeriesBuffer = class {
    constructor() {
      this.t = [];
      this.y = {};
      this.low = {};
      this.high = {};
      this.first = 0; // how many points were ever dropped from the front
      this.life = ++lives; // another whenever what was drawn before no longer holds; no two series share one
    }

    get last() {
      return this.t.length ? this.t[this.t.length - 1] : null;
    }

    /* The time of the first point that has a value; null where none has. */
    get begin() {
      const columns = Object.values(this.y);
      return this.t.find((_, place) => columns.some((column) => column[place] !== null)) ?? null;
    }

    /* One past the newest point, counted from the first there ever was. */
    get end() {
      return this.first + this.t.length;
    }

    /* Whether a point stands for several ticks. */
    get coarse() {
      return Object.keys(this.low).length > 0;
    }

    replace(frame) {
      this.t = frame.t.slice();
      for (const [part, name] of Object.entries(PARTS)) {
        this[part] = {};
        for (const [key, column] of Object.entries(frame[name] || {})) this[part][key] = column.slice();
      }
      this.first = 0;
      this.life = ++lives;
    }

    /* The same points, to be held while these go on. What is drawn of them still holds. */
    copy() {
      const held = new app.SeriesBuffer();
      held.t = this.t.slice();
      for (const part of Object.keys(PARTS)) {
        for (const [key, column] of Object.entries(this[part])) held[part][key] = column.slice();
      }
      held.first = this.first;
      held.life = this.life;
      return held;
    }

    append(frame) {
      let skip = 0;
      while (skip < frame.t.length && this.last !== null && frame.t[skip] <= this.last) skip += 1;
      const t = frame.t.slice(skip);
      if (!t.length) return;
      for (const [part, name] of Object.entries(PARTS)) this.extend(this[part], frame[name] || {}, skip, t.length);
      this.t.push(...t);
    }

    extend(columns, fresh, skip, length) {
      for (const key of Object.keys(fresh)) {
        if (key in columns) continue;
        columns[key] = new Array(this.t.length).fill(null);
        this.life = ++lives;
      }
      for (const key of Object.keys(columns)) {
        columns[key].push(...(key in fresh ? fresh[key].slice(skip) : new Array(length).fill(null)));
      }
    }

    /* Keep only what is later than `from`. */
    trim(from) {
      let count = 0;
      while (count < this.t.length && this.t[count] <= from) count += 1;
      if (!count) return;
      this.t.splice(0, count);
      this.first += count;
      for (const part of Object.keys(PARTS)) {
        for (const column of Object.values(this[part])) column.splice(0, count);
      }
    }
  };
})((window.dashapp = window.dashapp || {}));
