/* Events as thin vertical lines with a mark at the top, painted on the canvas of a chart. Colour and shape show the kind. */
(function (app) {
  "use strict";

  const COLOURS = {
    light: { user: "#0a4a96", alert: "#b3261e", other: "#55616d", ground: "#ffffff" },
    dark: { user: "#9ccbff", alert: "#ff7b72", other: "#97a4b1", ground: "#12181f" },
  };
  const LINE_OPACITY = 0.8;
  const HALO_OPACITY = 0.5;
  const MARK_PX = 8;
  const TICK_PX = 10; // height of a line that stands for many
  const MIN_LINE_DISTANCE_PX = 36; // on average; closer lines would be a wall
  const MIN_LABELLED_PX = 420; // width of a plot with texts
  const MAX_LABEL_LENGTH = 28;
  const LABEL_FONT = "12px Inter, system-ui, sans-serif";
  const LABEL_GAP_PX = 8;

  /* Shapes of the kinds, in a square of `size`, to the right of (x, y) or around it. */
  const SHAPES = {
    user: (context, x, y, size) => polygon(context, [x, y], [x + size, y + size / 2], [x, y + size]), // a flag
    alert: (context, x, y, size) => polygon(context, [x, y + size], [x - size / 2, y], [x + size / 2, y]),
    gap: (context, x, y, size) => polygon(context, [x, y], [x + size / 2, y + size / 2], [x, y + size], [x - size / 2, y + size / 2]),
    boot: (context, x, y, size) => polygon(context, [x - size / 2, y], [x + size / 2, y], [x + size / 2, y + size], [x - size / 2, y + size]),
    start: (context, x, y, size) => {
      context.beginPath();
      context.arc(x, y + size / 2, size / 2, 0, 2 * Math.PI);
      context.fill();
    },
  };

  app.eventColour = function (kind, isDark) {
    const colours = COLOURS[isDark ? "dark" : "light"];
    return colours[kind] ?? colours.other;
  };

  /* Paint the mark of a kind in a square of `size` pixels. */
  app.paintEventShape = function (context, kind, x, y, size = MARK_PX) {
    (SHAPES[kind] ?? SHAPES.start)(context, x, y, size);
  };

  /* The columns of events in the plot of `chart`, and their number as an attribute of its section. */
  app.visibleEvents = function (chart, range, width) {
    const columns = chart.queue.liveView.events.columns(range, width);
    const count = columns.reduce((sum, { events }) => sum + events.length, 0);
    const { dataset } = chart.section;
    if (count && dataset.events !== String(count)) dataset.events = String(count);
    else if (!count && dataset.events !== undefined) delete dataset.events;
    return columns;
  };

  /* Paint `columns` over a plot of `w` x `h` pixels at the origin of `context`. `isDark`: whether the theme is dark. */
  app.paintEvents = function (context, { w, h }, range, columns, isDark) {
    if (!columns.length) return;
    const toX = (time) => ((time - range[0]) / (range[1] - range[0])) * w;
    const isDense = columns.length > Math.max(3, w / MIN_LINE_DISTANCE_PX);
    context.save();
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    let takenUntil = 0; // by marks and texts
    columns.forEach(({ t, kind, events }, index) => {
      const x = Math.round(toX(t)) + 0.5;
      context.fillStyle = context.strokeStyle = app.eventColour(kind, isDark);
      context.globalAlpha = LINE_OPACITY;
      if (isDense) context.fillRect(x - 0.5, 0, 1, TICK_PX);
      else paintLine(context, x, h, isDark);
      context.globalAlpha = 1;
      if (!isDense) app.paintEventShape(context, kind, x, 0);
      const next = columns[index + 1];
      const hasLabel = w >= MIN_LABELLED_PX && !isDense && (kind === "user" || events.length > 1);
      const end = hasLabel ? paintLabel(context, events, x, [takenUntil, next ? toX(next.t) - MARK_PX : w], isDark) : x;
      takenUntil = Math.max(end, x + MARK_PX);
    });
    context.restore();
  };

  /* A dashed line, over a pale one: areas and heat maps have similar colours. */
  function paintLine(context, x, h, isDark) {
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, h);
    context.save();
    Object.assign(context, { strokeStyle: COLOURS[isDark ? "dark" : "light"].ground, lineWidth: 3, globalAlpha: HALO_OPACITY });
    context.setLineDash([]);
    context.stroke();
    context.restore();
    context.stroke();
  }

  /* The text of a person's mark, or the number of events, right or left of the line at `x` if it fits into `room`. Return
     its right end. */
  function paintLabel(context, events, x, room, isDark) {
    context.font = LABEL_FONT;
    const text = events.length > 1 ? app.countEvents(events.length) : app.isolateText(app.shortenText(events[0].text, MAX_LABEL_LENGTH));
    const { width } = context.measureText(text);
    const places = [x + MARK_PX + 4, x - MARK_PX - width];
    const left = places.find((place) => place > room[0] + LABEL_GAP_PX && place + width + LABEL_GAP_PX < room[1]);
    if (left === undefined) return x;
    context.setLineDash([]);
    context.textBaseline = "top";
    // The lines of the chart can be behind the text.
    Object.assign(context, { strokeStyle: COLOURS[isDark ? "dark" : "light"].ground, lineWidth: 3, lineJoin: "round" });
    context.strokeText(text, left, 0);
    context.fillText(text, left, 0);
    context.setLineDash([3, 3]);
    context.lineWidth = 1;
    return left + width;
  }

  /* Small ticks at the bottom of a strip without marks. */
  app.paintEventTicks = function (context, { w, h }, range, columns, place) {
    const isDark = columns.length > 0 && app.isDark(place);
    for (const { t, kind } of columns) {
      context.fillStyle = app.eventColour(kind, isDark);
      context.fillRect(Math.round(((t - range[0]) / (range[1] - range[0])) * w) - 1, h - 5, 2, 5);
    }
  };

  function polygon(context, [x, y], ...others) {
    context.beginPath();
    context.moveTo(x, y);
    for (const [otherX, otherY] of others) context.lineTo(otherX, otherY);
    context.closePath();
    context.fill();
  }
})((window.dashapp = window.dashapp || {}));
