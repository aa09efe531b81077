/* The table of hosts, in the page or in its dialog: sorted, filtered, ticked. Knows no server. */
(function (app) {
  "use strict";

  const MOST = 32; // laid over each other
  const SKEWED = 2.5; // seconds that a clock is wrong before it is said
  const COLUMNS = [
    ["name", "Host", (row) => row.name],
    ["state", "State", (row) => row.state],
    ["cpu", "CPU", (row) => row.values["cpu.percent"]],
    ["memory", "Memory", (row) => row.values["memory.percent"]],
    ["age", "Newest", (row) => row.age ?? Infinity],
    ["skew", "Clock", (row) => Math.abs(row.skew ?? 0)],
  ];

  app.HostTable = class {
    /* `hosts`: names (those that the page shows), wayTo(names). */
    constructor(hosts) {
      this.hosts = hosts;
      this.ticked = new Set(hosts.top ? [] : hosts.names);
      this.rows = [];
      this.lines = new Map(); // what stands in the table for each host, by its name
      this.by = "name";
      this.down = false;
      this.build();
    }

    build() {
      this.filter = app.createElement("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter hosts by name" });
      this.filter.addEventListener("input", () => this.arrange());
      this.filter.addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.body.querySelector("a")?.click();
      });
      this.lay = app.createElement("button", { type: "button", className: "plain" });
      this.lay.addEventListener("click", () => window.location.assign(this.hosts.wayTo([...this.ticked].sort())));
      this.heads = COLUMNS.map(([key, title]) => {
        const button = app.createElement("button", { type: "button" }, title);
        button.addEventListener("click", () => this.sort(key));
        return app.createElement("th", { scope: "col", className: key }, button);
      });
      this.body = app.createElement("tbody", {});
      const first = app.createElement("th", { scope: "col", className: "tick" }, app.createElement("span", { className: "unsaid" }, "Laid over"));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, first, ...this.heads)), this.body);
      const scroll = app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Hosts" }, table);
      scroll.addEventListener("keydown", (event) => this.walk(event));
      this.rest = app.createElement("p", { className: "rest" }, "Reading the hosts");
      this.element = app.createElement("div", { className: "hosts" }, app.createElement("div", { className: "choose" }, this.filter, this.lay), scroll, this.rest);
      this.mark();
      this.count();
    }

    sort(key) {
      this.down = key === this.by ? !this.down : !["name", "state"].includes(key);
      this.by = key;
      this.mark();
      this.arrange();
    }

    mark() {
      this.heads.forEach((head, place) => {
        if (COLUMNS[place][0] === this.by) head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
    }

    draw(rows) {
      this.rows = rows;
      const there = new Set(rows.map(({ name }) => name));
      for (const name of this.lines.keys()) if (!there.has(name)) this.drop(name);
      for (const row of rows) {
        if (!this.lines.has(row.name)) this.lines.set(row.name, this.line(row.name));
        this.fill(this.lines.get(row.name), row);
      }
      this.arrange();
    }

    drop(name) {
      this.lines.get(name).remove();
      this.lines.delete(name);
      if (this.ticked.delete(name)) this.count();
    }

    line(name) {
      const box = app.createElement("input", { type: "checkbox", checked: this.ticked.has(name), "aria-label": `Lay ${name} over others` });
      box.addEventListener("change", () => {
        this.ticked[box.checked ? "add" : "delete"](name);
        this.count();
      });
      const link = app.createElement("a", { href: this.hosts.wayTo([name]) }, name);
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

    fill(line, row) {
      line.dataset.state = row.state;
      const percent = (key) => app.formatQuantity(row.values[key], "%") || "–";
      const texts = [
        state(row),
        percent("cpu.percent"),
        percent("memory.percent"),
        row.newest === null ? "–" : `${app.formatDuration(row.age)} ago`,
        skew(row.skew),
      ];
      // A host that measures something else says that.
      const [other] = Object.entries(row.values);
      if (other && !("cpu.percent" in row.values)) texts[1] = `${other[0]} ${app.formatQuantity(other[1], "")}`;
      texts.forEach((text, place) => app.setText(line.children[place + 2], text));
    }

    /* Move only what stands elsewhere: what moves loses the focus. */
    arrange() {
      const wanted = this.filter.value.trim().toLowerCase();
      const value = COLUMNS.find(([key]) => key === this.by)[2];
      const side = this.down ? -1 : 1;
      const found = this.rows.filter(({ name }) => name.toLowerCase().includes(wanted));
      found.sort((a, b) => side * compare(value(a), value(b)) || compare(a.name, b.name));
      let next = this.body.firstElementChild;
      for (const { name } of found) {
        const line = this.lines.get(name);
        if (line === next) next = next.nextElementSibling;
        else this.body.insertBefore(line, next);
      }
      while (next) {
        const gone = next;
        next = next.nextElementSibling;
        gone.remove();
      }
      const text = found.length ? "" : this.rows.length ? "No host has that name" : "Reading the hosts";
      app.setText(this.rest, text);
    }

    count() {
      const count = this.ticked.size;
      this.lay.disabled = count < 2 || count > MOST;
      this.lay.textContent = count > MOST ? `At most ${MOST} over each other` : count < 2 ? "Tick two or more" : `Lay ${count} over each other`;
    }

    /* Up and down from host to host. */
    walk(event) {
      const side = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const line = event.target.closest("tr");
      if (!side || !this.body.contains(line)) return;
      const next = side > 0 ? line.nextElementSibling : line.previousElementSibling;
      next?.querySelector(event.target.matches("input") ? "input" : "a").focus();
      event.preventDefault();
    }
  };

  /* Since when, by the viewer's clock: the host's own may be wrong. */
  function state({ state: word, newest, age }) {
    if (newest === null) return "No tick yet";
    if (word === "live") return "Live";
    if (word === "unknown") return "Not known now";
    const since = new Date(Date.now() - 1000 * age);
    const today = since.toDateString() === new Date().toDateString();
    const day = today ? "" : `${since.toLocaleDateString([], { day: "numeric", month: "short" })} `;
    return `Stopped since ${day}${app.formatTimeOfDay(since, { hour: "2-digit", minute: "2-digit" })}`;
  }

  function skew(seconds) {
    if (seconds === null || Math.abs(seconds) < SKEWED) return "";
    return `${app.formatDuration(Math.abs(seconds))} ${seconds > 0 ? "ahead" : "behind"}`;
  }

  /* What is not known comes last among the small. */
  function compare(a, b) {
    if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
    return (a ?? -1) === (b ?? -1) ? 0 : (a ?? -1) - (b ?? -1);
  }
})((window.dashapp = window.dashapp || {}));
