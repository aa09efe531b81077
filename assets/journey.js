/* Where the page is in time: following the newest, or holding a stretch of the past; and the address that says so.
   Knows no chart. */
(function (app) {
  "use strict";

  app.Journey = class {
    /* `onChange()` whenever back or forward lead elsewhere. */
    constructor(onChange) {
      this.held = null; // [start, end] in epoch milliseconds; null while following
      window.addEventListener("popstate", () => onChange());
    }

    /* `{window (seconds or null), end (epoch milliseconds or null)}` as the address says it. */
    read() {
      const given = new URLSearchParams(window.location.search);
      const number = (name) => {
        const value = Number(given.get(name));
        return given.has(name) && Number.isFinite(value) && value > 0 ? value : null;
      };
      return { window: number("window"), end: number("end") };
    }

    /* Let the address say `seconds` up to the held end; a new entry to go back to where `fresh`. */
    write(seconds, fresh = false) {
      const url = new URL(window.location.href);
      const length = this.held ? (this.held[1] - this.held[0]) / 1000 : seconds;
      url.searchParams.set("window", String(Math.round(length * 1000) / 1000));
      if (this.held) url.searchParams.set("end", String(Math.round(this.held[1])));
      else url.searchParams.delete("end");
      if (url.href === window.location.href) return;
      window.history[fresh ? "pushState" : "replaceState"](null, "", url);
    }
  };

  /* The one of `stops` that `seconds` is closest to, by ratio. */
  app.nearest = function (stops, seconds) {
    const far = (stop) => Math.abs(Math.log(stop / seconds));
    return stops.reduce((best, stop) => (far(stop) < far(best) ? stop : best));
  };

  /* "21 Nov 14:02:05", in the viewer's own zone; the day only where it is not today's. */
  app.moment = function (milliseconds) {
    const time = new Date(milliseconds);
    const clock = time.toLocaleTimeString();
    if (time.toDateString() === new Date().toDateString()) return clock;
    return `${time.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" })} ${clock}`;
  };
})((window.dashapp = window.dashapp || {}));
