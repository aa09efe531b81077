/* The dialog with all events, the newest first, by day. A click shows the moment. */
(function (app) {
  "use strict";

  const PAGE_ROWS = 200;
  const PLURALS = { alert: app.translate("Alerts"), user: app.translate("Marks"), gap: app.translate("Gaps"), boot: app.translate("Machine starts"), start: app.translate("Collector starts") };

  /* `page`: liveView, eventMarks, goToMoment(time). */
  app.openEventList = function (page) {
    new EventList(page);
  };

  class EventList {
    constructor(page) {
      this.page = page;
      this.log = page.liveView.events;
      this.hiddenKinds = new Set();
      this.maxRows = PAGE_ROWS;
      this.summary = app.createElement("p", { className: "event-summary" });
      this.filter = app.createElement("div", { className: "places event-kinds", role: "group", "aria-label": app.translate("Kinds of events") });
      this.list = app.createElement("div", { className: "event-list" });
      const head = page.eventMarks.isAllowed ? [this.markButton()] : [];
      this.dialog = app.openDialog(app.translate("Events"), this.summary, ...head, this.filter, this.list);
      this.dialog.classList.add("events");
      const stop = this.log.subscribe(() => this.draw());
      this.dialog.addEventListener("close", stop);
      this.draw();
      // In the past, begin with what is on screen.
      if (page.liveView.pausedRange) this.list.querySelector(".on-screen")?.scrollIntoView({ block: "center" });
    }

    markButton() {
      const button = app.createElement("button", { type: "button", className: "plain" }, app.translate("Mark a moment…"));
      button.addEventListener("click", () => {
        this.dialog.close();
        this.page.eventMarks.openDialog();
      });
      return button;
    }

    draw() {
      const { events } = this.log;
      const range = this.page.liveView.shownRange;
      const shown = events.filter(({ kind }) => !this.hiddenKinds.has(kind)).reverse();
      const count = this.log.between(range).length;
      app.setText(this.summary, events.length ? app.translate("{events} on screen, {range}.", { events: count ? app.countEvents(count) : app.translate("None"), range: app.formatRange(range) }) : "");
      this.drawFilter(events);
      const [start, end] = range;
      const days = groupByDay(shown.slice(0, this.maxRows)).flatMap(([day, rows]) => [
        app.createElement("h3", {}, day),
        app.createElement("ul", {}, ...rows.map((event) => this.row(event, event.t >= start && event.t <= end))),
      ]);
      if (shown.length > this.maxRows) days.push(this.moreButton(shown.length - this.maxRows));
      if (!shown.length) days.push(this.emptyText(events.length > 0));
      // After a removal: the next row.
      app.replaceKeepingFocus(this.list, days, (buttons, index) => buttons[Math.min(index, buttons.length - 1)]);
    }

    /* A button for each kind that there is, if there are several. */
    drawFilter(events) {
      const kinds = app.EVENT_KINDS.filter((kind) => events.some((event) => event.kind === kind));
      this.filter.hidden = kinds.length < 2;
      while (this.filter.children.length > kinds.length) this.filter.lastElementChild.remove();
      kinds.forEach((kind, index) => {
        const count = events.reduce((sum, event) => sum + (event.kind === kind), 0);
        if (this.filter.children[index]?.dataset.kind !== kind) {
          const button = app.createElement("button", { type: "button", className: "place" }, app.createEventIcon(kind, this.dialog), app.createElement("span", {}));
          button.dataset.kind = kind;
          button.addEventListener("click", () => this.toggle(kind));
          if (this.filter.children[index]) this.filter.children[index].replaceWith(button);
          else this.filter.append(button);
        }
        const button = this.filter.children[index];
        app.setText(button.lastElementChild, `${PLURALS[kind]} ${app.formatCount(count)}`);
        button.setAttribute("aria-pressed", String(!this.hiddenKinds.has(kind)));
      });
    }

    toggle(kind) {
      if (!this.hiddenKinds.delete(kind)) this.hiddenKinds.add(kind);
      this.draw();
    }

    row(event, isOnScreen) {
      const name = app.createElement("bdi", { className: "event-text" }, event.text);
      const time = app.createElement("span", { className: "event-time" }, app.formatTimeOfDay(event.t));
      const kind = app.createElement("span", { className: "visually-hidden" }, app.EVENT_KIND_NAMES[event.kind] ?? event.kind);
      const button = app.createElement("button", { type: "button", title: app.translate("Show this moment") }, app.createEventIcon(event.kind, this.dialog), time, name, kind);
      button.dataset.name = `${event.t} ${event.kind} ${event.text}`;
      button.addEventListener("click", () => {
        this.dialog.close();
        this.page.goToMoment(event.t);
      });
      const row = app.createElement("li", { className: isOnScreen ? "on-screen" : "" }, button);
      if (event.kind === "user" && this.page.eventMarks.isAllowed) row.append(this.removeButton(event));
      return row;
    }

    removeButton(event) {
      const button = app.createElement("button", { type: "button", className: "close", title: app.translate("Remove this mark"), "aria-label": app.translate("Remove {name}", { name: event.text }) }, "✕");
      button.dataset.name = `remove ${event.t} ${event.text}`;
      button.addEventListener("click", () => this.page.eventMarks.remove(event));
      return button;
    }

    moreButton(count) {
      const button = app.createElement("button", { type: "button", className: "plain" }, app.translate("{events} before", { events: app.countEvents(count) }));
      button.addEventListener("click", () => {
        this.maxRows += PAGE_ROWS;
        this.draw();
      });
      return button;
    }

    emptyText(isFiltered) {
      if (isFiltered) return app.createElement("p", {}, app.translate("No events of these kinds."));
      const how = this.page.eventMarks.isAllowed ? app.translate("Press m to mark a moment; a program calls dashapp.mark(\"deploy 1.4\").") : app.translate("Restarts and gaps in the data appear here.");
      return app.createElement("p", {}, app.translate("No events yet. {how}", { how }));
    }
  }

  /* `[[day, events]]` in the order of the events. */
  function groupByDay(events) {
    const days = [];
    for (const event of events) {
      if (!days.length || !app.isSameDay(days.at(-1)[1][0].t, event.t)) days.push([app.formatDay(event.t), []]);
      days.at(-1)[1].push(event);
    }
    return days;
  }
})((window.dashapp = window.dashapp || {}));
