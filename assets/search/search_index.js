/* Everything that the search finds on the page, and the order of the results. No request: all names are in the browser. */
(function (app) {
  "use strict";

  const MAX_TITLE_LENGTH = 120;
  const MAX_EVENTS = 1000;
  // Earlier kinds are first among equal matches.
  const KINDS = ["time", "panel", "group", "metric", "host", "action", "event"];

  /* Lower case without accents, so that "Zurich" matches "Zürich". */
  app.foldText = function (text) {
    return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  };

  /* `entries`: `[{kind, title, detail, run}]`. Keep the texts that each query is compared with. */
  app.SearchIndex = class {
    constructor(entries) {
      this.entries = entries.map((entry, order) => {
        const title = app.foldText(entry.title);
        return { entry, order, title, all: `${title}\n${app.foldText(entry.detail ?? "")}\n${app.foldText(entry.key ?? "")}` };
      });
    }

    /* The entries that contain each word of `text`, the best first. */
    find(text) {
      const words = app.foldText(text).split(/\s+/).filter(Boolean);
      const matches = this.entries.filter(({ all }) => words.every((word) => all.includes(word)));
      const ranked = matches.map((match) => ({ ...match, rank: rankOf(match, words) }));
      ranked.sort((one, other) => one.rank - other.rank || one.order - other.order);
      return ranked.map(({ entry }) => entry);
    }
  };

  function rankOf({ title, entry }, words) {
    const phrase = words.join(" ");
    const isWordStart = (word) => title.startsWith(word) || title.includes(` ${word}`);
    const match = title === phrase ? 0 : title.startsWith(phrase) ? 1 : words.every(isWordStart) ? 2 : words.every((word) => title.includes(word)) ? 3 : 4;
    return match * KINDS.length + KINDS.indexOf(entry.kind);
  }

  /* Metrics, panels, groups, hosts, actions and events of `page`. */
  app.searchEntries = function (page) {
    return [...panelEntries(page), ...groupEntries(), ...metricEntries(page), ...hostEntries(page), ...actionEntries(page), ...eventEntries(page)];
  };

  function panelEntries(page) {
    const { panelOrder } = page;
    return panelOrder.availablePanels().map((name) => {
      const section = panelOrder.sections.get(name);
      const detail = section.querySelector(".of")?.textContent ?? "";
      return { kind: "panel", title: app.panelTitle(section), detail, key: name, run: () => app.showPanel(page, name) };
    });
  }

  function groupEntries() {
    return [...document.querySelectorAll('#page nav a[href^="#"]')].map((link) => ({
      kind: "group",
      title: link.textContent.trim(),
      detail: "",
      run: () => link.click(),
    }));
  }

  function metricEntries(page) {
    return [...page.liveView.catalog.metrics.values()].map((metric) => ({
      kind: "metric",
      title: metric.label || metric.key,
      detail: metric.key,
      key: metric.unit,
      metric,
      run: () => app.showMetric(page, metric),
    }));
  }

  function hostEntries({ hosts }) {
    if (!hosts.hasSeveral) return [];
    return (hosts.rows ?? []).map(({ name }) => ({
      kind: "host",
      title: name,
      detail: hosts.names.includes(name) ? app.translate("on this page") : app.translate("open its page"),
      run: () => window.location.assign(hosts.urlFor([name])),
    }));
  }

  function actionEntries(page) {
    const offered = page.actions().filter(({ name, isAvailable }) => name !== "search" && (isAvailable?.() ?? true));
    return offered.map(({ text, keys, run }) => ({ kind: "action", title: text, detail: keys, run }));
  }

  /* The newest events first. */
  function eventEntries(page) {
    const newest = page.liveView.events.events.slice(-MAX_EVENTS).reverse();
    return newest.map(({ t, text }) => ({ kind: "event", title: text, detail: app.formatDateTime(t), run: () => page.goToMoment(t) }));
  }

  /* The entry of a time in `text`; null if it is none. */
  app.timeEntry = function (page, text) {
    const { liveView } = page;
    const now = liveView.clock.now();
    const phrase = app.toEnglishPhrase(text).trim();
    const parsed = /^(now|live)$/i.test(phrase) ? { now: true } : app.parseTimePhrase(phrase, now);
    if (!parsed) return null;
    const entry = (title, run) => ({ kind: "time", title, detail: text.trim().slice(0, MAX_TITLE_LENGTH), run });
    if (parsed.error) return { ...entry(parsed.error, null), disabled: true };
    if (parsed.now) return entry(app.translate("Now"), () => page.resume());
    if (parsed.seconds) return entry(app.translate("Last {duration}", { duration: app.formatDurationLong(parsed.seconds) }), () => page.showLast(parsed.seconds));
    const range = parsed.range && limitRange(parsed.range, liveView.maxSeconds);
    if (range) return entry(app.formatRange(range), () => page.onZoom(range));
    return entry(app.formatDateTime(parsed.time), () => page.goToMoment(parsed.time));
  };

  function limitRange([start, end], maxSeconds) {
    return [Math.max(start, end - maxSeconds * 1000), end];
  }

  app.presetEntries = function (page) {
    const now = page.liveView.clock.now();
    return app
      .timePresets(now)
      .filter(([, [start, end]]) => end > start && now - end < page.liveView.maxSeconds * 1000)
      .map(([title, range]) => ({ kind: "time", title, detail: app.formatRange(range), run: () => page.onZoom(limitRange(range, page.liveView.maxSeconds)) }));
  };
})((window.dashapp = window.dashapp || {}));
