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
    if (days) return midnights(start, end, days).map((date) => ({ time: date.getTime(), text: app.formatDayOfMonth(date) }));
    const months = STEPS_MONTHS.find((size) => fits(size * DAYS_PER_MONTH * DAY_MS)) ?? STEPS_MONTHS.at(-1);
    return monthStarts(start, end, months).map((date) => ({ time: date.getTime(), text: app.formatMonth(date) }));
  };

  /* Milliseconds between UTC and the clock on the wall. */
  function offsetAt(time) {
    return -new Date(time).getTimezoneOffset() * MINUTE_MS;
  }

  /* The times at which the clock on the wall shows a multiple of `step`, also twice in an hour that repeats. */
  function clockTimes(start, end, step) {
    const times = [];
    let time = start;
    while (time <= end) {
      const offset = offsetAt(time);
      const next = Math.ceil((time + offset) / step) * step - offset;
      if (offsetAt(next) === offset) {
        if (next <= end) times.push(next);
        time = next + 1;
      } else time = firstWithOtherOffset(time, next, offset);
    }
    return times;
  }

  function firstWithOtherOffset(before, after, offset) {
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (offsetAt(middle) === offset) before = middle;
      else after = middle;
    }
    return after;
  }

  function midnights(start, end, step) {
    const dates = [];
    for (let date = startOfDay(new Date(start)); date.getTime() <= end; date = startOfDay(date, 1)) {
      const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS;
      if (date.getTime() >= start && (day - EPOCH_MONDAY) % step === 0) dates.push(date);
    }
    return dates;
  }

  function startOfDay(date, later = 0) {
    return new Date(date.getFullYear(), date.getMonth(), date.getDate() + later);
  }

  function monthStarts(start, end, step) {
    const dates = [];
    const first = new Date(start);
    for (let date = new Date(first.getFullYear(), first.getMonth(), 1); date.getTime() <= end; date = new Date(date.getFullYear(), date.getMonth() + 1, 1)) {
      const month = 12 * date.getFullYear() + date.getMonth();
      if (date.getTime() >= start && month % step === 0) dates.push(date);
    }
    return dates;
  }
})((window.dashapp = window.dashapp || {}));
