/* Numbers as a person reads them: "12.5 %", "1.5 GB", "340 kB/s", "3 days". */
(function (app) {
  "use strict";

  const LARGE = ["", "k", "M", "G", "T", "P"];

  app.quantity = function (value, unit) {
    if (value === null || value === undefined) return "";
    if (unit === "%") return `${value.toFixed(1)} %`;
    if (unit === "s" && value >= 120) return app.words(value);
    if (unit === "1/s") return `${app.quantity(value, "")}/s`;
    if (unit !== "B" && unit !== "B/s" && unit !== "Hz") {
      // A bare number may be a price, whose fourth digit matters.
      const short = Number(value.toPrecision(unit ? 3 : 4));
      return `${Math.abs(short) < 1000 ? short : value.toLocaleString("en", { maximumFractionDigits: 0 })} ${unit}`.trim();
    }
    let power = 0;
    while (Math.abs(value) >= 999.5 && power < LARGE.length - 1) {
      value /= 1000;
      power += 1;
    }
    return `${value.toPrecision(3).replace(/\.?0+$/, (zeros) => (zeros.includes(".") ? "" : zeros))} ${LARGE[power]}${unit}`;
  };

  /* The same for Plotly's labels. */
  app.hoverFormat = function (unit) {
    if (unit === "%") return "%{y:.1f} %";
    if (unit === "B" || unit === "B/s" || unit === "Hz") return `%{y:.3s}${unit}`;
    if (unit === "1/s") return "%{y:,.4~r}/s";
    return `%{y:,.4~r} ${app.plain(unit)}`.trim();
  };

  /* And for the ticks of Plotly's axes, where they say it otherwise than by its own count. */
  app.axisFormat = function (unit) {
    if (["B", "B/s", "Hz"].includes(unit)) return { tickformat: "~s", ticksuffix: unit };
    return { ticksuffix: unit === "1/s" ? "/s" : unit && ` ${app.plain(unit)}` };
  };

  /* A length of time, short: "12 s", "5 min", "3 h", "2 days". */
  app.words = function (seconds) {
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  };

  const SIZES = [[31536000, "year"], [86400, "day"], [3600, "hour"], [60, "minute"]];

  /* The same in full, for the slider: "100 seconds", "5 minutes", "2 hours". */
  app.fullWords = function (seconds) {
    for (const [size, unit] of SIZES) {
      if (seconds >= size && seconds % (size / 2) === 0) {
        const count = seconds / size;
        return `${count} ${unit}${count === 1 ? "" : "s"}`;
      }
    }
    return `${seconds} second${seconds === 1 ? "" : "s"}`;
  };

  /* Plotly reads tags in a name, links among them. */
  app.plain = function (text) {
    const short = text.length > 60 ? text.slice(0, 59) + "…" : text;
    return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  };
})((window.dashapp = window.dashapp || {}));
