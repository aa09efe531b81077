/* The slider for the length on screen. Its value is the index of a stop; lengths between two stops have a fraction. */
(function (app) {
  "use strict";

  const SAME = 0.002; // share of a length that makes no difference
  const CHECK_MS = 100; // until the slider should show a value
  const MAX_CHECKS = 20;
  const MAX_CALLBACK_MS = 5000; // until Dash reports a value that `show` set

  app.WindowSlider = class {
    /* `id`: of the dcc.Slider in Dash, which is inside the element `container`. `stops`: seconds in rising order. */
    constructor(id, stops, container) {
      this.id = id;
      this.stops = stops;
      this.container = container;
      this.shownIndex = null; // as on screen
      this.sent = []; // values that Dash has not reported yet, and when they were set
      this.timer = null;
    }

    /* Move the thumb to `seconds`. */
    show(seconds) {
      const index = this.indexOf(seconds);
      if (index === this.shownIndex) return;
      this.shownIndex = index;
      if (this.timer === null) this.send(index, MAX_CHECKS);
    }

    send(index, checks) {
      this.sent.push({ index, time: performance.now() });
      window.dash_clientside.set_props(this.id, { value: index });
      this.timer = window.setTimeout(() => {
        this.timer = null;
        if (checks > 0) this.check(index, checks - 1);
      }, CHECK_MS);
    }

    /* A slider on a slow browser can ignore the second of two values. It takes the next one, if that differs. */
    check(sentIndex, checks) {
      const thumb = this.container.querySelector("[role=slider]");
      if (!thumb || this.container.querySelector(":active")) return;
      const index = Number(thumb.getAttribute("aria-valuenow"));
      if (Math.abs(index - this.shownIndex) > SAME) this.send(sentIndex === this.shownIndex ? index : this.shownIndex, checks);
    }

    /* The seconds that the user chose; null if the slider only shows what `show` set. */
    choose(index) {
      if (index === undefined || index === null || this.takeSent(index) || index === this.shownIndex) return null;
      this.shownIndex = index;
      return this.secondsAt(index);
    }

    /* Whether `show` set this value. Dash reports values in order, and may leave out some. */
    takeSent(index) {
      const oldest = performance.now() - MAX_CALLBACK_MS;
      this.sent = this.sent.filter(({ time }) => time > oldest);
      const place = this.sent.findIndex((each) => each.index === index);
      this.sent.splice(0, place + 1);
      return place >= 0;
    }

    /* The next longer (1) or shorter (-1) stop; null at the end. */
    next(seconds, direction) {
      const { stops } = this;
      if (direction > 0) return stops.find((stop) => stop > seconds * (1 + SAME)) ?? null;
      return stops.findLast((stop) => stop < seconds * (1 - SAME)) ?? null;
    }

    /* By ratio between two stops, as the stops are. */
    indexOf(seconds) {
      const { stops } = this;
      const exact = stops.findIndex((stop) => Math.abs(stop - seconds) <= SAME * stop);
      if (exact >= 0) return exact;
      const upper = stops.findIndex((stop) => stop > seconds);
      if (upper <= 0) return upper < 0 ? stops.length - 1 : 0;
      const fraction = Math.log(seconds / stops[upper - 1]) / Math.log(stops[upper] / stops[upper - 1]);
      return upper - 1 + Math.round(fraction * 1000) / 1000;
    }

    secondsAt(index) {
      const { stops } = this;
      const lower = Math.min(Math.max(Math.floor(index), 0), stops.length - 1);
      const upper = Math.min(lower + 1, stops.length - 1);
      return stops[lower] * (stops[upper] / stops[lower]) ** (index - lower);
    }
  };
})((window.dashapp = window.dashapp || {}));
