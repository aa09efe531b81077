/* Buttons for alerts that fire: signed-in people mute them, and acknowledge them with a comment. */
(function (app) {
  "use strict";

  const TIMEOUT_MS = 5000;
  const MAX_COMMENT_LENGTH = 300;
  const MUTES = [["1h", app.translate("Mute 1 hour"), app.translate("Muted for an hour")], ["1d", app.translate("Mute 1 day"), app.translate("Muted for a day")], ["resolved", app.translate("Mute until resolved"), app.translate("Muted until it resolves")]];

  app.AlertControls = class {
    /* `page`: activeAlerts, toast. */
    constructor(base, page) {
      this.base = base;
      this.page = page;
      this.isEnabled = document.getElementById("page").dataset.alertControls === "on";
    }

    /* Return the response's JSON, which has `error` if the server rejected the action. */
    async post(name, body) {
      try {
        const response = await fetch(`${this.base}api/alerts/${name}`, { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) });
        return await response.json();
      } catch (error) {
        return { error: app.translate("the server does not respond; try again") };
      }
    }

    /* The alert of `incident` that fires now, with its mute; undefined if it has resolved. */
    firingAlert({ text }) {
      return this.page.activeAlerts.firing.find((alert) => app.alertCondition(alert.text) === app.alertCondition(text));
    }

    /* Add the state and the buttons of a firing alert to its item in the list. `close()` closes the list. */
    appendTo(item, incident, close) {
      const alert = this.firingAlert(incident);
      if (!alert) return;
      const state = app.describeControls(alert);
      if (state) item.append(app.createElement("div", { className: "alert-state" }, state));
      if (!this.isEnabled) return;
      const act = (name, body, sentence) => async () => {
        const { error } = await this.post(name, { rule: alert.text, ...body });
        if (!error) close();
        this.page.toast.show(error ? app.asSentence(error) : `${sentence}: ${this.page.activeAlerts.describe(alert)}.`);
      };
      const button = (text, run) => {
        const element = app.createElement("button", { type: "button", className: "plain" }, text);
        element.addEventListener("click", run);
        return element;
      };
      const mutes = alert.mute ? [button(app.translate("Unmute"), act("unmute", {}, app.translate("Not muted any more")))] : MUTES.map(([time, text, sentence]) => button(text, act("mute", { for: time }, sentence)));
      const buttons = app.createElement("div", { className: "alert-buttons" }, ...mutes, button(app.translate("Acknowledge"), () => buttons.replaceWith(this.commentForm(act))));
      item.append(buttons);
    }

    commentForm(act) {
      const input = app.createElement("input", { type: "text", maxLength: MAX_COMMENT_LENGTH, placeholder: app.translate("Comment"), "aria-label": app.translate("Comment") });
      const form = app.createElement("form", { className: "alert-buttons" }, input, app.createElement("button", { type: "submit", className: "plain" }, app.translate("Acknowledge")));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        act("acknowledge", { comment: input.value }, app.translate("Acknowledged"))();
      });
      requestAnimationFrame(() => input.focus());
      return form;
    }
  };

  /* "Muted until 15:30 · Acknowledged by mia: backup runs", "" for an alert without. */
  app.describeControls = function ({ mute, acknowledgement }) {
    const comment = acknowledgement?.comment ? `: ${app.isolateText(acknowledgement.comment)}` : "";
    return [mute && describeMute(mute), acknowledgement && describeAcknowledgement(acknowledgement) + comment].filter(Boolean).join(" · ");
  };

  function describeMute({ user, until }) {
    const values = { user: app.isolateText(user ?? ""), time: until === null ? "" : app.formatTime(until) };
    if (until === null) return user ? app.translate("Muted by {user} until it resolves", values) : app.translate("Muted until it resolves");
    return user ? app.translate("Muted by {user} until {time}", values) : app.translate("Muted until {time}", values);
  }

  function describeAcknowledgement({ user }) {
    return user ? app.translate("Acknowledged by {user}", { user: app.isolateText(user) }) : app.translate("Acknowledged");
  }

  /* "The rule is unknown." from "the rule is unknown" */
  app.asSentence = function (text) {
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  };
})((window.dashapp = window.dashapp || {}));
