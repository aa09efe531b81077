/* The processes that use the most CPU or memory now: they have no history. */
(function (app) {
  "use strict";

  const INTERVAL_MS = 3000;
  const MAX_ROWS = 15;
  const COLUMNS = [
    ["name", app.translate("Name"), String],
    ["pid", app.translate("PID"), String],
    ["cpu", app.translate("CPU"), (value) => app.formatQuantity(value, "%") || "–"],
    ["memory", app.translate("Memory"), (value) => app.formatQuantity(value, "B")],
    ["threads", app.translate("Threads"), (value) => (value === null ? "" : app.formatCount(value))],
  ];

  app.ProcessTable = class {
    constructor() {
      this.section = document.querySelector('[data-table="top"]');
      this.visibility = { visible: false };
      this.requestedAt = -Infinity;
      this.sortKey = "cpu";
      this.descending = true;
      this.rows = [];
      this.time = null; // of the rows, in epoch milliseconds
      if (!this.section) return;
      this.section.dataset.at = app.translate("now");
      this.build();
      this.visibility = new app.VisibilityObserver(this.section, undefined, false);
    }

    /* Whether the table is visible and its rows are old. */
    get isDue() {
      return this.visibility.visible && performance.now() - this.requestedAt >= INTERVAL_MS;
    }

    /* Whether the next request asks for processes. */
    shouldRequest() {
      if (!this.isDue) return false;
      this.requestedAt = performance.now();
      return true;
    }

    build() {
      this.filter = app.createElement("input", { type: "search", placeholder: app.translate("Filter by name"), "aria-label": app.translate("Filter processes by name") });
      this.filter.addEventListener("input", () => this.draw());
      this.headers = COLUMNS.map(([key, title]) => {
        const button = app.createElement("button", { type: "button" }, title);
        const header = app.createElement("th", { scope: "col", className: key }, button);
        button.addEventListener("click", () => this.sort(key));
        return header;
      });
      this.body = app.createElement("tbody", {});
      this.footnote = app.createElement("p", { className: "rest" }, app.translate("Loading processes"));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, ...this.headers)), this.body);
      this.section.querySelector(".table").append(this.filter, app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": app.translate("Top processes") }, table), this.footnote);
      this.markSortedColumn();
    }

    sort(key) {
      this.descending = key === this.sortKey ? !this.descending : key !== "name";
      this.sortKey = key;
      this.markSortedColumn();
      this.draw();
    }

    markSortedColumn() {
      this.headers.forEach((header, column) => {
        if (COLUMNS[column][0] === this.sortKey) header.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
        else header.removeAttribute("aria-sort");
      });
    }

    /* When the page shows another time, mark the rows as those of now. */
    showTime(isPast) {
      if (!this.section) return;
      const text = !isPast ? app.translate("of this machine") : this.time === null ? app.translate("now") : app.translate("now, {time}", { time: app.formatTime(this.time) });
      app.setText(this.section.querySelector(".of"), text);
      this.section.classList.toggle("not-then", isPast);
    }

    /* `columns`: {pid, name, cpu, memory, threads}, lists of equal length, and `time` in epoch milliseconds. */
    update(columns) {
      this.time = columns.time ?? null;
      this.rows = columns.pid.map((_, row) => COLUMNS.map(([key]) => columns[key][row]));
      this.draw();
    }

    draw() {
      const filterText = this.filter.value.trim().toLowerCase();
      const column = COLUMNS.findIndex(([key]) => key === this.sortKey);
      const sign = this.descending ? -1 : 1;
      const matches = this.rows.filter((row) => row[0].toLowerCase().includes(filterText));
      matches.sort((a, b) => sign * compare(a[column], b[column]));
      const shown = matches.slice(0, MAX_ROWS);
      while (this.body.children.length > shown.length) this.body.lastElementChild.remove();
      while (this.body.children.length < shown.length) {
        this.body.append(app.createElement("tr", {}, ...COLUMNS.map(([key]) => app.createElement("td", { className: key }))));
      }
      shown.forEach((row, index) => {
        row.forEach((value, cell) => {
          app.setText(this.body.children[index].children[cell], COLUMNS[cell][2](value));
        });
      });
      const hiddenCount = matches.length - shown.length;
      this.footnote.textContent = !matches.length ? app.translate("No matching process") : hiddenCount ? app.translate("and {count} more", { count: app.formatCount(hiddenCount) }) : "";
    }
  };

  /* Unknown values sort as the smallest. */
  function compare(a, b) {
    if (typeof a === "string") return a.localeCompare(b);
    return (a ?? -1) - (b ?? -1);
  }
})((window.dashapp = window.dashapp || {}));
