/* The page around the live charts. */
(function (app) {
  "use strict";

  const MIN_TICKS = 5;

  app.Page = class {
    /* `panelSpecs`: by panel name. */
    constructor(panelSpecs) {
      const config = JSON.parse(document.getElementById("_dash-config").textContent);
      const root = document.getElementById("page");
      const base = config.requests_pathname_prefix || "/";
      app.addHeadings();
      this.isBare = app.bare;
      this.stops = root.dataset.stops.split(",").map(Number);
      this.slider = new app.WindowSlider("window", this.stops, document.querySelector(".window"));
      this.intervalThrottle = new app.IntervalThrottle();
      this.defaultWindow = null; // seconds, if the URL has no window
      this.toast = new app.Toast();
      this.urlState = new app.UrlState(() => this.applyUrl());
      this.theme = new app.Theme(this);
      this.zone = new app.ZoneChoice(this);
      this.panelOrder = new app.PanelOrder(this);
      this.connectionStatus = new app.ConnectionStatus();
      this.statusBadge = new app.StatusBadge(this.connectionStatus);
      this.poller = app.endAtSignOut(new app.Poller(base));
      this.liveView = new app.LiveView(this.poller, this);
      this.hiddenLines = new app.HiddenLines(this);
      this.viewOptions = new app.ViewOptions(this);
      this.comparison = new app.Comparison(this.liveView, () => this.onComparison());
      this.comparisonChip = new app.ComparisonChip(this);
      // A little less than the longest window, because the ends are rounded.
      this.liveView.maxSeconds = this.stops[this.stops.length - 1] - 1;
      this.liveView.hasManyMetrics = Number(root.dataset.metrics) > app.MAX_UNFILTERED_METRICS;
      this.panelSpecs = panelSpecs;
      this.embeddedChart = app.embed(this); // null unless an iframe shows one chart
      this.liveView.catalog.setPanelSpecs(panelSpecs);
      for (const section of this.panelOrder.chartSections()) this.addChart(section);
      app.showWhenDrawn();
      this.groups = new app.Groups(this);
      this.twins = new app.Twins(this.panelOrder, JSON.parse(root.dataset.twins), () => this.liveView.renderQueue.redraw());
      this.panelValues = new app.PanelValues(this.liveView);
      this.tiles = new app.Tiles(this.liveView);
      this.liveView.reading.subscribe(() => this.tiles.draw(this.panelValues));
      this.activeAlerts = new app.ActiveAlerts(this);
      this.alertHistory = new app.AlertHistory(base, this.activeAlerts, this);
      this.alertControls = new app.AlertControls(base, this);
      this.foldedPanels = new app.FoldedPanels(this, JSON.parse(root.dataset.headingPanels));
      this.overviewStrip = new app.OverviewStrip(this);
      this.machineFacts = new app.MachineFacts(this.liveView, this.panelValues);
      this.legends = new app.Legends(this.liveView, this.panelValues, () => this.viewOptions.hasStatistics);
      this.processTable = new app.ProcessTable();
      this.topProcesses = new app.TopProcesses(this, base);
      this.hosts = new app.Hosts(this.liveView.catalog);
      this.builtCharts = new app.BuiltCharts(this);
      this.fullScreen = new app.FullScreen(this);
      this.kiosk = new app.Kiosk(this);
      this.runs = new app.Runs(base, this);
      this.eventMarks = new app.EventMarks(this);
      this.forecasts = new app.Forecasts(this);
      this.usualBands = new app.UsualBands(this);
      this.exportMenu = new app.ExportMenu(this);
      this.actionList = app.buildActions(this);
      app.listenForKeys(this);
      app.listenForClicks(this);
      for (const [name, section] of this.panelOrder.sections) app.addPanelMenu(this, name, section);
      app.enablePanelDrag(this.panelOrder);
      app.listenForPrint(this.liveView);
      this.watchCards();
    }

    /* A card that appears, disappears or changes its size changes the rows of its group. */
    watchCards() {
      const observer = new MutationObserver(() => this.arrange());
      for (const section of document.querySelectorAll("main .panel, #tiles .tile")) observer.observe(section, { attributes: true, attributeFilter: ["class", "hidden"] });
      this.arrange();
    }

    arrange() {
      this.twins?.update();
      this.groups?.arrange();
    }

    /* Show a panel that is in a collapsed group, folded, or behind its twin. */
    uncover(name, section) {
      this.groups.expand(section);
      this.twins.reveal(name);
      this.foldedPanels.open(name);
      this.arrange();
    }

    tick() {
      this.liveView.tick();
    }

    /* Menu items of a chart that the user built; none for other panels. */
    chartItems(name) {
      return app.builtChartItems(this, name);
    }

    actions() {
      return this.actionList;
    }

    /* Draw a metric that no panel draws in a way that one can find it. */
    chartMetric(metric) {
      this.builtCharts.add({ kind: "line", title: "", metrics: [metric.key], right: [] });
    }

    /* The slider's callback. The first call has the server's window, which the URL overrides. */
    setWindow(index) {
      const seconds = this.slider.choose(index);
      if (this.defaultWindow === null) {
        this.defaultWindow = seconds;
        return this.applyUrl();
      }
      if (seconds === null) return;
      this.liveView.zoomTo(seconds);
      this.writeUrl();
    }

    /* Show the state in the URL. A paused range does not change the live window, unless the page was opened by that
       link. */
    applyUrl() {
      const { window: seconds, end } = this.urlState.read();
      this.zone.applyUrl();
      const windowSeconds = seconds === null ? this.defaultWindow : Math.min(Math.max(seconds, this.stops[0]), this.stops.at(-1));
      const isFirst = this.liveView.subscription.newest === null;
      if (windowSeconds !== this.liveView.window && (end === null || isFirst)) this.liveView.follow(windowSeconds, false);
      if (end !== null) {
        const length = Math.min(seconds ?? this.liveView.window, this.liveView.maxSeconds);
        this.liveView.pauseAt([end - length * 1000, end]);
      } else if (this.liveView.pausedRange) this.liveView.resume();
      this.builtCharts.applyUrl();
      this.panelOrder.applyUrl();
      this.hiddenLines.applyUrl();
      this.viewOptions.applyUrl();
      this.theme.applyUrl();
      this.comparisonChip.applyUrl();
      this.kiosk.applyUrl();
      this.usualBands.applyUrl();
      this.toast.show(this.urlState.validate(this.panelOrder.names()) || this.zone.problem);
    }

    addChart(section, kind = "line") {
      const name = section.dataset.panel;
      this.liveView.renderQueue.add(section, this.panelSpecs.get(name) ?? { ...this.panelSpecs.fallback, kind });
    }

    /* A metric belongs to a panel that the page did not have: use a spare section. */
    onNewPanel(name, kind) {
      if (this.embeddedChart) return this.embeddedChart.handleNewPanel(name, kind);
      // A shared view has the panels that the link names.
      if (document.getElementById("page").dataset.view === "shared") return;
      const section = this.panelOrder.claimSection(name);
      if (!section) return this.toast.show(app.translate("Too many new panels for this page. Reload it to see them all."));
      this.addChart(section, kind);
      app.addPanelMenu(this, name, section);
    }

    /* Seconds on screen. */
    get shownSeconds() {
      const { pausedRange, window: seconds } = this.liveView;
      return pausedRange ? Math.round(pausedRange[1] - pausedRange[0]) / 1000 : seconds;
    }

    /* Show the length on screen, and the range if it is in the past. */
    showWindow() {
      const { pausedRange } = this.liveView;
      const seconds = this.shownSeconds;
      document.getElementById("zone").classList.toggle("other", this.zone.label !== "");
      document.querySelector(".past-range").hidden = !pausedRange && !this.zone.label;
      const texts = {
        "window-lead": pausedRange ? "" : app.translate("Last "),
        "window-label": app.formatDurationLong(seconds),
        range: pausedRange ? app.formatRange(pausedRange) : "",
        zone: pausedRange ? this.zone.name : this.zone.label,
      };
      for (const [id, text] of Object.entries(texts)) app.setText(document.getElementById(id), text);
      this.slider.show(seconds);
      app.labelSlider(texts["window-label"]);
    }

    /* Write the state to the URL; `newEntry`: so that Back undoes this step. */
    writeUrl(newEntry = false) {
      if (app.bare) return; // Back belongs to the page around the iframe
      this.urlState.write(this.urlParams(), newEntry);
    }

    urlParams() {
      const parts = [this.panelOrder, this.hiddenLines, this.viewOptions, this.theme, this.comparisonChip, this.builtCharts, this.kiosk, this.zone, this.usualBands].map((part) => part.urlParams());
      return Object.assign(app.rangeParams(this.liveView.pausedRange, this.liveView.window), ...parts);
    }

    /* Callbacks of the live view. */

    onFrame(frame) {
      this.connectionStatus.recordSuccess();
      this.statusBadge.showNotices((frame.notices || []).map(app.translateSentence));
      this.liveView.renderQueue.setClockMarks(frame.clock || []);
      this.panelValues.update(frame);
      this.activeAlerts.firing = frame.broken ?? [];
      this.alertHistory.update(frame.changes, this.panelValues.lastValues, frame.actions);
      if (frame.hosts) this.hosts.update(frame.hosts);
      this.runs.update(frame);
      if (frame.processes) this.processTable.update(frame.processes);
      this.onMetricsChange();
      this.overviewStrip.update();
    }

    onMetricsChange() { // tiles may have waited for metric names
      this.builtCharts.refresh();
      this.tiles.draw(this.panelValues);
      this.refresh();
    }

    onPast() {
      this.connectionStatus.recordSuccess();
      this.onMetricsChange();
    }

    onFailure(requestedAt, error, sessionExpired) {
      this.connectionStatus.recordFailure(requestedAt, error, sessionExpired);
      this.refresh();
    }

    /* All times have another text now. */
    onZone() {
      this.liveView.renderQueue.redraw(true);
      this.alertHistory.draw();
      this.liveView.crosshair.draw();
      this.tiles.draw(this.panelValues);
      this.refresh();
    }

    onComparison() {
      this.liveView.renderQueue.redraw(true);
      this.refresh();
    }

    /* New alerts may change the bands in charts. */
    onAlertHistory() {
      this.liveView.renderQueue.redraw(true);
    }

    /* Show a live window's length around `time`, but no future. */
    goTo(time) {
      const length = 1000 * this.liveView.window;
      const end = Math.min(time + length / 2, this.liveView.clock.now());
      this.onZoom([end - length, end]);
    }

    /* Show a moment in the middle, and the values at it. */
    goToMoment(time) {
      this.goTo(time);
      this.liveView.reading.pointAt(time);
    }

    /* Show the last `seconds`, live. */
    showLast(seconds) {
      this.liveView.follow(Math.min(Math.max(seconds, this.stops[0]), this.liveView.maxSeconds));
      this.writeUrl(true);
    }

    /* Show an incident: its start, its panel, and the values at that time. */
    showIncident({ metric, start, end }) {
      const length = 1000 * this.liveView.window;
      const now = this.liveView.clock.now();
      const latest = Math.min((end ?? now) + length / 4, now);
      // All of it if it fits, or else its start.
      if (latest - start < 0.9 * length) this.onZoom([latest - length, latest]);
      else this.goTo(start);
      this.liveView.reading.pointAt(start);
      const panel = this.liveView.catalog.metrics.get(metric)?.panel;
      if (panel !== undefined) this.panelOrder.reveal(panel);
    }

    /* `isStep`: a double click undoes it. */
    onZoom(range, isStep = true) {
      if (isStep) this.liveView.reading.pushStep();
      this.liveView.pauseAt(this.widen(range));
      this.writeUrl(true);
    }

    /* Undo the last zoom. */
    onZoomBack() {
      const range = this.liveView.reading.popStep();
      if (!range) return this.resume();
      this.liveView.pauseAt(range);
      this.writeUrl(true);
    }

    onChartClick(chart, time, x, y) {
      if (!this.embeddedChart) this.topProcesses.openList(chart, time, x, y);
    }

    onLegend() {
      this.writeUrl();
    }

    /* Show at least a few ticks. */
    widen([start, end]) {
      const missing = Math.max(0, MIN_TICKS * this.liveView.subscription.step - (end - start)) / 2;
      return [start - missing, end + missing];
    }

    requiredKeys() {
      return ["cpu.percent", ...(this.runs?.keys ?? []), ...this.tiles.metricKeys(this.liveView.catalog)];
    }

    extraQuery(isStream) {
      return app.extraQuery(this, isStream);
    }

    get needsRequest() {
      return app.needsRequest(this);
    }

    /* Actions of the user. */

    /* Move by three quarters of the visible range; past the newest point, go live with the same length. */
    shiftRange(direction) {
      const { liveView } = this;
      const [from, end] = liveView.shownRange;
      const start = Math.max(from, end - liveView.maxSeconds * 1000);
      const offset = 0.75 * (end - start) * direction;
      if (end + offset < liveView.liveRange()[1]) {
        liveView.pauseAt(this.widen([start + offset, end + offset]));
      } else if (liveView.pausedRange) {
        const seconds = this.shownSeconds;
        if (Math.abs(seconds - liveView.window) < 1) liveView.resume();
        else liveView.follow(Math.round(seconds));
      }
      this.writeUrl(true);
    }

    /* Zoom out (1) or in (-1) to the next stop of the slider; the end stays. */
    stepWindow(direction) {
      const seconds = this.slider.next(this.shownSeconds, direction);
      if (seconds === null) return;
      this.liveView.zoomTo(seconds);
      this.writeUrl();
    }

    resume() {
      if (!this.liveView.pausedRange) return;
      this.liveView.resume();
      this.writeUrl(true);
    }

    togglePause() {
      if (this.liveView.pausedRange) return this.resume();
      this.liveView.pause();
      this.writeUrl(true);
    }

    refresh() {
      const { statusBadge, liveView, processTable, tiles } = this;
      if (!this.exportMenu) return; // the page is not complete yet
      const isPast = liveView.reading.at !== null;
      this.embeddedChart?.refresh();
      const button = document.getElementById("pause");
      if (button) {
        const pressed = String(liveView.pausedRange !== null);
        if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
        app.setText(button, liveView.pausedRange ? app.translate("Back to live") : app.translate("Pause"));
      }
      if (liveView.window !== null) this.showWindow();
      statusBadge.show({
        ...liveView.statusInput,
        hidden: document.hidden,
        value: this.panelValues.tabTitle,
        alert: this.activeAlerts.tabTitle,
        isFiring: this.activeAlerts.shown.length > 0,
        host: this.hosts.isRoot ? "" : this.hosts.names.join(", "),
      });
      for (const chart of liveView.charts) {
        this.panelValues.show(chart);
        this.legends.show(chart);
      }
      this.comparison.update();
      this.comparisonChip.show();
      if (!this.topProcesses.enabled) processTable.showTime(isPast);
      this.topProcesses.requestNow();
      for (const table of [this.hosts, this.runs]) table.showTime(isPast);
      this.activeAlerts.refresh();
      document.getElementById("page").classList.toggle("past", liveView.pausedRange !== null);
      document.getElementById("page").classList.toggle("has-points", liveView.shownSeries.t.length > 0);
      this.activeAlerts.markPanels(liveView.charts, tiles.tiles);
      this.groups.showAlerts();
      this.foldedPanels.update();
      this.machineFacts.show();
      this.overviewStrip.show();
      const needsTicks = !liveView.subscription.lastWasNew || statusBadge.needsTicks;
      this.intervalThrottle.setActive(needsTicks || (!liveView.subscription.isServed && [tiles, processTable, ...liveView.charts].some(({ visibility }) => visibility.visible)));
    }
  };
})((window.dashapp = window.dashapp || {}));
