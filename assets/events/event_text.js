/* Events as text: at the crosshair, in tooltips and in lists. */
(function (app) {
  "use strict";

  const MAX_ROWS = 4; // in a tooltip
  const ICON_PX = 12;
  app.EVENT_KIND_NAMES = { alert: app.translate("Alert"), user: app.translate("Mark"), gap: app.translate("Gap"), boot: app.translate("Machine start"), start: app.translate("Collector start") };

  app.countEvents = function (count) {
    return app.translateCount("{count} events", "{count} event", count);
  };

  /* "deploy 1.4, 14:02:05", or "12 events, 14:02:05 – 14:03:10". */
  app.describeEvents = function (events) {
    const [first, last] = [events[0], events.at(-1)];
    if (events.length === 1) return `${app.isolateText(first.text)}, ${app.formatTime(first.t)}`;
    return `${app.countEvents(events.length)}, ${app.formatTime(first.t)} – ${app.isSameDay(first.t, last.t) ? app.formatTimeOfDay(last.t) : app.formatTime(last.t)}`;
  };

  /* The events at the crosshair of `chart`, which is at `time`. */
  app.eventsAtCrosshair = function (chart, time) {
    const { liveView } = chart.queue;
    return app.eventsNear(liveView.events, time, chart.range(), chart.plotSize.w, liveView.shownSeries.step);
  };

  /* Their text in a chart that has no tooltip: after a key, or a jump to an event. "" while the mouse reads a chart. */
  app.crosshairText = function (chart, time) {
    if (chart.queue.charts.some(({ hovered }) => hovered)) return "";
    const events = app.eventsAtCrosshair(chart, time);
    return events.length ? app.describeEvents(events) : "";
  };

  /* Fill `element` with a row for each event; nothing changes if it has these already. */
  app.showEventRows = function (element, events) {
    // The time zone and the theme can change under a resting mouse.
    const texts = events.map(({ t, kind, text }) => `${app.formatTimeOfDay(t)} ${kind} ${text}`);
    const key = texts.length ? [app.isDark(element), ...texts].join("\n") : "";
    if (element.dataset.shown === key) return;
    element.dataset.shown = key;
    const hiddenCount = events.length > MAX_ROWS ? events.length - MAX_ROWS + 1 : 0;
    const rows = events.slice(0, events.length - hiddenCount).map((event) =>
      app.createElement("div", {}, app.createEventIcon(event.kind, element), app.createElement("bdi", {}, event.text), app.createElement("span", {}, app.formatTimeOfDay(event.t)))
    );
    if (hiddenCount) rows.push(app.createElement("div", {}, app.createElement("i", {}), app.createElement("bdi", {}, app.translate("and {events} more", { events: app.countEvents(hiddenCount) }))));
    element.replaceChildren(...rows);
  };

  /* The mark of a kind as an icon; `place`: an element with the theme. */
  app.createEventIcon = function (kind, place) {
    const scale = window.devicePixelRatio || 1;
    const icon = app.createElement("canvas", { className: "event-icon", width: ICON_PX * scale, height: ICON_PX * scale, "aria-hidden": "true" });
    const context = icon.getContext("2d");
    context.scale(scale, scale);
    context.fillStyle = app.eventColour(kind, app.isDark(place));
    app.paintEventShape(context, kind, kind === "user" ? 2 : ICON_PX / 2, 2);
    return icon;
  };
})((window.dashapp = window.dashapp || {}));
