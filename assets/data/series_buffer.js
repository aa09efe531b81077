/* The points of a window. All charts are verified against it. */
(function (app) {
  "use strict";

  // Columns of a frame: value or mean, and the extremes of downsampled points.
  const PARTS = { y: "y", low: "min", high: "max" };

  // As on the server: a point that is later than this many steps leaves a gap.
  const GAP_STEPS = (app.GAP_STEPS = 1.5);

  let lastGeneration = 0;

  /* Index of the first of the rising `times` that matches; their number if none does. */
  function firstIndex(times, matches) {
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (matches(times[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  app.SeriesBuffer = class {
    constructor() {
      this.t = [];
      // Without a prototype: a metric may have the key "constructor".
      this.y = Object.create(null);
      this.low = Object.create(null);
      this.high = Object.create(null);
      this.step = 0; // milliseconds between two points
      this.firstIndex = 0; // number of points dropped from the front
      this.generation = ++lastGeneration; // unique; changes when earlier draws are invalid
    }

    get lastTime() {
      return this.t.length ? this.t[this.t.length - 1] : null;
    }

    /* The time of the first point with a value, or null. */
    get firstValueTime() {
      const columns = Object.values(this.y);
      return this.t.find((_, index) => columns.some((column) => column[index] !== null)) ?? null;
    }

    /* Index of the last point up to `time`; -1 if there is none. The server marks gaps with empty points; only
       after the last point, its age decides whether it is the value at that time. */
    indexAt(time) {
      const index = firstIndex(this.t, (other) => other > time) - 1;
      return index < this.t.length - 1 || time - this.lastTime < GAP_STEPS * this.step ? index : -1;
    }

    /* `[first, last]`: index of the first point in the range, and that after the last point. */
    span([start, end]) {
      return [firstIndex(this.t, (time) => time >= start), firstIndex(this.t, (time) => time > end)];
    }

    /* `{value, low, high, time}` of a metric at `time`; null if it has none then. With `isInterleaved`, other
       metrics have points in between. */
    pointAt(key, time, isInterleaved) {
      const column = this.y[key];
      let index = column ? this.indexAt(time) : -1;
      while (isInterleaved && index > 0 && column[index] === null && time - this.t[index - 1] < GAP_STEPS * this.step) index -= 1;
      const value = index < 0 ? null : column[index] ?? null;
      if (value === null) return null;
      return { value, low: this.low[key]?.[index] ?? null, high: this.high[key]?.[index] ?? null, time: this.t[index] };
    }

    /* The time of the point in `range` nearest to `time`; null if there is none. */
    nearestTime(time, [start, end]) {
      let nearest = null;
      for (const candidate of this.t) {
        if (candidate < start || candidate > end) continue;
        if (nearest === null || Math.abs(candidate - time) < Math.abs(nearest - time)) nearest = candidate;
      }
      return nearest;
    }

    /* Index after the newest point, counted from the first point ever. */
    get endIndex() {
      return this.firstIndex + this.t.length;
    }

    /* Whether a point stands for several ticks. */
    get downsampled() {
      return Object.keys(this.low).length > 0;
    }

    replace(frame) {
      this.t = frame.t.slice();
      this.step = frame.step * 1000;
      for (const [part, name] of Object.entries(PARTS)) {
        this[part] = Object.create(null);
        for (const [key, column] of Object.entries(frame[name] || {})) this[part][key] = column.slice();
      }
      this.firstIndex = 0;
      this.generation = ++lastGeneration;
    }

    /* A copy of the same generation, so that charts need no redraw. */
    copy() {
      const copy = new app.SeriesBuffer();
      copy.t = this.t.slice();
      copy.step = this.step;
      for (const part of Object.keys(PARTS)) {
        for (const [key, column] of Object.entries(this[part])) copy[part][key] = column.slice();
      }
      copy.firstIndex = this.firstIndex;
      copy.generation = this.generation;
      return copy;
    }

    append(frame) {
      let skip = 0;
      while (skip < frame.t.length && this.lastTime !== null && frame.t[skip] <= this.lastTime) skip += 1;
      const t = frame.t.slice(skip);
      if (!t.length) return;
      for (const [part, name] of Object.entries(PARTS)) this.extend(this[part], frame[name] || {}, skip, t.length);
      this.t.push(...t);
      this.step = frame.step * 1000;
    }

    extend(columns, added, skip, length) {
      for (const key of Object.keys(added)) {
        if (key in columns) continue;
        columns[key] = new Array(this.t.length).fill(null);
        this.generation = ++lastGeneration;
      }
      for (const key of Object.keys(columns)) {
        columns[key].push(...(Object.hasOwn(added, key) ? added[key].slice(skip) : new Array(length).fill(null)));
      }
    }

    /* Keep only points later than `from`. */
    trim(from) {
      let count = 0;
      while (count < this.t.length && this.t[count] <= from) count += 1;
      if (!count) return;
      this.t.splice(0, count);
      this.firstIndex += count;
      for (const part of Object.keys(PARTS)) {
        for (const column of Object.values(this[part])) column.splice(0, count);
      }
    }
  };
})((window.dashapp = window.dashapp || {}));
