/* The training runs of the server: a group for each, the axis of their charts, and a comparison of two. */
(function (app) {
  "use strict";

  const REQUEST_TIMEOUT_MS = 5000;
  const MAX_GROUPS = 20; // on the page, unless the viewer wants all
  const MAX_KEYS = 24; // of runs, in the request of each tick
  const AXES = [["step", app.translate("Step")], ["time", app.translate("Time")]];

  app.Runs = class {
    /* `page`: liveView, panelSpecs. */
    constructor(base, page) {
      this.base = base;
      this.page = page;
      this.revision = undefined;
      this.loading = false;
      this.showsAll = false;
      this.summary = "";
      this.xAxis = "step";
      this.comparedName = "";
      this.groups = new Map(); // by name of the run
      this.section = document.querySelector('[data-table="runs"]');
      if (this.section) this.build();
    }

    get spec() {
      return this.page.panelSpecs.fallback;
    }

    get now() {
      return this.page.liveView.clock.now();
    }

    build() {
      this.buttons = AXES.map(([axis, text]) => {
        const button = app.createElement("button", { type: "button", className: "plain", "aria-pressed": String(axis === this.xAxis) }, text);
        button.dataset.axis = axis;
        button.addEventListener("click", () => this.setAxis(axis));
        return button;
      });
      this.select = app.createElement("select", {}, app.createElement("option", { value: "" }, app.translate("no run")));
      this.select.addEventListener("change", () => this.compare(this.select.value));
      const axes = app.createElement("div", { role: "group", "aria-label": app.translate("Horizontal axis") }, ...this.buttons);
      const comparison = app.createElement("label", {}, app.translate("Compare with "), this.select);
      this.list = app.createElement("div", { className: "run-list" });
      this.more = app.createElement("button", { type: "button", className: "plain", hidden: true }, app.translate("Show all runs"));
      this.more.addEventListener("click", () => {
        this.showsAll = true;
        this.revision = undefined;
        this.load();
      });
      this.section.querySelector(".table").append(app.createElement("div", { className: "run-controls" }, axes, comparison), this.list, this.more);
    }

    /* A frame of the page; `frame.runs` rises when a run begins, changes or ends. */
    update(frame) {
      if (!this.section || frame.runs === undefined) return;
      if (frame.runs !== this.revision) this.load();
      for (const group of this.groups.values()) {
        if (group.run.end === null) group.showFacts();
        if (group.run.end === null && (group.isOpen || group.run.name === this.comparedName)) group.data.append(frame, this.now);
      }
    }

    async load() {
      if (this.loading) return;
      this.loading = true;
      try {
        const response = await fetch(`${this.base}api/runs`, { cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        const { runs, revision } = await response.json();
        if (!Array.isArray(runs)) return;
        this.revision = revision;
        this.show(runs);
      } catch (error) {
        return; // offline or no JSON: the next frame loads it again
      } finally {
        this.loading = false;
      }
    }

    show(runs) {
      const isFirst = !this.groups.size;
      const shown = this.showsAll ? runs : runs.slice(0, MAX_GROUPS);
      const names = new Set(shown.map(({ name }) => name));
      for (const [name, group] of this.groups) {
        if (names.has(name)) continue;
        group.close();
        this.groups.delete(name);
      }
      let previous = null;
      for (const run of shown) {
        if (this.groups.has(run.name)) this.groups.get(run.name).update(run);
        else this.add(run, previous, isFirst ? run === shown[0] : run.end === null);
        previous = this.groups.get(run.name).element;
      }
      this.section.classList.toggle("absent", !runs.length);
      this.more.hidden = shown.length === runs.length;
      const running = runs.filter(({ end }) => end === null).length;
      this.summary = app.translate("{count} of {total} running", { count: running, total: runs.length });
      this.showTime(this.section.classList.contains("not-then"));
      this.updateOptions(shown);
    }

    /* When the page shows another time, mark the states of the runs as those of now. */
    showTime(isPast) {
      if (!this.section || !this.summary) return;
      app.setText(this.section.querySelector(".of"), isPast ? app.translate("now: {text}", { text: this.summary }) : this.summary);
      this.section.classList.toggle("not-then", isPast);
    }

    add(run, previous, isOpen) {
      const group = new app.RunGroup(this.base, run, this);
      this.groups.set(run.name, group);
      if (previous) previous.after(group.element);
      else this.list.prepend(group.element);
      group.element.open = isOpen;
    }

    updateOptions(runs) {
      const names = ["", ...runs.map(({ name }) => name)];
      if ([...this.select.options].map(({ value }) => value).join("\n") !== names.join("\n")) {
        this.select.replaceChildren(...names.map((value) => app.createElement("option", { value }, value || app.translate("no run"))));
      }
      this.select.value = names.includes(this.comparedName) ? this.comparedName : "";
      if (this.select.value !== this.comparedName) this.compare("");
    }

    setAxis(axis) {
      this.xAxis = axis;
      for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.axis === axis));
      this.redraw();
    }

    compare(name) {
      this.comparedName = name;
      this.groups.get(name)?.data.load(this.now);
      this.redraw();
    }

    /* The RunData that `group` is compared with: at most one. */
    compared(group) {
      const other = this.groups.get(this.comparedName);
      return other && other !== group ? [other.data] : [];
    }

    /* Two runs at different times are compared by the time since their start. */
    axis(group) {
      return this.xAxis === "time" && this.compared(group).length ? "elapsed" : this.xAxis;
    }

    onOpen() {
      this.page.liveView.updateRequestedKeys();
    }

    /* A group has new points; those that are compared with it draw them too. */
    onData(group) {
      group.showFacts();
      if (group.run.name === this.comparedName) this.redraw();
      else group.redraw();
    }

    redraw() {
      for (const group of this.groups.values()) group.redraw();
    }

    /* The keys of runs that are drawn and still have new values. */
    get keys() {
      const groups = [...this.groups.values()].filter(({ isOpen, run }) => run.end === null && (isOpen || run.name === this.comparedName));
      return [...new Set(groups.flatMap(({ data }) => data.keys))].slice(0, MAX_KEYS);
    }
  };
})((window.dashapp = window.dashapp || {}));
