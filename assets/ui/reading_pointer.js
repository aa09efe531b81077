/* The mouse or a finger in a chart: reads values, and a double click or two fingers change the range. */
(function (app) {
  "use strict";

  const DOUBLE_CLICK_MS = 500;
  const CLICK_PX = 6; // movement of a click
  const MIN_RANGE_MS = 1000;

  /* Watch the plot of `chart` until `signal`. `chart`: gd, range(), dragging, onPointer(time or null),
     onClick(time, event), onDoubleClick(), onPinch(range, isLast). */
  app.watchPointer = function (chart, signal) {
    const { gd } = chart;
    const touches = new Map(); // by pointerId: {x, time}
    let pressed = null;
    let lastClick = null;
    let pinchedRange = null; // of the last movement of two fingers

    const timeAt = (event, range = chart.range()) => {
      const { l, w } = gd._fullLayout._size;
      const left = gd.getBoundingClientRect().left + l;
      return range[0] + ((event.clientX - left) / w) * (range[1] - range[0]);
    };
    const isInPlot = (event) => {
      const { l, t, w, h } = gd._fullLayout._size;
      const { left, top } = gd.getBoundingClientRect();
      const [x, y] = [event.clientX - left - l, event.clientY - top - t];
      return x >= 0 && x <= w && y >= 0 && y <= h;
    };
    const listen = (name, listener, target = gd) => target.addEventListener(name, listener, { signal, capture: true, passive: true });

    listen("pointermove", (event) => {
      if (touches.has(event.pointerId)) return moveTouch(event);
      if (event.pointerType === "touch" || chart.dragging) return;
      chart.onPointer(isInPlot(event) ? timeAt(event) : null);
    });
    listen("pointerleave", (event) => event.pointerType !== "touch" && !chart.dragging && chart.onPointer(null));
    listen("pointerdown", (event) => {
      pressed = isInPlot(event) ? { x: event.clientX, y: event.clientY } : null;
      if (event.pointerType !== "touch" || !pressed) return;
      touches.set(event.pointerId, { x: event.clientX, time: timeAt(event) });
    });
    listen("pointerup", (event) => endPress(event), window);
    listen("pointercancel", (event) => endTouch(event), window);

    // Otherwise the browser takes two fingers for scrolling, and cancels the pointers.
    for (const name of ["touchstart", "touchmove"]) {
      gd.addEventListener(name, (event) => event.touches.length > 1 && event.cancelable && event.preventDefault(), { signal, passive: false });
    }

    function endPress(event) {
      const wasPinch = touches.size > 1;
      const isTouch = endTouch(event);
      if (!pressed) return;
      const { x, y } = pressed;
      pressed = null;
      const isClick = Math.hypot(event.clientX - x, event.clientY - y) < CLICK_PX && event.button === 0 && !wasPinch;
      if (!isClick) {
        lastClick = null;
        return;
      }
      if (isTouch) chart.onPointer(timeAt(event));
      // Plotly's own double click depends on what it draws in between.
      const isDouble = lastClick && event.timeStamp - lastClick.timeStamp < DOUBLE_CLICK_MS && Math.hypot(x - lastClick.x, y - lastClick.y) < 2 * CLICK_PX;
      lastClick = isDouble ? null : { x, y, timeStamp: event.timeStamp };
      if (isDouble) chart.onDoubleClick();
      else chart.onClick(timeAt(event), event);
    }

    function endTouch(event) {
      const wasPinch = touches.size === 2;
      const isTouch = touches.delete(event.pointerId);
      if (isTouch && wasPinch) {
        touches.clear();
        if (pinchedRange) chart.onPinch(pinchedRange, true);
        pinchedRange = null;
      }
      return isTouch;
    }

    /* The times below both fingers stay below them. */
    function moveTouch(event) {
      touches.get(event.pointerId).x = event.clientX;
      if (touches.size !== 2) return;
      const [left, right] = [...touches.values()].sort((one, other) => one.time - other.time);
      const { l, w } = gd._fullLayout._size;
      const offset = gd.getBoundingClientRect().left + l;
      const scale = (right.time - left.time) / (right.x - left.x); // milliseconds in a pixel
      if (!(scale > 0) || scale * w < MIN_RANGE_MS) return;
      const start = left.time - (left.x - offset) * scale;
      pinchedRange = [start, start + scale * w];
      chart.onPinch(pinchedRange, false);
    }
  };
})((window.dashapp = window.dashapp || {}));
