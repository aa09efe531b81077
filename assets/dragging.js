/* Whether a pointer is held down on a graph, which is not drawn meanwhile. */
(function (app) {
  "use strict";

  /* `told(dragging)` at either end of it, until `signal`. */
  app.watchDragging = function (gd, signal, told) {
    let dragging = false;
    const say = (now) => {
      if (now !== dragging) told((dragging = now));
    };
    gd.addEventListener("pointerdown", (event) => say(event.button === 0), true);
    for (const end of ["pointerup", "pointercancel"]) {
      window.addEventListener(end, () => say(false), { capture: true, signal });
    }
    // A finger on a chart scrolls the page.
    if (window.matchMedia("(pointer: coarse)").matches) gd.layout.dragmode = false;
  };
})((window.dashapp = window.dashapp || {}));
