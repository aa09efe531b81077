/* Times in words, in the viewer's own zone. */
(function (app) {
  "use strict";

  /* "14:02:05", as the charts' axes have it, whatever the viewer's language does. */
  app.timeOfDay = function (time, parts = {}) {
    return time.toLocaleTimeString([], { hourCycle: "h23", ...parts });
  };

  /* "21 Nov 2026 14:02:05"; the day only where it is not today's. */
  app.moment = function (milliseconds) {
    const time = new Date(milliseconds);
    if (time.toDateString() === new Date().toDateString()) return app.timeOfDay(time);
    return app.fullMoment(milliseconds);
  };

  app.fullMoment = function (milliseconds) {
    const time = new Date(milliseconds);
    const day = time.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
    return `${day} ${app.timeOfDay(time)}`;
  };
})((window.dashapp = window.dashapp || {}));
