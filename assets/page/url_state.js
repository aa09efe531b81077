/* The page's address: which window, up to when, which panels and theme. A link shows another viewer the same
   picture. Knows no chart. */
(function (app) {
  "use strict";

  const KNOWN = ["window", "end", "panels", "large", "theme"];
  const FUTURE_MS = 2 * 86_400_000; // by which the viewer's clock may be behind
  const LONGEST = 4000; // characters of a list that anybody means

  app.UrlState = class {
    /* `onChange()` whenever back or forward lead elsewhere. */
    constructor(onChange) {
      window.addEventListener("popstate", () => onChange());
    }

    get given() {
      return new URLSearchParams(window.location.search);
    }

    /* `{window (seconds), end (epoch milliseconds), panels, large (lists of names), theme}`, null for what it does not say. */
    read() {
      const { given } = this;
      const number = (name, most) => {
        const value = Number(given.get(name));
        return given.has(name) && value > 0 && value <= most ? value : null;
      };
      const list = (name) =>
        given.has(name) ? given.get(name).slice(0, LONGEST).split(",").filter(Boolean) : null;
      return {
        window: number("window", Number.MAX_VALUE),
        end: number("end", Date.now() + FUTURE_MS),
        panels: list("panels"),
        large: list("large"),
        theme: given.get("theme"),
      };
    }

    /* One sentence about what the address names and this page has not; empty where all is well. */
    wrong(panels) {
      const read = this.read();
      const named = [...(read.panels ?? []), ...(read.large ?? [])].map((name) => name.replace(/^-/, ""));
      const unknown = named.filter((name) => !panels.includes(name));
      if (unknown.length) return `The link names a panel that is not here: ${quoted(unknown[0])}.`;
      for (const name of ["window", "end"]) {
        if (this.given.has(name) && read[name] === null) {
          return `The link says ${name}=${quoted(this.given.get(name))}, which is no time; it is left out.`;
        }
      }
      if (read.theme !== null && !app.THEMES.includes(read.theme)) {
        return `The link names a theme that is not here: ${quoted(read.theme)}.`;
      }
      return "";
    }

    /* This page's address where it says `said`, null for what it need not. */
    link(said) {
      const url = new URL(window.location.href);
      for (const name of KNOWN) {
        if (said[name] === null || said[name] === undefined) url.searchParams.delete(name);
        else url.searchParams.set(name, String(said[name]));
      }
      url.search = url.search.replaceAll("%2C", ",");
      return url.href;
    }

    /* Let the address say `said`; as a new entry to go back to where `fresh`. */
    write(said, fresh) {
      const url = this.link(said);
      if (url === window.location.href) return;
      window.history[fresh ? "pushState" : "replaceState"](null, "", url);
    }
  };

  /* The words of the address for a held range, or for following `seconds`. */
  app.placed = function (held, seconds) {
    const length = held ? (held[1] - held[0]) / 1000 : seconds;
    return { window: Math.round(length * 1000) / 1000, end: held ? Math.round(held[1]) : null };
  };

  function quoted(text) {
    return `“${text.length > 40 ? text.slice(0, 40) + "…" : text}”`;
  }

  /* The one of `stops` that `seconds` is closest to, by ratio. */
  app.nearest = function (stops, seconds) {
    const far = (stop) => Math.abs(Math.log(stop / seconds));
    return stops.reduce((best, stop) => (far(stop) < far(best) ? stop : best));
  };
})((window.dashapp = window.dashapp || {}));
