/* Whether an element is on screen: scrolled to, and not hidden. Knows nothing of what it shows. */
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
})((window.dashapp = window.dashapp || {}));
