/* A panel that shows one moment, replaced at each tick: a bar or a row a metric. Stands where a chart might. */
(function (app) {
  "use strict";

  const MOST_ROWS = 100;

  app.isBarTable = function (kind) {
    return kind === "bar" || kind === "table";
  };

  app.BarTable = class {
    /* As for app.Chart; `panel.kind` is "bar" or "table". */
    constructor(section, host, panel) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.host = host;
      this.bars = panel.kind === "bar";
      this.gd = null; // it has no graph, nor ever will
      this.arriving = false;
      this.pointing = false;
      this.dirty = true;
      this.generation = -1;
      this.body = app.createElement("tbody", {});
      section.querySelector(".chart").append(
        app.createElement("div", { className: "snapshot", tabIndex: 0, role: "group", "aria-label": app.panelTitle(section) },
          app.createElement("table", {}, this.body))
      );
      this.visibility = new app.VisibilityObserver(section, () => this.host.wake());
    }

    close() {
      this.visibility.close();
    }

    get onScreen() {
      return this.visibility.visible;
    }

    ready() {
      return this.onScreen;
    }

    waiting() {
      return this.dirty && this.onScreen;
    }

    /* The moment is told as the newest point in range. */
    draw(series, metrics, [, end]) {
      this.dirty = false;
      this.section.classList.toggle("loading", !series.t.length);
      let place = series.t.length - 1;
      while (place >= 0 && series.t[place] > end) place -= 1;
      const shown = metrics.slice(0, MOST_ROWS);
      const values = shown.map((metric) => series.y[metric.key][place] ?? null);
      const high = Math.max(...shown.map((metric) => metric.high ?? 0), ...values, 0);
      while (this.body.children.length > shown.length) this.body.lastElementChild.remove();
      while (this.body.children.length < shown.length) this.body.append(this.row());
      shown.forEach((metric, number) => {
        const [name, bar, value] = this.body.children[number].children;
        app.setText(name, metric.label);
        app.setText(value, app.formatQuantity(values[number], metric.unit) || "–");
        const share = high > 0 ? Math.max(0, values[number] ?? 0) / high : 0;
        bar.firstElementChild.style.width = `${100 * share}%`;
      });
    }

    row() {
      return app.createElement(
        "tr",
        {},
        app.createElement("th", { scope: "row" }),
        app.createElement("td", { className: "bar", hidden: !this.bars, "aria-hidden": "true" }, app.createElement("div", {})),
        app.createElement("td", { className: "amount" })
      );
    }

    /* What only a chart in time has. */
    cross() {}

    strayed() {
      return false;
    }
  };
})((window.dashapp = window.dashapp || {}));
