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
      this.stops = root.dataset.stops.split(",").map(Number);
      this.intervalThrottle = new app.IntervalThrottle();
      this.defaultWindow = null; // seconds, if the URL has no window
      this.toast = new app.Toast();
      this.urlState = new app.UrlState(() => this.applyUrl());
      this.theme = new app.Theme(this);
      this.panelOrder = new app.PanelOrder(this);
      this.connectionStatus = new app.ConnectionStatus();
      this.statusBadge = new app.StatusBadge(this.connectionStatus);
      this.poller = new app.Poller(base);
      this.liveView = new app.LiveView(this.poller, this);
      // A little less than the longest window, because the ends are rounded.
      this.liveView.maxSeconds = this.stops[this.stops.length - 1] - 1;
      this.liveView.hasManyMetrics = Number(root.dataset.metrics) > app.MAX_UNFILTERED_METRICS;
      this.panelSpecs = panelSpecs;
      this.embeddedChart = app.embed(this); // null unless an iframe shows one chart
      this.liveView.catalog.setPanelSpecs(panelSpecs);
      for (const section of this.panelOrder.chartSections()) this.addChart(section);
      this.panelValues = new app.PanelValues(this.liveView);
      this.tiles = new app.Tiles(this.liveView);
      this.activeAlerts = new app.ActiveAlerts(this.liveView.catalog);
      this.alertHistory = new app.AlertHistory(base, this.activeAlerts, this);
      this.processTable = new app.ProcessTable();
      this.hosts = new app.Hosts(this.liveView.catalog);
      this.exportMenu = new app.ExportMenu(this);
      app.listenForKeys(this);
      app.listenForClicks(this);
      app.attachMenu(document.getElementById("share"), () => this.exportMenu.items(null));
      for (const [name, section] of this.panelOrder.sections) app.addPanelMenu(this, name, section);
      app.enablePanelDrag(this.panelOrder);
    }

    tick() {
      if (this.liveView.window !== null) app.labelSlider(this.liveView.window);
      this.liveView.tick();
    }

    /* The slider's callback. The first call has the server's window, which the URL overrides. */
    setWindow(index) {
      const seconds = this.stops[index];
      if (this.defaultWindow === null) {
        this.defaultWindow = seconds;
        this.showWindow(seconds);
        return this.applyUrl();
      }
      if (seconds === undefined || seconds === this.liveView.window) return;
      this.showWindow(seconds);
      this.liveView.follow(seconds);
      this.writeUrl();
    }

    /* Show the state in the URL. A paused range does not change the live window, unless the page was opened by that
       link. */
    applyUrl() {
      const { window: seconds, end } = this.urlState.read();
      const windowSeconds = seconds === null ? this.defaultWindow : app.nearestStop(this.stops, seconds);
      const isFirst = this.liveView.subscription.newest === null;
      if (windowSeconds !== this.liveView.window && (end === null || isFirst)) {
        this.showWindow(windowSeconds);
        window.dash_clientside.set_props("window", { value: this.stops.indexOf(windowSeconds) });
        this.liveView.follow(windowSeconds, false);
      }
      if (end !== null) {
        const length = Math.min(seconds ?? this.liveView.window, this.liveView.maxSeconds);
        this.liveView.pauseAt([end - length * 1000, end]);
      } else if (this.liveView.pausedRange) this.liveView.resume();
      this.panelOrder.applyUrl();
      this.theme.applyUrl();
      this.toast.show(this.urlState.validate(this.panelOrder.names()));
    }

    addChart(section, kind = "line") {
      const name = section.dataset.panel;
      this.liveView.renderQueue.add(section, this.panelSpecs.get(name) ?? { ...this.panelSpecs.fallback, kind });
    }

    /* A metric belongs to a panel that the page did not have: use a spare section. */
    onNewPanel(name, kind) {
      if (this.embeddedChart) return this.embeddedChart.handleNewPanel(name, kind);
      const section = this.panelOrder.claimSection(name);
      if (!section) return this.toast.show("Too many new panels for this page. Reload it to see them all.");
      this.addChart(section, kind);
      app.addPanelMenu(this, name, section);
    }

    showWindow(seconds) {
      app.labelSlider(seconds);
      this.showWindowText(seconds);
    }

    /* Show the length of the window, or of a paused range and its end. */
    showWindowText(seconds) {
      const { pausedRange } = this.liveView;
      const length = pausedRange ? (pausedRange[1] - pausedRange[0]) / 1000 : seconds;
      const text = pausedRange ? `${app.formatDuration(length)} until ${app.formatTime(pausedRange[1])}` : app.formatDurationLong(seconds);
      const lead = pausedRange ? "Showing " : "Showing the last ";
      for (const [id, content] of [["window-lead", lead], ["window-label", text]]) {
        app.setText(document.getElementById(id), content);
      }
    }

    /* Write the state to the URL; `newEntry`: so that Back undoes this step. */
    writeUrl(newEntry = false) {
      if (app.bare) return; // Back belongs to the page around the iframe
      this.urlState.write(this.urlParams(), newEntry);
    }

    urlParams() {
      return { ...app.rangeParams(this.liveView.pausedRange, this.liveView.window), ...this.panelOrder.urlParams(), ...this.theme.urlParams() };
    }

    /* Callbacks of the live view. */

    onFrame(frame) {
      this.connectionStatus.recordSuccess();
      this.statusBadge.showNotices(frame.notices || []);
      this.liveView.renderQueue.setClockMarks(frame.clock || []);
      this.panelValues.update(frame);
      this.activeAlerts.update(frame.broken || []);
      this.alertHistory.update(frame.changes);
      if (frame.hosts) this.hosts.update(frame.hosts);
      if (frame.processes) this.processTable.update(frame.processes);
      this.onMetricsChange();
    }

    /* Tiles may have waited for metric names. */
    onMetricsChange() {
      this.tiles.draw(this.panelValues.lastValues);
      this.refresh();
    }

    onPast() {
      this.connectionStatus.recordSuccess();
      this.refresh();
    }

    onFailure(requestedAt, error, sessionExpired) {
      this.connectionStatus.recordFailure(requestedAt, error, sessionExpired);
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

    onZoom(range) {
      this.liveView.pauseAt(this.widen(range));
      this.writeUrl(true);
    }

    /* Show at least a few ticks. */
    widen([start, end]) {
      const missing = Math.max(0, MIN_TICKS * this.liveView.subscription.step - (end - start)) / 2;
      return [start - missing, end + missing];
    }

    onResume() {
      this.resume();
    }

    requiredKeys() {
      return ["cpu.percent", ...this.tiles.metricKeys(this.liveView.catalog)];
    }

    extraQuery() {
      const { embeddedChart, processTable, hosts, liveView } = this;
      const requested = {
        processes: !embeddedChart && processTable.shouldRequest(),
        curves: embeddedChart ? embeddedChart.curve !== null : liveView.charts.some((chart) => chart.kind === "curve"),
        hosts: !embeddedChart && hosts.shouldRequest(),
      };
      return Object.keys(requested).filter((name) => requested[name]).map((name) => `&${name}=1`).join("");
    }

    /* Actions of the user. */

    /* Move by three quarters of the visible range; past the newest point, go live. */
    shiftRange(direction) {
      const [from, end] = this.liveView.pausedRange ?? this.liveView.liveRange();
      const start = Math.max(from, end - this.liveView.maxSeconds * 1000);
      const offset = 0.75 * (end - start) * direction;
      if (end + offset >= this.liveView.liveRange()[1]) this.resume();
      else this.onZoom([start + offset, end + offset]);
    }

    /* Choose a longer (1) or shorter (-1) window on the slider. */
    stepWindow(direction) {
      const index = this.stops.indexOf(this.liveView.window) + direction;
      if (index >= 0 && index < this.stops.length) window.dash_clientside.set_props("window", { value: index });
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
      this.embeddedChart?.refresh();
      const button = document.getElementById("pause");
      if (button) {
        const pressed = String(liveView.pausedRange !== null);
        if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
        app.setText(button, liveView.pausedRange ? "Back to live" : "Pause");
      }
      if (liveView.window !== null) this.showWindowText(liveView.window);
      statusBadge.show({
        ...liveView.statusInput,
        hidden: document.hidden,
        value: this.panelValues.tabTitle,
        alert: this.activeAlerts.tabTitle,
        host: this.hosts.isRoot ? "" : this.hosts.names.join(", "),
      });
      for (const chart of liveView.charts) this.panelValues.show(chart);
      this.activeAlerts.markPanels(liveView.charts, tiles.tiles);
      const needsTicks = !liveView.subscription.lastWasNew || statusBadge.needsTicks;
      this.intervalThrottle.setActive(needsTicks || [tiles, processTable, ...liveView.charts].some(({ visibility }) => visibility.visible));
    }
  };
})((window.dashapp = window.dashapp || {}));
