/* The processes that use the most, replaced every few seconds while somebody looks at them. */
(function (app) {
  "use strict";

  const EVERY_MS = 3000;
  const ROWS = 15;
  const COLUMNS = [
    ["name", "Name", String],
    ["pid", "PID", String],
    ["cpu", "CPU", (value) => app.formatQuantity(value, "%")],
    ["memory", "Memory", (value) => app.formatQuantity(value, "B")],
    ["threads", "Threads", (value) => (value === null ? "" : String(value))],
  ];

  app.ProcessTable = class {
    constructor() {
      this.section = document.querySelector('[data-table="top"]');
      this.visibility = { visible: false };
      this.asked = -Infinity;
      this.by = "cpu";
      this.down = true;
      this.rows = [];
      if (!this.section) return;
      this.build();
      this.visibility = new app.VisibilityObserver(this.section, undefined, false);
    }

    /* Whether the next question should ask for them: somebody looks, and the last ones are old. */
    wanted() {
      if (!this.visibility.visible || performance.now() - this.asked < EVERY_MS) return false;
      this.asked = performance.now();
      return true;
    }

    build() {
      this.filter = app.createElement("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter processes by name" });
      this.filter.addEventListener("input", () => this.draw());
      this.heads = COLUMNS.map(([key, title]) => {
        const button = app.createElement("button", { type: "button" }, title);
        const head = app.createElement("th", { scope: "col", className: key }, button);
        button.addEventListener("click", () => this.sort(key));
        return head;
      });
      this.body = app.createElement("tbody", {});
      this.rest = app.createElement("p", { className: "rest" }, "Reading the processes");
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, ...this.heads)), this.body);
      this.section.querySelector(".table").append(this.filter, app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Top processes" }, table), this.rest);
      this.mark();
    }

    sort(key) {
      this.down = key === this.by ? !this.down : key !== "name";
      this.by = key;
      this.mark();
      this.draw();
    }

    mark() {
      this.heads.forEach((head, place) => {
        if (COLUMNS[place][0] === this.by) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
    }

    /* `columns`: {pid, name, cpu, memory, threads}, lists of one length. */
    take(columns) {
      this.rows = columns.pid.map((_, row) => COLUMNS.map(([key]) => columns[key][row]));
      this.draw();
    }

    draw() {
      const wanted = this.filter.value.trim().toLowerCase();
      const place = COLUMNS.findIndex(([key]) => key === this.by);
      const side = this.down ? -1 : 1;
      const found = this.rows.filter((row) => row[0].toLowerCase().includes(wanted));
      found.sort((a, b) => side * compare(a[place], b[place]));
      const seen = found.slice(0, ROWS);
      while (this.body.children.length > seen.length) this.body.lastElementChild.remove();
      while (this.body.children.length < seen.length) {
        this.body.append(app.createElement("tr", {}, ...COLUMNS.map(([key]) => app.createElement("td", { className: key }))));
      }
      seen.forEach((row, index) => {
        row.forEach((value, column) => {
          app.setText(this.body.children[index].children[column], COLUMNS[column][2](value));
        });
      });
      const more = found.length - seen.length;
      this.rest.textContent = !found.length ? "No process has that name" : more ? `and ${more} more` : "";
    }
  };

  /* What is not known comes last among the small. */
  function compare(a, b) {
    if (typeof a === "string") return a.localeCompare(b);
    return (a ?? -1) - (b ?? -1);
  }
})((window.dashapp = window.dashapp || {}));
