/* The points of the window: the truth that every chart is compared with. Knows no chart and no server. */
(function (app) {
  "use strict";

  app.Series = class {
    constructor() {
      this.t = [];
      this.y = {};
      this.first = 0; // how many points were ever dropped from the front
      this.life = 0; // rises whenever what was drawn before no longer holds
    }

    get last() {
      return this.t.length ? this.t[this.t.length - 1] : null;
    }

    /* One past the newest point, counted from the first there ever was. */
    get end() {
      return this.first + this.t.length;
    }

    replace(frame) {
      this.t = frame.t.slice();
      this.y = {};
      for (const key of Object.keys(frame.y)) this.y[key] = frame.y[key].slice();
      this.first = 0;
      this.life += 1;
    }

    append(frame) {
      let skip = 0;
      while (skip < frame.t.length && this.last !== null && frame.t[skip] <= this.last) skip += 1;
      const t = frame.t.slice(skip);
      if (!t.length) return;
      for (const key of Object.keys(frame.y)) {
        if (!(key in this.y)) {
          this.y[key] = new Array(this.t.length).fill(null);
          this.life += 1;
        }
      }
      for (const key of Object.keys(this.y)) {
        const fresh = key in frame.y ? frame.y[key].slice(skip) : new Array(t.length).fill(null);
        this.y[key].push(...fresh);
      }
      this.t.push(...t);
    }

    /* Keep only what is later than `from`, and forget metrics that have no value left. */
    trim(from) {
      let count = 0;
      while (count < this.t.length && this.t[count] <= from) count += 1;
      if (!count) return;
      this.t.splice(0, count);
      this.first += count;
      for (const key of Object.keys(this.y)) this.y[key].splice(0, count);
    }

    /* The newest value of a metric at the newest time; null in a gap. */
    value(key) {
      const y = this.y[key];
      return y && y.length ? y[y.length - 1] : null;
    }
  };
})((window.dashapp = window.dashapp || {}));
