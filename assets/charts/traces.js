/* Plotly traces of a panel's metrics. */
(function (app) {
  "use strict";

  // With more lines, bands hide more than they show.
  const MAX_BANDS = 4;
  const MAX_LEGEND_LINES = (app.MAX_LEGEND_LINES = 12);
  // Many lines cannot be distinguished; thin ones show what they do together.
  const WIDTHS = { single: 2, several: 1.5, many: 1 };

  const MIN_POINTS = 4; // needed to estimate their interval

  function widthOf(style) {
    return WIDTHS[style] ?? 0;
  }

  const DASHES = ["solid", "dot", "dash", "dashdot"];

  /* The colours of lines in the dark or the light theme. */
  app.lineColours = function (isDark, { colorway, meta }) {
    return isDark ? meta.darkColorway : colorway;
  };

  /* `[{meta, part, metric, colour, shade, style, connectGaps, area}]`: one line per metric, after its band if points are
     downsampled. `stacked`: keys of the metrics in a stack, which has no bands. `area`: kind of the area below the line, or null. */
  app.buildLines = function (metrics, series, colours, kind, stacked = []) {
    const hasBands = series.downsampled && metrics.length <= MAX_BANDS && !stacked.length;
    const lines = [];
    const used = new Set();
    for (const metric of metrics) {
      const isStacked = stacked.includes(metric.key);
      // Parts of a whole share a colour; as lines, each has its own.
      const hasOwnColour = metric.dashIndex !== undefined || (isStacked && metric.shade !== undefined);
      const colour = hasOwnColour ? colours[metric.colourIndex % colours.length] : pickColour(metric.colourIndex, colours, used);
      const connectGaps = app.connectsGaps(series, metric);
      // The extremes of a formula are not known.
      if (hasBands && !metric.isFormula) {
        lines.push({ meta: `${metric.key}:min`, part: "low", metric, colour, style: "edge", connectGaps });
        lines.push({ meta: `${metric.key}:max`, part: "high", metric, colour, style: "band", connectGaps });
      }
      const style = isStacked ? "stacked" : metrics.length > MAX_LEGEND_LINES ? "many" : metrics.length > 1 ? "several" : "single";
      const mode = !connectGaps && isSparse(series.y[metric.key]) ? "lines+markers" : "lines";
      const area = isStacked ? "stacked" : areaKind(kind, hasBands, metrics.length);
      lines.push({ meta: metric.key, part: "y", metric, colour, shade: (isStacked && metric.shade) || 1, style, mode, connectGaps, area });
    }
    return lines;
  };

  /* A band shows more than an area. */
  function areaKind(kind, hasBands, count) {
    if (kind === "mountain") return kind;
    if (hasBands) return null;
    return kind === "area" ? kind : count === 1 ? "line" : null;
  }

  /* A metric has the same colour in every panel, from its index in its own panel. If another metric of this
     panel uses that colour, take the next one. */
  function pickColour(index, colours, used) {
    let offset = index ?? 0;
    if (used.size < colours.length) while (used.has(colours[offset % colours.length])) offset += 1;
    const colour = colours[offset % colours.length];
    used.add(colour);
    return colour;
  }

  /* Mark a panel without points, or with points of other panels only. */
  app.markEmpty = function (section, series, metrics) {
    const hasValue = ({ key }) => series.y[key]?.some((value) => value !== null);
    section.classList.toggle("loading", !series.t.length);
    section.classList.toggle("no-values", series.t.length > 0 && !metrics.some(hasValue));
  };

  app.buildTrace = function (line) {
    const trace = {
      type: "scatter",
      mode: line.mode ?? "lines",
      meta: line.meta,
      name: app.escapeForPlotly(line.metric.label),
      x: [],
      y: [],
      connectgaps: line.connectGaps,
      line: { width: widthOf(line.style), color: line.colour, dash: DASHES[line.metric.dashIndex % DASHES.length] ?? "solid" },
      opacity: line.style === "many" ? 0.6 : 1,
      marker: { size: line.style === "stacked" ? 0 : 4, color: line.colour },
      hoverinfo: "skip",
      showlegend: false, // assets/legend has the legend
    };
    if (line.style === "band") Object.assign(trace, { fill: "tonexty", fillcolor: app.withOpacity(line.colour, 0.22) });
    if (line.metric.right) trace.yaxis = "y2";
    return trace;
  };

  /* Fade the lines of `chart` beside the highlighted one, in its graph `gd`. Each draw makes new elements. */
  app.fadeOthers = function (chart, gd) {
    const { highlightedKey } = chart;
    chart.lines.forEach(({ metric }, index) => {
      const uid = gd._fullData[index]?.uid;
      const isFaded = highlightedKey !== null && highlightedKey !== metric.key;
      if (uid && (isFaded || chart.hasFaded)) gd.querySelector(`.trace${CSS.escape(uid)}`)?.classList.toggle("faded", isFaded);
    });
    chart.hasFaded = highlightedKey !== null;
  };

  /* Areas of the visible lines of `chart`, for app.paintAreas. `data`: its traces. */
  app.buildAreas = function ({ lines, stacked }, data) {
    const visible = lines.map((line, index) => ({ line, trace: data[index] })).filter(({ line, trace }) => line.area && trace?.meta === line.meta && trace.visible !== "legendonly");
    const parts = stacked.map((key) => visible.find(({ line }) => line.metric.key === key)).filter(Boolean);
    const tops = app.stackColumns(parts.map(({ trace }) => trace.y));
    const area = ({ line, trace }, top, bottom) => {
      const { area: kind, colour, shade, metric } = line;
      return { times: trace.x, top, bottom, kind, colour, shade, metric, key: metric.key };
    };
    return [
      ...parts.map((part, index) => area(part, tops[index], index ? tops[index - 1] : null)),
      ...visible.filter(({ line }) => line.area !== "stacked").map((entry) => area(entry, entry.trace.y, null)),
    ];
  };

  /* Replace the traces in `data` if they do not match `lines`; return whether they were replaced. `isHidden(key)`:
     whether the user hid a metric in the legend. */
  app.updateTraces = function (data, lines, isHidden) {
    const matches = ({ meta, metric, mode = "lines", colour, style, connectGaps }, index) => {
      const trace = data[index];
      const { color, width } = trace.line;
      return trace.meta === meta && trace.mode === mode && color === colour && width === widthOf(style) && trace.connectgaps === connectGaps && (trace.yaxis === "y2") === Boolean(metric.right);
    };
    const ownCount = data.filter((trace) => !app.isComparisonTrace(trace)).length;
    if (ownCount === lines.length && lines.every(matches)) return false;
    const traces = lines.map((line) => ({
      ...app.buildTrace(line),
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
})((window.dashapp = window.dashapp || {}));
