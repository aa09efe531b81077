/* Which elements are visible, and when a chart is being dragged. */
(function (app) {
  "use strict";

  app.Sight = class {
    /* `seen()` is called when the element comes on screen; `here` is what is taken for true until that is known. */
    constructor(element, seen = () => {}, here = true) {
      this.here = here;
      this.watch = new IntersectionObserver((entries) => {
        this.here = entries[entries.length - 1].isIntersecting;
        if (this.here) seen();
      });
      this.watch.observe(element);
    }

    close() {
      this.watch.disconnect();
    }
  };

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
