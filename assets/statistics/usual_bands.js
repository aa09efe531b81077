/* The usual range of this hour and weekday as a pale band below the line of each chart that has one line. */
(function (app) {
  "use strict";

  const HOUR_MS = 3_600_000;
  const RETRY_MS = 30_000;
  const DEBOUNCE_MS = 150; // wait for the slider or a zoom to settle
  const REQUEST_TIMEOUT_MS = 10_000;
  const MAX_METRICS = 32; // of a request
  const MAX_RANGE_MS = 7 * 24 * HOUR_MS;
  const OPACITY = 0.16;
  const TOO_LONG = app.translate("The usual range is shown for up to 7 days.");
  const NO_LINE = app.translate("No panel with one line is on screen, so there is no usual range to show.");

  app.UsualBands = class {
    /* `page`: liveView, poller, urlState, writeUrl(), toast. */
    constructor(page) {
      this.page = page;
      this.isOn = false;
      this.announces = false; // whether a sentence can follow, because the viewer has just asked for the bands
      this.forget();
      page.liveView.backdrops.push(this);
      page.liveView.reading.subscribe(() => this.showInTitles());
    }

    forget() {
      clearTimeout(this.timer);
      this.timer = null;
      this.bands = null; // {start, end (lists of epoch milliseconds), low, high (lists by metric)}
      this.requested = ""; // range and metrics of the last request
    }

    /* Apply the URL, or else the stored choice. */
    applyUrl() {
      const { usual } = this.page.urlState.read();
      this.set(usual === null ? app.readPreferences().usual ?? false : usual === "1");
    }

    urlParams() {
      return { usual: this.isOn ? "1" : null };
    }

    toggle() {
      app.writePreferences({ usual: !this.isOn });
      this.set(!this.isOn);
      this.page.writeUrl();
      if (!this.isOn) return;
      this.announces = true;
      if (this.rangeLength > MAX_RANGE_MS) this.page.toast.show(TOO_LONG);
      else if (!this.keys().length) this.page.toast.show(NO_LINE);
    }

    set(isOn) {
      if (isOn === this.isOn) return;
      this.isOn = isOn;
      this.forget();
      document.getElementById("usual")?.setAttribute("aria-pressed", String(isOn));
      this.page.liveView.renderQueue.repaintCanvases();
      this.showInTitles();
    }

    get rangeLength() {
      const [start, end] = this.page.liveView.shownRange;
      return end - start;
    }

    /* The only line of a chart that is not part of a stack; null if there are several. The server has no usual range of a
       formula. */
    lineOf(chart) {
      const lines = chart instanceof app.Chart && chart.gd ? chart.visibleLines().filter(({ style, metric }) => metric && style !== "stacked") : [];
      return lines.length === 1 && !lines[0].metric.isFormula ? lines[0] : null;
    }

    keys() {
      const keys = this.page.liveView.charts.filter((chart) => chart.onScreen).map((chart) => this.lineOf(chart)?.metric.key);
      return [...new Set(keys)].filter(Boolean).slice(0, MAX_METRICS);
    }

    /* Request what the charts on screen need and what is not here. */
    request() {
      this.timer = null;
      const keys = this.keys();
      if (!this.isOn || !keys.length || this.rangeLength > MAX_RANGE_MS) return;
      const range = this.neededRange();
      const requested = [...range, ...keys].join();
      if (requested === this.requested) return;
      this.load(range, keys, requested);
    }

    /* Whole hours, so that a live chart needs another request once an hour. */
    neededRange() {
      const [start, end] = this.page.liveView.shownRange;
      return [Math.floor(start / HOUR_MS) * HOUR_MS, Math.ceil(end / HOUR_MS) * HOUR_MS];
    }

    async load([start, end], keys, requested) {
      this.requested = requested;
      const now = this.page.liveView.clock.now();
      const query = new URLSearchParams({ metrics: keys.join(), from: Math.min(start, now - 1), to: Math.min(end, now) });
      try {
        const response = await fetch(`${this.page.poller.base}api/usual?${query}`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        const bands = await response.json();
        if (!response.ok) throw new Error(bands.error);
        if (requested !== this.requested || !this.isOn) return;
        this.bands = bands;
        if (this.announces) this.page.toast.show(bands.message);
        this.announces = false;
      } catch (error) {
        setTimeout(() => {
          if (requested === this.requested) this.requested = "";
        }, RETRY_MS);
        return;
      }
      this.page.liveView.renderQueue.repaintCanvases();
      this.showInTitles();
    }

    /* `{low, high}` of a metric at `time`; null if there is none. */
    bandAt(key, time) {
      const index = this.bands?.start.findIndex((start, at) => time > start && time <= this.bands.end[at]) ?? -1;
      const [low, high] = [this.bands?.low[key]?.[index] ?? null, this.bands?.high[key]?.[index] ?? null];
      return low === null ? null : { low, high };
    }

    /* "usual 3 % – 12 %" at the time that the page shows. */
    showInTitles() {
      const { reading, shownRange } = this.page.liveView;
      for (const chart of this.page.liveView.charts) {
        const line = this.isOn ? this.lineOf(chart) : null;
        const band = line && this.bandAt(line.metric.key, reading.at ?? shownRange[1]);
        let mark = chart.section.querySelector("h2 .usual");
        if (!mark && !band) continue;
        if (!mark) {
          mark = app.createElement("span", { className: "usual" });
          chart.section.querySelector("h2 .value").before(mark);
        }
        app.setText(mark, band ? app.translate("usual {low} – {high}", { low: app.formatQuantity(band.low, line.metric.unit), high: app.formatQuantity(band.high, line.metric.unit) }) : "");
      }
    }

    /* Callbacks of a chart. */

    covers(chart) {
      if (!this.isOn || this.rangeLength > MAX_RANGE_MS || !this.lineOf(chart)) return false;
      // All charts of this moment share a request.
      this.timer ??= setTimeout(() => this.request(), DEBOUNCE_MS);
      return this.bands !== null;
    }

    paint(chart, context, { w, h }) {
      const line = this.lineOf(chart);
      const { start, end, low, high } = this.bands;
      const [lows, highs] = [low[line.metric.key], high[line.metric.key]];
      if (!lows) return;
      const { x, y } = chart.scales(line);
      context.save();
      context.beginPath();
      context.rect(0, 0, w, h);
      context.clip();
      context.fillStyle = app.withOpacity(line.colour, OPACITY);
      for (let index = 0; index < start.length; index += 1) {
        if (lows[index] === null) continue;
        const [top, bottom] = [y(highs[index]), y(lows[index])];
        const left = x(start[index]);
        // At least a pixel, for a constant metric.
        context.fillRect(left, Math.min(top, bottom - 1), x(end[index]) - left, Math.max(1, bottom - top));
      }
      context.restore();
    }
  };
})((window.dashapp = window.dashapp || {}));
