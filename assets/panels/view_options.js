/* Choices of the viewer for the chart of a panel: scale, axis, lines or heat map, and statistics for all. The browser stores
   them, and a link contains those of panels. */
(function (app) {
  "use strict";

  const FLAGS = { log: app.translate("Logarithmic scale"), clip: app.translate("Clip spikes"), lines: app.translate("Draw as lines") };
  const NUMBER = /^-?[\d.]+(?:e[+-]?\d+)?$/i;

  app.ViewOptions = class {
    /* `page`: liveView, urlState, writeUrl(). */
    constructor(page) {
      this.page = page;
      this.hasStatistics = true;
    }

    get views() {
      return this.page.liveView.renderQueue.views;
    }

    /* Apply the URL, or else the stored choices. */
    applyUrl() {
      const { view } = this.page.urlState.read();
      const stored = app.readPreferences();
      this.hasStatistics = stored.statistics ?? true;
      const texts = view ?? Object.entries(stored.views ?? {}).flatMap(([name, options]) => (Array.isArray(options) ? options.map((option) => `${encode(name)}:${option}`) : []));
      const before = this.texts().join();
      this.views.clear();
      for (const text of texts) this.add(String(text));
      if (this.texts().join() !== before) this.page.liveView.renderQueue.redraw(true);
    }

    /* "NAME:log", "NAME:clip", "NAME:lines" or "NAME:LOW..HIGH"; anything else is ignored. */
    add(text) {
      const [name, option] = text.split(":");
      if (!option) return;
      const [low, high] = option.split("..").map((part) => (NUMBER.test(part) ? Number(part) : NaN));
      const choice = option in FLAGS ? { [option]: true } : low < high && Number.isFinite(high - low) ? { fixed: [low, high] } : null;
      if (choice) this.views.set(decode(name), { ...this.views.get(decode(name)), ...choice });
    }

    texts() {
      return [...this.views].flatMap(([name, view]) => this.optionTexts(view).map((option) => `${encode(name)}:${option}`));
    }

    optionTexts(view) {
      const flags = Object.keys(FLAGS).filter((flag) => view[flag]);
      return view.fixed ? [...flags, view.fixed.map((end) => Number(end.toPrecision(6))).join("..")] : flags;
    }

    urlParams() {
      const texts = this.texts();
      return { view: texts.length ? texts.join() : null };
    }

    /* Menu items for a panel. */
    items(name) {
      const chart = this.page.liveView.charts.find(({ panel }) => panel === name);
      if (!chart?.legendLines) return [];
      const { views } = this;
      const view = views.get(name) ?? {};
      const toggle = (changes) => this.set(name, { ...view, ...changes });
      const flag = (key) => ({ text: FLAGS[key], checked: Boolean(view[key]), run: () => toggle({ [key]: !view[key] }) });
      const isHeatMap = chart instanceof app.HeatMap;
      const axis = chart.gd?._fullLayout?.yaxis;
      const fixed = { text: app.translate("Fix the axis"), checked: Boolean(view.fixed), run: () => toggle({ fixed: view.fixed ? undefined : axis.range.slice(), log: false }) };
      return [
        ...(isHeatMap ? [] : [flag("log"), ...(axis && axis.type !== "log" ? [fixed] : []), flag("clip")]),
        ...(isHeatMap || view.lines ? [flag("lines")] : []),
        { text: app.translate("Statistics"), checked: this.hasStatistics, run: () => this.setStatistics(!this.hasStatistics) },
      ];
    }

    set(name, view) {
      this.views.set(name, view);
      if (!this.optionTexts(view).length) this.views.delete(name);
      const stored = app.readPreferences().views ?? {};
      delete stored[name];
      if (this.views.has(name)) stored[name] = this.optionTexts(view);
      app.writePreferences({ views: stored });
      this.page.liveView.renderQueue.redraw(true);
      this.page.writeUrl();
    }

    setStatistics(hasStatistics) {
      this.hasStatistics = hasStatistics;
      app.writePreferences({ statistics: hasStatistics });
      this.page.refresh();
    }
  };

  /* These characters separate names and options. */
  function encode(name) {
    return name.replace(/[%,:]/g, encodeURIComponent);
  }

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch (error) {
      return text; // somebody wrote this link
    }
  }
})((window.dashapp = window.dashapp || {}));
