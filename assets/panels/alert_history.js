/* The history of alerts: a table of incidents, and bands in the charts. */
(function (app) {
  "use strict";

  const MAX_ROWS = 50;
  const MAX_BANDS = 30; // in one chart
  const RETRY_MS = 10000; // check again whether a notification was sent
  const COLUMNS = [["when", app.translate("Time")], ["what", app.translate("Alert")], ["amount", app.translate("Duration")], ["amount", app.translate("Peak")], ["sent", app.translate("Sent")]];
  const SILENCE_TEXT = { quiet: app.translate("Quiet hours"), muted: app.translate("Muted") };

  app.AlertHistory = class {
    /* `activeAlerts` describes thresholds; `page`: showIncident(incident), onAlertHistory(), liveView. */
    constructor(base, activeAlerts, page) {
      this.base = base;
      this.activeAlerts = activeAlerts;
      this.page = page;
      this.newestNumber = 0; // of the newest entry
      this.requestedAt = -Infinity;
      this.loading = false;
      this.onLoad = null; // the open dialog of rules
      this.entries = [];
      this.incidents = []; // the newest first
      this.peaks = new app.IncidentPeaks(base, (incident) => activeAlerts.isLow(incident), () => this.draw());
      this.section = document.querySelector('[data-table="alerts"]');
      if (this.section) this.build();
    }

    /* `newestNumber`: from the newest frame; undefined if no alert ever fired. `lastValues`: newest values by key. */
    update(newestNumber, lastValues, actionTime) {
      this.incidents = app.buildIncidents(this.entries, this.activeAlerts.firing);
      for (const incident of this.incidents) if (incident.end === null) this.peaks.add(incident, lastValues[incident.metric]);
      this.draw();
      const isUnsent = this.entries[0]?.sent === false && performance.now() - this.requestedAt > RETRY_MS;
      const hasAction = actionTime !== undefined && actionTime !== this.actionTime;
      if (!hasAction && (newestNumber === undefined || (newestNumber === this.newestNumber && !isUnsent))) return;
      this.load(actionTime);
    }

    /* `actionTime`: of the newest action, which the response has. */
    async load(actionTime) {
      if (this.loading) return;
      this.loading = true;
      this.requestedAt = performance.now();
      try {
        const response = await fetch(`${this.base}api/alerts?limit=500`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
        const { log, thresholds } = await response.json();
        if (!Array.isArray(log)) return;
        if (Array.isArray(thresholds)) this.activeAlerts.setThresholds(thresholds);
        this.entries = log;
        // A response may be older than the frame: the next frame loads it again.
        this.newestNumber = log[0]?.number;
        this.actionTime = actionTime;
      } catch (error) {
        return; // offline or no JSON: the next frame loads it again
      } finally {
        this.loading = false;
      }
      this.incidents = app.buildIncidents(this.entries, this.activeAlerts.firing);
      this.draw();
      this.page.onAlertHistory();
      this.onLoad?.();
      this.peaks.load(this.incidents, this.now);
    }

    get now() {
      return this.page.liveView.clock.now();
    }

    /* The incidents at `time`; null means now. */
    incidentsAt(time) {
      return this.incidents.filter((incident) => (time === null ? incident.end === null : app.firesAt(incident, time)));
    }

    /* `[{metric, from, to, limit, isBelow}]` within `range` (epoch milliseconds): when alerts of these metrics fired.
       `limit` is null for an alert about missing data. */
    alertBands(keys, [start, end]) {
      const keySet = new Set(keys);
      // A threshold that was removed from the settings never resolves, so its end is unknown.
      const bands = this.incidents.filter((incident) => keySet.has(incident.metric) && incident.end !== undefined && incident.start < end && (incident.end ?? Infinity) > start);
      return bands.slice(0, MAX_BANDS).reverse().map((incident) => ({
        metric: incident.metric,
        from: Math.max(incident.start, start),
        to: Math.min(incident.end ?? Infinity, end),
        limit: this.activeAlerts.thresholdOf(incident.text)?.limit ?? null,
        isBelow: this.activeAlerts.isLow(incident),
      }));
    }

    build() {
      this.body = app.createElement("tbody", {});
      this.footnote = app.createElement("p", { className: "rest" }, app.translate("No alerts yet"));
      const headers = COLUMNS.map(([name, title]) => app.createElement("th", { scope: "col", className: name }, title));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, ...headers)), this.body);
      const scroll = app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": app.translate("Alerts") }, table);
      this.section.querySelector(".table").append(scroll, this.footnote);
    }

    /* Change only what differs: a replaced button would lose the focus. */
    draw() {
      if (!this.section || !this.incidents.length) return;
      const shown = this.incidents.slice(0, MAX_ROWS);
      const numbers = new Set(shown.map(({ number }) => String(number)));
      for (const row of [...this.body.children]) if (!numbers.has(row.dataset.incident)) row.remove();
      shown.forEach((incident, index) => {
        const existing = this.body.children[index];
        if (existing?.dataset.incident !== String(incident.number)) this.body.insertBefore(this.createRow(incident), existing ?? null);
        this.fillRow(this.body.children[index], incident);
      });
      // Hide the column app.translate("Sent") if no notifications are configured.
      this.section.classList.toggle("no-notifications", shown.every(({ sent, silence }) => sent === null && !silence));
      const hiddenCount = this.incidents.length - shown.length;
      app.setText(this.footnote, hiddenCount ? app.translate("and {count} earlier", { count: app.formatCount(hiddenCount) }) : "");
    }

    createRow({ number }) {
      const button = app.createElement("button", { type: "button", title: app.translate("Show this time") });
      button.addEventListener("click", () => this.page.showIncident(this.incidents.find((incident) => incident.number === number)));
      const row = app.createElement("tr", {}, ...COLUMNS.map(([name]) => app.createElement("td", { className: name })));
      row.dataset.incident = number;
      row.firstElementChild.append(button);
      return row;
    }

    fillRow(row, incident) {
      row.classList.toggle("firing", incident.end === null);
      const sentText = SILENCE_TEXT[incident.silence] ?? { true: app.translate("Yes"), false: app.translate("Not yet"), null: "" }[incident.sent] ?? "";
      const [time, ...texts] = [...this.texts(incident), sentText];
      app.setText(row.querySelector("button"), time);
      texts.forEach((text, index) => app.setText(row.children[index + 1], text));
    }

    /* "CPU above 90 %: ffmpeg 61 %, python 22 %"; "/ reaches 95 % in 2 days (1 to 3)" as at that time. */
    describe(incident) {
      const names = app.describeRanking(incident.processes, 2);
      const { metric, detail } = incident;
      const what = detail ? app.translate("{label} {detail}", { label: app.isolateText(this.activeAlerts.catalog.metrics.get(metric)?.label ?? metric), detail: app.translateSentence(detail) }) : this.activeAlerts.describe(incident);
      return what + (names && `: ${names}`);
    }

    /* Time, alert, duration and peak. */
    texts(incident) {
      return [
        app.formatIncidentTime(incident),
        this.describe(incident),
        app.formatIncidentDuration(incident, this.now),
        this.activeAlerts.formatValue({ ...incident, value: this.peaks.get(incident) }),
      ];
    }
  };
})((window.dashapp = window.dashapp || {}));
