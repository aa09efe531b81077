/* The page on a wall: no controls, one group after the other, and the time. */
(function (app) {
  "use strict";

  const STEP_MS = 10_000;
  const PAUSE_MS = 60_000; // after an interaction
  const INTERACTIONS = ["pointerdown", "pointermove", "wheel", "touchstart", "keydown"];
  const MARGIN_PX = 64; // below the charts, for the clock
  const MIN_REST_PX = 40; // of a group below the screen that is worth a step

  app.Kiosk = class {
    /* `page`: liveView, urlState, writeUrl(). */
    constructor(page) {
      this.page = page;
      this.active = false;
      this.index = 0;
      this.nextStepAt = Infinity; // performance.now()
      this.timer = null;
      this.wakeLock = null;
      this.clock = app.createElement("div", { id: "kiosk-clock", "aria-live": "off" });
      for (const name of INTERACTIONS) document.addEventListener(name, () => this.pause(), { passive: true, capture: true });
      document.addEventListener("visibilitychange", () => this.keepAwake());
    }

    applyUrl() {
      this.setActive(this.page.urlState.read().kiosk === "1");
    }

    urlParams() {
      return { kiosk: this.active ? "1" : null };
    }

    toggle() {
      this.setActive(!this.active);
      this.page.writeUrl(true);
    }

    /* Return whether it was active. */
    leave() {
      if (!this.active) return false;
      this.toggle();
      return true;
    }

    setActive(active) {
      if (active === this.active) return;
      this.active = active;
      document.documentElement.classList.toggle("kiosk", active);
      clearInterval(this.timer);
      this.clock.remove();
      for (const group of document.querySelectorAll("[data-group]")) group.classList.remove("off-turn");
      this.keepAwake();
      if (!active) return;
      document.body.append(this.clock);
      this.index = 0;
      this.nextStepAt = performance.now() + STEP_MS;
      this.timer = setInterval(() => this.tick(), 1000);
      this.show();
    }

    /* The groups with a panel to show. Before the first points, there may be none. */
    groups() {
      return [...document.querySelectorAll("[data-group]")].filter((group) => group.querySelector(".panel:not(.absent):not([hidden])"));
    }

    tick() {
      if (document.hidden) return;
      app.setText(this.clock, app.formatTimeOfDay(this.page.liveView.clock.now()));
      if (performance.now() >= this.nextStepAt) this.step();
      this.show();
    }

    /* Show the rest of a group that is higher than the screen, or the next group. */
    step() {
      this.nextStepAt = performance.now() + STEP_MS;
      const root = document.documentElement;
      const rest = root.scrollHeight - window.innerHeight - window.scrollY;
      if (rest > MIN_REST_PX) return window.scrollBy({ top: 0.85 * window.innerHeight });
      this.index += 1;
      this.show();
      window.scrollTo({ top: 0 });
    }

    show() {
      const groups = this.groups();
      const current = groups[this.index % Math.max(1, groups.length)];
      if (current) fillScreen(current);
      for (const group of document.querySelectorAll("[data-group]")) group.classList.toggle("off-turn", current !== undefined && group !== current);
    }

    /* Another minute for somebody who looks at this group. */
    pause() {
      if (this.active) this.nextStepAt = performance.now() + PAUSE_MS;
    }

    /* Keep the screen on, if the browser can. It releases the lock when the tab is hidden. */
    async keepAwake() {
      try {
        if (!this.active) await this.wakeLock?.release();
        else if (!document.hidden) this.wakeLock = await navigator.wakeLock?.request("screen");
      } catch (error) {
        // Not allowed now, for example with an empty battery.
      }
    }
  };
  /* Let the charts of a group have the height that is left below it. */
  function fillScreen(group) {
    const charts = [...group.querySelectorAll(".panel:not(.absent):not([hidden]) .chart")].filter((chart) => chart.offsetParent);
    const rows = new Set(charts.map((chart) => Math.round(chart.getBoundingClientRect().top))).size;
    if (!rows) return;
    const cards = [...group.querySelectorAll(".panel, .quiet, .tile")].filter((card) => card.offsetParent);
    const lowest = Math.max(...cards.map((card) => card.getBoundingClientRect().bottom));
    const extra = parseFloat(group.style.getPropertyValue("--kiosk-extra")) || 0;
    const bottom = lowest + window.scrollY - extra * rows;
    const free = Math.max(0, Math.floor((window.innerHeight - bottom - MARGIN_PX) / rows));
    if (Math.abs(free - extra) > 1) group.style.setProperty("--kiosk-extra", `${free}px`);
  }
})((window.dashapp = window.dashapp || {}));
