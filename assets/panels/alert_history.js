/* What became of the thresholds: asked for when there is more, listed, and given to the charts as stretches of time
   in which something was broken. */
(function (app) {
  "use strict";

  const MAX_ROWS = 50;
  const MAX_BANDS = 30; // in one chart
  const RETRY_MS = 10000; // until what is not sent yet is asked for again
  const COLUMNS = [["when", "When"], ["what", "What"], ["turn", "State"], ["amount", "Value"], ["sent", "Sent"]];

  app.AlertHistory = class {
    /* `alerts` puts a threshold in words; `host`: goTo(time), logged(). */
    constructor(base, activeAlerts, page) {
      this.base = base;
      this.activeAlerts = activeAlerts;
      this.page = page;
      this.newestNumber = 0; // of the newest change that we know
      this.requestedAt = -Infinity;
      this.loading = false;
      this.entries = [];
      this.section = document.querySelector('[data-table="alerts"]');
      if (this.section) this.build();
    }

    /* `number`: the newest change's, as the newest frame says; none where there never was one. */
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
        // An answer may be a moment older than the frame that led here: then it is asked again with the next.
        this.newestNumber = log[0]?.number;
      } catch (error) {
        return; // down or no JSON: the next frame asks again
      } finally {
        this.loading = false;
      }
      this.draw();
      this.page.onAlertHistory();
    }

    /* `[[from, to]]` in epoch milliseconds, within `range`: when a threshold of these metrics was broken. */
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
      // What is no setting any more was never told to be well again.
      for (const { text } of this.activeAlerts.firing) if (open.has(text)) bands.push([open.get(text), Infinity]);
      const visible = bands.filter(([from, to]) => from < end && to > start);
      return visible.slice(-MAX_BANDS).map(([from, to]) => [Math.max(from, start), Math.min(to, end)]);
    }

    build() {
      this.body = app.createElement("tbody", {});
      this.footnote = app.createElement("p", { className: "rest" }, "Nothing was broken yet");
      const headers = COLUMNS.map(([name, title]) => app.createElement("th", { scope: "col", className: name }, title));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, ...headers)), this.body);
      const scroll = app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Alerts" }, table);
      this.section.querySelector(".table").append(scroll, this.footnote);
    }

    draw() {
      if (!this.section) return;
      const shown = this.entries.slice(0, MAX_ROWS);
      this.body.replaceChildren(...shown.map((entry) => this.createRow(entry)));
      // Nobody is told of them.
      this.section.classList.toggle("untold", shown.every(({ sent }) => sent === null));
      const hiddenCount = this.entries.length - shown.length;
      this.footnote.textContent = hiddenCount ? `and ${hiddenCount} before these` : "";
    }

    createRow(entry) {
      const timeButton = app.createElement("button", { type: "button", title: "Go there" }, app.formatTime(entry.time));
      timeButton.addEventListener("click", () => this.page.goTo(entry.time));
      const sentText = { true: "yes", false: "not yet", null: "" }[entry.sent] ?? "";
      const cells = [timeButton, this.activeAlerts.describe(entry), this.stateText(entry), this.activeAlerts.formatValue(entry), sentText];
      const tableCells = cells.map((cell, index) => app.createElement("td", { className: COLUMNS[index][0] }, cell));
      return app.createElement("tr", { className: entry.state }, ...tableCells);
    }

    stateText({ text, state }) {
      const missing = / missing for \S+$/.test(text);
      if (state === "broken") return missing ? "no data" : "broken";
      return missing ? "data again" : "well again";
    }
  };
})((window.dashapp = window.dashapp || {}));
