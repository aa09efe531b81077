/* The search: a list of results below an input, for the keyboard. https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ */
(function (app) {
  "use strict";

  const MAX_RESULTS = 50;
  const FIRST_METRICS = 5; // without a text
  const KIND_NAMES = {
    time: app.translate("Time"), panel: app.translate("Panel"), group: app.translate("Group"), metric: app.translate("Metric"),
    host: app.translate("Host"), action: app.translate("Action"), event: app.translate("Event"),
  };
  const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

  /* A text input with a list of options: `input` and `list` are elements. `find(text)` returns `[{kind, title, detail,
     run, disabled}]`; `onChoose(entry)` is called with the one that the user chose. */
  app.ResultList = class {
    constructor(label, id, find, onChoose) {
      this.find = find;
      this.onChoose = onChoose;
      this.results = [];
      this.active = -1;
      this.input = app.createElement("input", {
        type: "text", className: "search-input", role: "combobox", autocomplete: "off", spellcheck: false, maxLength: 200, "aria-label": label,
        "aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list",
      });
      this.list = app.createElement("ul", { id, className: "results", role: "listbox", "aria-label": app.translate("Results") });
      this.count = app.createElement("p", { className: "result-count", role: "status" });
      this.input.addEventListener("input", () => this.update());
      this.input.addEventListener("keydown", (event) => this.onKey(event));
      // A press would take the focus from the input.
      this.list.addEventListener("pointerdown", (event) => event.preventDefault());
      this.list.addEventListener("click", (event) => this.choose([...this.list.children].indexOf(event.target.closest("li"))));
    }

    update() {
      const results = this.find(this.input.value);
      this.results = results.slice(0, MAX_RESULTS);
      this.list.replaceChildren(...this.results.map((entry, index) => createOption(entry, `${this.list.id}-${index}`)));
      const hiddenCount = results.length - this.results.length;
      const more = hiddenCount ? app.translate("{count} results, the first {shown} are shown", { count: app.formatCount(results.length), shown: MAX_RESULTS }) : "";
      const isEmpty = !results.length && this.input.value.trim() !== "";
      this.list.hidden = !results.length;
      this.input.setAttribute("aria-expanded", String(results.length > 0));
      app.setText(this.count, !isEmpty ? more : app.translate("Nothing found for “{text}”", { text: app.isolateText(app.shortenText(this.input.value.trim())) }));
      this.activate(this.results.findIndex(({ disabled }) => !disabled));
    }

    /* Mark the result that Enter chooses. */
    activate(index) {
      this.list.children[this.active]?.setAttribute("aria-selected", "false");
      this.active = index;
      const option = this.list.children[index];
      option?.setAttribute("aria-selected", "true");
      option?.scrollIntoView({ block: "nearest" });
      this.input.setAttribute("aria-activedescendant", option?.id ?? "");
    }

    onKey(event) {
      const count = this.results.length;
      const step = STEPS[event.key];
      if (event.key === "Enter") this.choose(this.active);
      else if (step && count) this.activate(Math.abs(step) > 1 ? Math.min(Math.max(this.active + step, 0), count - 1) : (this.active + step + count) % count);
      else return;
      event.preventDefault();
    }

    choose(index) {
      const entry = this.results[index];
      if (entry && !entry.disabled) this.onChoose(entry);
    }
  };

  function createOption({ kind, title, detail, disabled }, id) {
    return app.createElement(
      "li",
      { id, role: "option", "aria-selected": "false", ...(disabled ? { "aria-disabled": "true" } : {}) },
      app.createElement("span", { className: "result-kind" }, KIND_NAMES[kind]),
      app.createElement("bdi", { className: "result-title" }, title),
      app.createElement("bdi", { className: "result-detail" }, detail ?? "")
    );
  }

  /* Find anything on `page`; Enter shows it. */
  app.openSearchDialog = function (page) {
    let index = new app.SearchIndex(app.searchEntries(page));
    const find = (text) => {
      if (!text.trim()) return firstEntries(page, index.entries.map(({ entry }) => entry));
      const time = app.timeEntry(page, text);
      return [...(time ? [time] : []), ...index.find(text)];
    };
    const results = new app.ResultList(app.translate("Search for metrics, panels, hosts and times"), "search-results", find, (entry) => {
      dialog.close();
      entry.run();
    });
    results.input.placeholder = app.translate("Metric, panel, host, or a time: yesterday 14:00");
    const dialog = app.openDialog(app.translate("Search"), results.input, results.list, results.count);
    dialog.classList.add("search");
    // The metrics may come later than the user, and new ones at any time.
    const stop = page.liveView.catalog.subscribe(() => {
      index = new app.SearchIndex(app.searchEntries(page));
      results.update();
    });
    dialog.addEventListener("close", stop);
    results.update();
    results.input.focus();
  };

  /* Suggestions: times, groups, panels and actions. */
  function firstEntries(page, entries) {
    const ofKind = (kind) => entries.filter((entry) => entry.kind === kind);
    return [...app.presetEntries(page), ...ofKind("group"), ...ofKind("action"), ...ofKind("host"), ...ofKind("panel"), ...ofKind("metric").slice(0, FIRST_METRICS)];
  }
})((window.dashapp = window.dashapp || {}));
