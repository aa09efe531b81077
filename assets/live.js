/* The page's three callbacks and what ties feed, series, charts and badge together.
   Nothing here may throw into Dash, which keeps every error for ever. */
(function (app) {
  "use strict";

  const SLIDER_REST_MS = 120;

  class Page {
    /* `components`: the dcc.Graph of each panel, by its name. */
    constructor(components) {
      const config = JSON.parse(document.getElementById("_dash-config").textContent);
      this.base = config.requests_pathname_prefix || "/";
      this.root = document.getElementById("page");
      this.stops = this.root.dataset.stops.split(",").map(Number);
      this.series = new app.Series();
      this.clock = new app.ServerClock();
      this.status = new app.Status();
      this.feed = new app.Feed(this.base, this.clock, (f) => this.take(f), (asked) => this.miss(asked));
      this.catalogue = new Map();
      this.asked = -Infinity;
      this.window = null;
      this.held = null; // the range that a pause holds; null while following
      this.age = 0; // milliseconds of the newest point when the server last answered
      this.frame = null;
      this.turn = 0;
      this.last = {}; // the newest tick's values
      this.charts = [...document.querySelectorAll("[data-panel]")].map(
        (section) => new app.Chart(section, this, components[section.dataset.panel])
      );
      for (const [target, event] of [[document, "visibilitychange"], [window, "pageshow"], [window, "online"]]) {
        target.addEventListener(event, () => {
          if (!document.hidden) this.feed.plan();
          this.show();
        });
      }
      document.addEventListener("keydown", (event) => this.key(event));
    }

    tick() {
      this.show();
      if (this.window !== null) this.nameSlider();
      if (!document.hidden) this.feed.plan();
    }

    setWindow(index) {
      const seconds = this.stops[index];
      if (seconds === undefined || seconds === this.window) return;
      const first = this.window === null;
      this.window = this.feed.window = seconds;
      document.getElementById("window-label").textContent = app.fullWords(seconds);
      this.nameSlider();
      if (first) return;
      this.resume();
      this.trim();
      this.feed.restart(SLIDER_REST_MS);
      this.redrawAll();
    }

    /* Say to those who hear the page what the slider is. Dash mounts it later than it calls for its value. */
    nameSlider() {
      const thumb = document.querySelector("#window [role=slider]");
      const words = app.fullWords(this.window);
      if (!thumb || thumb.getAttribute("aria-valuetext") === words) return;
      thumb.setAttribute("aria-valuetext", words);
      thumb.setAttribute("aria-label", "Time on screen");
    }

    take(frame) {
      this.status.heard();
      this.status.notices(frame.notices || []);
      if (frame.reset) this.series.replace(frame);
      else this.series.append(frame);
      const newest = this.feed.newest;
      if (newest !== null) this.age = frame.now * 1000 - newest;
      const end = frame.t.length - 1;
      if (frame.last) this.last = frame.last;
      else if (end >= 0) this.last = Object.fromEntries(Object.entries(frame.y).map(([k, y]) => [k, y[end]]));
      this.trim();
      this.learn();
      this.redrawAll();
      this.show();
    }

    miss(asked) {
      this.status.failed(asked);
      this.show();
    }

    get paused() {
      return this.held !== null;
    }

    /* Forget what is older than the window, but of what a pause holds only what no window could show. */
    trim() {
      const last = this.series.last;
      if (last === null) return;
      const start = last - this.window * 1000;
      const longest = last - this.stops[this.stops.length - 1] * 1000;
      this.series.trim(this.held ? Math.max(Math.min(start, this.held[0] - 1), longest) : start);
    }

    /* Ask for the catalogue where a metric is not in it. */
    learn() {
      const known = Object.keys(this.series.y).every((key) => this.catalogue.has(key));
      if (known || performance.now() - this.asked < 5000) return;
      this.asked = performance.now();
      fetch(`${this.base}api/metrics`, { cache: "no-store", signal: AbortSignal.timeout(5000) })
        .then((answer) => answer.json())
        .then((metrics) => {
          for (const metric of metrics) this.catalogue.set(metric.key, metric);
          this.redrawAll();
          this.show();
        })
        .catch(() => (this.asked = -Infinity)); // the next frame asks again
    }

    metricsOf(panel) {
      return [...this.catalogue.values()].filter((m) => m.panel === panel && m.key in this.series.y);
    }

    range() {
      const end = this.series.last === null ? this.clock.now() || 0 : this.series.last;
      return [end - this.window * 1000, end];
    }

    redrawAll() {
      if (this.paused) return;
      for (const chart of this.charts) chart.dirty = true;
      this.wake();
    }

    /* One chart an animation frame, as long as one waits. */
    wake() {
      if (this.frame === null) this.frame = requestAnimationFrame(() => this.step());
    }

    step() {
      this.frame = null;
      if (!this.catalogue.size || this.window === null) return;
      for (let tried = 0; tried < this.charts.length; tried += 1) {
        const chart = this.charts[this.turn++ % this.charts.length];
        if (!chart.dirty || !chart.ready()) continue;
        const metrics = this.metricsOf(chart.panel);
        if (!metrics.length && !chart.mounted) {
          chart.dirty = false;
          continue;
        }
        chart.draw(this.series, metrics, this.held ?? this.range());
        break;
      }
      if (this.charts.some((chart) => chart.waiting())) this.wake();
    }

    userZoomed(range) {
      this.held = range;
      for (const chart of this.charts) {
        // A graph that was only just put in is not bound yet, and shows the range it was put in with.
        if (chart.gd && chart.range().every((end, side) => Math.abs(end - range[side]) < 2)) continue;
        chart.life = -1;
        chart.dirty = true;
      }
      this.wake();
      this.show();
    }

    repair(chart) {
      if (this.paused || !chart.strayed()) return;
      chart.life = -1;
      chart.dirty = true;
      this.wake();
    }

    pause() {
      this.held = this.range();
      this.show();
    }

    resume() {
      if (!this.paused) return;
      this.held = null;
      for (const chart of this.charts) chart.life = -1;
      this.redrawAll();
      this.feed.plan();
      this.show();
    }

    key(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      // Space presses what has the focus; a letter only means something where one can write.
      const busy = event.key === " " ? "button, input, select, textarea, a" : "input, select, textarea";
      if ((event.key !== " " && event.key !== "p") || event.target.closest(busy)) return;
      event.preventDefault();
      if (this.paused) this.resume();
      else this.pause();
    }

    /* A panel's newest values, where they are few enough to read. */
    headline(metrics) {
      if (metrics.length > 2) return "";
      return metrics
        .map((metric) => {
          const text = app.quantity(this.last[metric.key], metric.unit);
          return metrics.length > 1 && text ? `${metric.label} ${text}` : text;
        })
        .filter(Boolean)
        .join(" · ");
    }

    show() {
      const button = document.getElementById("pause");
      if (button) {
        button.setAttribute("aria-pressed", String(this.paused));
        button.textContent = this.paused ? "Resume" : "Pause";
      }
      const cpu = this.last["cpu.percent"] ?? null;
      this.status.show({
        paused: this.paused,
        hidden: document.hidden,
        waiting: this.feed.waiting,
        newest: this.feed.newest,
        age: this.age,
        step: this.feed.step,
        value: cpu === null ? "" : `${Math.round(cpu)} % CPU`,
      });
      for (const chart of this.charts) {
        const metrics = this.metricsOf(chart.panel);
        if (metrics.length) chart.section.classList.remove("absent");
        const output = chart.section.querySelector(".value");
        const text = this.headline(metrics);
        if (output && output.textContent !== text) output.textContent = text;
        if (output) output.classList.toggle("several", metrics.length > 1);
      }
    }
  }

  let page = null;

  function guarded(action) {
    return (value, components) => {
      try {
        if (page === null && components) page = app.page = new Page(components);
        if (page !== null) action(value);
      } catch (error) {
        console.error("dashapp:", error.message);
      }
    };
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.dashapp = {
    tick: guarded(() => page.tick()),
    window: guarded((index) => page.setWindow(index)),
    pause: guarded((clicks) => {
      if (!clicks) return;
      if (page.paused) page.resume();
      else page.pause();
    }),
  };
})((window.dashapp = window.dashapp || {}));
