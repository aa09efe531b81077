/* The dialog of alert rules: those of the settings, and those that signed-in people create, change, delete and test. */
(function (app) {
  "use strict";

  const MAX_LISTED_ACTIONS = 20;
  const MIN_FILTERED_RULES = 10;
  const LOAD_ERROR = app.translate("The rules could not be loaded.");
  // The collector applies a change before its next tick.
  const POLL_INTERVAL_MS = 300;
  const MAX_POLLS = 30;
  const EXAMPLE = "cpu.percent > 90 for 5m repeat 30m except Sat-Sun 22:00-06:00 critical";
  const ACTION_TEXT = {
    mute: app.translate("{time} {user} muted {rule}"),
    unmute: app.translate("{time} {user} unmuted {rule}"),
    acknowledge: app.translate("{time} {user} acknowledged {rule}"),
    create: app.translate("{time} {user} created {rule}"),
    change: app.translate("{time} {user} changed a rule to {rule}"),
    delete: app.translate("{time} {user} deleted {rule}"),
    test: app.translate("{time} {user} tested {rule}"),
  };

  app.openAlertRules = function (page) {
    new RulesDialog(page).open();
  };

  class RulesDialog {
    constructor(page) {
      this.page = page;
      this.controls = page.alertControls;
      this.edited = null; // the text of the rule that the form changes
      this.hasChanged = false;
    }

    open() {
      this.list = app.createElement("ul", { className: "alert-rules", "aria-label": app.translate("Rules") });
      this.filter = app.createElement("input", { type: "search", className: "rule-filter", hidden: true, "aria-label": app.translate("Find rules"), placeholder: app.translate("Find rules") });
      this.filter.addEventListener("input", () => this.applyFilter());
      // A text that is cut off could be another rule, so the server checks its length.
      this.input = app.createElement("input", { type: "text", placeholder: EXAMPLE, "aria-label": app.translate("Rule"), spellcheck: false });
      this.error = app.createElement("p", { className: "wrong", role: "alert" });
      this.note = app.createElement("p", { className: "rule-note", role: "status" });
      this.save = app.createElement("button", { type: "submit", className: "plain primary" });
      const button = (text, run) => {
        const element = app.createElement("button", { type: "button", className: "plain" }, text);
        element.addEventListener("click", run);
        return element;
      };
      this.cancel = button(app.translate("Cancel"), () => this.edit(null));
      const form = app.createElement("form", { className: "rule-form" }, this.input, this.save, button(app.translate("Test"), () => this.test()), this.cancel);
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.submit();
      });
      this.actions = app.createElement("ul", { className: "alert-actions" });
      this.history = app.createElement("details", { hidden: true }, app.createElement("summary", {}, app.translate("History")), this.actions);
      const help = app.createElement("p", {}, app.translate("A rule has a metric, a limit and a time. Other conditions: missing for 1m, reaches 95 within 3d, unusual for 10m. Options: repeat 30m, except Sat-Sun 22:00-06:00, critical."));
      const dialog = app.openDialog(app.translate("Alert rules"), help, form, this.error, this.note, this.history, this.filter, this.list);
      dialog.classList.add("wide");
      this.edit(null);
      this.page.alertHistory.onLoad = () => this.load();
      dialog.addEventListener("close", () => {
        this.page.alertHistory.onLoad = null;
        // Only a new page draws the limits of other rules.
        if (this.hasChanged) window.location.reload();
      });
      this.load();
    }

    async load() {
      try {
        const response = await fetch(`${this.controls.base}api/alerts?limit=${MAX_LISTED_ACTIONS}`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
        const { thresholds, actions } = await response.json();
        this.draw(thresholds, actions);
        if (this.error.textContent === LOAD_ERROR) this.error.textContent = "";
        return thresholds;
      } catch (error) {
        this.error.textContent = LOAD_ERROR;
        return null;
      }
    }

    /* Keep the items that are the same: a replaced button would lose the focus. */
    draw(rules, actions) {
      const drawn = new Map([...this.list.children].map((item) => [item.dataset.content, item]));
      const hadFocus = this.list.contains(document.activeElement);
      const items = rules.map((rule) => {
        const details = describeRule(rule);
        const content = JSON.stringify([rule.text, rule.origin, rule.state, details]);
        const item = drawn.get(content) ?? this.item(rule, details);
        item.dataset.content = content;
        return item;
      });
      const wanted = new Set(items);
      for (const item of [...this.list.children]) if (!wanted.has(item)) item.remove();
      items.forEach((item, index) => this.list.children[index] !== item && this.list.insertBefore(item, this.list.children[index] ?? null));
      if (!items.length) this.list.append(app.createElement("li", {}, app.translate("No rules yet")));
      if (hadFocus && !this.list.contains(document.activeElement)) this.input.focus();
      this.filter.hidden = rules.length < MIN_FILTERED_RULES;
      this.applyFilter();
      this.history.hidden = !actions.length;
      this.actions.replaceChildren(...actions.map((action) => app.createElement("li", {}, describeAction(action))));
    }

    /* Show the rules with all words of the filter. */
    applyFilter() {
      const words = this.filter.hidden ? [] : this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const item of this.list.children) item.hidden = !words.every((word) => item.textContent.toLowerCase().includes(word));
    }

    item(rule, details) {
      const button = (text, run) => {
        const element = app.createElement("button", { type: "button", className: "plain", "aria-label": `${text}: ${rule.text}` }, text);
        element.addEventListener("click", run);
        return element;
      };
      const buttons = rule.origin === "page" ? [button(app.translate("Change"), () => this.edit(rule.text)), button(app.translate("Delete"), () => this.delete(rule.text))] : [];
      const text = app.createElement("span", { className: "rule-text" }, app.createElement("code", {}, rule.text), app.createElement("small", {}, details));
      const item = app.createElement("li", { className: rule.state === "broken" ? "firing" : "" }, text, app.createElement("span", { className: "rule-buttons" }, ...buttons));
      item.dataset.rule = rule.text;
      return item;
    }

    /* Change this rule in the form; null for a new one. */
    edit(text) {
      this.edited = text;
      this.input.value = text ?? "";
      this.save.textContent = text === null ? app.translate("Add rule") : app.translate("Change rule");
      this.cancel.hidden = text === null;
      this.input.focus();
    }

    async submit() {
      const body = { rule: this.input.value, ...(this.edited === null ? {} : { replaces: this.edited }) };
      const result = await this.send("rules", body);
      if (!result) return;
      const { edited } = this;
      this.edit(null);
      await this.waitFor((texts) => texts.includes(result.rule) && (edited === result.rule || !texts.includes(edited)));
    }

    async delete(text) {
      if (!(await this.send("rules/delete", { rule: text }))) return;
      if (this.edited === text) this.edit(null);
      await this.waitFor((texts) => !texts.includes(text));
    }

    async test() {
      const result = await this.send("test", { rule: this.input.value || EXAMPLE });
      if (!result) return;
      const value = result.value === null ? app.translate("The metric has no value now.") : app.translate("The value is {value} now.", { value: app.formatQuantity(result.value, "") });
      const messages = result.addresses ? app.translateCount("A test message goes to {count} addresses.", "A test message goes to {count} address.", result.addresses) : app.translate("No message: the server has no addresses in DASHAPP_NOTIFY.");
      this.note.textContent = app.translate("The rule is valid. {value} {messages}", { value, messages });
    }

    /* Return the result; null after an error, which the dialog shows. */
    async send(name, body) {
      this.note.textContent = this.error.textContent = "";
      const result = await this.controls.post(name, body);
      if (!result.error) return result;
      this.error.textContent = app.asSentence(result.error);
      this.error.scrollIntoView({ block: "nearest" });
      return null;
    }

    /* Show the rules once the collector has taken over a change. */
    async waitFor(isApplied) {
      this.hasChanged = true;
      this.note.textContent = app.translate("Waiting for the collector");
      for (let poll = 0; poll < MAX_POLLS && this.list.isConnected; poll++) {
        const rules = await this.load();
        if (rules && isApplied(rules.map(({ text }) => text))) {
          this.note.textContent = app.translate("Saved.");
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
      }
      this.note.textContent = app.translate("The collector has not taken over the change yet.");
    }
  }

  /* "from the settings · firing · Muted until 15:30" */
  function describeRule(rule) {
    const state = rule.state === "broken" ? app.translate("firing") : rule.state === "ok" ? "" : app.translate("no value");
    return [rule.origin === "page" ? "" : app.translate("from the settings"), state, app.describeControls(rule)].filter(Boolean).join(" · ");
  }

  /* "14:03 mia muted cpu.percent > 90 until 15:03" */
  function describeAction({ kind, text, time, user, comment, until }) {
    const values = { time: app.formatTime(time), user: user ? app.isolateText(user) : app.translate("Somebody"), rule: text };
    const what = app.fillText(ACTION_TEXT[kind] ?? `{time} {user} ${kind} {rule}`, values);
    const end = kind !== "mute" ? "" : until === null ? app.translate(" until it resolves") : app.translate(" until {time}", { time: app.formatTime(until) });
    return `${what}${end}${comment ? `: ${app.isolateText(comment)}` : ""}`;
  }
})((window.dashapp = window.dashapp || {}));
