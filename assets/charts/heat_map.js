/* A panel with many lines as a heat map: one row for each. Same interface as app.Chart. */
(function (app) {
  "use strict";

  const MAX_ROWS = (app.MAX_HEAT_MAP_ROWS = 64);
  const MARGIN_PX = { l: 16, r: 16, t: 12 };
  const LABEL_SPACE_PX = 24;
  const STRIPE_PX = 4;
  const FONT_PX = 12;
  const FONT_FAMILY = "Inter, system-ui, sans-serif";

  function margins() {
    return { ...MARGIN_PX, b: LABEL_SPACE_PX * app.wallScale() };
  }

  /* Whether these lines are a heat map: too many for a chart of lines, and with values that one scale can show. `offset`:
     number of lines before them. */
  app.isHeatMap = function ({ kind }, metrics, offset) {
    if (kind !== "line" && kind !== "area") return false;
    return offset + metrics.length > app.MAX_LEGEND_LINES && metrics.every(({ unit, right }) => unit === metrics[0].unit && !right);
  };

  app.HeatMap = class {
    /* Like app.Chart. */
    constructor(section, queue, panel) {
      this.section = section;
      this.panel = section.dataset.panel;
      this.queue = queue;
      this.spec = panel;
      this.kind = panel.kind;
      this.reference = panel.reference ?? null;
      this.scale = panel.scale ?? {};
      this.gd = null; // there is no Plotly graph
      this.mounting = false;
      this.dragging = false;
      this.hovered = false;
      this.dirty = true;
      this.generation = -1;
      this.expected = null; // {range}: on screen
      this.lines = [];
      this.row = null; // index of the line below the mouse, or chosen with keys
      this.readTime = null; // of the crosshair
      this.highlightedKey = null;
      this.image = new app.HeatMapImage();
      this.abortController = new AbortController();
      this.build();
      this.crosshairLine = new app.CrosshairLine(section);
      this.tooltip = new app.Tooltip(section);
      this.visibility = new app.VisibilityObserver(section, () => this.queue.schedule());
      this.resizeObserver = new ResizeObserver(() => this.redraw());
      this.resizeObserver.observe(this.canvas);
      app.watchPointer(this, this.abortController.signal);
      app.watchSelection(this, this.abortController.signal);
    }

    build() {
      this.canvas = app.createElement("canvas", { role: "img", tabIndex: 0 });
      this.canvas.dataset.heatmap = "";
      this.canvas.addEventListener("keydown", (event) => this.moveRow(event));
      this.canvas.addEventListener("focus", () => this.chooseRow(this.row ?? 0));
      this.canvas.addEventListener("blur", () => this.chooseRow(null));
      this.caption = app.createElement("span", { className: "heat-map-rows" });
      this.pages = ["‹", "›"].map((text, index) => {
        const button = app.createElement("button", { type: "button", "aria-label": index ? app.translate("Next lines") : app.translate("Previous lines") }, text);
        button.addEventListener("click", () => this.turnPage(index ? 1 : -1));
        return button;
      });
      this.low = app.createElement("span", {});
      this.high = app.createElement("span", {});
      this.ramp = app.createElement("i", {});
      this.output = app.createElement("output", { className: "heat-map-reading" });
      const scale = app.createElement("span", { className: "heat-map-scale" }, this.low, this.ramp, this.high);
      this.element = app.createElement("div", { className: "heat-map" }, this.canvas, app.createElement("div", { className: "heat-map-foot" }, ...this.pages, this.caption, scale), this.output);
      this.section.querySelector(".chart").append(this.element);
      this.section.classList.add("has-heat-map");
    }

    unmount() {
      this.close();
    }

    close() {
      this.visibility.close();
      this.resizeObserver.disconnect();
      this.abortController.abort();
      this.crosshairLine.hide();
      this.tooltip.hide();
      this.element.remove();
      this.section.classList.remove("has-heat-map");
    }

    get onScreen() {
      return this.visibility.visible;
    }

    canDraw() {
      return this.onScreen && !this.dragging;
    }

    needsFrame() {
      return this.dirty && this.canDraw();
    }

    get plotElement() {
      return this.canvas;
    }

    /* Position and size of the plot in the canvas, in pixels. */
    get plotSize() {
      const { l, r, t, b } = margins();
      return { l, t, w: Math.max(1, this.canvas.clientWidth - l - r), h: Math.max(1, this.canvas.clientHeight - t - b) };
    }

    range() {
      return this.expected?.range ?? this.queue.liveView.shownRange;
    }

    redraw() {
      this.dirty = true;
      this.queue.schedule();
    }

    draw(series, metrics, range) {
      this.dirty = false;
      this.generation = series.generation;
      this.expected = { range: range.slice() };
      const colour = this.updateColour();
      this.lines = metrics.slice(0, MAX_ROWS).map((metric) => ({ part: "y", metric, colour, shade: 1 }));
      app.markEmpty(this.section, series, metrics);
      const { canvas } = this;
      const scale = window.devicePixelRatio || 1;
      const size = { width: Math.round(canvas.clientWidth * scale), height: Math.round(canvas.clientHeight * scale) };
      if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
      const context = canvas.getContext("2d");
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
      this.paint(context, series, range, colour, this.plotSize, getComputedStyle(canvas).color);
      this.describe(colour);
      this.queue.onDrawn(this);
    }

    /* The colour of the highest values in the theme of now. */
    updateColour() {
      this.isDark = app.isDark(this.section);
      return app.lineColours(this.isDark, this.spec.graph("").props.figure.layout)[0];
    }

    /* The lines in rows, from the top. */
    visibleLines() {
      return this.lines.filter(({ metric }) => !this.queue.isHidden(metric.key));
    }

    legendLines() {
      return this.lines;
    }

    paint(context, series, range, colour, size, textColour) {
      const rows = this.visibleLines();
      const metrics = rows.map(({ metric }) => metric);
      this.bounds = app.heatScale({ ...metrics[0], ...this.scale }, series, metrics, range);
      const { l, t, w, h } = size;
      if (rows.length) {
        const columns = metrics.map(({ key }) => series.y[key] ?? []);
        const image = this.image.paint(Math.round(w * (window.devicePixelRatio || 1)), columns, series.t, range, series.step, this.bounds, colour);
        context.imageSmoothingEnabled = false;
        context.drawImage(image, l, t, w, h);
      }
      for (const { from, to } of this.queue.alertBands(metrics.map(({ key }) => key), range)) {
        const [left, right] = [from, to].map((time) => l + ((time - range[0]) / (range[1] - range[0])) * w);
        context.fillStyle = app.ALERT_COLOUR;
        context.fillRect(left, t - STRIPE_PX - 1, Math.max(1, right - left), STRIPE_PX);
      }
      this.paintEvents(context, range, size);
      this.paintTimes(context, range, size, textColour);
      this.paintHighlight(context, size, textColour);
    }

    /* Paint a picture, like app.Chart. */
    async paintPicture(context, size, view, metrics, theme) {
      const { l, r, t, b } = margins();
      const colour = this.updateColour();
      this.paint(context, view.series, view.range, colour, { l, t, w: size.width - l - r, h: size.height - t - b }, theme("--quiet"));
      this.redraw();
      return [];
    }

    paintEvents(context, range, size) {
      context.save();
      context.translate(size.l, size.t);
      app.paintEvents(context, size, range, app.visibleEvents(this, range, size.w), this.isDark);
      context.restore();
    }

    paintTimes(context, range, { l, t, w, h }, textColour) {
      Object.assign(context, { font: `${FONT_PX * app.wallScale()}px ${FONT_FAMILY}`, fillStyle: textColour, textBaseline: "top" });
      for (const { time, text } of app.timeTicks(range, app.timeLabelCount(w))) {
        const [x, width] = [l + ((time - range[0]) / (range[1] - range[0])) * w, context.measureText(text).width];
        context.fillText(text, Math.min(Math.max(x - width / 2, 0), l + w + MARGIN_PX.r - width), t + h + 8);
      }
    }

    paintHighlight(context, { l, t, w, h }, textColour) {
      const rows = this.visibleLines();
      const index = this.highlightedKey === null ? this.row : rows.findIndex(({ metric }) => metric.key === this.highlightedKey);
      if (index === null || !rows[index]) return;
      const height = h / rows.length;
      Object.assign(context, { strokeStyle: textColour, lineWidth: 1.5 });
      context.strokeRect(l, t + index * height - 1, w, Math.max(height, 2) + 2);
    }

    /* Text for people: the rows, the scale, and the name of the canvas. */
    describe(colour) {
      const { bounds, canvas } = this;
      const rows = this.visibleLines();
      const { unit } = { ...rows[0]?.metric, ...this.scale };
      const labels = [rows[0], rows.at(-1)].map((line) => (line ? app.isolateText(app.shortenText(line.metric.label.trim() || line.metric.key, 24)) : ""));
      const first = this.offset;
      const total = this.queue.liveView.catalog.countSelected(this.panel);
      const last = first + this.lines.length;
      const isPaged = first > 0 || last < total;
      const place = isPaged ? app.translate("{first}–{last} of {total}: ", { first: app.formatCount(first + 1), last: app.formatCount(last), total: app.formatCount(total) }) : "";
      app.setText(this.caption, rows.length ? place + app.translate("{first} at the top, {last} at the bottom", { first: labels[0], last: labels[1] }) : this.lines.length ? app.translate("All lines are hidden") : "");
      this.pages.forEach((button, index) => {
        button.hidden = !isPaged;
        button.disabled = index ? last >= total : first === 0;
      });
      app.setText(this.low, app.formatLimit(bounds.low, unit));
      app.setText(this.high, app.formatLimit(bounds.high, unit));
      if (this.ramp.style.color !== colour) this.ramp.style.color = colour;
      const values = { title: app.panelTitle(this.section), first: labels[0], last: labels[1] };
      const name = app.translateCount("{title}: heat map of {count} lines, {first} to {last}; arrow keys read a line", "{title}: heat map of {count} lines, {first} to {last}; arrow keys read a line", rows.length, values);
      if (canvas.getAttribute("aria-label") !== name) canvas.setAttribute("aria-label", name);
    }

    get offset() {
      return this.queue.liveView.catalog.offsets.get(this.panel) ?? 0;
    }

    /* Show the next (1) or previous (-1) lines of a panel with more than fit. */
    turnPage(direction) {
      const { liveView } = this.queue;
      const total = liveView.catalog.countSelected(this.panel);
      const offset = Math.max(0, this.offset + direction * this.lines.length);
      if (offset >= total || !this.lines.length) return;
      liveView.catalog.offsets.set(this.panel, offset);
      liveView.updateRequestedKeys();
      this.redraw();
      liveView.owner.refresh();
    }

    highlight(key) {
      this.highlightedKey = key;
      this.redraw();
    }

    /* Callbacks of app.watchPointer and app.watchSelection. */

    onPointer(time, clientY) {
      if (time === null && !this.hovered) return;
      this.hovered = time !== null;
      const { t, h } = this.plotSize;
      const share = (clientY - this.canvas.getBoundingClientRect().top - t) / h;
      this.row = this.hovered ? Math.min(Math.floor(share * this.visibleLines().length), this.visibleLines().length - 1) : null;
      this.queue.onPointer(this, time);
      this.showCrosshair(this.queue.liveView.reading.pointer);
      if (!this.hovered) this.tooltip.hide();
    }

    onClick(time, event) {
      this.queue.onClick(this, time, event);
    }

    onDoubleClick() {
      this.queue.onZoomBack();
    }

    onPinch(range, isLast) {
      this.queue.onPinch(range, isLast);
    }

    onSelect(range) {
      this.queue.onZoom(range);
    }

    moveRow(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const row = (this.row ?? -step) + step;
      if (row >= 0 && row < this.visibleLines().length) this.chooseRow(row);
    }

    /* Read a line with the keys: it is outlined, and a screen reader reads its value. */
    chooseRow(row) {
      this.row = row;
      this.redraw();
      this.announce();
    }

    announce() {
      const line = document.activeElement === this.canvas && this.row !== null ? this.visibleLines()[this.row] : null;
      const { liveView } = this.queue;
      const time = liveView.reading.at ?? liveView.shownSeries.lastTime;
      const [reading] = line && time !== null ? app.readLines(liveView, [line], time) : [];
      app.setText(this.output, line ? `${app.isolateText(line.metric.label)}: ${reading?.text ?? app.translate("no data")}, ${time === null ? "" : app.formatTime(time)}` : "");
    }

    /* Show the crosshair at `time`, and the values there if the mouse is here; hide both if it is null. */
    showCrosshair(time) {
      const isVisible = time !== null && this.onScreen && this.expected !== null;
      const left = isVisible ? this.crosshairLine.show(time, this.range(), this.plotSize, app.crosshairText(this, time)) : this.crosshairLine.hide();
      if (this.hovered && !this.dragging && typeof left === "number") this.showTooltip(time, left);
      else this.tooltip.hide();
      if (time !== this.readTime) this.announce(); // not at each tick
      this.readTime = time;
    }

    /* The line below the mouse, then the highest ones. */
    showTooltip(time, left) {
      const { liveView } = this.queue;
      const line = this.visibleLines()[this.row];
      const others = this.visibleLines().filter((other) => other !== line);
      const lines = [...(line ? app.readLines(liveView, [line], time) : []), ...app.readLines(liveView, others, time)];
      this.tooltip.show(time, liveView.shownSeries, lines, left, this.section.querySelector(".chart").offsetTop + 4, app.eventsAtCrosshair(this, time));
    }

    rangeDiffers() {
      return false;
    }
  };
})((window.dashapp = window.dashapp || {}));
