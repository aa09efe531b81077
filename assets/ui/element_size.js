/* The size of an element, known without asking for a layout in the middle of a change. */
(function (app) {
  "use strict";

  app.ElementSize = class {
    /* `onChange()` is called after each change, and once the size is known. */
    constructor(element, onChange) {
      this.width = 0; // CSS pixels, padding included
      this.height = 0;
      new ResizeObserver(() => {
        Object.assign(this, { width: element.clientWidth, height: element.clientHeight });
        onChange();
      }).observe(element);
    }
  };
})((window.dashapp = window.dashapp || {}));
