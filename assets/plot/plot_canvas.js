/* A canvas over or under the plot of a chart, for areas and marks that Plotly cannot draw: its fills bridge gaps. */
(function (app) {
  "use strict";

  const MAX_PX = 1e6; // values far outside would exceed what a canvas can draw

  app.PlotCanvas = class {
    /* `place`: the chart's element. `isAbove`: over the lines. */
    constructor(place, isAbove = false) {
      this.place = place;
      this.isAbove = isAbove;
      this.canvas = null;
    }

    /* Clear the plot and return a context in its pixels; null if there is nothing to paint and nothing was painted.
       `size`: {l, t, w, h} of the plot in the chart. */
    clear({ l, t, w, h }, isNeeded) {
      if (!this.canvas && !isNeeded) return null;
      if (!this.canvas) {
        this.canvas = app.createElement("canvas", { className: this.isAbove ? "plot-canvas above" : "plot-canvas", "aria-hidden": "true" });
        this.place[this.isAbove ? "append" : "prepend"](this.canvas);
      }
      const { canvas } = this;
      const scale = window.devicePixelRatio || 1;
      const [width, height] = [Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale))];
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const position = `left:${l}px;top:${t}px;width:${w}px;height:${h}px`;
      if (canvas.style.cssText !== position) canvas.style.cssText = position;
      const context = canvas.getContext("2d");
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.clearRect(0, 0, w, h);
      return context;
    }
  };

  /* Functions from values to pixels in a plot of `w` x `h` pixels. `axis`: {range, type} of Plotly. */
  app.plotScales = function ({ w, h }, [start, end], axis) {
    const [low, high] = axis.range;
    const isLog = axis.type === "log";
    return {
      x: (time) => ((time - start) / (end - start)) * w,
      y: (value) => Math.min(Math.max(h * (1 - ((isLog ? Math.log10(value) : value) - low) / (high - low)), -MAX_PX), MAX_PX),
    };
  };
})((window.dashapp = window.dashapp || {}));
