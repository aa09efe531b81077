/* The range and labels of the vertical axes. A declared bound is a hint: the axis grows, and a line marks the bound. */
(function (app) {
  "use strict";

  const MAX_LABELS = 5;
  const PADDING = 0.08; // of the height above and below a mountain
  const LABEL_SPACE = 0.05; // of the height, above a threshold
  const TOP = 0.01; // of the height above the top label, so that a line there is fully visible
  const MIN_HIGH = { B: 1000, "B/s": 1000 }; // an idle disk has no axis in thousandths of a byte
  const ROUNDING = 0.005; // share of a bound
  const CHAR_WIDTH = 0.62; // of the size of the font
  const THRESHOLD_PX = 11;
  const LABEL_PAD_PX = 28; // and the title of the axis
  const BOUND_COLOUR = "#7f8c8d";
  app.BOUND_SHAPE = "bound"; // name of its shape in a chart

  /* Fit the axes in `layout` to the visible lines in `range`. `chart`: {kind, scale, view, stacked,
     comparison, component}. */
  app.fitYAxes = function (chart, { data, layout }, series, metrics, range) {
    const hiddenKeys = new Set(data.filter(({ visible }) => visible === "legendonly").map(({ meta }) => meta));
    const bounds = [];
    for (const [name, isRight] of [["yaxis", false], ["yaxis2", true]]) {
      const own = metrics.filter((metric) => Boolean(metric.right) === isRight);
      if (!layout[name] || !own.length) continue;
      const visible = own.filter(({ key }) => !hiddenKeys.has(key));
      const scale = { ...own[0], ...(isRight ? {} : chart.scale) };
      scale.unit = (!isRight && chart.scale.unit) || commonUnit(own);
      const columns = drawnColumns(series, visible.length ? visible : own, isRight ? [] : chart.stacked);
      const span = series.span(range);
      const extent = app.includeComparison(extentOf(columns, span, !isRight && chart.stacked.length > 0), data, isRight, range);
      if (!isRight && chart.stacked.length) ignoreRounding(extent, scale);
      layout[name].type = "linear";
      const apply = (fit, unit) => applyRange(layout[name], fit, unit);
      const note = isRight ? null : app.fitChosenAxis(layout.yaxis, chart.view ?? {}, columns, span, scale.unit, apply);
      if (!isRight) {
        chart.note = note ?? "";
        labelThresholds(layout.shapes ?? [], scale.unit);
        if (note !== null && (layout.yaxis.type === "log" || !chart.view.log)) continue;
      }
      const fit = axisRange(scale, isRight ? extent : includeLines(chart, extent, scale), chart.kind === "mountain");
      apply(fit, scale.unit);
      bounds.push(...fit.exceeded.map((value) => boundLine(value, isRight ? "y2" : "y")));
    }
    for (const [name, edge] of [["yaxis", "l"], ["yaxis2", "r"]]) widenMargin(layout, layout[name], edge);
    const others = (layout.shapes ?? []).filter(({ name }) => name !== app.BOUND_SHAPE);
    if (bounds.length || others.length !== (layout.shapes ?? []).length) layout.shapes = [...others, ...bounds];
  };

  /* A label that is cut would be another number. */
  function widenMargin(layout, axis, edge) {
    const length = app.longestText(axis?.ticktext ?? []);
    if (length <= app.MAX_AXIS_CHARS) return;
    const width = LABEL_PAD_PX + CHAR_WIDTH * layout.font.size * length;
    layout.margin[edge] = Math.max(layout.margin[edge], Math.ceil(width));
  }

  /* Fit the only axis to `values`. */
  app.fitYAxis = function (axis, scale, values) {
    const numbers = values.filter((value) => value !== null);
    const extent = numbers.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
    applyRange(axis, axisRange(scale, extent, false), scale.unit);
  };

  function commonUnit(metrics) {
    return metrics.every(({ unit }) => unit === metrics[0].unit) ? metrics[0].unit : "";
  }

  /* The values that lines draw; of a stack, the heights of its parts. Downsampled points have a minimum and a maximum. */
  function drawnColumns(series, metrics, stacked) {
    const parts = metrics.filter(({ key }) => stacked.includes(key)).map(({ key }) => series.y[key] ?? []);
    const others = metrics.filter(({ key }) => !stacked.includes(key));
    const extremes = stacked.length ? [] : others.flatMap(({ key }) => [series.low[key], series.high[key]]);
    return [...app.stackColumns(parts), ...others.map(({ key }) => series.y[key] ?? []), ...extremes.filter(Boolean)];
  }

  /* Lowest and highest value. A stack begins at 0. */
  function extentOf(columns, [first, last], isStacked) {
    let low = isStacked ? 0 : Infinity;
    let high = -Infinity;
    for (const column of columns) {
      for (let index = first; index < last; index += 1) {
        const value = column[index] ?? null;
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return [low, high];
  }

  /* The parts of 100 % are rounded, and their sum may be 100.1 %. */
  function ignoreRounding(extent, { high }) {
    if (extent[1] > high && extent[1] <= high * (1 + ROUNDING)) extent[1] = high;
  }

  /* Include thresholds and the reference. A reference of a mountain takes at most half of the height. */
  function includeLines(chart, [low, high], scale) {
    const reference = chart.comparison?.referenceValue ?? null;
    const isMountain = chart.kind === "mountain";
    const limits = isMountain || isBounded(scale) ? [] : (chart.component.props.figure.layout.shapes ?? []).map(({ y0 }) => y0);
    const distance = reference === null ? Infinity : Math.max(low - reference, reference - high);
    if (reference !== null && (!isMountain || distance <= high - low)) limits.push(reference);
    const highest = Math.max(...limits);
    // A label is above its line.
    const top = highest >= high && !isMountain ? highest + LABEL_SPACE * (highest - Math.min(low, ...limits)) : highest;
    return [Math.min(low, ...limits), Math.max(high, top)];
  }

  function isBounded({ low, high }) {
    return typeof low === "number" && typeof high === "number";
  }

  /* `{low, high, fixed, exceeded}`: the range, whether it ends at declared bounds, and bounds that values exceed. */
  function axisRange(scale, [dataLow, dataHigh], isMountain) {
    const isEmpty = dataLow > dataHigh;
    if (isBounded(scale)) {
      const exceeded = isEmpty ? [] : [...(dataLow < scale.low ? [scale.low] : []), ...(dataHigh > scale.high ? [scale.high] : [])];
      const low = Math.min(scale.low, isEmpty ? scale.low : dataLow);
      const high = Math.max(scale.high, isEmpty ? scale.high : dataHigh);
      return { low, high, fixed: !exceeded.length, exceeded };
    }
    const fromZero = scale.low === 0;
    if (isEmpty) return { low: 0, high: MIN_HIGH[scale.unit] ?? 1, fixed: false, exceeded: [] };
    if (isMountain && !fromZero) {
      const padding = PADDING * (dataHigh - dataLow || Math.abs(dataHigh) || 1);
      return { low: dataLow - padding, high: dataHigh + padding, fixed: true, exceeded: [], padded: true };
    }
    let low = fromZero ? Math.min(0, dataLow) : dataLow;
    let high = Math.max(dataHigh, MIN_HIGH[scale.unit] ?? -Infinity, fromZero ? 0 : -Infinity);
    if (low === high) {
      const padding = Math.abs(high) / 10 || 1;
      [low, high] = [fromZero && high === 0 ? 0 : low - padding, high + padding];
    }
    return { low, high, fixed: false, exceeded: fromZero && dataLow < 0 ? [0] : [] };
  }

  /* End at a label, unless the range is fixed: so the axis does not move with each point. */
  function applyRange(axis, { low, high, fixed, padded = false }, unit) {
    const { step } = app.axisLabels(low, high, unit, MAX_LABELS);
    const [start, end] = fixed ? [low, high] : [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
    const { values, texts } = app.axisLabels(start, end, unit, MAX_LABELS);
    const top = padded ? end : end + TOP * (end - start);
    Object.assign(axis, { range: [start, top], autorange: false, tickmode: "array", tickvals: values, ticktext: texts.map(app.escapeForPlotly) });
  }

  /* "> 1e+09" becomes "> 1 GB/s". */
  function labelThresholds(shapes, unit) {
    for (const { label, y0 } of shapes) {
      if (!label?.text) continue;
      label.font.size = THRESHOLD_PX * app.wallScale();
      label.text = `${label.text.split(" ")[0]} ${app.escapeForPlotly(app.formatLimit(y0, unit))}`;
    }
  }

  function boundLine(value, yref) {
    const line = { width: 1, color: BOUND_COLOUR };
    return { type: "line", name: app.BOUND_SHAPE, layer: "below", xref: "paper", x0: 0, x1: 1, yref, y0: value, y1: value, line };
  }
})((window.dashapp = window.dashapp || {}));
