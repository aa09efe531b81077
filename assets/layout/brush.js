/* The brush on the overview strip: the range on screen. It can be moved and resized with mouse, fingers and keys. */
(function (app) {
  "use strict";

  const MIN_WIDTH_PX = 8;
  const HANDLE_PX = 8; // on each side of an edge
  const CLICK_PX = 4; // a pointer that moves less clicks
  const MIN_LENGTH_MS = 10_000;
  const LIVE_PX = 3; // from the end of the strip

  app.Brush = class {
    /* `page`: liveView, goTo(time), onZoom(range), shiftRange(direction), stepWindow(direction), resume(), writeUrl().
       `strip`: range, element, size. */
    constructor(page, strip) {
      this.page = page;
      this.strip = strip;
      this.drag = null; // {part, x, range, moved}
      this.shownState = null;
      this.element = app.createElement("div", { className: "brush", role: "slider", tabIndex: 0, "aria-label": app.translate("Range in the whole history"), "aria-valuemin": "0", "aria-valuemax": "100" });
      strip.element.append(this.element);
      strip.element.addEventListener("pointerdown", (event) => this.start(event));
      strip.element.addEventListener("pointermove", (event) => this.move(event));
      strip.element.addEventListener("pointerup", (event) => this.end(event));
      strip.element.addEventListener("pointercancel", () => this.cancel());
      this.element.addEventListener("keydown", (event) => this.press(event));
    }

    get msPerPixel() {
      const [start, end] = this.strip.range;
      return (end - start) / this.strip.size.width;
    }

    /* Left and right edge in pixels. */
    edges() {
      const { width } = this.strip.size;
      const [start] = this.strip.range;
      const [left, right] = this.page.liveView.shownRange.map((time) => Math.min(Math.max((time - start) / this.msPerPixel, 0), width));
      const missing = Math.max(0, MIN_WIDTH_PX - (right - left));
      const shifted = Math.min(left - missing / 2, width - MIN_WIDTH_PX);
      return missing ? [Math.max(0, shifted), Math.max(0, shifted) + MIN_WIDTH_PX] : [left, right];
    }

    show() {
      const [left, right] = this.edges().map((edge) => Math.round(edge * 2) / 2);
      const { pausedRange } = this.page.liveView;
      const state = [left, right, pausedRange, this.strip.size.width].join();
      if (state === this.shownState) return;
      this.shownState = state;
      this.element.style.left = `${left}px`;
      this.element.style.width = `${right - left}px`;
      this.element.setAttribute("aria-valuenow", String(Math.round((100 * right) / this.strip.size.width)));
      this.element.setAttribute("aria-valuetext", pausedRange ? app.formatRange(pausedRange) : app.translate("Live"));
    }

    xOf(event) {
      return event.clientX - this.strip.element.getBoundingClientRect().left;
    }

    /* "start", "end", "middle", or null beside the brush. */
    partAt(x) {
      const [left, right] = this.edges();
      if (x < left - HANDLE_PX || x > right + HANDLE_PX) return null;
      const inner = Math.min(HANDLE_PX, (right - left) / 4);
      if (x < left + inner) return "start";
      return x > right - inner ? "end" : "middle";
    }

    start(event) {
      if (event.button !== 0 || this.strip.isEmpty || this.page.liveView.window === null) return;
      const x = this.xOf(event);
      this.drag = { part: this.partAt(x), x, range: this.page.liveView.shownRange, moved: false };
      this.strip.element.setPointerCapture(event.pointerId);
      this.element.focus({ preventScroll: true });
      event.preventDefault();
    }

    move(event) {
      if (this.strip.isEmpty) return;
      const x = this.xOf(event);
      const part = this.drag ? this.drag.part : this.partAt(x);
      this.strip.element.style.cursor = { start: "ew-resize", end: "ew-resize", middle: "grab" }[part] ?? "pointer";
      if (!this.drag || (!this.drag.moved && Math.abs(x - this.drag.x) < CLICK_PX)) return;
      this.drag.moved = true;
      this.page.liveView.renderQueue.onPinch(this.rangeAt(x), false);
      this.show();
    }

    rangeAt(x) {
      const [oldest, newest] = this.strip.range;
      const offset = (x - this.drag.x) * this.msPerPixel;
      const [start, end] = this.drag.range;
      const { part } = this.drag;
      if (part === "start") return [Math.max(oldest, Math.min(start + offset, end - MIN_LENGTH_MS)), end];
      if (part === "end") return [start, Math.min(newest, Math.max(end + offset, start + MIN_LENGTH_MS))];
      // Beside the brush, a drag selects a range.
      if (part === null) {
        const ends = [this.drag.x, x].map((pixel) => oldest + pixel * this.msPerPixel).sort((one, other) => one - other);
        return [Math.max(oldest, Math.min(ends[0], ends[1] - MIN_LENGTH_MS)), Math.min(newest, ends[1])];
      }
      const shift = Math.min(Math.max(offset, Math.min(0, oldest - start)), Math.max(0, newest - end));
      return [start + shift, end + shift];
    }

    end(event) {
      const { drag } = this;
      if (!drag) return;
      const x = this.xOf(event);
      const [oldest, newest] = this.strip.range;
      const range = drag.moved ? this.rangeAt(x) : null;
      this.drag = null;
      if (range) this.apply(range);
      else if (drag.part === null) this.page.goTo(oldest + x * this.msPerPixel);
      if (range && newest - range[1] < LIVE_PX * this.msPerPixel) this.goLive(range[1] - range[0]);
    }

    apply(range) {
      this.page.liveView.renderQueue.onPinch(range, true);
    }

    goLive(lengthMs) {
      this.page.liveView.follow(Math.round(lengthMs / 1000));
      this.page.writeUrl(true);
    }

    cancel() {
      if (this.drag?.moved) this.apply(this.drag.range);
      this.drag = null;
    }

    press(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      const { page } = this;
      const actions = {
        ArrowLeft: () => page.shiftRange(-1),
        ArrowRight: () => page.shiftRange(1),
        ArrowUp: () => page.stepWindow(1),
        ArrowDown: () => page.stepWindow(-1),
        Home: () => page.goTo(this.strip.range[0]),
        End: () => page.resume(),
      };
      if (!actions[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      actions[event.key]();
    }
  };
})((window.dashapp = window.dashapp || {}));
