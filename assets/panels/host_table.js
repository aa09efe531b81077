/* The table of hosts in the page or in the dialog: sort, filter, select. */
(function (app) {
  "use strict";

  const MAX_COMPARED = 32; // hosts in one comparison
  const MIN_SKEW_S = 2.5; // smaller clock offsets are not shown
  const COLUMNS = [
    ["name", app.translate("Host"), (row) => row.name],
    ["state", app.translate("State"), (row) => row.state],
    ["cpu", app.translate("CPU"), (row) => row.values["cpu.percent"]],
    ["memory", app.translate("Memory"), (row) => row.values["memory.percent"]],
    ["age", app.translate("Last data"), (row) => row.age ?? Infinity],
    ["skew", app.translate("Clock"), (row) => Math.abs(row.skew ?? 0)],
  ];

  app.HostTable = class {
    /* `hosts`: names (of this page), urlFor(names). */
    constructor(hosts) {
      this.hosts = hosts;
      this.selected = new Set(hosts.isRoot ? [] : hosts.names);
      this.rows = [];
      this.rowElements = new Map(); // by host name
      this.sortKey = "name";
      this.descending = false;
      this.build();
    }

    build() {
      this.filter = app.createElement("input", { type: "search", placeholder: app.translate("Filter by name"), "aria-label": app.translate("Filter hosts by name") });
      this.filter.addEventListener("input", () => this.updateRows());
      this.filter.addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.body.querySelector("a")?.click();
      });
      this.compareButton = app.createElement("button", { type: "button", className: "plain" });
      this.compareButton.addEventListener("click", () => window.location.assign(this.hosts.urlFor([...this.selected].sort())));
      this.headers = COLUMNS.map(([key, title]) => {
        const button = app.createElement("button", { type: "button" }, title);
        button.addEventListener("click", () => this.sort(key));
        return app.createElement("th", { scope: "col", className: key }, button);
      });
      this.body = app.createElement("tbody", {});
      const selectColumn = app.createElement("th", { scope: "col", className: "tick" }, app.createElement("span", { className: "visually-hidden" }, app.translate("Compare")));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, selectColumn, ...this.headers)), this.body);
      const scroll = app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": app.translate("Hosts") }, table);
      scroll.addEventListener("keydown", (event) => this.moveFocus(event));
      this.footnote = app.createElement("p", { className: "rest" }, app.translate("Loading hosts"));
      this.element = app.createElement("div", { className: "hosts" }, app.createElement("div", { className: "choose" }, this.filter, this.compareButton), scroll, this.footnote);
      this.markSortedColumn();
      this.updateCompareButton();
    }

    sort(key) {
      this.descending = key === this.sortKey ? !this.descending : !["name", "state"].includes(key);
      this.sortKey = key;
      this.markSortedColumn();
      this.updateRows();
    }

    markSortedColumn() {
      this.headers.forEach((header, index) => {
        if (COLUMNS[index][0] === this.sortKey) header.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
        else header.removeAttribute("aria-sort");
      });
    }

    draw(rows) {
      this.rows = rows;
      const names = new Set(rows.map(({ name }) => name));
      for (const name of this.rowElements.keys()) if (!names.has(name)) this.removeRow(name);
      for (const row of rows) {
        if (!this.rowElements.has(row.name)) this.rowElements.set(row.name, this.createRow(row.name));
        this.fillRow(this.rowElements.get(row.name), row);
      }
      this.updateRows();
    }

    removeRow(name) {
      this.rowElements.get(name).remove();
      this.rowElements.delete(name);
      if (this.selected.delete(name)) this.updateCompareButton();
    }

    createRow(name) {
      const box = app.createElement("input", { type: "checkbox", checked: this.selected.has(name), "aria-label": app.translate("Compare {name}", { name }) });
      box.addEventListener("change", () => {
        this.selected[box.checked ? "add" : "delete"](name);
        this.updateCompareButton();
      });
      const link = app.createElement("a", { href: this.hosts.urlFor([name]) }, name);
      if (this.hosts.names.includes(name)) link.setAttribute("aria-current", "page");
      const cells = COLUMNS.slice(1).map(([key]) => app.createElement("td", { className: key }));
      return app.createElement(
        "tr",
        {},
        app.createElement("td", { className: "tick" }, app.createElement("label", {}, box)),
        app.createElement("th", { scope: "row", className: "name" }, link),
        ...cells
      );
    }

    fillRow(rowElement, row) {
      rowElement.dataset.state = row.state;
      const percent = (key) => app.formatQuantity(row.values[key], "%") || "–";
      const texts = [
        stateText(row),
        percent("cpu.percent"),
        percent("memory.percent"),
        row.newest === null ? "–" : app.translate("{duration} ago", { duration: app.formatDuration(row.age) }),
        skewText(row.skew),
      ];
      // A host without CPU values shows its first metric.
      const [other] = Object.entries(row.values);
      if (other && !("cpu.percent" in row.values)) texts[1] = `${other[0]} ${app.formatQuantity(other[1], "")}`;
      texts.forEach((text, index) => app.setText(rowElement.children[index + 2], text));
    }

    /* Move as few elements as possible: a moved element loses the focus. */
    updateRows() {
      const filterText = this.filter.value.trim().toLowerCase();
      const value = COLUMNS.find(([key]) => key === this.sortKey)[2];
      const sign = this.descending ? -1 : 1;
      const matches = this.rows.filter(({ name }) => name.toLowerCase().includes(filterText));
      matches.sort((a, b) => sign * compare(value(a), value(b)) || compare(a.name, b.name));
      let next = this.body.firstElementChild;
      for (const { name } of matches) {
        const rowElement = this.rowElements.get(name);
        if (rowElement === next) next = next.nextElementSibling;
        else this.body.insertBefore(rowElement, next);
      }
      while (next) {
        const obsolete = next;
        next = next.nextElementSibling;
        obsolete.remove();
      }
      const text = matches.length ? "" : this.rows.length ? app.translate("No matching host") : app.translate("Loading hosts");
      app.setText(this.footnote, text);
    }

    updateCompareButton() {
      const count = this.selected.size;
      this.compareButton.disabled = count < 2 || count > MAX_COMPARED;
      this.compareButton.textContent = count > MAX_COMPARED ? app.translate("Select at most {count}", { count: MAX_COMPARED }) : count < 2 ? app.translate("Select two or more") : app.translate("Compare {count} hosts", { count });
    }

    /* Arrow keys move from host to host. */
    moveFocus(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const rowElement = event.target.closest("tr");
      if (!step || !this.body.contains(rowElement)) return;
      const next = step > 0 ? rowElement.nextElementSibling : rowElement.previousElementSibling;
      next?.querySelector(event.target.matches("input") ? "input" : "a").focus();
      event.preventDefault();
    }
  };

  /* In the viewer's time: the host's own clock may be wrong. */
  function stateText({ state, newest, age }) {
    if (newest === null) return app.translate("No data yet");
    if (state === "live") return app.translate("Live");
    if (state === "unknown") return app.translate("Unknown");
    return app.translate("Stopped since {time}", { time: app.formatTime(Date.now() - 1000 * age, false) });
  }

  function skewText(seconds) {
    if (seconds === null || Math.abs(seconds) < MIN_SKEW_S) return "";
    return `${app.formatDuration(Math.abs(seconds))} ${seconds > 0 ? "ahead" : "behind"}`;
  }

  /* Unknown values sort as the smallest. */
  function compare(a, b) {
    if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
    return (a ?? -1) === (b ?? -1) ? 0 : (a ?? -1) - (b ?? -1);
  }
})((window.dashapp = window.dashapp || {}));
