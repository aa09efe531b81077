/* The recorded top processes at the time that the page shows: in the table, next to the crosshair, and after a click on
   a chart. */
(function (app) {
  "use strict";

  const NOW_MS = 10_000; // between two requests for now, on a page without the table of all processes
  const MAX_NAMES = 3; // next to the crosshair
  const MIN_UNKNOWN = 0.5; // percent
  const RECORD_MS = 10_000;
  const UNKNOWN = app.translate("Processes that ended before they were read, or that the system hides.");
  // The ranking that explains the lines of a panel.
  const KINDS = { cpu: "cpu", cores: "cpu", load: "cpu", memory: "memory", swap: "memory" };
  const TITLES = { cpu: app.translate("CPU"), memory: app.translate("Memory"), gpu: app.translate("GPU memory") };
  const COLUMNS = [["name", app.translate("Name")], ["count", app.translate("Processes")], ["cpu", app.translate("CPU")], ["memory", app.translate("Memory")]];

  app.TopProcesses = class {
    /* `page`: liveView, processTable. */
    constructor(page, base) {
      this.page = page;
      this.reading = page.liveView.reading;
      const { recorded, processes } = document.getElementById("page").dataset;
      this.enabled = recorded === "on";
      this.hasLiveTable = processes === "on";
      this.section = document.querySelector('[data-table="top"]');
      if (!this.enabled || !this.section) {
        this.enabled = false;
        return;
      }
      this.records = new app.TopRecords(base, page.liveView.clock);
      this.listRecords = new app.TopRecords(base, page.liveView.clock);
      this.listRecords.responses = this.records.responses;
      this.requestedNowAt = -Infinity;
      this.shownChart = null; // has names in its tooltip
      this.title = this.section.querySelector("h2").firstChild;
      this.build();
      this.visibility = new app.VisibilityObserver(this.section, () => this.update(), false);
      this.reading.subscribe(() => this.update());
      this.update();
    }

    /* Whether the table shows a record instead of the processes now. */
    get isRecord() {
      return this.enabled && (this.moment !== null || !this.hasLiveTable);
    }

    /* `{time, query}` of what the page shows: the point below the pointer, or a paused range; null for now. */
    get moment() {
      const { pointer, range } = this.reading;
      if (pointer !== null) return this.momentAt(pointer);
      return range && { time: null, query: { from: Math.floor(range[0]), to: Math.ceil(range[1]) } };
    }

    /* A point that stands for more than a record needs all records of its time. */
    momentAt(time) {
      const at = Math.round(time);
      const { step } = this.page.liveView.shownSeries;
      return { time: at, query: step > RECORD_MS ? { from: at - step, to: at } : { at } };
    }

    /* The ranking for the chart below the mouse; undefined if there is none. */
    get hovered() {
      const chart = this.page.liveView.charts.find(({ hovered }) => hovered);
      return chart && KINDS[chart.panel] && this.reading.pointer !== null ? chart : null;
    }

    /* The reading time changed, or the table became visible. */
    update() {
      const { moment, hovered } = this;
      const isPast = this.isRecord;
      this.section.classList.toggle("recorded", isPast);
      this.section.dataset.at = moment === null ? "now" : String(moment.time ?? moment.query.to);
      if (moment === null || moment.time !== null) delete this.section.dataset.from;
      else this.section.dataset.from = String(moment.query.from);
      // The last record may be old, for example of a host that stopped; its time follows the title.
      this.title.textContent = moment === null && !this.hasLiveTable ? app.translate("Top processes, last record") : titleOf(moment);
      if (moment === null) {
        this.records.cancel();
        this.showNames(null, null);
        if (this.hasLiveTable) app.setText(this.section.querySelector(".of"), app.translate("of this machine"));
        else {
          this.draw(null, null); // not the rows of another time
          this.requestedNowAt = -Infinity;
          this.requestNow();
        }
        return;
      }
      const cached = this.records.find(moment.query);
      this.draw(moment, cached ?? null);
      this.showNames(hovered, cached ?? null);
      if (!hovered && !this.visibility.visible) return this.records.cancel();
      if (!cached) this.records.request(moment.query, (response) => this.receive(moment, response));
    }

    receive(moment, response) {
      this.draw(moment, response);
      this.showNames(this.hovered, response);
    }

    /* At every frame: a page without the live table shows the newest record. */
    requestNow() {
      if (!this.enabled || this.hasLiveTable || this.moment !== null || !this.visibility.visible) return;
      if (performance.now() - this.requestedNowAt < NOW_MS) return;
      this.requestedNowAt = performance.now();
      this.records.request({}, (response) => this.draw(null, response), true);
    }

    build() {
      this.body = app.createElement("tbody", {});
      this.footnote = app.createElement("p", { className: "record-note" });
      const headers = COLUMNS.map(([name, title]) => app.createElement("th", { scope: "col", className: name }, title));
      const table = app.createElement("table", {}, app.createElement("thead", {}, app.createElement("tr", {}, ...headers)), this.body);
      const scroll = app.createElement("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": app.translate("Top processes at this time") }, table);
      this.section.querySelector(".table").append(app.createElement("div", { className: "record" }, scroll, this.footnote));
    }

    /* `response`: null while it is being requested. */
    draw(moment, response) {
      app.setText(this.section.querySelector(".of"), response?.span ? describeSpan(moment, response) : "");
      this.body.replaceChildren(...(response ? tableRows(response) : []));
      this.section.classList.toggle("waiting", response === null);
      app.setText(this.footnote, response === null ? app.translate("Loading processes") : (response.message && app.translateSentence(response.message)) ?? app.translate("CPU in percent of the whole machine; memory at its highest."));
    }

    /* The first names, in the tooltip of a chart. */
    showNames(chart, response) {
      if (this.shownChart && this.shownChart !== chart) tooltipNames(this.shownChart)?.replaceChildren();
      this.shownChart = chart;
      if (!chart) return;
      const names = tooltipNames(chart);
      const ranking = response?.[KINDS[chart.panel]] ?? [];
      names?.replaceChildren(
        ...ranking.slice(0, MAX_NAMES).map((entry) => app.createElement("div", {}, app.createElement("bdi", {}, nameOf(entry)), app.createElement("b", {}, app.formatUse(entry))))
      );
    }

    /* A click on a chart: list the processes at that time. */
    openList(chart, time, x, y) {
      if (!this.enabled || !KINDS[chart.panel]) return;
      const moment = this.momentAt(this.reading.pointer ?? time);
      const heading = app.createElement("h3", {}, titleOf(moment));
      const of = app.createElement("p", { className: "rest" }, app.translate("Loading processes"));
      const lists = app.createElement("div", { className: "rankings" });
      const list = app.createElement("div", { className: "menu top-list", popover: "auto", role: "dialog", tabIndex: -1, "aria-label": heading.textContent }, heading, lists, of);
      list.dataset.at = String(moment.time);
      // Plotly covers the page while the user drags, and the browser would leave the list open.
      const dismiss = (event) => list.contains(event.target) || list.hidePopover();
      document.addEventListener("pointerdown", dismiss, true);
      list.addEventListener("toggle", (event) => {
        if (event.newState !== "closed") return;
        document.removeEventListener("pointerdown", dismiss, true);
        list.remove();
      });
      document.body.append(list);
      list.showPopover();
      list.focus({ preventScroll: true }); // so that Escape closes it
      const place = () => {
        const { offsetWidth: width, offsetHeight: height } = list;
        list.style.left = `${Math.max(8, x + width + 20 > window.innerWidth ? x - width - 12 : x + 12)}px`;
        list.style.top = `${Math.max(8, Math.min(y - 20, window.innerHeight - height - 8))}px`;
      };
      place();
      this.listRecords.request(
        moment.query,
        (response) => {
          const own = KINDS[chart.panel];
          const kinds = [own, ...Object.keys(TITLES).filter((kind) => kind !== own && response[kind]?.length)];
          lists.replaceChildren(...kinds.filter((kind) => response[kind]?.length).map((kind) => rankingTable(kind, response)));
          app.setText(of, (response.message && app.translateSentence(response.message)) ?? describeSpan(moment, response));
          place();
        },
        true
      );
    }
  };

  /* "Top processes, Thu 26 Nov 03:12:10" */
  function titleOf(moment) {
    if (moment === null) return app.translate("Top processes");
    const { time, query } = moment;
    return app.translate("Top processes, {time}", { time: time === null ? app.formatRange([query.from, query.to]) : app.formatTime(time) });
  }

  /* The time of a response, without what the title contains. */
  function describeSpan(moment, { t, span }) {
    if (moment?.query.from === undefined) return `${app.formatTime(t - 1000 * span)} – ${app.formatTimeOfDay(t)}`;
    const { from, to } = moment.query;
    const missing = span < 0.9 * ((to - from) / 1000) ? app.translate("{duration} of it recorded", { duration: app.formatDuration(span) }) : "";
    return [moment.time === null ? "" : app.translate("mean of {duration}", { duration: app.formatDuration((to - from) / 1000) }), missing].filter(Boolean).join(", ");
  }

  /* One row for each name in any ranking, by CPU and then by memory. */
  function tableRows({ cpu, memory, unknown }) {
    const rows = new Map();
    for (const entry of [...cpu, ...memory]) rows.set(entry.name, { ...rows.get(entry.name), ...entry });
    const cells = [...rows.values()].map((entry) => [
      entry.name,
      app.formatCount(entry.count),
      entry.percent === undefined ? "" : app.formatQuantity(entry.percent, "%"),
      entry.bytes === undefined ? "" : app.formatQuantity(entry.bytes, "B"),
    ]);
    const all = cells.map((texts) => tableRow(texts));
    if (unknown >= MIN_UNKNOWN) {
      const row = tableRow([app.translate("Unknown"), "", app.formatQuantity(unknown, "%"), ""]);
      row.classList.add("unknown");
      row.title = UNKNOWN;
      all.push(row);
    }
    return all;
  }

  function tableRow(texts) {
    return app.createElement("tr", {}, ...texts.map((text, index) => app.createElement("td", { className: COLUMNS[index][0] }, text)));
  }

  function rankingTable(kind, response) {
    const rows = response[kind].map((entry) => app.createElement("tr", {}, app.createElement("th", { scope: "row" }, nameOf(entry)), app.createElement("td", {}, app.formatUse(entry))));
    if (kind === "cpu" && response.unknown >= MIN_UNKNOWN) {
      rows.push(app.createElement("tr", { className: "unknown", title: UNKNOWN }, app.createElement("th", { scope: "row" }, app.translate("Unknown")), app.createElement("td", {}, app.formatQuantity(response.unknown, "%"))));
    }
    return app.createElement("table", { className: kind }, app.createElement("caption", {}, TITLES[kind]), app.createElement("tbody", {}, ...rows));
  }

  function nameOf({ name, count }) {
    return count > 1 ? `${name} × ${app.formatCount(count)}` : name;
  }

  /* The element for names in the tooltip of a chart; undefined if it has none yet. */
  function tooltipNames(chart) {
    const { element } = chart.tooltip;
    if (!element) return undefined;
    let names = element.querySelector(".tooltip-top");
    if (!names) element.append((names = app.createElement("div", { className: "tooltip-top" })));
    return names;
  }
})((window.dashapp = window.dashapp || {}));
