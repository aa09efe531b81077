/* Alerts at the time that the page shows: their count above the panels, and marks on tiles, panels, tab and icon. */
(function (app) {
  "use strict";

  const MAX_LISTED = 20; // in the list of the header
  const CONDITIONS = {
    ">": app.translate("{label} above {limit}"),
    ">=": app.translate("{label} at or above {limit}"),
    "<": app.translate("{label} below {limit}"),
    "<=": app.translate("{label} at or below {limit}"),
  };

  app.ActiveAlerts = class {
    /* `page`: alertHistory, liveView, showIncident(incident). */
    constructor(page) {
      this.page = page;
      this.catalog = page.liveView.catalog;
      this.element = document.getElementById("alerts");
      this.setThresholds(JSON.parse(document.getElementById("page").dataset.thresholds || "[]"));
      this.firing = []; // [{metric, text, since}] of the newest frame
      this.count = app.createElement("button", { type: "button", className: "count", "aria-haspopup": "true" });
      this.count.addEventListener("click", () => this.openList());
      this.sentence = app.createElement("p", {});
      this.element.append(this.count, this.sentence);
    }

    /* Those that fire at the time that the page shows. */
    get shown() {
      const { at } = this.page.liveView.reading;
      return at === null ? this.firing.map(({ since, ...rest }) => ({ ...rest, start: since })) : this.page.alertHistory.incidentsAt(at);
    }

    refresh() {
      const isPast = this.page.liveView.reading.at !== null;
      const { shown } = this;
      const muted = shown.filter(({ mute }) => mute).length;
      const text = countText(shown.length);
      this.count.dataset.muted = muted ? app.translate(", {count} muted", { count: muted }) : "";
      // While a chart is read live, the text and thus the bar change only if the alerts of that time are others.
      const isSame = this.page.liveView.pausedRange === null && textsOf(shown) === textsOf(this.firing);
      const later = isPast && this.firing.length ? app.translate(", {count} now", { count: this.firing.length }) : "";
      this.element.hidden = !shown.length && !later;
      this.element.classList.toggle("calm", !shown.length);
      this.element.setAttribute("aria-live", isPast ? "off" : "assertive");
      app.setText(this.count, isPast && !isSame ? app.translate("{alerts} then{later}", { alerts: text, later }) : text);
      app.setText(this.sentence, shown.length ? this.sentenceOf(shown[0]) + this.namesOf(shown[0]) : "");
    }

    sentenceOf(alert) {
      const text = this.describe(alert);
      return alert.start === null ? text : app.translate("{alert} since {time}", { alert: text, time: app.formatTime(alert.start) });
    }

    /* ": ffmpeg 61 %, python 22 %", the processes that explain an alert; "" if none are known. */
    namesOf({ text }) {
      const { at } = this.page.liveView.reading;
      const incident = this.page.alertHistory.incidentsAt(at).find((other) => app.alertCondition(other.text) === app.alertCondition(text));
      const names = app.describeRanking(incident?.processes ?? []);
      return names && `: ${names}`;
    }

    /* "CPU above 90 %" */
    describe({ metric, text }) {
      const info = this.catalog.metrics.get(metric);
      const threshold = this.thresholdOf(text);
      if (!threshold) return text;
      const label = app.isolateText(info?.label ?? metric);
      const level = threshold.level === "critical" ? app.translate("Critical: ") : "";
      if (threshold.op === "missing") return level + app.translate("No data: {label}", { label });
      if (threshold.op === "unusual") return level + app.translate("{label} unusual", { label });
      const limit = app.formatLimit(threshold.limit, info?.unit ?? "");
      if (threshold.op === "reaches") return level + app.translate("{label} reaches {limit} within {duration}", { label, limit, duration: app.formatDurationLong(threshold.within) });
      return level + app.fillText(CONDITIONS[threshold.op] ?? `{label} ${threshold.op} {limit}`, { label, limit });
    }

    setThresholds(thresholds) {
      this.thresholds = new Map(thresholds.map((threshold) => [app.alertCondition(threshold.text), threshold]));
    }

    thresholdOf(text) {
      return this.thresholds.get(app.alertCondition(text));
    }

    /* Whether the alert fires below its limit. */
    isLow({ text }) {
      return this.thresholdOf(text)?.op.startsWith("<") ?? false;
    }

    /* "" if there is none, and for an alert about missing data. */
    formatValue({ metric, text, value }) {
      return value === null || this.thresholdOf(text)?.op === "missing" ? "" : app.formatQuantity(value, this.catalog.metrics.get(metric)?.unit ?? "");
    }

    /* An alert at the time on screen, or one that fires now, marked as such. */
    get tabTitle() {
      const { shown, firing } = this;
      if (shown.length) return shown.length > 1 ? countText(shown.length) : this.describe(shown[0]);
      if (firing.length) return app.translate("{alert} now", { alert: firing.length > 1 ? countText(firing.length) : this.describe(firing[0]) });
      return "";
    }

    /* Mark the panels and tiles with an alert. */
    markPanels(charts, tiles) {
      const metrics = this.shown.map((alert) => this.catalog.metrics.get(alert.metric)).filter(Boolean);
      const panels = new Set(metrics.map((metric) => metric.panel));
      for (const chart of charts) chart.section.classList.toggle("broken", panels.has(chart.panel));
      for (const tile of tiles) tile.element.classList.toggle("broken", metrics.some((metric) => tile.matches(metric)));
    }

    /* Alerts that fire come first, and critical ones before others. */
    rank({ text, end }) {
      return end === null ? 1 + (this.thresholdOf(text)?.level === "critical") : 0;
    }

    /* The newest incidents; choosing one shows its time. */
    openList() {
      const { alertHistory } = this.page;
      const incidents = [...alertHistory.incidents].sort((one, other) => this.rank(other) - this.rank(one)).slice(0, MAX_LISTED);
      const list = app.createElement("ul", { className: "menu incidents", popover: "auto", "aria-label": app.translate("Alerts") });
      for (const incident of incidents) {
        const [time, what, duration, peak] = alertHistory.texts(incident);
        const details = [time, duration, peak && app.translate("peak {value}", { value: peak })].filter(Boolean).join(" · ");
        const button = app.createElement("button", { type: "button" }, app.createElement("span", {}, what), app.createElement("small", {}, details));
        button.addEventListener("click", () => {
          list.hidePopover();
          this.page.showIncident(incident);
        });
        const item = app.createElement("li", { className: incident.end === null ? "firing" : "" }, button);
        item.dataset.incident = incident.number;
        if (incident.end === null) this.page.alertControls.appendTo(item, incident, () => list.hidePopover());
        list.append(item);
      }
      list.addEventListener("toggle", (event) => event.newState === "closed" && list.remove());
      this.element.append(list);
      list.showPopover();
      const { bottom, left } = this.count.getBoundingClientRect();
      list.style.top = `${bottom + 6}px`;
      list.style.left = `${Math.max(8, Math.min(left, window.innerWidth - list.offsetWidth - 8))}px`;
      list.querySelector("button")?.focus();
    }
  };

  function textsOf(alerts) {
    return alerts.map(({ text }) => app.alertCondition(text)).sort().join("\n");
  }

  function countText(count) {
    return count ? app.translateCount("{count} alerts", "{count} alert", count) : app.translate("No alert");
  }
})((window.dashapp = window.dashapp || {}));
