/* One LiveGraph in somebody else's page: its chart, its state in words, its two controls. */
(function (app) {
  "use strict";

  app.LiveGraph = class {
    /* `section`: its element. `spec`: what dashapp/web/live_graph.py says of it. */
    constructor(asker, section, spec) {
      this.section = section;
      this.spec = spec;
      this.mark = JSON.stringify(spec);
      this.status = new app.Status();
      this.refused = null;
      const [[name, panel]] = app.panelsOf(spec);
      const against = app.referenceKey(panel.reference ?? null);
      this.live = new app.Live(asker, this, [...panel.metrics, ...panel.right, ...(against === null ? [] : [against])]);
      this.live.all = spec.all ? spec.window : null;
      this.live.longest = spec.stops[spec.stops.length - 1] - 1;
      this.live.catalogue.define(new Map([[name, panel]]));
      this.headlines = new app.Headlines(this.live);
      const fit = (layout, metrics) => app.fitScale(layout, metrics, spec.scale);
      section.classList.add("loading", "absent"); // until there is something to draw
      this.live.easel.add(section, { ...panel, place: spec.place, fit });
      this.live.follow(spec.window, false);
    }

    close() {
      this.live.close();
    }

    setWindow(seconds) {
      if (seconds !== undefined && seconds !== this.live.window) this.live.follow(seconds);
    }

    toggle() {
      if (this.live.held) this.live.release();
      else this.live.pause();
    }

    /* What the chart tells. */

    onAnswer(frame) {
      this.heard();
      this.headlines.take(frame);
      this.changed();
    }

    onPast() {
      this.heard();
      this.changed();
    }

    heard() {
      this.status.heard();
      this.refused = null;
    }

    onFailure(asked, why) {
      // An answer that says no is one too.
      if (why) this.status.heard();
      else this.status.failed(asked);
      this.refused = why;
      this.changed();
    }

    onZoom(range) {
      this.live.travel(range);
    }

    onResume() {
      if (this.live.held) this.live.release();
    }

    onNewPanel() {}

    onNames() {
      this.changed();
    }

    extras() {
      return this.live.charts.some((chart) => chart.kind === "curve") ? "&curves=1" : "";
    }

    keys() {
      return [];
    }

    /* Anything may have changed: say so where it shows. */
    changed() {
      const { live, section } = this;
      if (document.hidden || !this.headlines) return;
      for (const chart of live.charts) this.headlines.show(chart);
      const [state, sentence] = this.status.judge(live.condition);
      if (section.dataset.state !== state) section.dataset.state = state;
      put(section.querySelector(".badge"), sentence);
      const last = live.window === live.all ? "all there is" : `last ${app.fullWords(live.window)}`;
      put(section.querySelector(".window-label"), live.held ? "" : last);
      const button = section.querySelector(".pause");
      put(button, live.held ? "Back to live" : "Pause");
      button?.setAttribute("aria-pressed", String(live.held !== null));
      const chart = section.querySelector(".chart");
      const said = this.emptiness();
      if (chart.dataset.said !== said) chart.dataset.said = said;
    }

    /* What stands where there is nothing to draw. */
    emptiness() {
      const { shown, held, feed } = this.live;
      if (this.refused) return `The server says: ${this.refused}`;
      const own = Object.keys(shown.y).length;
      if (held && !own) return "Nothing was recorded then";
      if (shown.t.length && !own) return `There is no metric ${feed.like.join(" or ")} yet`;
      return this.status.empty ? "Nothing was recorded yet" : "Waiting for the first points";
    }
  };

  function put(element, text) {
    if (element) app.say(element, text);
  }
})((window.dashapp = window.dashapp || {}));
