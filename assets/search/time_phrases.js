/* Times in words: "yesterday 14:00", "last night", "3h ago", "26 Nov", in the time zone of the page. */
(function (app) {
  "use strict";

  const MINUTE_MS = 60_000;
  const HOUR_MS = 60 * MINUTE_MS;
  const UNITS_MS = { s: 1000, m: MINUTE_MS, h: HOUR_MS, d: 24 * HOUR_MS, w: 7 * 24 * HOUR_MS };
  const UNIT = "(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)";
  const COUNT = "(\\d+(?:\\.\\d+)?|an?|half an?)";
  const MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
  const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
  // Hours from the start of the day.
  const PARTS_OF_DAY = { morning: [6, 12], afternoon: [12, 18], evening: [18, 24], night: [20, 32] };
  const NAMED_CLOCKS = new Map([["noon", [12, 0, 0]], ["midnight", [0, 0, 0]]]);
  const NAMED_DAYS = new Map([["tomorrow", 1], ["today", 0], ["yesterday", -1], ["the day before yesterday", -2]]);
  const MAX_AGE_MS = 100 * 366 * 24 * HOUR_MS;

  /* `[[text, [start, end]]]`: often used ranges before `now`. */
  app.timePresets = function (now) {
    const today = app.startOfDay(now);
    return [
      [app.translate("An hour ago"), [now - HOUR_MS - 15 * MINUTE_MS, now - HOUR_MS + 15 * MINUTE_MS]],
      [app.translate("Earlier today"), [today, now]],
      [app.translate("Last night"), lastNight(now)],
      [app.translate("Yesterday"), [app.startOfDay(now, -1), today]],
      [app.translate("A week ago"), [app.startOfDay(now, -7), app.startOfDay(now, -6)]],
    ];
  };

  /* The meaning of `text` at `now`: `{time}` (epoch milliseconds), `{range}`, `{seconds}` up to now, or `{error}` for a time
     in the future. Null if it is no time. */
  app.parseTimePhrase = function (text, now) {
    const phrase = text.trim().toLowerCase().replace(/\s+/g, " ").replace(/^(?:go to|at|on|since) /, "");
    const parsed = parseSpan(phrase) ?? parseAgo(phrase, now) ?? parseNamed(phrase, now) ?? parseBetween(phrase, now) ?? parseMoment(phrase, now);
    if (!parsed) return null;
    const start = parsed.time ?? parsed.range?.[0];
    if (start > now) return { error: app.translate("This time is in the future.") };
    if (parsed.range) return parsed.range[0] < parsed.range[1] ? { range: [parsed.range[0], Math.min(parsed.range[1], now)] } : null;
    return start < now - MAX_AGE_MS ? null : parsed;
  };

  function lastNight(now) {
    return [atHour(now, -4), Math.min(atHour(now, 8), now)];
  }

  function durationOf(count, unit) {
    const number = /^\d/.test(count) ? Number(count) : count.startsWith("half") ? 0.5 : 1;
    return number * UNITS_MS[unit[0]];
  }

  /* "last 3 hours", "15 min" */
  function parseSpan(phrase) {
    const match = new RegExp(`^(?:(?:the )?(?:last|past) (?:${COUNT} ?)?|(\\d+(?:\\.\\d+)?) ?)${UNIT}$`).exec(phrase);
    // "last week" and "last day" are days of the calendar.
    if (!match || (!match[1] && !match[2] && /^[dw]/.test(match[3]))) return null;
    return { seconds: durationOf(match[1] ?? match[2] ?? "1", match[3]) / 1000 };
  }

  /* "3h ago", "1 h 30 min ago", "-3h" */
  function parseAgo(phrase, now) {
    const match = /^(?:-(.+)|(.+) ago)$/.exec(phrase);
    if (!match) return null;
    const pieces = [...(match[1] ?? match[2]).matchAll(new RegExp(`${COUNT} ?${UNIT}(?![a-z])`, "g"))];
    const rest = (match[1] ?? match[2]).replace(new RegExp(`${COUNT} ?${UNIT}(?![a-z])`, "g"), "").replace(/[\s,]|and/g, "");
    if (!pieces.length || rest) return null;
    return { time: now - pieces.reduce((sum, [, count, unit]) => sum + durationOf(count, unit), 0) };
  }

  function parseNamed(phrase, now) {
    if (phrase === "last night") return { range: lastNight(now) };
    if (phrase === "last week") return { range: [app.startOfDay(now, -7), app.startOfDay(now)] };
    if (phrase === "tonight") return { range: [atHour(now, 18), atHour(now, 24)] };
    const match = /^(?:(this) |(.+) )(morning|afternoon|evening|night)$/.exec(phrase);
    const day = match && (match[1] ? app.startOfDay(now) : parseDay(match[2], now));
    if (!day) return null;
    const [from, to] = PARTS_OF_DAY[match[3]];
    return { range: [atHour(day, from), atHour(day, to)] };
  }

  /* "14:00 - 15:00", "yesterday 22:00 to 23:00" */
  function parseBetween(phrase, now) {
    const match = /^(?:from )?(.+?)(?: ?[–—] ?| - | to | until )(.+)$/.exec(phrase) ?? /^(.*\d:\d\d)-(\d.*)$/.exec(phrase);
    const from = match && parseMoment(match[1], now);
    if (!from) return null;
    const start = from.time ?? from.range[0];
    const clock = parseClock(match[2]);
    if (clock) {
      const end = atClock(start, clock);
      return { range: [start, end > start ? end : atClock(app.startOfDay(start, 1), clock)] };
    }
    const to = match[2] === "now" ? { time: now } : parseMoment(match[2], now);
    return to && { range: [start, to.time ?? to.range[1]] };
  }

  /* A day, a clock, or both: "14:00", "yesterday", "26 Nov 14:00". */
  function parseMoment(phrase, now) {
    const clock = parseClock(phrase);
    if (clock) {
      const today = atClock(now, clock);
      return { time: today > now ? atClock(app.startOfDay(now, -1), clock) : today };
    }
    const iso = /^(\d{4}-\d\d-\d\d)t(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(z|[+-]\d\d:?\d\d)?$/.exec(phrase.replace(/^(\d{4}-\d\d-\d\d) (?=\d\d:.*(?:z|[+-]\d\d:?\d\d)$)/, "$1t"));
    if (iso?.[3]) return validTime(Date.parse(phrase.replace(" ", "T").toUpperCase()));
    const day = parseDay(phrase, now);
    if (day !== null) return { range: [day, app.startOfDay(day, 1)] };
    const pieces = /^(.+?)(?:,? at |,? |t)(\d\S*(?: ?[ap]m)?|noon|midnight)$/.exec(phrase);
    const [dayOfPair, clockOfPair] = pieces ? [parseDay(pieces[1], now), parseClock(pieces[2])] : [null, null];
    return dayOfPair === null || !clockOfPair ? null : { time: atClock(dayOfPair, clockOfPair) };
  }

  function validTime(time) {
    return Number.isFinite(time) ? { time } : null;
  }

  /* `[hour, minute, second]` */
  function parseClock(text) {
    if (NAMED_CLOCKS.has(text)) return NAMED_CLOCKS.get(text);
    const match = /^(\d\d?)(?:[:.](\d\d)(?::(\d\d))?)?(?: ?([ap])m)?$/.exec(text);
    if (!match || (match[2] === undefined && !match[4])) return null;
    const [minute, second] = [Number(match[2] ?? 0), Number(match[3] ?? 0)];
    let hour = Number(match[1]);
    if (match[4] && (hour < 1 || hour > 12)) return null;
    if (match[4]) hour = (hour % 12) + (match[4] === "p" ? 12 : 0);
    return hour < 24 && minute < 60 && second < 60 ? [hour, minute, second] : null;
  }

  function atClock(time, [hour, minute, second]) {
    const wall = app.wallTime(time);
    return app.fromWallTime(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate(), hour, minute, second);
  }

  /* The time at which the clock shows `hour` on the day of `time`; more than 24 is on the day after. */
  function atHour(time, hour) {
    return atClock(time, [hour, 0, 0]);
  }

  /* Midnight of a day: "today", "yesterday", "monday", "2026-11-26", "26 Nov", "Nov 26 2025", "26.11."; else null. */
  function parseDay(text, now) {
    if (NAMED_DAYS.has(text)) return app.startOfDay(now, NAMED_DAYS.get(text));
    const weekday = /^(?:last )?([a-z]{3,9})$/.exec(text)?.[1];
    const index = weekday ? indexOfName(WEEKDAYS, weekday) : -1;
    if (index >= 0) return app.startOfDay(now, -((app.wallTime(now).getUTCDay() - index + 7) % 7 || 7));
    const iso = /^(\d{4})-(\d\d?)-(\d\d?)$/.exec(text);
    if (iso) return dayOf(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]));
    const dotted = /^(\d\d?)\.(\d\d?)\.(\d{4})?$/.exec(text);
    if (dotted) return dayOf(dotted[3], Number(dotted[2]) - 1, Number(dotted[1]), now);
    const named = /^(\d\d?)(?:st|nd|rd|th)? ([a-z]{3,9})\.?,?(?: (\d{4}))?$/.exec(text);
    if (named) return dayOf(named[3], indexOfName(MONTHS, named[2]), Number(named[1]), now);
    const american = /^([a-z]{3,9})\.? (\d\d?)(?:st|nd|rd|th)?,?(?: (\d{4}))?$/.exec(text);
    return american ? dayOf(american[3], indexOfName(MONTHS, american[1]), Number(american[2]), now) : null;
  }

  /* Of a name or at least three of its letters; -1 if there is none. */
  function indexOfName(names, text) {
    return text.length < 3 ? -1 : names.findIndex((name) => name.startsWith(text));
  }

  /* Without a year, the newest such day that is not after `now`. */
  function dayOf(year, month, day, now) {
    const lastYear = app.wallTime(now ?? 0).getUTCFullYear();
    const years = year ? [Number(year)] : [lastYear, lastYear - 1, lastYear - 2, lastYear - 3, lastYear - 4];
    for (const candidate of years) {
      const wall = new Date(Date.UTC(candidate, month, day));
      if (month < 0 || wall.getUTCMonth() !== month || wall.getUTCDate() !== day) continue;
      const time = app.fromWallTime(candidate, month, day);
      if (year || time <= now) return time;
    }
    return null;
  }
})((window.dashapp = window.dashapp || {}));
