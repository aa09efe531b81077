/* Visibility of elements, and dragging in a chart. */
(function (app) {
  "use strict";

  app.VisibilityObserver = class {
    /* `onVisible()` is called when the element becomes visible; `intersects`: the initial assumption. */
    constructor(element, onVisible = () => {}, intersects = true) {
      this.element = element;
      this.intersects = intersects;
      this.observer = new IntersectionObserver((entries) => {
        this.intersects = entries[entries.length - 1].isIntersecting;
        if (this.visible) onVisible();
      });
      this.observer.observe(element);
    }

    /* The observer reports a hidden element only later, after data may have arrived. */
    get visible() {
      return this.intersects && this.element.closest("[hidden], .folded, .aside") === null;
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
