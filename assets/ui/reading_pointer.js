/* The mouse or a finger in a chart: reads values, and a double click or two fingers change the range. */
(function (app) {
  "use strict";

  const DOUBLE_TAP_MS = 500;
  const CLICK_PX = 6; // movement of a click
  const MIN_RANGE_MS = 1000;

  /* Watch the plot of `chart` until `signal`. `chart`: plotElement, plotSize ({l, t, w, h} in the element), range(),
     dragging, onPointer(time or null, clientY), onClick(time, event), onDoubleClick(), onPinch(range, isLast). */
  app.watchPointer = function (chart, signal) {
    const { plotElement } = chart;
    const touches = new Map(); // by pointerId: {x, time}
    let pressed = null;
    let lastClick = null;
    let pinchedRange = null; // of the last movement of two fingers

    const timeAt = (event, range = chart.range()) => {
      const { l, w } = chart.plotSize;
      const left = plotElement.getBoundingClientRect().left + l;
      return range[0] + ((event.clientX - left) / w) * (range[1] - range[0]);
    };
    const isInPlot = (event) => {
      const { l, t, w, h } = chart.plotSize;
      const { left, top } = plotElement.getBoundingClientRect();
      const [x, y] = [event.clientX - left - l, event.clientY - top - t];
      return x >= 0 && x <= w && y >= 0 && y <= h;
    };
    const listen = (name, listener, target = plotElement) => target.addEventListener(name, listener, { signal, capture: true, passive: true });

    listen("pointermove", (event) => {
      if (touches.has(event.pointerId)) return moveTouch(event);
      if (event.pointerType === "touch" || chart.dragging) return;
      chart.onPointer(isInPlot(event) ? timeAt(event) : null, event.clientY);
    });
    listen("pointerleave", (event) => event.pointerType !== "touch" && !chart.dragging && chart.onPointer(null));
    listen("pointerdown", (event) => {
      pressed = isInPlot(event) ? { x: event.clientX, y: event.clientY } : null;
      if (event.pointerType !== "touch" || !pressed) return;
      touches.set(event.pointerId, { x: event.clientX, time: timeAt(event) });
    });
    // The mouse's own event has the number of clicks, by the user's settings.
    listen("pointerup", (event) => event.pointerType !== "mouse" && endPress(event), window);
    listen("mouseup", (event) => endPress(event), window);
    listen("pointercancel", (event) => endTouch(event), window);

    // Otherwise the browser takes two fingers for scrolling, and cancels the pointers.
    for (const name of ["touchstart", "touchmove"]) {
      plotElement.addEventListener(name, (event) => event.touches.length > 1 && event.cancelable && event.preventDefault(), { signal, passive: false });
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
      if (isTouch) chart.onPointer(timeAt(event), event.clientY);
      // Plotly's own double click depends on what it draws in between.
      const isSecond = event.type === "mouseup" ? event.detail % 2 === 0 : event.timeStamp - lastClick?.timeStamp < DOUBLE_TAP_MS;
      const isDouble = lastClick && isSecond && Math.hypot(x - lastClick.x, y - lastClick.y) < 2 * CLICK_PX;
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
      const { l, w } = chart.plotSize;
      const offset = plotElement.getBoundingClientRect().left + l;
      const scale = (right.time - left.time) / (right.x - left.x); // milliseconds in a pixel
      if (!(scale > 0) || scale * w < MIN_RANGE_MS) return;
      const start = left.time - (left.x - offset) * scale;
      pinchedRange = [start, start + scale * w];
      chart.onPinch(pinchedRange, false);
    }
  };
})((window.dashapp = window.dashapp || {}));
