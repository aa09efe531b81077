/* Times in words, in the viewer's own zone. */
(function (app) {
  "use strict";

  /* "21 Nov 2026 14:02:05"; the day only where it is not today's. */
  app.moment = function (milliseconds) {
    const time = new Date(milliseconds);
    if (time.toDateString() === new Date().toDateString()) return time.toLocaleTimeString();
    return app.fullMoment(milliseconds);
  };

  app.fullMoment = function (milliseconds) {
    const time = new Date(milliseconds);
    const day = time.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
    return `${day} ${time.toLocaleTimeString()}`;
  };
})((window.dashapp = window.dashapp || {}));
