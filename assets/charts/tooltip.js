/* The values at the time under the mouse, next to the crosshair. Their text is the same as in titles and tables. */
(function (app) {
  "use strict";

  const MAX_ROWS = 10;
  const GAP_PX = 12; // between crosshair and tooltip

  app.Tooltip = class {
    /* `section`: of the chart. */
    constructor(section) {
      this.section = section;
      this.element = null;
    }

    hide() {
      if (this.element) this.element.hidden = true;
    }

    /* `lines`: `[{colour, label, text}]`, the most important first. `left`: of the crosshair in the section. `events`: at
       this time. */
    show(time, series, lines, left, top, events) {
      if (!this.element) {
        this.heading = app.createElement("div", { className: "tooltip-time" });
        this.body = app.createElement("div", { className: "tooltip-lines" });
        this.rest = app.createElement("div", { className: "tooltip-rest" });
        this.events = app.createElement("div", { className: "tooltip-events" });
        this.element = app.createElement("div", { className: "tooltip", "aria-hidden": "true" }, this.heading, this.events, this.body, this.rest);
        this.section.append(this.element);
      }
      this.element.hidden = false;
      const meanOf = series.downsampled ? app.translate(" · mean of {duration}, low–high", { duration: app.formatDuration(series.step / 1000) }) : "";
      app.setText(this.heading, app.formatTime(time) + meanOf);
      app.showEventRows(this.events, events);
      const shown = lines.slice(0, MAX_ROWS);
      while (this.body.children.length > shown.length) this.body.lastElementChild.remove();
      while (this.body.children.length < shown.length) this.body.append(createRow());
      shown.forEach(({ colour, label, text }, index) => {
        const [dot, name, value] = this.body.children[index].children;
        dot.style.background = colour;
        app.setText(name, label);
        app.setText(value, text);
      });
      app.setText(this.rest, lines.length > shown.length ? app.translate("and {count} lower", { count: app.formatCount(lines.length - shown.length) }) : lines.length ? "" : app.translate("No data"));
      const { offsetWidth: width } = this.element;
      const fits = left + GAP_PX + width <= this.section.clientWidth - 4;
      this.element.style.left = `${fits ? left + GAP_PX : Math.max(4, left - GAP_PX - width)}px`;
      this.element.style.top = `${top}px`;
    }
  };

  /* `[{colour, label, text}]` of `lines` at `time`, in the order of the legend; if they are many, the highest first. */
  app.readLines = function (liveView, lines, time) {
    const read = lines.map((line) => ({ metric: line.metric, colour: app.markColour(line), point: liveView.pointAt(line.metric.key, time) })).filter(({ point }) => point !== null);
    const sign = read[0]?.metric.unit === app.STATE_UNIT ? -1 : 1; // checks that are down come first
    if (read.length > MAX_ROWS) read.sort((one, other) => sign * (other.point.value - one.point.value));
    return read.map(({ metric, colour, point }) => ({ colour, label: metric.label, text: app.formatPoint(point, metric.unit) + app.comparisonText(liveView, metric, time) }));
  };

  /* "52.8 %", or "52.8 % (40.1 % – 91.5 %)" for a point that stands for several ticks. */
  app.formatPoint = function ({ value, low, high }, unit) {
    const text = app.formatQuantity(value, unit);
    if (low === null || high === null || low === high) return text;
    return `${text} (${app.formatQuantity(low, unit)} – ${app.formatQuantity(high, unit)})`;
  };

  function createRow() {
    return app.createElement("div", {}, app.createElement("i", {}), app.createElement("bdi", {}), app.createElement("b", {}));
  }
})((window.dashapp = window.dashapp || {}));
