/* Which lines a panel draws of its metrics, and how they look. Knows Plotly's traces and no graph. */
(function (app) {
  "use strict";

  // Past this a band about each line hides more than it shows.
  const MOST_BANDS = 4;
  const MOST_IN_LEGEND = (app.MOST_IN_LEGEND = 12);
  // Threads are lines too many to be told apart: what all of them do is seen.
  const WIDTHS = { only: 2, line: 1.5, thread: 1 };

  // As the server has them: a point that comes later than this many steps leaves a gap.
  const GAP = 1.5;
  const FEWEST = 4; // points that tell how far apart they are

  const DASHES = ["solid", "dot", "dash", "dashdot"];

  /* What a kind of panel fills. */
  const FILLS = {
    area: (colour) => ({ fill: "tozeroy", fillcolor: shade(colour, 0.18) }),
    stacked: (colour) => ({ stackgroup: "all", fillcolor: shade(colour, 0.5) }),
    mountain: (colour) => ({
      fill: "tozeroy",
      fillgradient: { type: "vertical", colorscale: [[0, shade(colour, 0)], [1, shade(colour, 0.45)]] },
    }),
  };

  /* `[{meta, part, metric, colour, look, bridged}]`: a line a metric, and where points are coarse its band before it. */
  app.linesOf = function (metrics, series, colours, kind) {
    const banded = series.coarse && metrics.length <= MOST_BANDS && kind !== "stacked";
    const lines = [];
    const taken = new Set();
    for (const metric of metrics) {
      const colour = metric.dash === undefined ? chosen(metric.place, colours, taken) : colours[metric.place % colours.length];
      const bridged = app.bridged(series, metric);
      if (banded) {
        lines.push({ meta: `${metric.key}:min`, part: "low", metric, colour, look: "edge", bridged });
        lines.push({ meta: `${metric.key}:max`, part: "high", metric, colour, look: "band", bridged });
      }
      const look = metrics.length > MOST_IN_LEGEND ? "thread" : metrics.length > 1 ? "line" : "only";
      const fill = banded && kind !== "mountain" ? null : FILLS[kind];
      const mode = !bridged && lonely(series.y[metric.key]) ? "lines+markers" : "lines";
      lines.push({ meta: metric.key, part: "y", metric, colour, look, mode, fill, bridged });
    }
    return lines;
  };

  /* A metric's own colour wherever it is drawn, by its place in its own panel; the next one where another metric
     of this panel has it. */
  function chosen(place, colours, taken) {
    let number = place ?? 0;
    if (taken.size < colours.length) while (taken.has(colours[number % colours.length])) number += 1;
    const colour = colours[number % colours.length];
    taken.add(colour);
    return colour;
  }

  app.traceOf = function (line, count) {
    const trace = {
      type: "scatter",
      mode: line.mode ?? "lines",
      meta: line.meta,
      name: app.plain(line.metric.label),
      x: [],
      y: [],
      connectgaps: line.bridged,
      line: { width: WIDTHS[line.look] ?? 0, color: line.colour, dash: DASHES[line.metric.dash % DASHES.length] ?? "solid" },
      opacity: line.look === "thread" ? 0.6 : 1,
      marker: { size: 4, color: line.colour },
      hovertemplate: app.hoverFormat(line.metric.unit),
      showlegend: count > 1 && count <= MOST_IN_LEGEND,
    };
    // Plotly keeps these as an object's names, and "__proto__" would be none.
    const legendgroup = `metric ${line.metric.key}`;
    if (line.look === "edge" || line.look === "band") {
      Object.assign(trace, { hoverinfo: "skip", hovertemplate: null, showlegend: false, legendgroup });
    }
    if (line.look === "band") Object.assign(trace, { fill: "tonexty", fillcolor: shade(line.colour, 0.22) });
    if (line.look === "line") trace.legendgroup = legendgroup;
    if (line.fill) Object.assign(trace, line.fill(line.colour));
    if (line.metric.right) trace.yaxis = "y2";
    return trace;
  };

  /* Make `data` be the traces of `lines`; whether they were not. */
  app.retrace = function (data, lines, count) {
    const same = ({ meta, mode = "lines", colour, bridged }, place) => {
      const trace = data[place];
      return trace.meta === meta && trace.mode === mode && trace.line.color === colour && trace.connectgaps === bridged;
    };
    if (data.length === lines.length && lines.every(same)) return false;
    const known = new Map(data.map((trace) => [trace.meta, trace]));
    const traces = lines.map((line) => ({
      ...app.traceOf(line, count),
      // What was hidden in the legend stays hidden.
      visible: known.get(line.metric.key)?.visible ?? true,
    }));
    data.splice(0, data.length, ...traces);
    return true;
  };

  /* Whether many points stand between two holes, as those of a program that pushes now and then: no line would
     show them. */
  function lonely(column) {
    let points = 0;
    let alone = 0;
    for (let place = 0; place < column.length; place += 1) {
      if (column[place] === null) continue;
      points += 1;
      if ((column[place - 1] ?? null) === null && (column[place + 1] ?? null) === null) alone += 1;
    }
    return 4 * alone > points;
  }

  /* Whether a host's points come as regularly as its ticks, beside those of others: what is empty is then the times of
     these, and no gap. One real gap, and every hole is drawn as one. */
  app.bridged = function ({ t, y }, metric) {
    if (metric.dash === undefined) return false;
    const times = t.filter((_, place) => (y[metric.key]?.[place] ?? null) !== null);
    if (times.length < FEWEST) return false;
    const widest = Math.max(...times.slice(1).map((time, place) => time - times[place]));
    return widest < (GAP * (times.at(-1) - times[0])) / (times.length - 1);
  };

  app.points = function (series, line, from) {
    const column = series[line.part][line.metric.key];
    const points = from ? column.slice(from) : column.slice();
    return line.part === "y" || line.bridged ? points : closed(points, series.y[line.metric.key].slice(from || 0));
  };

  /* An edge of a band whose holes have no height: Plotly would fill across a null. Where a hole begins the band
     closes on the mean before it, and opens from the mean after it. */
  function closed(edge, means) {
    let before = means.find((mean) => mean !== null) ?? 0;
    return edge.map((value, place) => {
      if (value !== null) {
        before = means[place];
        return value;
      }
      return means[place + 1] ?? before;
    });
  }

  /* "#rrggbb" with an opacity. */
  function shade(colour, opacity) {
    const [red, green, blue] = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
    return `rgba(${red},${green},${blue},${opacity})`;
  }
})((window.dashapp = window.dashapp || {}));
