/* The page's keys: space or p pauses and resumes, arrows lead through time, l or escape back to what is live. */
(function (app) {
  "use strict";

  app.listenForKeys = function (page) {
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      // Space presses what has the focus; a letter only means something where one can write.
      const busy = event.key === " " ? "button, input, select, textarea, a" : "input, select, textarea";
      if (event.target.closest(busy)) return;
      const inSlider = event.target.closest("[role=slider]");
      if (event.key === " " || event.key === "p") page.toggle();
      else if (event.key === "ArrowLeft" && !inSlider) page.leap(-1);
      else if (event.key === "ArrowRight" && !inSlider) page.leap(1);
      else if (event.key === "Escape" || event.key === "l") page.resume();
      else return;
      event.preventDefault();
    });
  };

  /* Say to those who hear the page what the slider is. Dash mounts it later than it calls for its value. */
  app.nameSlider = function (seconds) {
    const thumb = document.querySelector("#window [role=slider]");
    const words = app.fullWords(seconds);
    if (!thumb || thumb.getAttribute("aria-valuetext") === words) return;
    thumb.setAttribute("aria-valuetext", words);
    thumb.setAttribute("aria-label", "Time on screen");
  };
})((window.dashapp = window.dashapp || {}));
