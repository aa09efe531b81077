/* Text for numbers in the viewer's language: three digits, a thin space, and the unit. Titles, tables, tooltips and
   axes all use it. */
(function (app) {
  "use strict";

  const SPACE = "\u202f"; // narrow and without a line break
  const SI_PREFIXES = ["", "k", "M", "G", "T", "P", "E"];
  const SCALED_UNITS = ["B", "B/s", "Hz", "W"];
  const FIXED_UNITS = ["%", "°C"]; // one decimal, so that the text does not jump
  const STATE_UNIT = (app.STATE_UNIT = "up/down"); // 1 is up, 0 is down, and a mean is the share of the time
  const SMALL_SECONDS = [[1, app.translate("s")], [1e-3, "ms"], [1e-6, "µs"]];
  const LONG_SECONDS = [[86400, app.translate("days")], [3600, app.translate("h")], [60, app.translate("min")]];
  const UNIT_NAMES = { days: app.translate("days"), points: app.translate("points") };
  const LONGEST_AS_SECONDS = 120;
  // Outside these limits, digits are hard to count.
  const MAX_PLAIN = 1e15;
  const MIN_PLAIN = 1e-4;
  const MAX_DECIMALS = 15; // of a label
  const MAX_DIGITS = 17; // of a number
  app.MAX_AXIS_CHARS = 9; // fit beside a plot

  const formats = new Map();

  /* `options` of Intl.NumberFormat. Creating one is slow. */
  function format(value, options) {
    const key = JSON.stringify(options);
    if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(app.locale, options));
    return formats.get(key).format(value);
  }

  function formatDecimals(value, decimals) {
    return format(value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  }

  /* The number with `digits` significant digits, zeros included; with `isExact`, an integer as it is. */
  function formatDigits(value, digits, isExact = true) {
    const size = Math.abs(value);
    if (size && (size >= MAX_PLAIN || size < MIN_PLAIN)) return format(value, { notation: "scientific", maximumSignificantDigits: digits });
    if (!value || (isExact && Number.isInteger(value))) return formatDecimals(value, 0);
    // Rounded first: 9.996 has the decimals of 10.
    const rounded = Number(size.toPrecision(digits));
    return formatDecimals(value, Math.min(Math.max(digits - 1 - Math.floor(Math.log10(rounded)), 0), 8));
  }

  function scaleOf(value, unit) {
    const size = Math.abs(value);
    if (unit === "s") {
      if (size >= LONGEST_AS_SECONDS) return LONG_SECONDS.find(([factor]) => size >= 2 * factor);
      return SMALL_SECONDS.find(([factor]) => size >= factor) ?? (size ? SMALL_SECONDS.at(-1) : SMALL_SECONDS[0]);
    }
    return SCALED_UNITS.includes(unit) ? prefixedScale(size, unit) : [1, unit];
  }

  function prefixedScale(size, unit) {
    let power = 0;
    while (size / 1000 ** power >= 999.5 && power < SI_PREFIXES.length - 1) power += 1;
    return [1000 ** power, SI_PREFIXES[power] + unit];
  }

  function withUnit(text, unit) {
    if (!unit) return text;
    return unit === "1/s" ? `${text}/s` : `${text}${SPACE}${UNIT_NAMES[unit] ?? unit}`;
  }

  function formatState(value) {
    if (value === 0 || value === 1) return value ? app.translate("up") : app.translate("down");
    return withUnit(formatDecimals(100 * value, 1), "%");
  }

  /* "12.5 %", "8.18 kB/s", "1,234"; "" for null. */
  app.formatQuantity = function (value, unit) {
    if (value === null || value === undefined) return "";
    if (unit === STATE_UNIT) return formatState(value);
    if (FIXED_UNITS.includes(unit)) {
      if (Math.abs(value) >= MAX_PLAIN) return withUnit(formatDigits(value, 3), unit);
      // One decimal would show a small share as 0.
      const isSmall = value !== 0 && Math.abs(value) < 0.05;
      return withUnit(isSmall ? formatDigits(value, 1) : formatDecimals(value, 1), unit);
    }
    if (unit === "s" && value >= LONGEST_AS_SECONDS) return app.formatDuration(value);
    const [factor, name] = scaleOf(value, unit);
    // A number without a unit may be a price: the fourth digit matters.
    const digits = (!unit || unit === "1/s") && Math.abs(value) >= 1 ? 4 : 3;
    return withUnit(formatDigits(value / factor, digits, factor === 1), name);
  };

  /* "90 %" or "1.5 GB/s", for a limit that somebody wrote: all its digits, and no zeros after them. */
  app.formatLimit = function (limit, unit) {
    const [factor, name] = unit === STATE_UNIT ? [1, ""] : scaleOf(limit, unit);
    return withUnit(format(limit / factor, { maximumSignificantDigits: 15 }), name);
  };

  /* "1,234" */
  app.formatCount = function (count) {
    return formatDecimals(count, 0);
  };

  /* "0.62 %", for a change. */
  app.formatChange = function (share) {
    return withUnit(formatDecimals(Math.abs(share), 2), "%");
  };

  const NICE_STEPS = { decimal: [1, 2, 5, 10], 60: [1, 2, 5, 10, 15, 30, 60], 3600: [1, 2, 3, 6, 12, 24], 86400: [1, 2, 5, 10] };

  function niceStep(rough, factor) {
    const steps = NICE_STEPS[factor] ?? NICE_STEPS.decimal;
    const limited = steps.find((step) => step >= rough);
    if (limited !== undefined && rough >= 1) return limited;
    const power = 10 ** Math.floor(Math.log10(rough));
    return NICE_STEPS.decimal.find((step) => step * power >= rough * 0.999999) * power;
  }

  /* Labels of an axis from `low` to `high`: `{step, values, texts}`. Only the top label has the unit. */
  app.axisLabels = function (low, high, unit, count) {
    if (unit === STATE_UNIT) return { step: 1, values: [0, 1], texts: [formatState(0), formatState(1)] };
    const size = Math.max(Math.abs(low), Math.abs(high));
    const labels = scaledLabels(low, high, scaleOf(size, unit), count);
    if (unit === "s" || app.longestText(labels.texts) <= app.MAX_AXIS_CHARS) return labels;
    const shorter = scaledLabels(low, high, prefixedScale(size, unit === "1/s" ? "/s" : unit), count);
    return app.longestText(shorter.texts) < app.longestText(labels.texts) ? shorter : labels;
  };

  app.longestText = function (texts) {
    return Math.max(0, ...texts.map(({ length }) => length));
  };

  function scaledLabels(low, high, [factor, name], count) {
    const step = niceStep((high - low) / factor / count, factor);
    const first = Math.ceil(low / factor / step - 1e-9);
    const last = Math.floor(high / factor / step + 1e-9);
    const multiples = Array.from({ length: Math.min(Math.max(last - first + 1, 0), 50) }, (_, index) => first + index);
    const decimals = Math.min(Math.max(-Math.floor(Math.log10(step) + 1e-9), 0), MAX_DECIMALS);
    const largest = Math.max(Math.abs(first), Math.abs(last)) * step;
    const isPlain = largest >= MIN_PLAIN && largest < MAX_PLAIN;
    // As many as two labels need to differ.
    const digits = Math.min(Math.max(Math.ceil(Math.log10(largest / step) + 1e-9) + 1, 3), MAX_DIGITS);
    const texts = multiples.map((multiple) => (isPlain || !multiple ? formatDecimals(multiple * step, isPlain ? decimals : 0) : formatDigits(multiple * step, digits)));
    if (texts.length) texts.push(withUnit(texts.pop(), name));
    return { step: step * factor, values: multiples.map((multiple) => multiple * step * factor), texts };
  }
})((window.dashapp = window.dashapp || {}));
