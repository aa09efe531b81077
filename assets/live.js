/* The page's callbacks and what ties feed, series, charts and badge together.
   Nothing here may throw into Dash, which keeps every error for ever. */
(function (app) {
  "use strict";

  const REST_MS = 120; // what a slider or a zoom rests before the server is asked

  class Page {
    /* `components`: the dcc.Graph of each panel, by its name. */
    constructor(components) {
      const config = JSON.parse(document.getElementById("_dash-config").textContent);
      const base = config.requests_pathname_prefix || "/";
      this.stops = document.getElementById("page").dataset.stops.split(",").map(Number);
      this.window = null;
      this.age = 0; // milliseconds of the newest point when the server last answered
      this.series = new app.Series();
      this.past = null; // the points of a held stretch that the live series has not; null while it has them
      this.journey = new app.Journey(() => this.follow());
      this.clock = new app.ServerClock();
      this.status = new app.Status();
      this.headlines = new app.Headlines();
      this.catalogue = new app.Catalogue(base, () => this.changed());
      this.feed = new app.Feed(base, this.clock, this);
      this.easel = new app.Easel(document.querySelectorAll("[data-panel]"), components, this);
      for (const [target, event] of [[document, "visibilitychange"], [window, "pageshow"], [window, "online"]]) {
        target.addEventListener(event, () => {
          if (!document.hidden) this.feed.plan();
          this.show();
        });
      }
      document.addEventListener("keydown", (event) => this.key(event));
    }

    get charts() {
      return this.easel.charts;
    }

    /* The range that is held; null while following. */
    get held() {
      return this.journey.held;
    }

    tick() {
      this.show();
      if (this.window !== null) this.nameSlider();
      if (!document.hidden) this.feed.plan();
    }

    /* The slider's callback: at first with the server's window, which the address may overrule. */
    setWindow(index) {
      if (this.window === null) return this.begin(this.stops[index]);
      const seconds = this.stops[index];
      if (seconds === undefined || seconds === this.window) return;
      this.setLength(seconds);
      this.resume();
      this.journey.write(seconds);
      this.trim();
      this.feed.restart(REST_MS);
      this.changed();
    }

    begin(seconds) {
      this.setLength(seconds);
      this.follow();
    }

    /* Go where the address leads. */
    follow() {
      const { window: seconds, end } = this.journey.read();
      if (seconds !== null) {
        this.setLength(app.nearest(this.stops, seconds));
        window.dash_clientside.set_props("window", { value: this.stops.indexOf(this.window) });
        this.feed.restart(0);
      }
      if (end !== null) this.travel([end - (seconds ?? this.window) * 1000, end]);
      else if (this.held) this.release();
    }

    setLength(seconds) {
      if (seconds === undefined) return;
      this.window = this.feed.window = seconds;
      document.getElementById("window-label").textContent = app.fullWords(seconds);
      this.nameSlider();
    }

    /* Say to those who hear the page what the slider is. Dash mounts it later than it calls for its value. */
    nameSlider() {
      const thumb = document.querySelector("#window [role=slider]");
      const words = app.fullWords(this.window);
      if (!thumb || thumb.getAttribute("aria-valuetext") === words) return;
      thumb.setAttribute("aria-valuetext", words);
      thumb.setAttribute("aria-label", "Time on screen");
    }

    /* What the feed brings: the newest, a stretch of the past, or nothing. */

    onFrame(frame) {
      this.status.heard();
      this.status.notices(frame.notices || []);
      if (frame.reset) this.series.replace(frame);
      else this.series.append(frame);
      const newest = this.feed.newest;
      if (newest !== null) this.age = frame.now * 1000 - newest;
      this.headlines.take(frame);
      this.trim();
      this.catalogue.learn(this.series.y);
      this.changed();
    }

    onPast(frame) {
      this.status.heard();
      if (!this.held) return;
      this.past = this.past || new app.Series();
      this.past.replace(frame);
      this.catalogue.learn(this.past.y);
      this.easel.redraw();
      this.show();
    }

    onFailure(asked) {
      this.status.failed(asked);
      this.show();
    }

    /* Forget what is older than the window, but of what a pause holds only what no window could show. */
    trim() {
      const last = this.series.last;
      if (last === null) return;
      const start = last - this.window * 1000;
      const longest = last - this.stops[this.stops.length - 1] * 1000;
      const kept = this.held && !this.past ? this.held[0] - 1 : start;
      this.series.trim(Math.max(Math.min(start, kept), longest));
    }

    /* What the charts draw now; null where there is nothing yet. */
    view() {
      if (this.catalogue.empty || this.window === null) return null;
      return { series: this.past ?? this.series, range: this.held ?? this.range() };
    }

    metricsOf(panel) {
      return this.catalogue.of(panel, (this.past ?? this.series).y);
    }

    range() {
      const end = this.series.last === null ? this.clock.now() || 0 : this.series.last;
      return [end - this.window * 1000, end];
    }

    changed() {
      if (!this.held) this.easel.redraw();
      this.show();
    }

    userZoomed(range) {
      this.travel(range);
      this.journey.write(this.window, true);
    }

    /* Hold a stretch of time; fetch it where the points at hand are too coarse, or do not reach so far. */
    travel(range) {
      this.journey.held = range;
      const { series } = this;
      const reach = series.t.length && range[0] >= series.t[0] - this.feed.step && range[1] <= series.last + 1;
      if (!reach || series.coarse) {
        const near = (range[1] - range[0]) / 2; // a little way on either side is there already then
        const newest = this.clock.now() ?? Infinity;
        this.feed.travel([Math.max(0, range[0] - near), Math.min(range[1] + near, newest)], REST_MS);
      }
      this.easel.align(range);
      this.show();
    }

    /* Three quarters of a screen back or on; past the newest it is live again. */
    leap(side) {
      const [start, end] = this.held ?? this.range();
      const way = 0.75 * (end - start) * side;
      if (end + way >= this.range()[1]) this.resume();
      else this.userZoomed([start + way, end + way]);
    }

    pause() {
      this.journey.held = this.range();
      this.journey.write(this.window, true);
      this.show();
    }

    resume() {
      if (!this.held) return;
      this.release();
      this.journey.write(this.window, true);
    }

    release() {
      this.journey.held = null;
      this.past = null;
      this.feed.past = null;
      this.easel.redraw(true);
      this.feed.plan();
      this.show();
    }

    toggle() {
      if (this.held) this.resume();
      else this.pause();
    }

    key(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      // Space presses what has the focus; a letter only means something where one can write.
      const busy = event.key === " " ? "button, input, select, textarea, a" : "input, select, textarea";
      if (event.target.closest(busy)) return;
      const inSlider = event.target.closest("[role=slider]");
      if (event.key === " " || event.key === "p") this.toggle();
      else if (event.key === "ArrowLeft" && !inSlider) this.leap(-1);
      else if (event.key === "ArrowRight" && !inSlider) this.leap(1);
      else if (event.key === "Escape" || event.key === "l") this.resume();
      else return;
      event.preventDefault();
    }

    show() {
      const button = document.getElementById("pause");
      if (button) {
        button.setAttribute("aria-pressed", String(this.held !== null));
        button.textContent = this.held ? "Resume" : "Pause";
      }
      this.status.show({
        held: this.held,
        hidden: document.hidden,
        waiting: this.feed.waiting,
        newest: this.feed.newest,
        age: this.age,
        step: this.feed.step,
        value: this.headlines.title,
      });
      for (const chart of this.charts) this.headlines.show(chart.section, this.metricsOf(chart.panel));
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
    pause: guarded((clicks) => clicks && page.toggle()),
    earlier: guarded((clicks) => clicks && page.leap(-1)),
    later: guarded((clicks) => clicks && page.leap(1)),
  };
})((window.dashapp = window.dashapp || {}));
