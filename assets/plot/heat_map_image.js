/* The cells of a heat map: one row of pixels for each line, one column for each pixel of the time axis. */
(function (app) {
  "use strict";

  const MIN_ALPHA = 20; // of 255, so that the lowest value differs from a gap
  const MAX_ALPHA = 255;

  app.HeatMapImage = class {
    constructor() {
      this.canvas = document.createElement("canvas");
      this.context = this.canvas.getContext("2d");
      this.image = null;
      this.colour = null;
    }

    /* Paint `rows` (columns of values) at `times` in `range`. A value covers the time since the point before it, at most a
       step and a half; `step` in milliseconds. If several points share a pixel, the highest counts. `scale`: {low, high}. */
    paint(width, rows, times, range, step, { low, high }, colour) {
      const image = this.prepare(width, rows.length, colour);
      const { data } = image;
      const [start, end] = range;
      const pixels = width / (end - start);
      const alphas = (MAX_ALPHA - MIN_ALPHA) / (high - low || 1);
      for (let index = 0; index < times.length; index += 1) {
        const from = Math.max(times[index - 1] ?? -Infinity, times[index] - app.GAP_STEPS * step);
        if (times[index] < start || from > end) continue;
        const left = Math.max(0, Math.floor((from - start) * pixels));
        const right = Math.min(width, Math.max(left + 1, Math.floor((times[index] - start) * pixels)));
        for (let row = 0; row < rows.length; row += 1) {
          const value = rows[row][index] ?? null;
          if (value === null) continue;
          const alpha = Math.min(Math.max(MIN_ALPHA + (value - low) * alphas, MIN_ALPHA), MAX_ALPHA);
          for (let offset = 4 * (row * width + left) + 3, last = 4 * (row * width + right); offset < last; offset += 4) {
            if (data[offset] < alpha) data[offset] = alpha;
          }
        }
      }
      this.context.putImageData(image, 0, 0);
      return this.canvas;
    }

    /* An image of that size in one colour, transparent everywhere. */
    prepare(width, height, colour) {
      if (this.image?.width !== width || this.image.height !== height || this.colour !== colour) {
        Object.assign(this.canvas, { width, height });
        this.image = this.context.createImageData(width, height);
        this.colour = colour;
        const channels = [1, 3, 5].map((index) => parseInt(colour.slice(index, index + 2), 16));
        for (let offset = 0; offset < this.image.data.length; offset += 4) this.image.data.set(channels, offset);
      } else for (let offset = 3; offset < this.image.data.length; offset += 4) this.image.data[offset] = 0;
      return this.image;
    }
  };

  /* `{low, high}`: the values of the lightest and the darkest cell. Declared bounds grow if values exceed them. */
  app.heatScale = function (scale, series, metrics, range) {
    const [first, last] = series.span(range);
    let [low, high] = [Infinity, -Infinity];
    for (const { key } of metrics) {
      const column = series.y[key] ?? [];
      for (let index = first; index < last; index += 1) {
        const value = column[index] ?? null;
        if (value === null) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (low > high) return { low: scale.low ?? 0, high: scale.high ?? 1 };
    // Round numbers, so that the colours do not change with each point.
    const { step } = app.axisLabels(Math.min(low, scale.low ?? low), high === low ? low + 1 : high, scale.unit, 4);
    const bottom = Math.min(low, scale.low ?? Math.floor(low / step) * step);
    return { low: bottom, high: Math.max(high, scale.high ?? Math.ceil(high / step) * step, bottom === high ? bottom + step : high) };
  };
})((window.dashapp = window.dashapp || {}));
