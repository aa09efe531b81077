/* The state in the page's URL: window, end, panels and theme. A link shows others the same view. */
(function (app) {
  "use strict";

  const PARAMS = ["window", "end", "panels", "large", "hide", "view", "theme", "compare", "chart", "kiosk", "tz", "usual"];
  const TIME_ZONES = ["browser", "host", "UTC"];
  // Panels of earlier versions, in links: they are part of others now.
  const MERGED_PANELS = { cpukinds: "cpu" };
  const MAX_FUTURE_MS = 2 * 86_400_000; // the viewer's clock may be behind
  const MAX_LIST_LENGTH = 4000; // no plausible list is longer

  function current(panels) {
    return panels?.filter((name) => !MERGED_PANELS[name.replace(/^-/, "")] || !name.startsWith("-")).map((name) => MERGED_PANELS[name] ?? name) ?? null;
  }

  app.UrlState = class {
    /* `onChange()` after Back or Forward. */
    constructor(onChange) {
      window.addEventListener("popstate", () => onChange());
    }

    get params() {
      return new URLSearchParams(window.location.search);
    }

    /* `{window (seconds), end (epoch milliseconds), panels, large (lists of names), hide
       (list of metric keys), view (list of NAME:OPTION), theme, compare, kiosk, tz, usual, charts (list of texts)}`, null if absent. */
    read() {
      const { params } = this;
      const number = (name, max) => {
        const value = Number(params.get(name));
        return params.has(name) && value > 0 && value <= max ? value : null;
      };
      const list = (name) =>
        params.has(name) ? params.get(name).slice(0, MAX_LIST_LENGTH).split(",").filter(Boolean) : null;
      return {
        window: number("window", Number.MAX_VALUE),
        end: number("end", Date.now() + MAX_FUTURE_MS),
        panels: app.singlePanel ? [app.singlePanel] : current(list("panels")),
        large: current(list("large")),
        hide: list("hide"),
        view: list("view"),
        theme: params.get("theme"),
        compare: params.get("compare"),
        kiosk: params.get("kiosk"),
        tz: params.get("tz"),
        usual: params.get("usual"),
        charts: params.has("chart") ? params.getAll("chart").map((text) => text.slice(0, MAX_LIST_LENGTH)) : null,
      };
    }

    /* One sentence about an invalid or unknown value in the URL; "" if there is none. */
    validate(panels) {
      const read = this.read();
      const names = [...(read.panels ?? []), ...(read.large ?? [])].map((name) => name.replace(/^-/, ""));
      const unknown = names.filter((name) => !panels.includes(name));
      if (unknown.length) return app.translate("Unknown panel in the link: {name}.", { name: quote(unknown[0]) });
      for (const name of ["window", "end"]) {
        if (this.params.has(name) && read[name] === null) {
          return app.translate("Invalid time in the link, ignored: {name}={value}.", { name, value: quote(this.params.get(name)) });
        }
      }
      if (read.theme !== null && !app.THEMES.includes(read.theme)) {
        return app.translate("Unknown theme in the link: {name}.", { name: quote(read.theme) });
      }
      if (read.compare !== null && !Object.hasOwn(app.COMPARISONS, read.compare)) {
        return app.translate("Unknown comparison in the link: {name}; expected 1d or 7d.", { name: quote(read.compare) });
      }
      if (read.tz !== null && !TIME_ZONES.includes(read.tz)) return app.translate("Unknown time zone in the link: {name}; expected {names}.", { name: quote(read.tz), names: TIME_ZONES.join(", ") });
      for (const name of ["kiosk", "usual"]) {
        if (read[name] !== null && read[name] !== "1") return app.translate("Unknown {name} in the link: {value}; expected 1.", { name, value: quote(read[name]) });
      }
      return "";
    }

    /* This page's URL with `params`; null removes a parameter, and a list sets it several times. */
    urlWith(params) {
      const url = new URL(window.location.href);
      for (const name of PARAMS) {
        const values = [params[name] ?? []].flat().map(String);
        // A parameter keeps its place.
        if (values.length === 1) url.searchParams.set(name, values[0]);
        else url.searchParams.delete(name);
        if (values.length > 1) for (const value of values) url.searchParams.append(name, value);
      }
      url.search = url.search.replaceAll("%2C", ",").replaceAll("%3A", ":");
      return url.href;
    }

    /* `newEntry`: add an entry to the browser's history. */
    write(params, newEntry) {
      const url = this.urlWith(params);
      if (url === window.location.href) return;
      window.history[newEntry ? "pushState" : "replaceState"](null, "", url);
    }
  };

  /* Parameters for a paused range, or for a live window of `seconds`. */
  app.rangeParams = function (pausedRange, seconds) {
    const length = pausedRange ? (pausedRange[1] - pausedRange[0]) / 1000 : seconds;
    return { window: Math.round(length * 1000) / 1000, end: pausedRange ? Math.round(pausedRange[1]) : null };
  };

  function quote(text) {
    return `“${text.length > 40 ? text.slice(0, 40) + "…" : text}”`;
  }
})((window.dashapp = window.dashapp || {}));
