/* Shows the content once the first charts have their places: cards that move under the eyes of a reader disturb. */
(function (app) {
  "use strict";

  const MAX_WAIT_MS = 1500; // then it appears as it is
  const QUIET_FRAMES = 3; // without a change of the layout

  /* Places and sizes of what is on the first screen, as text; "" while one of its charts has no points. */
  function firstScreen() {
    const boxes = [];
    for (const element of document.querySelectorAll("main .panel, main .tile")) {
      const box = element.getBoundingClientRect();
      if (!box.height || box.top > window.innerHeight) continue;
      if (element.classList.contains("loading")) return "";
      boxes.push(Math.round(box.top), Math.round(box.left), Math.round(box.height));
    }
    return boxes.join();
  }

  app.showWhenDrawn = function () {
    const page = document.getElementById("page");
    let previous = "";
    let quiet = 0;
    const end = performance.now() + MAX_WAIT_MS;
    function look() {
      const found = firstScreen();
      quiet = found && found === previous ? quiet + 1 : 0;
      previous = found;
      if (quiet < QUIET_FRAMES && performance.now() < end) requestAnimationFrame(look);
      else page.classList.remove("starting");
    }
    look();
  };
})((window.dashapp = window.dashapp || {}));
