/* The history of alerts: a table, and bands in the charts. */
(function (app) {
  "use strict";

  const MAX_ROWS = 50;
  const MAX_BANDS = 30; // in one chart
  const RETRY_MS = 10000; // check again whether a notification was sent
  const COLUMNS = [["when", "Time"], ["what", "Alert"], ["turn", "State"], ["amount", "Value"], ["sent", "Sent"]];

  app.AlertHistory = class {
    /* `activeAlerts` describes thresholds; `page`: goTo(time), onAlertHistory(). */
    constructor(base, activeAlerts, page) {
      this.base = base;
      this.activeAlerts = activeAlerts;
      this.page = page;
      this.newestNumber = 0; // of the newest entry
      this.requestedAt = -Infinity;
      this.loading = false;
      this.entries = [];
      this.section = document.querySelector('[data-table="alerts"]');
      if (this.section) this.build();
    }

    /* `newestNumber`: from the newest frame; undefined if no alert ever fired. */
    update(newestNumber) {
      const isUnsent = this.entries[0]?.sent === false && performance.now() - this.requestedAt > RETRY_MS;
      if (newestNumber === undefined || (newestNumber === this.newestNumber && !isUnsent)) return;
      this.load();
    }

    async load() {
      if (this.loading) return;
      this.loading = true;
      this.requestedAt = performance.now();
      try {
        const response = await fetch(`${this.base}api/alerts?limit=500`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
        const { log } = await response.json();
        if (!Array.isArray(log)) return;
        this.entries = log;
        // A response may be older than the frame: the next frame loads it again.
        this.newestNumber = log[0]?.number;
      } catch (error) {
        return; // offline or no JSON: the next frame loads it again
      } finally {
        this.loading = false;
      }
      this.draw();
      this.page.onAlertHistory();
    }

    /* `[[from, to]]` in epoch milliseconds, within `range`: when alerts of these metrics fired. */
    alertBands(keys, [start, end]) {
      const keySet = new Set(keys);
      const open = new Map();
      const bands = [];
      for (let index = this.entries.length - 1; index >= 0; index -= 1) {
        const { metric, text, state, time } = this.entries[index];
        if (!keySet.has(metric)) continue;
        if (state === "broken") open.set(text, time);
        else if (open.has(text)) {
          bands.push([open.get(text), time]);
          open.delete(text);
        }
      }
      // A threshold that was removed from the settings never resolves; end its band.
      for (const { text } of this.activeAlerts.firing) if (open.has(text)) bands.push([open.get(text), Infinity]);
      const visible = bands.filter(([from, to]) => from < end && to > start);
      return visible.slice(-MAX_BANDS).map(([from, to]) => [Math.max(from, start), Math.min(to, end)]);
    }

    build() {
      this.body = app.createElement("tbody", {});
      this.footnote = app.createElement("p", { className: "rest" }, "No alerts yet");
      const headers = COLUMNS.map(([name, title]) => app.createElement("th", { scope: "col", className: name }, title));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, ...headers)), this.body);
      const scroll = app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Alerts" }, table);
      this.section.querySelector(".table").append(scroll, this.footnote);
    }

    draw() {
      if (!this.section) return;
      const shown = this.entries.slice(0, MAX_ROWS);
      this.body.replaceChildren(...shown.map((entry) => this.createRow(entry)));
      // Hide the column "Sent" if no notifications are configured.
      this.section.classList.toggle("no-notifications", shown.every(({ sent }) => sent === null));
      const hiddenCount = this.entries.length - shown.length;
      this.footnote.textContent = hiddenCount ? `and ${hiddenCount} earlier` : "";
    }

    createRow(entry) {
      const timeButton = app.createElement("button", { type: "button", title: "Go to this time" }, app.formatTime(entry.time));
      timeButton.addEventListener("click", () => this.page.goTo(entry.time));
      const sentText = { true: "Yes", false: "Not yet", null: "" }[entry.sent] ?? "";
      const cells = [timeButton, this.activeAlerts.describe(entry), this.stateText(entry), this.activeAlerts.formatValue(entry), sentText];
      const tableCells = cells.map((cell, index) => app.createElement("td", { className: COLUMNS[index][0] }, cell));
      return app.createElement("tr", { className: entry.state }, ...tableCells);
    }

    stateText({ text, state }) {
      const missing = / missing for \S+$/.test(text);
      if (state === "broken") return missing ? "No data" : "Firing";
      return missing ? "Data received" : "Resolved";
    }
  };
})((window.dashapp = window.dashapp || {}));
