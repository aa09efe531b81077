/* The hosts in the store: those that this page shows, and links to the others. */
(function (app) {
  "use strict";

  const CHECK_INTERVAL_MS = 10_000; // how often a page with a single host checks for others

  app.Hosts = class {
    /* Compared hosts have one colour each in `catalog`. */
    constructor(catalog) {
      const { hosts, top } = document.getElementById("page").dataset;
      this.enabled = hosts !== undefined; // whether the store can have several hosts
      this.names = (hosts ?? "").split(",").filter(Boolean);
      this.isRoot = top === "yes";
      if (this.names.length > 1) catalog.hosts = this.names;
      this.summary = ""; // "2 live, 1 stopped"
      this.rows = null; // from the last response; null before it
      this.requestedAt = -Infinity;
      this.dialogTable = null; // while the dialog is open
      this.section = document.querySelector('[data-table="hosts"]');
      this.button = document.getElementById("hosts");
      this.visibility = { visible: false };
      if (!this.section) return;
      this.panelTable = new app.HostTable(this);
      this.section.querySelector(".table").append(this.panelTable.element);
      this.visibility = new app.VisibilityObserver(this.section, undefined, false);
    }

    get hasSeveral() {
      return this.enabled && !this.button.classList.contains("absent");
    }

    /* Whether a table of hosts is visible. */
    get isShown() {
      return Boolean(this.enabled && (this.dialogTable || (this.hasSeveral && this.visibility.visible)));
    }

    /* Whether to ask if there are several hosts now. */
    get isCheckDue() {
      return this.enabled && !this.isShown && !(this.hasSeveral && this.rows) && performance.now() - this.requestedAt >= CHECK_INTERVAL_MS;
    }

    /* Whether the next request asks for hosts. */
    shouldRequest() {
      if (this.isShown) return true;
      if (!this.isCheckDue) return false;
      this.requestedAt = performance.now();
      return true;
    }

    /* `rows`: `[{name, state, newest, age, skew, values}]`, by name. */
    update(rows) {
      this.rows = rows;
      const hasSeveral = rows.length > 1 || (!this.isRoot && rows.length > 0);
      this.button.classList.toggle("absent", !hasSeveral && this.isRoot);
      this.section?.classList.toggle("absent", !hasSeveral);
      this.dialogTable?.draw(rows);
      if (hasSeveral && this.panelTable) {
        this.panelTable.draw(rows);
        this.updateSummary(rows);
      }
    }

    updateSummary(rows) {
      const count = (name) => rows.filter(({ state }) => state === name).length;
      const [live, stopped, unknown] = ["live", "stale", "unknown"].map(count);
      const parts = [
        app.translate("{count} live", { count: live }),
        stopped && app.translate("{count} stopped", { count: stopped }),
        unknown && app.translate("{count} unknown", { count: unknown }),
      ];
      const text = live === rows.length ? app.translate("All {count} live", { count: live }) : parts.filter(Boolean).join(", ");
      this.summary = text;
      this.showTime(this.section.classList.contains("not-then"));
    }

    /* When the page shows another time, mark the rows as those of now. */
    showTime(isPast) {
      if (!this.section || !this.summary) return;
      app.setText(this.section.querySelector(".of"), isPast ? app.translate("now: {text}", { text: this.summary }) : this.summary);
      this.section.classList.toggle("not-then", isPast);
    }

    openDialog() {
      if (!this.hasSeveral) return;
      this.dialogTable = new app.HostTable(this);
      if (this.rows) this.dialogTable.draw(this.rows);
      const allLink = app.createElement("a", { className: "plain", href: this.urlFor([]) }, app.translate("All hosts"));
      const dialog = app.openDialog(
        app.translate("Hosts"),
        app.createElement("p", {}, app.translate("Select one host, or several to compare them. Each host has its own colour.")),
        app.createElement("div", { className: "table" }, this.dialogTable.element),
        ...(this.isRoot ? [] : [allLink])
      );
      dialog.classList.add("wide");
      dialog.addEventListener("close", () => (this.dialogTable = null));
      this.dialogTable.filter.focus();
    }

    /* URL of the page of these hosts; [] means all hosts. Window, panels and theme stay. */
    urlFor(names) {
      const base = this.isRoot ? "./" : "../../";
      return `${base}${names.length ? `host/${names.join(",")}/` : ""}${window.location.search}`;
    }
  };
})((window.dashapp = window.dashapp || {}));
