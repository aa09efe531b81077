/* One line of a legend: colour, name, value and statistics. A click hides or shows its line in the chart. */
(function (app) {
  "use strict";

  const NO_NUMBER = "–";

  app.LegendRow = class {
    /* `owner`: toggle(key), highlight(key or null). */
    constructor(owner) {
      this.key = null;
      this.texts = new Map(); // as on screen: reading them from the elements is slow
      this.swatch = app.createElement("i", {});
      this.name = app.createElement("bdi", {});
      this.value = app.createElement("span", { className: "value" });
      this.statistics = app.STATISTICS.map((name) => {
        const cell = app.createElement("span", { className: "stat" });
        cell.dataset.stat = name;
        return cell;
      });
      const parts = [this.swatch, this.name, this.value, ...this.statistics];
      this.element = app.createElement("button", { type: "button", className: "legend-line", tabIndex: -1 }, ...parts);
      this.element.addEventListener("click", () => owner.toggle(this.key));
      for (const name of ["pointerenter", "focus"]) this.element.addEventListener(name, () => owner.highlight(this.key));
      for (const name of ["pointerleave", "blur"]) this.element.addEventListener(name, () => owner.highlight(null));
    }

    /* Show a line: its metric, name and colour, whether it is hidden, the text of its value, and its statistics or null. */
    show({ metric, name, colour, isHidden, value, statistics }) {
      if (metric.key !== this.key) {
        this.key = metric.key;
        this.element.dataset.line = metric.key;
      }
      this.set("name", `${name}\n${metric.key}`, (text) => {
        this.name.textContent = app.isolateText(name);
        this.element.title = name.includes(metric.key) ? name : text;
      });
      this.set("colour", colour, (text) => (this.swatch.style.background = text));
      this.set("pressed", String(!isHidden), (text) => this.element.setAttribute("aria-pressed", text));
      this.set("value", value || NO_NUMBER, (text) => (this.value.textContent = text));
      this.statistics.forEach((cell, index) => {
        const number = statistics?.[app.STATISTICS[index]] ?? null;
        const isAbout = statistics?.p95 === null && app.STATISTICS[index] === "mean"; // of points, not of ticks
        const text = number === null ? NO_NUMBER : `${isAbout ? "≈\u202f" : ""}${app.formatQuantity(number, metric.unit)}`;
        this.set(app.STATISTICS[index], text, () => (cell.textContent = text));
      });
    }

    set(name, text, apply) {
      if (this.texts.get(name) === text) return;
      this.texts.set(name, text);
      apply(text);
    }
  };
})((window.dashapp = window.dashapp || {}));
