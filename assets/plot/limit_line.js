/* The part of a line beyond its limit, in red, while the alert fired. */
(function (app) {
  "use strict";

  const WIDTH = 2.5;
  app.ALERT_COLOUR = "#d5433a";

  /* Paint the points in [from, to] beyond `limit`. `scales`: see app.plotScales. */
  app.paintBeyondLimit = function (context, { w, h }, { times, values }, { limit, isBelow, from, to }, { x, y }) {
    const isBeyond = (value) => (isBelow ? value <= limit : value >= limit);
    context.save();
    context.beginPath();
    context.rect(0, 0, w, h);
    context.clip();
    context.strokeStyle = context.fillStyle = app.ALERT_COLOUR;
    context.lineWidth = WIDTH;
    context.lineJoin = "round";
    context.beginPath();
    for (let index = 0; index < times.length; index += 1) {
      const [time, value] = [times[index], values[index]];
      if (value === null || time < from || time > to) continue;
      const before = index > 0 && times[index - 1] >= from ? values[index - 1] : null;
      if (before !== null && (isBeyond(before) || isBeyond(value))) {
        // The line crosses its limit here.
        const share = isBeyond(before) === isBeyond(value) ? null : (limit - before) / (value - before);
        const crossing = share === null ? null : [x(times[index - 1] + share * (time - times[index - 1])), y(limit)];
        context.moveTo(...(isBeyond(before) ? [x(times[index - 1]), y(before)] : crossing));
        context.lineTo(...(isBeyond(value) ? [x(time), y(value)] : crossing));
      } else if (isBeyond(value) && (values[index + 1] ?? null) === null) {
        context.fillRect(x(time) - WIDTH / 2, y(value) - WIDTH / 2, WIDTH, WIDTH); // a single point
      }
    }
    context.stroke();
    context.restore();
  };
})((window.dashapp = window.dashapp || {}));
