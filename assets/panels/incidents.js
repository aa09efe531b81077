/* Incidents: an alert from its start to its end, built from the log of alert changes. */
(function (app) {
  "use strict";

  const MAX_INCIDENTS = 50; // with a peak

  // Only these follow the condition of a rule; the name of a metric has no spaces.
  const OPTIONS = / (?:repeat|except|critical)\b.*$/;

  /* "cpu.percent > 90" from "cpu.percent > 90 repeat 30m critical". Rules with one condition have one state. */
  app.alertCondition = function (text) {
    return text.replace(OPTIONS, "");
  };

  /* `[{metric, text, start, end, value, sent, number, processes}]`, the newest first. `entries`: of /api/alerts, the newest
     first; `firing`: `[{metric, text, since}]` of the newest frame. `end` is null while the alert fires, and undefined if
     the threshold was removed meanwhile. */
  app.buildIncidents = function (entries, firing) {
    const open = new Map();
    const incidents = [];
    for (const { metric, text, state, time, value, sent, number, silence, detail = "", processes = [] } of entries.toReversed()) {
      const key = app.alertCondition(text);
      if (state === "broken") {
        const incident = { metric, text, start: time, end: undefined, value, sent, number, silence, detail, processes };
        open.set(key, incident);
        incidents.push(incident);
      } else if (open.has(key)) {
        Object.assign(open.get(key), { end: time, sent: sent === false ? false : open.get(key).sent });
        open.delete(key);
      }
    }
    for (const { metric, text, since } of firing) {
      const incident = open.get(app.alertCondition(text));
      if (incident) Object.assign(incident, { end: null, text }); // options may have changed meanwhile
      else incidents.push({ metric, text, start: since, end: null, value: null, sent: null, number: `${metric} ${text}`, processes: [] });
    }
    return incidents.reverse();
  };

  app.firesAt = function ({ start, end }, time) {
    return start <= time && (end === null || (end !== undefined && time < end));
  };

  /* "17:39:26 – 18:00:26", or "17:39:26 – firing". */
  app.formatIncidentTime = function ({ start, end }) {
    if (end === null) return app.translate("{time} – firing", { time: app.formatTime(start) });
    if (end === undefined) return app.translate("{time} – unknown", { time: app.formatTime(start) });
    const isSameDay = app.isSameDay(start, end);
    return `${app.formatTime(start)} – ${isSameDay ? app.formatTimeOfDay(end) : app.formatTime(end)}`;
  };

  /* `now`: epoch milliseconds, for an alert that fires. "" if the end is unknown. */
  app.formatIncidentDuration = function ({ start, end }, now) {
    const until = end === null ? now : end;
    return until === undefined ? "" : app.formatDuration(Math.max(0, until - start) / 1000);
  };

  /* The most extreme value of each incident, loaded one at a time. */
  app.IncidentPeaks = class {
    /* `isLow(incident)`: whether the lowest value is the most extreme one. */
    constructor(base, isLow, onChange) {
      this.base = base;
      this.isLow = isLow;
      this.onChange = onChange;
      this.peaks = new Map(); // by number of the incident
      this.loaded = new Set(); // numbers of incidents that need no other request
      this.loading = false;
    }

    /* Null if there is none, for example because data was missing. */
    get({ number, value }) {
      return value === null ? null : this.peaks.get(number) ?? value;
    }

    add(incident, value) {
      if (value === null || value === undefined || incident.value === null) return;
      const peak = this.get(incident);
      this.peaks.set(incident.number, this.isLow(incident) ? Math.min(peak, value) : Math.max(peak, value));
    }

    /* A later response has the values of an alert that still fires now. */
    async load(incidents, now) {
      const missing = incidents.slice(0, MAX_INCIDENTS).filter(({ number, value, end }) => value !== null && end !== undefined && !this.loaded.has(number));
      if (this.loading || !missing.length) return;
      this.loading = true;
      try {
        for (const incident of missing) {
          this.loaded.add(incident.number);
          for (const value of await this.fetchValues(incident, incident.end ?? now)) this.add(incident, value);
        }
      } catch (error) {
        // Offline: the value at the start stays.
      }
      this.loading = false;
      this.onChange();
    }

    async fetchValues({ metric, start }, end) {
      const query = new URLSearchParams({ from: Math.floor(start) - 1, to: Math.ceil(Math.max(end, start + 1)), metrics: metric });
      const response = await fetch(`${this.base}api/ticks?${query}`, { signal: AbortSignal.timeout(5000) });
      if (!response.ok) return []; // for example longer than the history
      const { y, min, max } = await response.json();
      return [y, min, max].flatMap((columns) => columns?.[metric] ?? []);
    }
  };
})((window.dashapp = window.dashapp || {}));
