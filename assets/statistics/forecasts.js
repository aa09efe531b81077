/* Forecasts of metrics that fill up: a text in tiles and titles, and the trend as a pale line below the charts. */
(function (app) {
  "use strict";

  const DAY_MS = 86_400_000;
  // The server has new ones once an hour.
  const RELOAD_MS = 600_000;
  const FIRST_LOAD_MS = 1000;
  const RETRY_MS = 60_000;
  const REQUEST_TIMEOUT_MS = 10_000;
  // A trend of hours is flat in a shorter range.
  const MIN_RANGE_MS = 6 * 3_600_000;
  const MAX_LABEL_LENGTH = 20; // in a title
  // Another colour than that of the points, which are on the line.
  const LINE = { dash: [6, 5], width: 1.5, opacity: 0.6, light: "#1f2933", dark: "#e6edf3" };

  app.Forecasts = class {
    /* `page`: liveView, poller, tiles, panelValues. */
    constructor(page) {
      this.page = page;
      this.byMetric = new Map();
      this.timer = null;
      this.loadedAt = -Infinity;
      page.liveView.backdrops.push(this);
      page.liveView.reading.subscribe(() => this.showInTitles());
      document.addEventListener("visibilitychange", () => this.loadIfOld());
      this.schedule(FIRST_LOAD_MS);
    }

    schedule(delay) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.loadIfOld(), delay);
    }

    /* A hidden page loads them when it is visible again. */
    loadIfOld() {
      if (document.hidden || performance.now() - this.loadedAt < RELOAD_MS) return;
      this.load();
    }

    async load() {
      this.loadedAt = performance.now();
      let isLoaded = false;
      try {
        const response = await fetch(`${this.page.poller.base}api/forecast`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        const forecasts = await response.json();
        isLoaded = response.ok && Array.isArray(forecasts);
        if (isLoaded) this.replace(forecasts);
      } catch (error) {
        // Offline: the forecasts stay until the next attempt.
      }
      if (!isLoaded) this.loadedAt = -Infinity;
      this.schedule(isLoaded ? RELOAD_MS : RETRY_MS);
    }

    replace(forecasts) {
      this.byMetric = new Map(forecasts.map((forecast) => [forecast.metric, forecast]));
      this.page.tiles.draw(this.page.panelValues);
      this.showInTitles();
      this.page.liveView.renderQueue.repaintCanvases();
    }

    /* "full in 5 days (3 to 9)"; "" if there is no forecast, or if the page shows the past. */
    textOf(key) {
      const forecast = this.byMetric.get(key);
      const now = this.page.liveView.clock.now();
      if (!forecast || this.page.liveView.reading.at !== null || forecast.at <= now) return "";
      return app.translate("full {time}", { time: app.formatTimeLeft(forecast, now) });
    }

    showInTitles() {
      for (const chart of this.page.liveView.charts) this.showInTitle(chart);
    }

    /* The metric of a chart that is full first. */
    showInTitle({ section, panel }) {
      const metrics = this.page.liveView.metricsOf(panel);
      const full = metrics.filter(({ key }) => this.textOf(key)).sort((one, other) => this.byMetric.get(one.key).at - this.byMetric.get(other.key).at);
      let mark = section.querySelector("h2 .forecast");
      if (!mark && !full.length) return;
      if (!mark) {
        mark = app.createElement("span", { className: "forecast" });
        section.querySelector("h2 .value").before(mark);
      }
      const label = full.length && metrics.length > 1 ? `${app.isolateText(app.shortenText(full[0].label, MAX_LABEL_LENGTH))} ` : "";
      app.setText(mark, full.length ? label + this.textOf(full[0].key) : "");
    }

    /* Callbacks of a chart. */

    covers(chart) {
      // A chart can have had no metrics before.
      if (this.byMetric.size) this.showInTitle(chart);
      return this.shownLines(chart).length > 0;
    }

    shownLines(chart) {
      const [start, end] = chart.gd._fullLayout.xaxis.range;
      if (!this.byMetric.size || end - start < MIN_RANGE_MS) return [];
      return chart.visibleLines().filter((line) => line.style !== "stacked" && this.byMetric.get(line.metric?.key)?.since < end);
    }

    paint(chart, context, { w, h }) {
      const [start, end] = chart.gd._fullLayout.xaxis.range;
      context.save();
      context.beginPath();
      context.rect(0, 0, w, h);
      context.clip();
      context.setLineDash(LINE.dash);
      Object.assign(context, { strokeStyle: chart.isDark ? LINE.dark : LINE.light, lineWidth: LINE.width, globalAlpha: LINE.opacity });
      for (const line of this.shownLines(chart)) {
        const forecast = this.byMetric.get(line.metric.key);
        const { x, y } = chart.scales(line);
        const ends = [Math.max(start, forecast.since), Math.min(end, forecast.at)];
        context.beginPath();
        for (const time of ends) context.lineTo(x(time), y(forecast.start + (forecast.slope * (time - forecast.since)) / DAY_MS));
        context.stroke();
      }
      context.restore();
    }
  };
})((window.dashapp = window.dashapp || {}));
