/* The page: what ties feed, series, charts and badge together. */
(function (app) {
  "use strict";

  const REST_MS = 120; // what a slider or a zoom rests before the server is asked

  app.Page = class {
    /* `components`: the dcc.Graph of each panel, by its name. */
    constructor(components) {
      const config = JSON.parse(document.getElementById("_dash-config").textContent);
      const base = config.requests_pathname_prefix || "/";
      this.stops = document.getElementById("page").dataset.stops.split(",").map(Number);
      this.window = null;
      this.age = 0; // milliseconds of the newest point when the server last answered
      this.series = new app.Series();
      this.past = null; // the points of a held stretch that the live series has not; null while following
      this.journey = new app.Journey(() => this.follow());
      this.clock = new app.ServerClock();
      this.status = new app.Status();
      this.headlines = new app.Headlines();
      this.catalogue = new app.Catalogue(base, () => {
        this.easel.redraw(); // what is held too: it may have waited for its names
        this.show();
      });
      this.feed = new app.Feed(base, this.clock, this);
      this.easel = new app.Easel(document.querySelectorAll("[data-panel]"), components, this);
      for (const [target, event] of [[document, "visibilitychange"], [window, "pageshow"], [window, "online"]]) {
        target.addEventListener(event, () => {
          if (!document.hidden) this.feed.plan();
          this.show();
        });
      }
      app.listenForKeys(this);
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
      if (this.window !== null) app.nameSlider(this.window);
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
      this.first = seconds;
      this.setLength(seconds);
      this.follow();
    }

    /* Go where the address leads. The length of a held stretch is not the live window's, but for one who comes by
       that link. */
    follow() {
      const { window: seconds, end } = this.journey.read();
      const live = seconds === null ? this.first : app.nearest(this.stops, seconds);
      const fresh = this.feed.newest === null;
      if (live !== this.window && (end === null || fresh)) {
        this.setLength(live);
        window.dash_clientside.set_props("window", { value: this.stops.indexOf(live) });
        this.feed.restart(0);
      }
      if (end !== null) this.travel([end - Math.min(seconds ?? this.window, this.longest) * 1000, end]);
      else if (this.held) this.release();
    }

    /* Seconds that can be asked for at once; a little less than the longest window, for the ends are rounded. */
    get longest() {
      return this.stops[this.stops.length - 1] - 1;
    }

    setLength(seconds) {
      if (seconds === undefined) return;
      this.window = this.feed.window = seconds;
      document.getElementById("window-label").textContent = app.fullWords(seconds);
      app.nameSlider(seconds);
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

    /* Forget what is older than the window. What is held is a copy. */
    trim() {
      const last = this.series.last;
      if (last !== null) this.series.trim(last - this.window * 1000);
    }

    /* What the charts draw now; null where there is nothing yet. */
    view() {
      const series = this.past ?? this.series;
      const unknown = this.catalogue.empty && series.t.length > 0;
      if (unknown || !this.status.answered) return null;
      return { series, range: this.held ?? this.range() };
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
      const covers = (series) =>
        series &&
        series.t.length &&
        !series.coarse &&
        range[0] >= series.t[0] - this.feed.step &&
        range[1] <= series.last + 1;
      if (covers(this.past)) this.feed.past = null;
      else if (covers(this.series)) this.hold();
      else {
        if (this.past === null) this.hold(); // there is something to see until the answer comes
        const length = range[1] - range[0];
        // A little way on either side is there already then.
        const near = Math.max(0, Math.min(length, this.longest * 1000 - length) / 2);
        const newest = this.clock.now() ?? Infinity;
        this.feed.travel([Math.max(0, range[0] - near), Math.min(range[1] + near, newest)], REST_MS);
      }
      this.easel.align(range);
      this.show();
    }

    /* Keep what is on screen now, whatever comes. */
    hold() {
      this.past = this.series.copy();
      this.feed.past = null;
    }

    /* Three quarters of a screen back or on; past the newest it is live again. */
    leap(side) {
      const [from, end] = this.held ?? this.range();
      const start = Math.max(from, end - this.longest * 1000);
      const way = 0.75 * (end - start) * side;
      if (end + way >= this.range()[1]) this.resume();
      else this.userZoomed([start + way, end + way]);
    }

    pause() {
      this.journey.held = this.range();
      this.hold();
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
  };
})((window.dashapp = window.dashapp || {}));
