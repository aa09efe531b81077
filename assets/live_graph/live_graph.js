/* One LiveGraph in somebody else's page: its chart, its state in words, its two controls. */
(function (app) {
  "use strict";

  app.LiveGraph = class {
    /* `section`: its element. `spec`: what dashapp/web/live_graph.py says of it. */
    constructor(poller, section, spec) {
      this.section = section;
      this.spec = spec;
      this.mark = JSON.stringify(spec);
      this.connectionStatus = new app.ConnectionStatus();
      this.serverError = null;
      const [[name, panel]] = app.buildPanelSpecs(spec);
      const referenceKey = app.referenceKey(panel.reference ?? null);
      this.liveView = new app.LiveView(poller, this, [...panel.metrics, ...panel.right, ...(referenceKey === null ? [] : [referenceKey])]);
      this.liveView.all = spec.all ? spec.window : null;
      this.liveView.longest = spec.stops[spec.stops.length - 1] - 1;
      this.liveView.catalog.setPanelSpecs(new Map([[name, panel]]));
      this.panelValues = new app.PanelValues(this.liveView);
      const fit = (layout, metrics) => app.fitYAxes(layout, metrics, spec.scale);
      section.classList.add("loading", "absent"); // until there is something to draw
      this.liveView.renderQueue.add(section, { ...panel, place: spec.place, fit });
      this.liveView.follow(spec.window, false);
    }

    close() {
      this.liveView.close();
    }

    setWindow(seconds) {
      if (seconds !== undefined && seconds !== this.liveView.window) this.liveView.follow(seconds);
    }

    toggle() {
      if (this.liveView.held) this.liveView.release();
      else this.liveView.pause();
    }

    /* What the chart tells. */

    onAnswer(frame) {
      this.recordSuccess();
      this.panelValues.take(frame);
      this.changed();
    }

    onPast() {
      this.recordSuccess();
      this.changed();
    }

    recordSuccess() {
      this.connectionStatus.recordSuccess();
      this.serverError = null;
    }

    onFailure(requestedAt, error) {
      // An answer that says no is one too.
      if (error) this.connectionStatus.recordSuccess();
      else this.connectionStatus.recordFailure(requestedAt);
      this.serverError = error;
      this.changed();
    }

    onZoom(range) {
      this.liveView.travel(range);
    }

    onResume() {
      if (this.liveView.held) this.liveView.release();
    }

    onNewPanel() {}

    onNames() {
      this.changed();
    }

    extras() {
      return this.liveView.charts.some((chart) => chart.kind === "curve") ? "&curves=1" : "";
    }

    keys() {
      return [];
    }

    /* Anything may have changed: say so where it shows. */
    changed() {
      const { liveView, section } = this;
      if (document.hidden || !this.panelValues) return;
      for (const chart of liveView.charts) this.panelValues.show(chart);
      const [state, sentence] = this.connectionStatus.describe(liveView.condition);
      if (section.dataset.state !== state) section.dataset.state = state;
      put(section.querySelector(".badge"), sentence);
      const last = liveView.window === liveView.all ? "all there is" : `last ${app.formatDurationLong(liveView.window)}`;
      put(section.querySelector(".window-label"), liveView.held ? "" : last);
      const button = section.querySelector(".pause");
      put(button, liveView.held ? "Back to live" : "Pause");
      button?.setAttribute("aria-pressed", String(liveView.held !== null));
      const chart = section.querySelector(".chart");
      const said = this.placeholderText();
      if (chart.dataset.said !== said) chart.dataset.said = said;
    }

    /* What stands where there is nothing to draw. */
    placeholderText() {
      const { shown, held, subscription } = this.liveView;
      if (this.serverError) return `The server says: ${this.serverError}`;
      const own = Object.keys(shown.y).length;
      if (held && !own) return "Nothing was recorded then";
      if (shown.t.length && !own) return `There is no metric ${subscription.patterns.join(" or ")} yet`;
      return this.connectionStatus.noData ? "Nothing was recorded yet" : "Waiting for the first points";
    }
  };

  function put(element, text) {
    if (element) app.setText(element, text);
  }
})((window.dashapp = window.dashapp || {}));
