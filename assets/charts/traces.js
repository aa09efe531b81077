/* Plotly traces of a panel's metrics. */
(function (app) {
  "use strict";

  // With more lines, bands hide more than they show.
  const MAX_BANDS = 4;
  const MAX_LEGEND_LINES = (app.MAX_LEGEND_LINES = 12);
  // Many lines cannot be distinguished; thin ones show what they do together.
  const WIDTHS = { single: 2, several: 1.5, many: 1 };

  const MIN_POINTS = 4; // needed to estimate their interval

  const DASHES = ["solid", "dot", "dash", "dashdot"];

  /* The fill of each panel kind. */
  const FILLS = {
    area: (colour) => ({ fill: "tozeroy", fillcolor: withOpacity(colour, 0.18) }),
    stacked: (colour) => ({ stackgroup: "all", fillcolor: withOpacity(colour, 0.5) }),
    mountain: (colour) => ({
      fill: "tozeroy",
      fillgradient: { type: "vertical", colorscale: [[0, withOpacity(colour, 0)], [1, withOpacity(colour, 0.45)]] },
    }),
  };

  /* The colours of lines in the theme of `element`. */
  app.lineColours = function (element, { colorway, meta }) {
    const scheme = getComputedStyle(element).colorScheme;
    const isDark = scheme === "dark" || (/light/.test(scheme) && /dark/.test(scheme) && window.matchMedia("(prefers-color-scheme: dark)").matches);
    return isDark ? meta.darkColorway : colorway;
  };

  /* `[{meta, part, metric, colour, style, connectGaps}]`: one line per metric, after its band if points are
     downsampled. */
  app.buildLines = function (metrics, series, colours, kind) {
    const hasBands = series.downsampled && metrics.length <= MAX_BANDS && kind !== "stacked";
    const lines = [];
    const used = new Set();
    for (const metric of metrics) {
      const colour = metric.dashIndex === undefined ? pickColour(metric.colourIndex, colours, used) : colours[metric.colourIndex % colours.length];
      const connectGaps = app.connectsGaps(series, metric);
      if (hasBands) {
        lines.push({ meta: `${metric.key}:min`, part: "low", metric, colour, style: "edge", connectGaps });
        lines.push({ meta: `${metric.key}:max`, part: "high", metric, colour, style: "band", connectGaps });
      }
      const style = metrics.length > MAX_LEGEND_LINES ? "many" : metrics.length > 1 ? "several" : "single";
      const fill = hasBands && kind !== "mountain" ? null : FILLS[kind];
      const mode = !connectGaps && isSparse(series.y[metric.key]) ? "lines+markers" : "lines";
      lines.push({ meta: metric.key, part: "y", metric, colour, style, mode, fill, connectGaps });
    }
    return lines;
  };

  /* A metric has the same colour in every panel, from its index in its own panel. If another metric of this
     panel uses that colour, take the next one. */
  function pickColour(index, colours, used) {
    let offset = index ?? 0;
    if (used.size < colours.length) while (used.has(colours[offset % colours.length])) offset += 1;
    const colour = colours[offset % colours.length];
    used.add(colour);
    return colour;
  }

  app.buildTrace = function (line, count) {
    const trace = {
      type: "scatter",
      mode: line.mode ?? "lines",
      meta: line.meta,
      name: app.escapeForPlotly(line.metric.label),
      x: [],
      y: [],
      connectgaps: line.connectGaps,
      line: { width: WIDTHS[line.style] ?? 0, color: line.colour, dash: DASHES[line.metric.dashIndex % DASHES.length] ?? "solid" },
      opacity: line.style === "many" ? 0.6 : 1,
      marker: { size: 4, color: line.colour },
      hoverinfo: "skip",
      showlegend: count > 1 && count <= MAX_LEGEND_LINES,
    };
    // Plotly uses these as property names, and "__proto__" fails as one.
    const legendgroup = `metric ${line.metric.key}`;
    if (line.style === "edge" || line.style === "band") {
      Object.assign(trace, { showlegend: false, legendgroup });
    }
    if (line.style === "band") Object.assign(trace, { fill: "tonexty", fillcolor: withOpacity(line.colour, 0.22) });
    if (line.style === "several") trace.legendgroup = legendgroup;
    if (line.fill) Object.assign(trace, line.fill(line.colour));
    if (line.metric.right) trace.yaxis = "y2";
    return trace;
  };

  /* Replace the traces in `data` if they do not match `lines`; return whether they were replaced. `isHidden(key)`:
     whether the user hid a metric in the legend. */
  app.updateTraces = function (data, lines, count, isHidden) {
    const matches = ({ meta, mode = "lines", colour, connectGaps }, index) => {
      const trace = data[index];
      return trace.meta === meta && trace.mode === mode && trace.line.color === colour && trace.connectgaps === connectGaps;
    };
    const ownCount = data.filter((trace) => !app.isComparisonTrace(trace)).length;
    if (ownCount === lines.length && lines.every(matches)) return false;
    const traces = lines.map((line) => ({
      ...app.buildTrace(line, count),
      visible: isHidden(line.metric.key) ? "legendonly" : true,
    }));
    data.splice(0, ownCount, ...traces);
    return true;
  };

  /* Whether many points have a gap on both sides, for example from a program that pushes rarely. A line would
     not show them. */
  function isSparse(column) {
    let points = 0;
    let isolated = 0;
    for (let index = 0; index < column.length; index += 1) {
      if (column[index] === null) continue;
      points += 1;
      if ((column[index - 1] ?? null) === null && (column[index + 1] ?? null) === null) isolated += 1;
    }
    return 4 * isolated > points;
  }

  /* When hosts are compared, a host has empty values at the times of the others. Whether its own points are
     regular, so that these are no gaps. With one real gap, all are drawn as gaps. */
  app.connectsGaps = function ({ t, y }, metric) {
    if (metric.dashIndex === undefined) return false;
    const times = t.filter((_, index) => (y[metric.key]?.[index] ?? null) !== null);
    if (times.length < MIN_POINTS) return false;
    const widestGap = Math.max(...times.slice(1).map((time, index) => time - times[index]));
    return widestGap < (app.GAP_STEPS * (times.at(-1) - times[0])) / (times.length - 1);
  };

  app.linePoints = function (series, line, from) {
    const column = series[line.part][line.metric.key];
    const points = from ? column.slice(from) : column.slice();
    return line.part === "y" || line.connectGaps ? points : closeBand(points, series.y[line.metric.key].slice(from || 0));
  };

  /* Plotly fills bands across null. Close the band at the mean before a gap, and open it at the mean after it. */
  function closeBand(edge, means) {
    let lastMean = means.find((mean) => mean !== null) ?? 0;
    return edge.map((value, index) => {
      if (value !== null) {
        lastMean = means[index];
        return value;
      }
      return means[index + 1] ?? lastMean;
    });
  }

  /* "#rrggbb" with an opacity. */
  function withOpacity(colour, opacity) {
    const [red, green, blue] = [1, 3, 5].map((index) => parseInt(colour.slice(index, index + 2), 16));
    return `rgba(${red},${green},${blue},${opacity})`;
  }
})((window.dashapp = window.dashapp || {}));
