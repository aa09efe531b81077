/* Text for times and durations in the viewer's language and the page's time zone. Days have 24 hours in any language, as on the
   axes. */
(function (app) {
  "use strict";

  const SPACE = "\u202f";
  const MINUTE_S = 60;
  const HOUR_S = 3600;
  const DAY_S = 86400;
  const YEAR_S = 365 * DAY_S;
  const DURATION_UNITS = [
    [YEAR_S, (count, text) => app.translateCount("{count} years", "{count} year", count, text)],
    [DAY_S, (count, text) => app.translateCount("{count} days", "{count} day", count, text)],
    [HOUR_S, (count, text) => app.translateCount("{count} hours", "{count} hour", count, text)],
    [MINUTE_S, (count, text) => app.translateCount("{count} minutes", "{count} minute", count, text)],
    [1, (count, text) => app.translateCount("{count} seconds", "{count} second", count, text)],
  ];

  const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const CLOCK_WITH_SECONDS = { ...CLOCK, second: "2-digit" };
  const DAY = { weekday: "short", day: "numeric", month: "short" };
  const DAY_WITH_YEAR = { day: "numeric", month: "short", year: "numeric" };

  const formats = new Map();

  function format(milliseconds, options) {
    return app.formatInZone(formats, Number(milliseconds), options);
  }

  /* "12 s", "5 min", "3 h", "2 days". */
  app.formatDuration = function (seconds) {
    return shortDuration(seconds).replace(" ", SPACE);
  };

  function shortDuration(seconds) {
    if (seconds < 2 * MINUTE_S) return app.translate("{count} s", { count: app.formatCount(seconds) });
    if (seconds < 2 * HOUR_S) return app.translate("{count} min", { count: app.formatCount(seconds / MINUTE_S) });
    if (seconds < 2 * DAY_S) return app.translate("{count} h", { count: app.formatCount(seconds / HOUR_S) });
    return app.translate("{count} days", { count: app.formatCount(seconds / DAY_S) });
  }

  /* "in 5 days (3 to 9)", "in 30 hours", for `{at, earliest, latest}` in epoch milliseconds; `latest` is null after a year. */
  app.formatTimeLeft = function ({ at, earliest, latest }, now) {
    const isLong = at - now >= 2000 * DAY_S;
    const size = 1000 * (isLong ? DAY_S : HOUR_S);
    const count = Math.max(1, Math.round((at - now) / size));
    const low = Math.max(0, Math.round((earliest - now) / size));
    const text = isLong ? app.translateCount("in {count} days", "in {count} day", count) : app.translateCount("in {count} hours", "in {count} hour", count);
    const values = { time: text, low: app.formatCount(low) };
    if (latest === null) return app.translate("{time} ({low} to more than {high})", { ...values, high: app.formatCount((1000 * YEAR_S) / size) });
    const high = Math.max(count, Math.round((latest - now) / size));
    return low === count && high === count ? text : app.translate("{time} ({low} to {high})", { ...values, high: app.formatCount(high) });
  };

  /* "100 seconds", "5 minutes", "2 hours"; for other lengths two units: "1 hour 25 minutes". */
  app.formatDurationLong = function (seconds) {
    const part = (count, [, write]) => write(count, { count: app.formatLimit(count, "") });
    const second = DURATION_UNITS.at(-1);
    if (seconds < 1) return part(Math.round(seconds * 100) / 100, second);
    const index = DURATION_UNITS.findIndex(([size]) => seconds >= size);
    const [unit, smallUnit] = DURATION_UNITS.slice(index);
    const [[size], [smallSize] = []] = [unit, smallUnit];
    if (size > 1 && seconds % (size / 2) === 0) return part(seconds / size, unit);
    if (seconds < 2 * MINUTE_S) return part(seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds), second);
    const rounded = Math.round(seconds / smallSize) * smallSize;
    if (rounded !== seconds) return app.formatDurationLong(rounded);
    const rest = (seconds % size) / smallSize;
    return [part(Math.floor(seconds / size), unit), ...(rest ? [part(rest, smallUnit)] : [])].join(" ");
  };

  /* "14:02:05" */
  app.formatTimeOfDay = function (milliseconds, seconds = true) {
    return format(milliseconds, seconds ? CLOCK_WITH_SECONDS : CLOCK);
  };

  /* "21 Nov" */
  app.formatDayOfMonth = function (milliseconds) {
    return format(milliseconds, { day: "numeric", month: "short" });
  };

  /* "Nov 2026" */
  app.formatMonth = function (milliseconds) {
    return format(milliseconds, { month: "short", year: "numeric" });
  };

  /* "Sat 21 Nov"; with the year if it is another. */
  app.formatDay = function (milliseconds) {
    const isThisYear = app.wallTime(milliseconds).getUTCFullYear() === app.wallTime(Date.now()).getUTCFullYear();
    return format(milliseconds, isThisYear ? DAY : DAY_WITH_YEAR).replace(/,(?= \d)/, "");
  };

  /* "Sat 21 Nov 14:02:05" */
  app.formatDateTime = function (milliseconds, seconds = true) {
    return `${app.formatDay(milliseconds)} ${app.formatTimeOfDay(milliseconds, seconds)}`;
  };

  /* The same, without the day if it is today. */
  app.formatTime = function (milliseconds, seconds = true) {
    return app.isSameDay(milliseconds, Date.now()) ? app.formatTimeOfDay(milliseconds, seconds) : app.formatDateTime(milliseconds, seconds);
  };

  /* "Thu 26 Nov 20:00 – Fri 27 Nov 08:00"; the day only once if it is the same. */
  app.formatRange = function ([start, end]) {
    const seconds = end - start < 2 * HOUR_S * 1000 || [start, end].some((time) => time % (MINUTE_S * 1000));
    const to = app.isSameDay(start, end) ? app.formatTimeOfDay(end, seconds) : app.formatDateTime(end, seconds);
    return `${app.formatDateTime(start, seconds)} – ${to}`;
  };

  /* "2026-11-21-1402", for the name of a file. */
  app.formatForFile = function (milliseconds) {
    const [day, clock] = app.wallText(milliseconds).split("T");
    return `${day}-${clock.slice(0, 5).replace(":", "")}`;
  };
})((window.dashapp = window.dashapp || {}));
