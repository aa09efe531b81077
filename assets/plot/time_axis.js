/* Labels of time axes. The axes are linear in epoch milliseconds, so that each point is right of the one before.
   Plotly's own time axes use the clock on the wall, which runs through one hour twice when summer time ends. */
(function (app) {
  "use strict";

  const SECOND_MS = 1000;
  const MINUTE_MS = 60 * SECOND_MS;
  const HOUR_MS = 60 * MINUTE_MS;
  const DAY_MS = 24 * HOUR_MS;
  const STEPS_MS = [
    ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND_MS),
    ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE_MS),
    ...[1, 2, 3, 6, 12].map((count) => count * HOUR_MS),
  ];
  const STEPS_DAYS = [1, 2, 7, 14];
  const STEPS_MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];
  const DAYS_PER_MONTH = 30.44;
  const EPOCH_MONDAY = 4; // days after 1 January 1970

  /* Set the labels of `xaxis` for `range`, at most `count`. */
  app.labelTimes = function (xaxis, range, count) {
    const ticks = app.timeTicks(range, count);
    xaxis.tickvals = ticks.map(({ time }) => time);
    xaxis.ticktext = ticks.map(({ text }) => text);
  };

  /* `[{time, text}]`: round local times in `range`, at most `count` if no clock changes. */
  app.timeTicks = function ([start, end], count) {
    const length = Math.max(1, end - start);
    const fits = (step) => length / step <= count;
    const step = STEPS_MS.find(fits);
    if (step) return clockTimes(start, end, step).map((time) => ({ time, text: app.formatTimeOfDay(time, step < MINUTE_MS) }));
    const days = STEPS_DAYS.find((size) => fits(size * DAY_MS));
    if (days) return midnights(start, end, days).map((time) => ({ time, text: app.formatDayOfMonth(time) }));
    const months = STEPS_MONTHS.find((size) => fits(size * DAYS_PER_MONTH * DAY_MS)) ?? STEPS_MONTHS.at(-1);
    return monthStarts(start, end, months).map((time) => ({ time, text: app.formatMonth(time) }));
  };

  /* The times at which the clock on the wall shows a multiple of `step`, also twice in an hour that repeats. */
  function clockTimes(start, end, step) {
    const times = [];
    let time = start;
    while (time <= end) {
      const offset = app.zoneOffset(time);
      const next = Math.ceil((time + offset) / step) * step - offset;
      if (app.zoneOffset(next) === offset) {
        if (next <= end) times.push(next);
        time = next + 1;
      } else time = firstWithOtherOffset(time, next, offset);
    }
    return times;
  }

  function firstWithOtherOffset(before, after, offset) {
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (app.zoneOffset(middle) === offset) before = middle;
      else after = middle;
    }
    return after;
  }

  function midnights(start, end, step) {
    const times = [];
    for (let time = app.startOfDay(start); time <= end; time = app.startOfDay(time, 1)) {
      const day = Math.floor((time + app.zoneOffset(time)) / DAY_MS);
      if (time >= start && (day - EPOCH_MONDAY) % step === 0) times.push(time);
    }
    return times;
  }

  function monthStarts(start, end, step) {
    const times = [];
    const first = app.wallTime(start);
    for (let month = 12 * first.getUTCFullYear() + first.getUTCMonth(); ; month += 1) {
      const time = app.fromWallTime(Math.floor(month / 12), month % 12, 1);
      if (time > end) return times;
      if (time >= start && month % step === 0) times.push(time);
    }
  }
})((window.dashapp = window.dashapp || {}));
