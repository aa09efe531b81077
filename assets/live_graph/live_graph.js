/* One LiveGraph in another Dash app: chart, state, pause button and slider. */
(function (app) {
  "use strict";

  app.LiveGraph = class {
    /* `section`: its element. `spec`: from dashapp/web/live_graph.py. */
    constructor(poller, section, spec) {
      this.section = section;
      this.spec = spec;
      this.specJson = JSON.stringify(spec);
      this.connectionStatus = new app.ConnectionStatus();
      this.serverError = null;
      const [[name, panel]] = app.buildPanelSpecs(spec);
      const referenceKey = app.referenceKey(panel.reference ?? null);
      this.liveView = new app.LiveView(poller, this, [...panel.metrics, ...panel.right, ...(referenceKey === null ? [] : [referenceKey])]);
      this.liveView.wholeHistoryWindow = spec.all ? spec.window : null;
      this.liveView.maxSeconds = spec.stops[spec.stops.length - 1] - 1;
      this.liveView.catalog.setPanelSpecs(new Map([[name, panel]]));
      this.slider = new app.WindowSlider(spec.slider, spec.stops, section);
      this.slider.shownIndex = spec.stops.indexOf(spec.window);
      this.panelValues = new app.PanelValues(this.liveView);
      this.legends = new app.Legends(this.liveView, this.panelValues);
      section.classList.add("loading", "absent"); // until there is data
      this.liveView.renderQueue.add(section, { ...panel, slotId: spec.place, scale: spec.scale });
      this.liveView.follow(spec.window, false);
    }

    get showsEvents() {
      return this.spec.events === true;
    }

    close() {
      this.liveView.close();
    }

    setWindow(index) {
      const seconds = this.slider.choose(index);
      if (seconds !== null) this.liveView.zoomTo(seconds);
    }

    togglePause() {
      if (this.liveView.pausedRange) this.liveView.resume();
      else this.liveView.pause();
    }

    /* Callbacks of the live view. */

    onFrame(frame) {
      this.recordSuccess();
      this.panelValues.update(frame);
      this.refresh();
    }

    onPast() {
      this.recordSuccess();
      this.refresh();
    }

    recordSuccess() {
      this.connectionStatus.recordSuccess();
      this.serverError = null;
    }

    onFailure(requestedAt, error, sessionExpired) {
      // An error response shows that the server is reachable.
      if (error) this.connectionStatus.recordSuccess();
      else this.connectionStatus.recordFailure(requestedAt, null, sessionExpired);
      this.serverError = error;
      this.refresh();
    }

    onZoom(range, isStep = true) {
      if (isStep) this.liveView.reading.pushStep();
      this.liveView.pauseAt(range);
    }

    onZoomBack() {
      const range = this.liveView.reading.popStep();
      if (range) this.liveView.pauseAt(range);
      else if (this.liveView.pausedRange) this.liveView.resume();
    }

    onLegend() {}

    onNewPanel() {}

    onMetricsChange() {
      this.refresh();
    }

    extraQuery() {
      return this.liveView.charts.some((chart) => chart.kind === "curve") ? "&curves=1" : "";
    }

    requiredKeys() {
      return [];
    }

    refresh() {
      const { liveView, section } = this;
      if (document.hidden || !this.legends) return;
      for (const chart of liveView.charts) {
        this.panelValues.show(chart);
        this.legends.show(chart);
      }
      const [state, sentence] = this.connectionStatus.describe(liveView.statusInput);
      if (section.dataset.state !== state) section.dataset.state = state;
      setTextIfPresent(section.querySelector(".badge"), sentence);
      this.showSignInLink();
      this.showWindow();
      const button = section.querySelector(".pause");
      setTextIfPresent(button, liveView.pausedRange ? app.translate("Back to live") : app.translate("Pause"));
      button?.setAttribute("aria-pressed", String(liveView.pausedRange !== null));
      const chart = section.querySelector(".chart");
      const message = this.placeholderText();
      if (chart.dataset.message !== message) chart.dataset.message = message;
    }

    /* This address leads to the login of the app. */
    showSignInLink() {
      const link = this.section.querySelector(".sign-in");
      if (Boolean(link) === this.connectionStatus.sessionExpired) return;
      if (link) link.remove();
      else this.section.querySelector(".badge")?.after(app.createElement("a", { className: "sign-in", href: window.location.href }, app.translate("Sign in again")));
    }

    /* The length on screen, and the range if it is in the past. */
    showWindow() {
      const { pausedRange, window: seconds, wholeHistoryWindow } = this.liveView;
      const label = this.section.querySelector(".window-label");
      if (!label) return;
      const length = pausedRange ? (pausedRange[1] - pausedRange[0]) / 1000 : seconds;
      const live = seconds === wholeHistoryWindow ? app.translate("whole history") : app.translate("last {duration}", { duration: app.formatDurationLong(seconds) });
      app.setText(label, pausedRange ? `${app.formatDurationLong(length)}, ${app.formatRange(pausedRange)}` : live);
      this.slider.show(length);
      // The app wrote these when it started, for viewers of any language.
      for (const mark of this.section.querySelectorAll(".dash-slider-mark")) app.setText(mark, app.translateSentence(mark.textContent));
    }

    /* Text of an empty chart. */
    placeholderText() {
      const { shownSeries, pausedRange, subscription } = this.liveView;
      if (this.serverError) return app.translate("Server error: {error}", { error: this.serverError });
      const metricCount = Object.keys(shownSeries.y).length;
      if (pausedRange && !metricCount) return app.translate("No data in this time range");
      if (shownSeries.t.length && !metricCount) return app.translate("No metric {names} yet", { names: subscription.patterns.join(app.translate(" or ")) });
      return this.connectionStatus.noData ? app.translate("No data yet") : app.translate("Waiting for data");
    }
  };

  function setTextIfPresent(element, text) {
    if (element) app.setText(element, text);
  }
})((window.dashapp = window.dashapp || {}));
