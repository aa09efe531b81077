/* Which elements are visible, and when a chart is being dragged. */
(function (app) {
  "use strict";

  app.VisibilityObserver = class {
    /* `seen()` is called when the element comes on screen; `here` is what is taken for true until that is known. */
    constructor(element, onVisible = () => {}, visible = true) {
      this.visible = visible;
      this.observer = new IntersectionObserver((entries) => {
        this.visible = entries[entries.length - 1].isIntersecting;
        if (this.visible) onVisible();
      });
      this.observer.observe(element);
    }

    close() {
      this.observer.disconnect();
    }
  };

  /* `told(dragging)` at either end of it, until `signal`. */
  app.watchDragging = function (gd, signal, onChange) {
    let dragging = false;
    const setDragging = (state) => {
      if (state !== dragging) onChange((dragging = state));
    };
    gd.addEventListener("pointerdown", (event) => setDragging(event.button === 0), true);
    for (const end of ["pointerup", "pointercancel"]) {
      window.addEventListener(end, () => setDragging(false), { capture: true, signal });
    }
    // A finger on a chart scrolls the page.
    if (window.matchMedia("(pointer: coarse)").matches) gd.layout.dragmode = false;
  };
})((window.dashapp = window.dashapp || {}));
