/* The points of one training run: all of it on request, then those of each tick. */
(function (app) {
  "use strict";

  const REQUEST_TIMEOUT_MS = 5000;
  const MAX_POINTS = 3000; // then the server downsamples again
  const RELOAD_INTERVAL_MS = 5000;
  const MARGIN_MS = 2000; // a run begins between two ticks
  const STEP = "step";
  const OWN_STEP_PREFIX = "step:";

  app.RunData = class {
    /* `onChange()`: there are new points. */
    constructor(base, run, onChange) {
      this.base = base;
      this.run = run;
      this.onChange = onChange;
      this.prefix = `run.${run.name}.`;
      this.t = [];
      this.columns = {}; // by name of the metric
      this.isComplete = false; // whether the past is loaded
      this.loading = false;
      this.loadedAt = -Infinity;
    }

    get keys() {
      return [STEP, ...this.run.metrics, ...Object.keys(this.columns)].map((name) => this.prefix + name);
    }

    /* Load the whole run; `now` in epoch milliseconds. */
    async load(now) {
      if (this.loading || performance.now() - this.loadedAt < RELOAD_INTERVAL_MS) return;
      this.loading = true;
      this.loadedAt = performance.now();
      const end = this.run.end === null ? now : this.run.end + MARGIN_MS;
      const query = `from=${Math.max(0, this.run.start - MARGIN_MS)}&to=${Math.ceil(Math.max(end, this.run.start))}&like=${encodeURIComponent(`${this.prefix}*`)}`;
      try {
        const response = await fetch(`${this.base}api/ticks?${query}`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        const frame = await response.json();
        if (!Array.isArray(frame.t)) return;
        this.t = frame.t;
        this.columns = {};
        for (const [key, column] of Object.entries(frame.y)) this.columns[key.slice(this.prefix.length)] = column;
        this.isComplete = true;
      } catch (error) {
        return; // offline or no JSON: the next frame loads it again
      } finally {
        this.loading = false;
      }
      this.onChange();
    }

    /* Add the points of a frame of the page. */
    append(frame, now) {
      if (!this.isComplete) return this.load(now);
      const last = this.t.at(-1) ?? this.run.start;
      const { newest, tick, step } = frame;
      const missed = (newest ?? frame.t[0] ?? 0) - last > app.GAP_STEPS * 1000 * (tick ?? step);
      if (this.t.length > MAX_POINTS || (missed && this.t.length)) return this.load(now);
      const rows = newest ? [[newest, (key) => frame.last[key]]] : frame.t.map((time, index) => [time, (key) => frame.y[key]?.[index]]);
      let hasChanged = false;
      for (const [time, value] of rows) if (time > last) hasChanged = this.add(time, value) || hasChanged;
      if (hasChanged) this.onChange();
    }

    add(time, value) {
      const keys = new Set([...Object.keys(this.columns), STEP, ...this.run.metrics.flatMap((name) => [name, OWN_STEP_PREFIX + name])]);
      const row = [...keys].map((name) => [name, value(this.prefix + name) ?? null]);
      const hasValues = row.some(([, number]) => number !== null);
      for (const [name, number] of row) {
        if (number !== null) this.columns[name] ??= new Array(this.t.length).fill(null);
        this.columns[name]?.push(number);
      }
      this.t.push(time);
      return hasValues;
    }

    get metrics() {
      const names = new Set([...this.run.metrics, ...Object.keys(this.columns)]);
      const metrics = [...names].filter((name) => name !== STEP && !name.startsWith(OWN_STEP_PREFIX));
      // "val.loss" next to "loss".
      const sortKey = (name) => [...name.split(/[./_]/)].reverse().join(" ");
      return metrics.sort((one, other) => sortKey(one).localeCompare(sortKey(other), undefined, { numeric: true }));
    }

    /* The newest step; null without one. */
    get lastStep() {
      return this.columns[STEP]?.findLast((step) => step !== null) ?? null;
    }

    /* `{x, y}` of a metric, by "step", "time" (epoch milliseconds) or "elapsed" (seconds since the start). */
    points(name, axis) {
      const values = this.columns[name] ?? [];
      const ownSteps = this.columns[OWN_STEP_PREFIX + name] ?? [];
      const steps = this.columns[STEP] ?? [];
      const points = [];
      values.forEach((value, index) => {
        if (value === null) return;
        const time = this.t[index];
        const x = axis === "step" ? ownSteps[index] ?? steps[index] ?? null : axis === "time" ? time : (time - this.run.start) / 1000;
        if (x !== null) points.push([x, value]);
      });
      if (axis === "step") points.sort(([one], [other]) => one - other);
      return { x: points.map(([x]) => x), y: points.map(([, y]) => y) };
    }
  };
})((window.dashapp = window.dashapp || {}));
