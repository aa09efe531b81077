/* Marks of people: send one to the server, and remove it again. */
(function (app) {
  "use strict";

  const REQUEST_TIMEOUT_MS = 5000;
  const PLOT_PX = 800; // of a usual plot

  app.EventMarks = class {
    /* `page`: liveView, poller, toast. */
    constructor(page) {
      this.page = page;
      this.isAllowed = document.getElementById("page").dataset.marks === "on";
      this.announcement = app.createElement("div", { id: "event-at-crosshair", className: "visually-hidden", role: "status" });
      document.body.append(this.announcement);
      page.liveView.reading.subscribe(() => this.announce());
    }

    /* Menu items of a panel. */
    items() {
      return this.isAllowed ? [{ text: app.translate("Mark this moment…"), run: () => this.openDialog() }] : [];
    }

    /* At the crosshair, at the end of a range of the past, or now. */
    openDialog() {
      const { reading, clock } = this.page.liveView;
      if (this.isAllowed) app.openMarkDialog(this, Math.round(reading.at ?? clock.now()));
    }

    /* Mark `time` in epoch milliseconds; return why the server refuses, "" if it does not. */
    async mark(text, time) {
      const { event, error } = await this.request("POST", "", JSON.stringify({ event: text, t: time }));
      if (error) return error;
      this.page.liveView.events.add(event);
      this.page.toast.show(app.translate("Marked: {name}", { name: app.isolateText(app.shortenText(event.text)) }), { text: app.translate("Undo"), run: () => this.remove(event) });
      return "";
    }

    async remove(event) {
      const { error } = await this.request("DELETE", `?${new URLSearchParams({ t: event.t, text: event.text })}`);
      if (error) return this.page.toast.show(app.translate("Could not remove the event: {error}", { error }));
      this.page.liveView.events.remove(event);
      this.page.toast.show(app.translate("Removed: {name}", { name: app.isolateText(app.shortenText(event.text)) }), { text: app.translate("Undo"), run: () => this.mark(event.text, event.t) });
    }

    /* `{event, error}`: one of them. */
    async request(method, query, body) {
      try {
        const response = await fetch(`${this.page.poller.base}api/events${query}`, { method, body, redirect: "manual", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        if (response.type === "opaqueredirect" || response.status === 401) return { error: app.translate("you are signed out; reload the page.") };
        const answer = await response.json();
        return response.ok ? { event: answer } : { error: `${answer.error}.` };
      } catch (error) {
        return { error: app.translate("server not reachable.") };
      }
    }

    /* Read the events at a crosshair that a key or a jump moved. The charts may show that range later. */
    announce() {
      const { reading, events, charts, shownRange, shownSeries } = this.page.liveView;
      const isRead = reading.pointer !== null && !charts.some(({ hovered }) => hovered);
      const near = isRead ? app.eventsNear(events, reading.pointer, shownRange, PLOT_PX, shownSeries.step) : [];
      app.setText(this.announcement, near.length ? app.describeEvents(near) : "");
    }
  };
})((window.dashapp = window.dashapp || {}));
