/* The page around the live charts: what the viewer does, and what the page says of itself. */
(function (app) {
  "use strict";

  const FEWEST_TICKS = 5;

  app.Page = class {
    /* `panels`: what draws each panel, by its name. */
    constructor(panels) {
      const config = JSON.parse(document.getElementById("_dash-config").textContent);
      const root = document.getElementById("page");
      const base = config.requests_pathname_prefix || "/";
      this.stops = root.dataset.stops.split(",").map(Number);
      this.beat = new app.Beat();
      this.first = null; // the window where the address names none, in seconds
      this.notes = new app.Notes();
      this.address = new app.Address(() => this.go());
      this.theme = new app.Theme(this);
      this.arrangement = new app.Arrangement(this);
      this.status = new app.Status();
      this.badge = new app.StatusBadge(this.status);
      this.asker = new app.Asker(base);
      this.live = new app.Live(this.asker, this);
      // A little less than the longest window, for the ends are rounded.
      this.live.longest = this.stops[this.stops.length - 1] - 1;
      this.live.many = Number(root.dataset.metrics) > app.FEW_METRICS;
      this.panels = panels;
      this.embedded = app.embed(this); // null but where one chart is shown in another page
      this.live.catalogue.define(panels);
      for (const section of this.arrangement.charts()) this.open(section);
      this.headlines = new app.Headlines(this.live);
      this.tiles = new app.Tiles(this.live);
      this.alerts = new app.Alerts(this.live.catalogue);
      this.log = new app.AlertLog(base, this.alerts, this);
      this.processes = new app.ProcessTable();
      this.hosts = new app.Hosts(this.live.catalogue);
      this.takeaway = new app.Takeaway(this);
      app.listenForKeys(this);
      app.listenForClicks(this);
      app.giveMenu(document.getElementById("share"), () => this.takeaway.items(null));
      for (const [name, section] of this.arrangement.sections) app.putMenu(this, name, section);
      app.letDrag(this.arrangement);
    }

    tick() {
      if (this.live.window !== null) app.nameSlider(this.live.window);
      this.live.tick();
    }

    /* The slider's callback: at first with the server's window, which the address may overrule. */
    setWindow(index) {
      const seconds = this.stops[index];
      if (this.first === null) {
        this.first = seconds;
        this.nameWindow(seconds);
        return this.go();
      }
      if (seconds === undefined || seconds === this.live.window) return;
      this.nameWindow(seconds);
      this.live.follow(seconds);
      this.write();
    }

    /* Go where the address leads. The length of a held stretch is not the live window's, but for one who comes by
       that link. */
    go() {
      const { window: seconds, end } = this.address.read();
      const following = seconds === null ? this.first : app.nearest(this.stops, seconds);
      const fresh = this.live.feed.newest === null;
      if (following !== this.live.window && (end === null || fresh)) {
        this.nameWindow(following);
        window.dash_clientside.set_props("window", { value: this.stops.indexOf(following) });
        this.live.follow(following, false);
      }
      if (end !== null) {
        const length = Math.min(seconds ?? this.live.window, this.live.longest);
        this.live.travel([end - length * 1000, end]);
      } else if (this.live.held) this.live.release();
      this.arrangement.go();
      this.theme.go();
      this.notes.say(this.address.wrong(this.arrangement.names()));
    }

    open(section, kind = "line") {
      const name = section.dataset.panel;
      this.live.easel.add(section, this.panels.get(name) ?? { ...this.panels.usual, kind });
    }

    /* Metrics of a panel that was not there when the page was made: it goes into a spare place. */
    onNewPanel(name, kind) {
      if (this.embedded) return this.embedded.meet(name, kind);
      const section = this.arrangement.adopt(name);
      if (!section) return this.notes.say("There are more panels than this page has room for; reload it to see them.");
      this.open(section, kind);
      app.putMenu(this, name, section);
    }

    nameWindow(seconds) {
      app.nameSlider(seconds);
      this.sayWindow(seconds);
    }

    /* What is on screen, in words: the newest so many seconds, or a held stretch and its end. */
    sayWindow(seconds) {
      const { held } = this.live;
      const length = held ? (held[1] - held[0]) / 1000 : seconds;
      const words = held ? `${app.words(length)}, up to ${app.moment(held[1])}` : app.fullWords(seconds);
      const lead = held ? "Showing " : "Showing the last ";
      for (const [id, text] of [["window-lead", lead], ["window-label", words]]) {
        app.say(document.getElementById(id), text);
      }
    }

    /* Let the address say where we are; `fresh`: as a step that "back" takes back. */
    write(fresh = false) {
      if (app.bare) return; // a step back is the other page's
      this.address.write(this.written(), fresh);
    }

    /* Where we are, in the address's words. */
    written() {
      return { ...app.placed(this.live.held, this.live.window), ...this.arrangement.written(), ...this.theme.written() };
    }

    /* What the charts tell. */

    onAnswer(frame) {
      this.status.heard();
      this.badge.notices(frame.notices || []);
      this.headlines.take(frame);
      this.alerts.take(frame.broken || []);
      this.log.take(frame.changes);
      if (frame.hosts) this.hosts.take(frame.hosts);
      if (frame.processes) this.processes.take(frame.processes);
      this.onNames();
    }

    /* What is drawn by its name may have waited for that. */
    onNames() {
      this.tiles.draw(this.headlines.last);
      this.changed();
    }

    onPast() {
      this.status.heard();
      this.changed();
    }

    onFailure(asked, why, locked) {
      this.status.failed(asked, why, locked);
      this.changed();
    }

    /* There is more in the log than the charts show. */
    logged() {
      this.live.easel.redraw(true);
    }

    /* As much of the past as is on screen, about a moment; what is to come is not there yet. */
    goTo(time) {
      const length = 1000 * this.live.window;
      const end = Math.min(time + length / 2, this.live.clock.now());
      this.onZoom([end - length, end]);
    }

    onZoom(range) {
      this.live.travel(this.atLeast(range));
      this.write(true);
    }

    /* Closer than a few ticks there is nothing to see. */
    atLeast([start, end]) {
      const lack = Math.max(0, FEWEST_TICKS * this.live.feed.step - (end - start)) / 2;
      return [start - lack, end + lack];
    }

    onResume() {
      this.resume();
    }

    keys() {
      return ["cpu.percent", ...this.tiles.keys(this.live.catalogue)];
    }

    extras() {
      const { embedded, processes, hosts, live } = this;
      const wanted = {
        processes: !embedded && processes.wanted(),
        curves: embedded ? embedded.curve !== null : live.charts.some((chart) => chart.kind === "curve"),
        hosts: !embedded && hosts.wanted(),
      };
      return Object.keys(wanted).filter((name) => wanted[name]).map((name) => `&${name}=1`).join("");
    }

    /* What the viewer does. */

    /* Three quarters of a screen back or on; past the newest it is live again. */
    leap(side) {
      const [from, end] = this.live.held ?? this.live.range();
      const start = Math.max(from, end - this.live.longest * 1000);
      const way = 0.75 * (end - start) * side;
      if (end + way >= this.live.range()[1]) this.resume();
      else this.onZoom([start + way, end + way]);
    }

    /* See more time (1) or less (-1): the slider's next stop. */
    stretch(side) {
      const place = this.stops.indexOf(this.live.window) + side;
      if (place >= 0 && place < this.stops.length) window.dash_clientside.set_props("window", { value: place });
    }

    resume() {
      if (!this.live.held) return;
      this.live.release();
      this.write(true);
    }

    toggle() {
      if (this.live.held) return this.resume();
      this.live.pause();
      this.write(true);
    }

    /* Anything may have changed: say so where it shows. */
    changed() {
      const { badge, live, processes, tiles } = this;
      this.embedded?.settle();
      const button = document.getElementById("pause");
      if (button) {
        const pressed = String(live.held !== null);
        if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
        app.say(button, live.held ? "Back to live" : "Pause");
      }
      if (live.window !== null) this.sayWindow(live.window);
      badge.show({
        ...live.condition,
        hidden: document.hidden,
        value: this.headlines.title,
        alert: this.alerts.title,
        host: this.hosts.top ? "" : this.hosts.names.join(", "),
      });
      for (const chart of live.charts) this.headlines.show(chart);
      this.alerts.mark(live.charts, tiles.tiles);
      const uneasy = !live.feed.came || badge.uneasy;
      this.beat.pace(uneasy || [tiles, processes, ...live.charts].some(({ sight }) => sight.here));
    }
  };
})((window.dashapp = window.dashapp || {}));
