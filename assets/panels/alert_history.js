/* What became of the thresholds: asked for when there is more, listed, and given to the charts as stretches of time
   in which something was broken. */
(function (app) {
  "use strict";

  const ROWS = 50;
  const MOST_STRETCHES = 30; // in one chart
  const AGAIN_MS = 10000; // until what is not sent yet is asked for again
  const COLUMNS = [["when", "When"], ["what", "What"], ["turn", "State"], ["amount", "Value"], ["sent", "Sent"]];

  app.AlertHistory = class {
    /* `alerts` puts a threshold in words; `host`: goTo(time), logged(). */
    constructor(base, activeAlerts, host) {
      this.base = base;
      this.activeAlerts = activeAlerts;
      this.host = host;
      this.number = 0; // of the newest change that we know
      this.asked = -Infinity;
      this.asking = false;
      this.entries = [];
      this.section = document.querySelector('[data-table="alerts"]');
      if (this.section) this.build();
    }

    /* `number`: the newest change's, as the newest frame says; none where there never was one. */
    take(number) {
      const waiting = this.entries[0]?.sent === false && performance.now() - this.asked > AGAIN_MS;
      if (number === undefined || (number === this.number && !waiting)) return;
      this.ask();
    }

    async ask() {
      if (this.asking) return;
      this.asking = true;
      this.asked = performance.now();
      try {
        const answer = await fetch(`${this.base}api/alerts?limit=500`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
        const { log } = await answer.json();
        if (!Array.isArray(log)) return;
        this.entries = log;
        // An answer may be a moment older than the frame that led here: then it is asked again with the next.
        this.number = log[0]?.number;
      } catch (error) {
        return; // down or no JSON: the next frame asks again
      } finally {
        this.asking = false;
      }
      this.draw();
      this.host.onAlertHistory();
    }

    /* `[[from, to]]` in epoch milliseconds, within `range`: when a threshold of these metrics was broken. */
    alertBands(keys, [start, end]) {
      const wanted = new Set(keys);
      const open = new Map();
      const found = [];
      for (let place = this.entries.length - 1; place >= 0; place -= 1) {
        const { metric, text, state, time } = this.entries[place];
        if (!wanted.has(metric)) continue;
        if (state === "broken") open.set(text, time);
        else if (open.has(text)) {
          found.push([open.get(text), time]);
          open.delete(text);
        }
      }
      // What is no setting any more was never told to be well again.
      for (const { text } of this.activeAlerts.broken) if (open.has(text)) found.push([open.get(text), Infinity]);
      const seen = found.filter(([from, to]) => from < end && to > start);
      return seen.slice(-MOST_STRETCHES).map(([from, to]) => [Math.max(from, start), Math.min(to, end)]);
    }

    build() {
      this.body = app.createElement("tbody", {});
      this.rest = app.createElement("p", { className: "rest" }, "Nothing was broken yet");
      const heads = COLUMNS.map(([name, title]) => app.createElement("th", { scope: "col", className: name }, title));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, ...heads)), this.body);
      const scroll = app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Alerts" }, table);
      this.section.querySelector(".table").append(scroll, this.rest);
    }

    draw() {
      if (!this.section) return;
      const seen = this.entries.slice(0, ROWS);
      this.body.replaceChildren(...seen.map((entry) => this.row(entry)));
      // Nobody is told of them.
      this.section.classList.toggle("untold", seen.every(({ sent }) => sent === null));
      const more = this.entries.length - seen.length;
      this.rest.textContent = more ? `and ${more} before these` : "";
    }

    row(entry) {
      const go = app.createElement("button", { type: "button", title: "Go there" }, app.formatTime(entry.time));
      go.addEventListener("click", () => this.host.goTo(entry.time));
      const said = { true: "yes", false: "not yet", null: "" }[entry.sent] ?? "";
      const cells = [go, this.activeAlerts.words(entry), this.turn(entry), this.activeAlerts.quantity(entry), said];
      const row = cells.map((cell, place) => app.createElement("td", { className: COLUMNS[place][0] }, cell));
      return app.createElement("tr", { className: entry.state }, ...row);
    }

    turn({ text, state }) {
      const missing = / missing for \S+$/.test(text);
      if (state === "broken") return missing ? "no data" : "broken";
      return missing ? "data again" : "well again";
    }
  };
})((window.dashapp = window.dashapp || {}));
