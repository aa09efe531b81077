/* Text for numbers, units, durations and times. */
(function (app) {
  "use strict";

  const SI_PREFIXES = ["", "k", "M", "G", "T", "P"];

  app.formatQuantity = function (value, unit) {
    if (value === null || value === undefined) return "";
    // One decimal would show a small share as 0.
    if (unit === "%") return `${value && Math.abs(value) < 0.05 ? Number(value.toPrecision(3)) : value.toFixed(1)} %`;
    if (unit === "s" && value >= 120) return app.formatDuration(value);
    if (unit === "1/s") return `${app.formatQuantity(value, "")}/s`;
    if (unit !== "B" && unit !== "B/s" && unit !== "Hz") {
      // A number without a unit may be a price: the fourth digit matters.
      const short = Number(value.toPrecision(unit ? 3 : 4));
      return `${Math.abs(short) < 1000 ? short : value.toLocaleString("en", { maximumFractionDigits: 0 })} ${unit}`.trim();
    }
    let power = 0;
    while (Math.abs(value) >= 999.5 && power < SI_PREFIXES.length - 1) {
      value /= 1000;
      power += 1;
    }
    return `${value.toPrecision(3).replace(/\.?0+$/, (zeros) => (zeros.includes(".") ? "" : zeros))} ${SI_PREFIXES[power]}${unit}`;
  };

  /* The same as a Plotly hover template. */
  app.hoverFormat = function (unit) {
    if (unit === "%") return "%{y:.3~r} %";
    if (unit === "B" || unit === "B/s" || unit === "Hz") return `%{y:.3s}${unit}`;
    if (unit === "1/s") return "%{y:,.4~r}/s";
    return `%{y:,.4~r} ${app.escapeForPlotly(unit)}`.trim();
  };

  /* The same for the ticks of Plotly axes. */
  app.axisFormat = function (unit) {
    if (["B", "B/s", "Hz"].includes(unit)) return { tickformat: "~s", ticksuffix: unit };
    return { ticksuffix: unit === "1/s" ? "/s" : unit && ` ${app.escapeForPlotly(unit)}` };
  };

  /* "12 s", "5 min", "3 h", "2 days". */
  app.formatDuration = function (seconds) {
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  };

  const DURATION_UNITS = [[31536000, "year"], [86400, "day"], [3600, "hour"], [60, "minute"]];

  /* "100 seconds", "5 minutes", "2 hours". */
  app.formatDurationLong = function (seconds) {
    for (const [size, unit] of DURATION_UNITS) {
      if (seconds >= size && seconds % (size / 2) === 0) {
        const count = seconds / size;
        return `${count} ${unit}${count === 1 ? "" : "s"}`;
      }
    }
    return `${seconds} second${seconds === 1 ? "" : "s"}`;
  };

  /* Plotly interprets tags in names, even links. */
  app.escapeForPlotly = function (text) {
    const short = text.length > 60 ? text.slice(0, 59) + "…" : text;
    return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  };

  /* "14:02:05", like the axes, in any language. */
  app.formatTimeOfDay = function (time, parts = {}) {
    return time.toLocaleTimeString([], { hourCycle: "h23", ...parts });
  };

  /* "21 Nov 2026 14:02:05", without the date if it is today. */
  app.formatTime = function (milliseconds) {
    const time = new Date(milliseconds);
    if (time.toDateString() === new Date().toDateString()) return app.formatTimeOfDay(time);
    return app.formatDateTime(milliseconds);
  };

  app.formatDateTime = function (milliseconds) {
    const time = new Date(milliseconds);
    const day = time.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
    return `${day} ${app.formatTimeOfDay(time)}`;
  };
})((window.dashapp = window.dashapp || {}));
