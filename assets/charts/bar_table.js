/* A panel with one bar or row for each metric, replaced at each tick. Same interface as app.Chart. */
(function (app) {
  "use strict";

  const MAX_ROWS = 100;

  app.BarTable = class {
    /* Like app.Chart; `panel.kind` is "bar" or "table". */
    constructor(section, queue, panel) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.queue = queue;
      this.showBars = panel.kind === "bar";
      this.gd = null; // there is no Plotly graph
      this.mounting = false;
      this.hovered = false;
      this.dirty = true;
      this.generation = -1;
      this.body = app.createElement("tbody", {});
      section.querySelector(".chart").append(
        app.createElement("div", { className: "snapshot", tabIndex: 0, role: "group", "aria-label": app.panelTitle(section) },
          app.createElement("table", {}, this.body))
      );
      this.visibility = new app.VisibilityObserver(section, () => this.queue.schedule());
    }

    close() {
      this.visibility.close();
    }

    get onScreen() {
      return this.visibility.visible;
    }

    canDraw() {
      return this.onScreen;
    }

    needsFrame() {
      return this.dirty && this.onScreen;
    }

    /* Draw the values at the time that the page shows. */
    draw(series, metrics, [, end]) {
      this.dirty = false;
      this.section.classList.toggle("loading", !series.t.length);
      const { liveView } = this.queue;
      const rows = metrics.slice(0, MAX_ROWS);
      const values = rows.map((metric) => liveView.pointAt(metric.key, liveView.reading.at ?? end)?.value ?? null);
      const maximum = Math.max(...rows.map((metric) => metric.high ?? 0), ...values, 0);
      while (this.body.children.length > rows.length) this.body.lastElementChild.remove();
      while (this.body.children.length < rows.length) this.body.append(this.createRow());
      rows.forEach((metric, row) => {
        const [name, bar, value] = this.body.children[row].children;
        app.setText(name, metric.label);
        app.setText(value, app.formatQuantity(values[row], metric.unit) || "–");
        const share = maximum > 0 ? Math.max(0, values[row] ?? 0) / maximum : 0;
        bar.firstElementChild.style.width = `${100 * share}%`;
      });
    }

    createRow() {
      return app.createElement(
        "tr",
        {},
        app.createElement("th", { scope: "row" }),
        app.createElement("td", { className: "bar", hidden: !this.showBars, "aria-hidden": "true" }, app.createElement("div", {})),
        app.createElement("td", { className: "amount" })
      );
    }

    /* Only a chart over time has a crosshair and a range, but this one shows the values there. */
    showCrosshair() {
      this.dirty = true;
      this.queue.schedule();
    }

    rangeDiffers() {
      return false;
    }
  };
})((window.dashapp = window.dashapp || {}));
