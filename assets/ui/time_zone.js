/* The time zone in which the page shows all times: the browser's, or another. Calculates with the clock on the
   wall there. */
(function (app) {
  "use strict";

  const MINUTE_MS = 60_000;
  const DAY_MS = 86_400_000;
  const OFFSET = /^([+-])(\d\d):?(\d\d)$/; // "+05:30"
  const PARTS = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };

  let zone = { name: null, offsetMs: null };
  let wallFormat = null; // of a named zone

  /* Show times in the zone `name`: of the IANA ("Europe/Berlin"), an offset ("+05:30"), or null for the browser's.
     Return false, and change nothing, if the browser does not know it. */
  app.setTimeZone = function (name) {
    const offset = OFFSET.exec(name ?? "");
    if (offset) {
      const [sign, hours, minutes] = [offset[1] === "-" ? -1 : 1, Number(offset[2]), Number(offset[3])];
      zone = { name, offsetMs: sign * (60 * hours + minutes) * MINUTE_MS };
      wallFormat = null;
      return true;
    }
    try {
      const format = name === null ? null : new Intl.DateTimeFormat("en-US", { ...PARTS, era: "narrow", hourCycle: "h23", timeZone: name });
      zone = { name, offsetMs: name === "UTC" ? 0 : null };
      wallFormat = format;
      return true;
    } catch (error) {
      return false; // an unknown name
    }
  };

  /* The name of the zone; null for the browser's. */
  app.timeZoneName = function () {
    return zone.name;
  };

  /* Format with `options` of Intl.DateTimeFormat, in the zone of the page. `formats`: a cache. */
  app.formatInZone = function (formats, milliseconds, options) {
    // Some browsers do not know offsets as zones.
    const timeZone = zone.offsetMs === null ? zone.name ?? undefined : "UTC";
    const key = `${timeZone} ${JSON.stringify(options)}`;
    if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(app.locale, { ...options, timeZone }));
    return formats.get(key).format(milliseconds + (zone.offsetMs ?? 0));
  };

  /* Milliseconds from UTC to the clock on the wall at `time`. */
  app.zoneOffset = function (time) {
    if (zone.offsetMs !== null) return zone.offsetMs;
    if (zone.name === null) return -new Date(time).getTimezoneOffset() * MINUTE_MS;
    const parts = Object.fromEntries(wallFormat.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const seconds = Math.floor(time / 1000) * 1000;
    return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - seconds;
  };

  /* A Date whose UTC fields are those of the clock on the wall at `time`. */
  app.wallTime = function (time) {
    return new Date(Number(time) + app.zoneOffset(Number(time)));
  };

  /* The time at which the clock on the wall shows this; the first if it does so twice. An hour that does not exist
     counts from the offset before it, as in Date. `month` counts from 0; values may overflow. */
  app.fromWallTime = function (year, month, day, hour = 0, minute = 0, second = 0) {
    const wall = Date.UTC(year, month, day, hour, minute, second);
    const offsets = [wall - DAY_MS, wall + DAY_MS].map(app.zoneOffset);
    const times = offsets.map((offset) => wall - offset);
    const exact = times.filter((time, index) => app.zoneOffset(time) === offsets[index]);
    return exact.length ? Math.min(...exact) : times[0];
  };

  /* Midnight of the day of `time`, or of a day `later`. */
  app.startOfDay = function (time, later = 0) {
    const wall = app.wallTime(time);
    return app.fromWallTime(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate() + later);
  };

  app.isSameDay = function (one, other) {
    const [day, otherDay] = [one, other].map((time) => Math.floor(app.wallTime(time).getTime() / DAY_MS));
    return day === otherDay;
  };

  /* "2026-11-21T14:02:05" on the clock on the wall: the value of an input, or part of a name. */
  app.wallText = function (time) {
    return app.wallTime(time).toISOString().slice(0, 19);
  };

  /* The time of such a text; NaN if it is none. */
  app.parseWallText = function (text) {
    const fields = /^(\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?/.exec(text);
    if (!fields) return NaN;
    const [year, month, day, hour, minute, second = 0] = fields.slice(1).map((field) => Number(field ?? 0));
    return app.fromWallTime(year, month - 1, day, hour, minute, second);
  };
})((window.dashapp = window.dashapp || {}));
