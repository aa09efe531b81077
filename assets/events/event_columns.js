/* Columns of events: events that are too close to see apart are one mark with their number. */
(function (app) {
  "use strict";

  const MIN_COLUMN_PX = 7;
  const NEAR_PX = 7; // from a mark to the pointer

  /* The length of a column in milliseconds: a power of two, so that panels of similar widths share the columns. */
  app.eventColumnLength = function (msPerPixel) {
    return 2 ** Math.max(0, Math.ceil(Math.log2(MIN_COLUMN_PX * msPerPixel)));
  };

  /* `[{t, kind, events}]` of `events`, the oldest first. `t` is the time of a single event, or the middle of several; `kind`
     is the most important one. */
  app.groupEvents = function (events, length) {
    const columns = [];
    let current = null;
    for (const event of events) {
      const place = Math.floor(event.t / length);
      if (current?.place === place) current.events.push(event);
      else columns.push((current = { place, events: [event] }));
    }
    return columns.map(({ events: members }) => ({ t: (members[0].t + members.at(-1).t) / 2, kind: mainKind(members), events: members }));
  };

  /* The events of the column nearest to `time`; none if it is too far away. `stepMs`: distance of the points on screen. */
  app.eventsNear = function (log, time, range, width, stepMs) {
    const reach = Math.max((NEAR_PX * (range[1] - range[0])) / Math.max(1, width), stepMs / 2);
    const distance = ({ t }) => Math.abs(t - time);
    const near = log.columns(range, width).filter((column) => distance(column) <= reach);
    return near.length ? near.reduce((best, column) => (distance(column) < distance(best) ? column : best)).events : [];
  };

  function mainKind(events) {
    return app.EVENT_KINDS.find((kind) => events.some((event) => event.kind === kind)) ?? events[0].kind;
  }
})((window.dashapp = window.dashapp || {}));
