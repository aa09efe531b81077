/* The formulas of the charts that the user built: checked by the server, requested with the frames. */
(function (app) {
  "use strict";

  const TIMEOUT_MS = 5000;
  const RETRY_MS = 5000;
  // As on the server, and characters of the query of all formulas.
  const MAX_FORMULAS = 16;
  const MAX_PARTS = 400;
  const MAX_QUERY_LENGTH = 1500;

  app.ChartFormulas = class {
    /* `onChange()` is called when the server has checked a formula. */
    constructor(liveView, onChange) {
      this.liveView = liveView;
      this.onChange = onChange;
      this.problems = new Map(); // a sentence by key, "" for a valid formula, null while it is being checked
      this.timer = null;
    }

    /* Use the formulas among the keys of all charts. `panelOf(key)`: the name of a chart that shows it. */
    update(keys, panelOf) {
      const all = [...new Set(keys.filter(app.isFormulaKey))];
      for (const key of all) if (!this.problems.has(key)) this.check(key);
      this.requested = this.fitting(all.filter((key) => this.problems.get(key) === ""));
      const { catalog } = this.liveView;
      const metrics = this.requested.flatMap((key) => describe(key, catalog.hosts).map((metric) => ({ ...metric, panel: panelOf(key) })));
      catalog.setFormulas(metrics);
      this.liveView.setFormulas(this.requested.map(app.formulaText).join());
    }

    /* As many as fit into a request. */
    fitting(keys) {
      const fits = (some) =>
        some.length <= MAX_FORMULAS &&
        some.reduce((sum, key) => sum + app.countFormulaParts(key), 0) <= MAX_PARTS &&
        encodeURIComponent(some.map(app.formulaText).join()).length <= MAX_QUERY_LENGTH;
      return keys.reduce((some, key) => (fits([...some, key]) ? [...some, key] : some), []);
    }

    /* A sentence about a formula that is not drawn, or names metrics that do not exist; else "". */
    problemOf(key, isKnown) {
      const problem = this.problems.get(key) ?? "";
      if (problem) return sentence(problem);
      if (this.problems.get(key) === "" && !this.requested.includes(key)) return app.translate("The formulas of this page are too long together. Remove one.");
      const unknown = app.formulaInputs(key).filter((input) => !isKnown(input));
      return unknown.length ? app.translate("No metric “{name}” for the formula.", { name: app.isolateText(app.shortenText(unknown[0], 40)) }) : "";
    }

    /* A sentence, or "" for a valid formula. */
    async validate(key) {
      const problem = await this.check(key);
      return problem && sentence(problem);
    }

    /* Ask the server; resolves to its text, or "" for a valid formula. */
    async check(key) {
      if (this.problems.get(key)) return this.problems.get(key);
      if (!this.problems.has(key)) this.problems.set(key, null);
      if (app.hasOuterComma(key)) {
        this.problems.set(key, app.translate("a formula has no comma outside of a function"));
        return this.problems.get(key);
      }
      let problem = null;
      try {
        const query = new URLSearchParams({ window: "10", points: "10", formulas: app.formulaText(key) });
        const response = await fetch(`${this.liveView.subscription.poller.base}api/ticks?${query}`, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
        if (response.ok) problem = "";
        else if (response.status === 400) problem = (await response.json()).error;
      } catch (error) {
        problem = null; // offline
      }
      if (problem === null) {
        this.problems.delete(key);
        this.retry();
        return app.translate("the server does not answer; try again in a moment");
      }
      this.problems.set(key, problem);
      this.onChange();
      return problem;
    }

    /* Later: a change at once would check the formula again, as fast as requests fail. */
    retry() {
      this.timer ??= setTimeout(() => {
        this.timer = null;
        this.onChange();
      }, RETRY_MS);
    }
  };

  /* The metrics of a formula: one for each compared host. */
  function describe(key, hosts) {
    const { name, formula, unit } = app.parseFormulaKey(key);
    const metric = { label: name || formula, unit, low: null, high: null, isFormula: true };
    return hosts.length < 2 ? [{ ...metric, key }] : hosts.map((host) => ({ ...metric, key: `${host}/${key}`, label: `${host} ${metric.label}` }));
  }

  /* The server writes the start in lower case, without a full stop. */
  function sentence(text) {
    return `${text[0].toUpperCase()}${text.slice(1)}.`;
  }
})((window.dashapp = window.dashapp || {}));
