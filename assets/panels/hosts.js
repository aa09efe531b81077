/* The hosts whose histories the store has: which of them this page shows, and the ways to the others. The choice is
   the address's, so each way is a link. */
(function (app) {
  "use strict";

  const WATCH_MS = 10_000; // how often a page of the only host asks whether there are others

  app.Hosts = class {
    /* Several hosts have a colour each in `catalogue`, whatever is drawn of them. */
    constructor(catalog) {
      const { hosts, top } = document.getElementById("page").dataset;
      this.there = hosts !== undefined; // whether the store may have many
      this.names = (hosts ?? "").split(",").filter(Boolean);
      this.top = top === "yes";
      if (this.names.length > 1) catalog.hosts = this.names;
      this.rows = null; // as the server last told; null before that
      this.asked = -Infinity;
      this.list = null; // in the dialog while that is open
      this.section = document.querySelector('[data-table="hosts"]');
      this.button = document.getElementById("hosts");
      this.visibility = { visible: false };
      if (!this.section) return;
      this.panel = new app.HostTable(this);
      this.section.querySelector(".table").append(this.panel.element);
      this.visibility = new app.VisibilityObserver(this.section, undefined, false);
    }

    /* Whether there is anything to choose from. */
    get several() {
      return this.there && !this.button.classList.contains("absent");
    }

    /* Whether the next question should ask for them: they are seen, or may have become several. */
    wanted() {
      if (!this.there) return false;
      if (this.list || (this.several && this.visibility.visible)) return true;
      if ((this.several && this.rows) || performance.now() - this.asked < WATCH_MS) return false;
      this.asked = performance.now();
      return true;
    }

    /* `rows`: `[{name, state, newest, age, skew, values}]`, by name. */
    take(rows) {
      this.rows = rows;
      const several = rows.length > 1 || (!this.top && rows.length > 0);
      this.button.classList.toggle("absent", !several && this.top);
      this.section?.classList.toggle("absent", !several);
      this.list?.draw(rows);
      if (several && this.panel) {
        this.panel.draw(rows);
        this.sayHow(rows);
      }
    }

    sayHow(rows) {
      const count = (wanted) => rows.filter(({ state }) => state === wanted).length;
      const [live, stopped, unknown] = ["live", "stale", "unknown"].map(count);
      const parts = [`${live} live`, stopped && `${stopped} stopped`, unknown && `${unknown} not known`];
      const text = live === rows.length ? `${live}, all live` : parts.filter(Boolean).join(", ");
      app.setText(this.section.querySelector(".of"), text);
    }

    open() {
      if (!this.several) return;
      this.list = new app.HostTable(this);
      if (this.rows) this.list.draw(this.rows);
      const all = app.createElement("a", { className: "plain", href: this.wayTo([]) }, "All hosts");
      const dialog = app.openDialog(
        "Hosts",
        app.createElement("p", {}, "Choose one, or tick several to lay them over each other: what they have in common, one colour each."),
        app.createElement("div", { className: "table" }, this.list.element),
        ...(this.top ? [] : [all])
      );
      dialog.classList.add("wide");
      dialog.addEventListener("close", () => (this.list = null));
      this.list.filter.focus();
    }

    /* The address of the page of these hosts, of all where there are none; window, panels and theme stay. */
    wayTo(names) {
      const root = this.top ? "./" : "../../";
      return `${root}${names.length ? `host/${names.join(",")}/` : ""}${window.location.search}`;
    }
  };
})((window.dashapp = window.dashapp || {}));
