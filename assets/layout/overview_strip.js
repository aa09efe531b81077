/* The whole history of the CPU, or of the first tile, above the charts. Its brush is the range on screen. The history is
   requested once; after that, each frame adds its newest value. */
(function (app) {
  "use strict";

  const MAX_KEYS = 8; // of compared hosts
  const MIN_POINTS = 20;
  const RELOAD_MS = 600_000;
  const MIN_RELOAD_MS = 60_000; // if the page missed ticks
  const MAX_GAP_STEPS = 10; // of ticks that the page missed
  const LABEL_PX = 110;
  const LABEL_SPACE_PX = 16; // at the top
  const TITLE_SPACE_PX = 24; // on both sides of the title

  app.OverviewStrip = class {
    /* `page`: liveView, poller, tiles, panelValues, and what app.Brush needs. */
    constructor(page) {
      this.page = page;
      this.element = document.getElementById("strip");
      this.canvas = app.createElement("canvas", { role: "img", "aria-label": app.translate("Whole history") });
      this.titleElement = app.createElement("span", { className: "strip-title", "aria-hidden": "true" });
      this.element.append(this.canvas, this.titleElement);
      this.element.title = app.translate("Whole history: click or drag to choose the time on screen");
      this.size = new app.ElementSize(this.canvas, () => this.show());
      this.brush = new app.Brush(page, this);
      this.visibility = new app.VisibilityObserver(this.element, () => this.show());
      this.keys = [];
      this.points = []; // [time, value]
      this.frames = 0;
      this.loadedAt = -Infinity;
      this.loading = false;
      this.step = 0; // milliseconds between two points, when they were loaded
      this.drawnState = null;
      this.drawnEnd = 0; // epoch milliseconds
    }

    /* [start, end] in epoch milliseconds. */
    get range() {
      return [this.points[0][0], this.points.at(-1)[0]];
    }

    get isEmpty() {
      return this.points.length < MIN_POINTS;
    }

    /* The metrics of the first tile that has any. */
    chooseKeys() {
      const { catalog } = this.page.liveView;
      const known = (keys) => keys.filter((key) => catalog.metrics.has(key));
      const own = known(["cpu.percent", ...catalog.hosts.map((host) => `${host}/cpu.percent`)]);
      return (own.length ? own : known(this.page.tiles.metricKeys(catalog)).slice(0, 1)).slice(0, MAX_KEYS);
    }

    /* For each new frame. */
    update() {
      this.frames += 1;
      const { liveView } = this.page;
      if (document.documentElement.classList.contains("bare") || liveView.catalog.empty) return;
      const time = liveView.subscription.newest;
      // Without the ticks that it missed, the strip would show a gap.
      const isMissing = this.points.length > 0 && time !== null && time - this.points.at(-1)[0] > MAX_GAP_STEPS * Math.max(liveView.subscription.step, this.step);
      const age = performance.now() - this.loadedAt;
      // The first frame draws the charts; the history can wait for the next one.
      if (this.frames > 1 && age > (isMissing ? MIN_RELOAD_MS : RELOAD_MS)) this.load();
      else if (!isMissing) this.append(time);
    }

    async load() {
      if (this.loading) return;
      this.keys = this.chooseKeys();
      this.element.classList.toggle("absent", !this.keys.length);
      if (!this.keys.length) return;
      this.loading = true;
      const frame = await this.page.poller.fetchFrame(`metrics=${encodeURIComponent(this.keys.join())}&window=${this.page.stops.at(-1)}`);
      this.loading = false;
      if (frame === null) return; // another request was in flight, or there was no response
      this.loadedAt = performance.now();
      this.step = frame.step * 1000;
      const columns = this.keys.map((key) => frame.max?.[key] ?? frame.y[key] ?? []);
      this.points = frame.t.map((time, index) => [time, highest(columns.map((column) => column[index]))]);
      this.show();
    }

    /* The points up to `time`: on a busy machine, a frame has several ticks. */
    append(time) {
      if (!this.points.length || time === null || time <= this.points.at(-1)[0]) return;
      const { series, subscription } = this.page.liveView;
      const columns = this.keys.map((key) => series.y[key]);
      const [first, end] = series.step <= subscription.step && columns.every(Boolean) ? series.span([this.points.at(-1)[0] + 1, time]) : [0, 0];
      for (let index = first; index < end; index += 1) this.points.push([series.t[index], highest(columns.map((column) => column[index]))]);
      if (first >= end) this.points.push([time, highest(this.keys.map((key) => this.page.panelValues.lastValues[key]))]);
    }

    /* Draw what changed by at least a pixel. */
    show() {
      this.brush.element.hidden = this.isEmpty;
      // An empty box looks broken.
      const isNew = this.isEmpty && this.loadedAt > -Infinity;
      this.element.classList.toggle("new", isNew);
      if (isNew) app.setText(this.titleElement, app.translate("The whole history appears here"));
      if (this.isEmpty || !this.size.width || !this.visibility.visible || document.hidden) return;
      this.brush.show();
      const { width, height } = this.size;
      const [start, end] = this.range;
      const state = [width, height, this.loadedAt, app.themeKey(), app.timeZoneName(), this.page.liveView.events.version].join();
      if (state === this.drawnState && end - this.drawnEnd < (end - start) / width) return;
      this.drawnState = state;
      this.drawnEnd = end;
      this.draw(width, height);
    }

    draw(width, height) {
      const { color: colour, fontFamily } = getComputedStyle(this.canvas);
      const ratio = window.devicePixelRatio || 1;
      Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
      const context = this.canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.fillStyle = colour;
      const scale = app.wallScale();
      const [start, end] = this.range;
      const toX = (time) => ((time - start) / (end - start)) * width;
      const heights = this.columnHeights(width, toX);
      const top = this.highestValue(heights);
      context.globalAlpha = 0.45;
      heights.forEach((value, x) => {
        if (value === null || top <= 0) return;
        const drawn = Math.max(1, (Math.max(value, 0) / top) * (height - LABEL_SPACE_PX * scale));
        context.fillRect(x, height - drawn, 1, drawn);
      });
      context.globalAlpha = 1;
      app.paintEventTicks(context, { w: width, h: height }, this.range, this.page.liveView.events.columns(this.range, width), this.element);
      context.fillStyle = colour;
      context.font = `${12 * scale}px ${fontFamily}`;
      app.setText(this.titleElement, this.title);
      const titleEnd = TITLE_SPACE_PX * scale + context.measureText(this.title).width;
      for (const { time, text } of app.timeTicks([start, end], Math.max(1, Math.floor(width / (LABEL_PX * scale))))) {
        const x = toX(time);
        if (x > titleEnd && x + context.measureText(text).width < width - 4) context.fillText(text, x + 4, 13 * scale);
      }
      this.canvas.setAttribute("aria-label", app.translate("{title} since {time}", { title: this.title, time: app.formatDateTime(start, false) }));
    }

    get title() {
      const labels = this.keys.map((key) => this.page.liveView.catalog.metrics.get(key)?.label ?? key);
      return labels.length > 1 ? app.translate("Highest of {count} hosts", { count: app.formatCount(labels.length) }) : app.isolateText(labels[0]);
    }

    /* The highest value in each pixel; a point lasts until the next one, but not across a gap. */
    columnHeights(width, toX) {
      const heights = new Array(width).fill(null);
      this.points.forEach(([time, value], index) => {
        if (value === null) return;
        const next = this.points[index + 1]?.[0] ?? time;
        const until = Math.min(next, time + app.GAP_STEPS * Math.max(this.step, 1000));
        const last = Math.min(width - 1, Math.max(Math.floor(toX(time)), Math.ceil(toX(until)) - 1));
        for (let x = Math.max(0, Math.floor(toX(time))); x <= last; x += 1) if (heights[x] === null || value > heights[x]) heights[x] = value;
      });
      return heights;
    }

    highestValue(heights) {
      const declared = this.page.liveView.catalog.metrics.get(this.keys[0])?.high ?? null;
      return heights.reduce((high, value) => (value !== null && value > high ? value : high), declared ?? 0);
    }
  };

  function highest(values) {
    const present = values.filter((value) => value !== null && value !== undefined);
    return present.length ? Math.max(...present) : null;
  }
})((window.dashapp = window.dashapp || {}));
