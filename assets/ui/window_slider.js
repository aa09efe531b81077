/* The slider for the length on screen. Its value is the index of a stop; lengths between two stops have a fraction. */
(function (app) {
  "use strict";

  const SAME = 0.002; // share of a length that makes no difference

  app.WindowSlider = class {
    /* `id`: of the dcc.Slider in Dash. `stops`: seconds in rising order. */
    constructor(id, stops) {
      this.id = id;
      this.stops = stops;
      this.shownIndex = null; // as on screen
    }

    /* Move the thumb to `seconds`. */
    show(seconds) {
      const index = this.indexOf(seconds);
      if (index === this.shownIndex) return;
      this.shownIndex = index;
      window.dash_clientside.set_props(this.id, { value: index });
    }

    /* The seconds that the user chose; null if the slider only shows what `show` set. */
    choose(index) {
      if (index === undefined || index === null || index === this.shownIndex) return null;
      this.shownIndex = index;
      return this.secondsAt(index);
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
