/* Visibility of elements, and dragging in a chart. */
(function (app) {
  "use strict";

  app.VisibilityObserver = class {
    /* `onVisible()` is called when the element becomes visible; `visible`: the initial assumption. */
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

  /* Call `onChange(dragging)` when a drag starts and ends, until `signal`. */
  app.watchDragging = function (gd, signal, onChange) {
    let dragging = false;
    const setDragging = (state) => {
      if (state !== dragging) onChange((dragging = state));
    };
    gd.addEventListener("pointerdown", (event) => setDragging(event.button === 0), true);
    for (const end of ["pointerup", "pointercancel"]) {
      window.addEventListener(end, () => setDragging(false), { capture: true, signal });
    }
    // On touch screens, dragging scrolls the page.
    if (window.matchMedia("(pointer: coarse)").matches) gd.layout.dragmode = false;
  };
})((window.dashapp = window.dashapp || {}));
