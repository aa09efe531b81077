/* Select a stretch of time by dragging with the mouse. */
(function (app) {
  "use strict";

  const MIN_PX = 6; // less is a click

  /* `chart`: plotElement, plotSize ({l, t, w, h}), dragging, range(), onSelect([start, end]). Until `signal`. */
  app.watchSelection = function (chart, signal) {
    const { plotElement } = chart;
    const box = app.createElement("div", { className: "selection", hidden: true });
    plotElement.after(box);
    let from = null;
    const position = (event) => {
      const { l, w } = chart.plotSize;
      return Math.min(Math.max(event.clientX - plotElement.getBoundingClientRect().left - l, 0), w);
    };
    const end = () => {
      from = null;
      box.hidden = true;
      chart.dragging = false;
    };
    plotElement.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType !== "touch") from = position(event);
    }, { signal });
    window.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = position(event);
      chart.dragging ||= Math.abs(to - from) >= MIN_PX;
      if (!chart.dragging) return;
      const { l, t, h } = chart.plotSize;
      Object.assign(box.style, { left: `${l + Math.min(from, to)}px`, top: `${t}px`, width: `${Math.abs(to - from)}px`, height: `${h}px` });
      box.hidden = false;
    }, { signal });
    window.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [start, stop] = chart.range();
      const times = [from, position(event)].sort((one, other) => one - other).map((x) => start + (x / chart.plotSize.w) * (stop - start));
      const isSelected = chart.dragging;
      end();
      if (isSelected) chart.onSelect(times);
    }, { signal });
    window.addEventListener("pointercancel", end, { signal });
  };
})((window.dashapp = window.dashapp || {}));
