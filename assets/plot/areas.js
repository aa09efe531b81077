/* Areas below lines and stacks of areas. A gap in the points is a gap in the area. */
(function (app) {
  "use strict";

  const OPACITIES = (app.AREA_OPACITIES = { line: 0.1, area: 0.18, stacked: 0.72, mountain: 0.45 });
  const FADED = 0.35; // share of the opacity, while another line is highlighted

  /* Paint `areas` (`[{times, bottom, top, colour, shade, kind, key}]`, `bottom` null for the axis) in a plot. `scalesOf(area)`: see
     app.plotScales. */
  app.paintAreas = function (context, { w, h }, areas, scalesOf, highlightedKey = null) {
    context.save();
    context.beginPath();
    context.rect(0, 0, w, h);
    context.clip();
    for (const area of areas) {
      const opacity = OPACITIES[area.kind] * (area.shade ?? 1) * (highlightedKey === null || highlightedKey === area.key ? 1 : FADED);
      context.fillStyle = area.kind === "mountain" ? fadeOut(context, h, area.colour, opacity) : app.withOpacity(area.colour, opacity);
      context.fill(areaPath(area, scalesOf(area), h));
    }
    context.restore();
  };

  /* A closed path for each stretch of points without a gap. */
  function areaPath({ times, top, bottom }, { x, y }, h) {
    const path = new Path2D();
    const zero = Math.min(Math.max(y(0), 0), h);
    const floor = Number.isFinite(zero) ? zero : h;
    let start = 0;
    while (start < times.length) {
      while (start < times.length && top[start] === null) start += 1;
      let end = start;
      while (end < times.length && top[end] !== null) end += 1;
      if (end - start > 1) {
        for (let index = start; index < end; index += 1) path[index === start ? "moveTo" : "lineTo"](x(times[index]), y(top[index]));
        for (let index = end - 1; index >= start; index -= 1) path.lineTo(x(times[index]), bottom ? y(bottom[index]) : floor);
        path.closePath();
      }
      start = end;
    }
    return path;
  }

  function fadeOut(context, height, colour, opacity) {
    const gradient = context.createLinearGradient(0, 0, 0, height);
    gradient.addColorStop(0, app.withOpacity(colour, opacity));
    gradient.addColorStop(1, app.withOpacity(colour, 0));
    return gradient;
  }
})((window.dashapp = window.dashapp || {}));
