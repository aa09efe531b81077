/* Which lines a panel draws of its metrics, and how they look. Knows Plotly's traces and no graph. */
(function (app) {
  "use strict";

  // Past this a band about each line hides more than it shows.
  const MAX_BANDS = 4;
  const MAX_LEGEND_LINES = (app.MAX_LEGEND_LINES = 12);
  // Threads are lines too many to be told apart: what all of them do is seen.
  const WIDTHS = { single: 2, several: 1.5, many: 1 };

  // As the server has them: a point that comes later than this many steps leaves a gap.
  const GAP_STEPS = 1.5;
  const MIN_POINTS = 4; // points that tell how far apart they are

  const DASHES = ["solid", "dot", "dash", "dashdot"];

  /* What a kind of panel fills. */
  const FILLS = {
    area: (colour) => ({ fill: "tozeroy", fillcolor: withOpacity(colour, 0.18) }),
    stacked: (colour) => ({ stackgroup: "all", fillcolor: withOpacity(colour, 0.5) }),
    mountain: (colour) => ({
      fill: "tozeroy",
      fillgradient: { type: "vertical", colorscale: [[0, withOpacity(colour, 0)], [1, withOpacity(colour, 0.45)]] },
    }),
  };

  /* `[{meta, part, metric, colour, look, bridged}]`: a line a metric, and where points are coarse its band before it. */
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

  /* A metric's own colour wherever it is drawn, by its place in its own panel; the next one where another metric
     of this panel has it. */
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
      hovertemplate: app.hoverFormat(line.metric.unit),
      showlegend: count > 1 && count <= MAX_LEGEND_LINES,
    };
    // Plotly keeps these as an object's names, and "__proto__" would be none.
    const legendgroup = `metric ${line.metric.key}`;
    if (line.style === "edge" || line.style === "band") {
      Object.assign(trace, { hoverinfo: "skip", hovertemplate: null, showlegend: false, legendgroup });
    }
    if (line.style === "band") Object.assign(trace, { fill: "tonexty", fillcolor: withOpacity(line.colour, 0.22) });
    if (line.style === "several") trace.legendgroup = legendgroup;
    if (line.fill) Object.assign(trace, line.fill(line.colour));
    if (line.metric.right) trace.yaxis = "y2";
    return trace;
  };

  /* Make `data` be the traces of `lines`; whether they were not. */
  app.updateTraces = function (data, lines, count) {
    const matches = ({ meta, mode = "lines", colour, connectGaps }, index) => {
      const trace = data[index];
      return trace.meta === meta && trace.mode === mode && trace.line.color === colour && trace.connectgaps === connectGaps;
    };
    if (data.length === lines.length && lines.every(matches)) return false;
    const oldTraces = new Map(data.map((trace) => [trace.meta, trace]));
    const traces = lines.map((line) => ({
      ...app.buildTrace(line, count),
      // What was hidden in the legend stays hidden.
      visible: oldTraces.get(line.metric.key)?.visible ?? true,
    }));
    data.splice(0, data.length, ...traces);
    return true;
  };

  /* Whether many points stand between two holes, as those of a program that pushes now and then: no line would
     show them. */
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

  /* Whether a host's points come as regularly as its ticks, beside those of others: what is empty is then the times of
     these, and no gap. One real gap, and every hole is drawn as one. */
  app.connectsGaps = function ({ t, y }, metric) {
    if (metric.dashIndex === undefined) return false;
    const times = t.filter((_, index) => (y[metric.key]?.[index] ?? null) !== null);
    if (times.length < MIN_POINTS) return false;
    const widestGap = Math.max(...times.slice(1).map((time, index) => time - times[index]));
    return widestGap < (GAP_STEPS * (times.at(-1) - times[0])) / (times.length - 1);
  };

  app.linePoints = function (series, line, from) {
    const column = series[line.part][line.metric.key];
    const points = from ? column.slice(from) : column.slice();
    return line.part === "y" || line.connectGaps ? points : closeBand(points, series.y[line.metric.key].slice(from || 0));
  };

  /* An edge of a band whose holes have no height: Plotly would fill across a null. Where a hole begins the band
     closes on the mean before it, and opens from the mean after it. */
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
