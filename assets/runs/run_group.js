/* The group of one training run: its state, its configuration, and a chart for each metric. */
(function (app) {
  "use strict";

  const STATES = { running: app.translate("Running"), finished: app.translate("Finished"), failed: app.translate("Failed"), lost: app.translate("Lost") };

  app.RunGroup = class {
    /* `runs`: compared(group), axis(group), spec, now, onOpen(group). */
    constructor(base, run, runs) {
      this.runs = runs;
      this.run = run;
      this.charts = new Map(); // by name of the metric
      this.data = new app.RunData(base, run, () => runs.onData(this));
      this.state = app.createElement("span", { className: "run-state" });
      this.facts = app.createElement("span", { className: "run-facts" });
      const name = app.createElement("span", { className: "run-name", title: run.title }, app.isolateText(run.name));
      this.config = app.createElement("dl", { className: "run-config" });
      this.grid = app.createElement("div", { className: "run-charts" });
      this.element = app.createElement("details", {}, app.createElement("summary", {}, name, this.state, this.facts), this.config, this.grid);
      this.element.dataset.run = run.name;
      this.element.addEventListener("toggle", () => {
        if (this.isOpen) this.data.load(runs.now);
        runs.onOpen(this);
        this.redraw();
      });
      this.update(run);
    }

    get isOpen() {
      return this.element.open;
    }

    /* The run as the server describes it now. */
    update(run) {
      const hasEnded = run.end !== null && this.run.end === null;
      this.run = this.data.run = run;
      this.element.dataset.state = run.state;
      this.config.replaceChildren(
        ...Object.entries(run.config).map(([name, value]) =>
          app.createElement("div", {}, app.createElement("dt", {}, app.isolateText(name)), app.createElement("dd", {}, app.isolateText(configText(value))))
        )
      );
      this.showFacts();
      if (!this.isOpen) return;
      if (hasEnded) this.data.load(this.runs.now);
      this.redraw();
    }

    showFacts() {
      const { state, error, start, end } = this.run;
      const step = this.data.lastStep;
      const seconds = Math.max(0, ((end ?? this.runs.now) - start) / 1000);
      app.setText(this.state, error ? `${STATES[state]}: ${error}` : STATES[state]);
      const until = end === null ? "" : ` – ${app.formatTimeOfDay(end)}`;
      const parts = [`${app.formatTime(start)}${until}`, app.formatDuration(seconds), step === null ? "" : app.translate("step {number}", { number: app.formatCount(step) })];
      app.setText(this.facts, parts.filter(Boolean).join(" · "));
    }

    /* Draw each visible chart, one per animation frame. */
    redraw() {
      if (!this.isOpen) return;
      const names = this.data.metrics;
      const newNames = names.filter((name) => !this.charts.has(name));
      for (const name of newNames) {
        const parts = () => [this.data, ...this.runs.compared(this)];
        const chart = new app.RunChart(name, this.runs.spec, parts, () => this.runs.axis(this));
        this.charts.set(name, chart);
      }
      if (newNames.length) this.grid.append(...names.map((name) => this.charts.get(name).element));
      const charts = [...this.charts.values()];
      for (const chart of charts) chart.dirty = true;
      const next = () => {
        charts.shift()?.draw();
        if (charts.length) requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    }

    close() {
      for (const chart of this.charts.values()) chart.close();
      this.element.remove();
    }
  };

  function configText(value) {
    return typeof value === "number" ? app.formatLimit(value, "") : String(value ?? app.translate("none"));
  }
})((window.dashapp = window.dashapp || {}));
