/* Times in words, in the viewer's own zone. */
(function (app) {
  "use strict";

  const HOUR = 3_600_000;

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

  /* The other way round, of Plotly's words: "2026-11-21 14:02", at midnight "2026-11-21". Of an hour that clocks tell
     twice, the one within `range`; where both are, the one nearer to that `side` of it. */
  app.localTime = function (text, range, side) {
    const [day, clock = "00:00"] = text.split(/[ T]/); // a day alone would be UTC's
    const time = new Date(`${day}T${clock}`).getTime();
    const again = time + HOUR;
    if (!range || new Date(again).getHours() !== new Date(time).getHours()) return time;
    const outside = (each) => Math.max(range[0] - each, each - range[1], 0);
    return outside(again) - outside(time) < side ? again : time;
  };
})((window.dashapp = window.dashapp || {}));
