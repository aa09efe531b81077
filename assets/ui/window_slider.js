/* The slider for the length on screen. Its value is the index of a stop; lengths between two stops have a fraction. */
(function (app) {
  "use strict";

  const SAME = 0.002; // share of a length that makes no difference
  // Pauses between checks of what the slider shows: longer each time, because two values can fall into one draw.
  const CHECK_MS = { first: 100, growth: 1.4 };
  const MAX_CHECKS = 10; // ten seconds
  const MAX_CALLBACK_MS = 5000; // until Dash reports a value that `show` set

  app.WindowSlider = class {
    /* `id`: of the dcc.Slider in Dash, which is inside the element `container`. `stops`: seconds in rising order. */
    constructor(id, stops, container) {
      this.id = id;
      this.stops = stops;
      this.container = container;
      this.shownIndex = null; // as on screen
      this.sent = []; // values that Dash has not reported yet, and when they were set
      this.sentIndexes = []; // values that were sent since the thumb was right
      this.sentIndex = null; // the last value that was sent, and performance.now() then
      this.sentAt = -Infinity;
      this.timer = null;
    }

    /* Move the thumb to `seconds`. */
    show(seconds) {
      const index = this.indexOf(seconds);
      if (index === this.shownIndex) return;
      this.shownIndex = index;
      if (performance.now() - this.sentAt >= CHECK_MS.first) this.send(index, 0);
      else this.checkLater(0);
    }

    send(index, checks) {
      this.sentIndex = index;
      this.sentIndexes.push(index);
      this.sentAt = performance.now();
      this.sent.push({ index, time: this.sentAt });
      window.dash_clientside.set_props(this.id, { value: index });
      this.checkLater(checks);
    }

    checkLater(checks) {
      window.clearTimeout(this.timer);
      if (checks < MAX_CHECKS) this.timer = window.setTimeout(() => this.check(checks + 1), CHECK_MS.first * CHECK_MS.growth ** checks);
    }

    /* A slider on a slow browser can ignore the second of two values, and show the first one late. It takes the next
       value, if that differs. */
    check(checks) {
      const thumb = this.container.querySelector("[role=slider]");
      if (!thumb) return;
      const index = Number(thumb.getAttribute("aria-valuenow"));
      if (Math.abs(index - this.shownIndex) <= SAME) {
        this.sentIndexes = [this.sentIndex];
        return this.checkLater(checks);
      }
      // The user's own value comes from Dash. Others are earlier values of `show`, also while the slider has the focus.
      const isOwn = this.container.querySelector(":active") || (this.container.querySelector(":focus") && !this.sentIndexes.includes(index));
      if (!isOwn) this.send(this.sentIndex === this.shownIndex ? index : this.shownIndex, checks);
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
