/* The tiles on top: what is so now, in a number and a line. */
(function (app) {
  "use strict";

  const DASHES = "–";

  app.Tiles = class {
    constructor(live) {
      this.live = live;
      const box = document.getElementById("tiles");
      this.tiles = [...box.querySelectorAll(".tile")].map((tile) => new Tile(tile));
      this.sight = new app.Sight(box);
    }

    /* The metrics that the tiles show, of those with many the first few. */
    keys(catalogue) {
      const all = [...catalogue.metrics.values()];
      return this.tiles.flatMap((tile) => all.filter((metric) => tile.covers(metric)).slice(0, 8).map((metric) => metric.key));
    }

    /* `last`: the newest values by metric key. */
    draw(last) {
      if (!this.sight.here || document.hidden) return;
      for (const tile of this.tiles) tile.draw(this.live, last);
    }
  };

  class Tile {
    constructor(element) {
      this.element = element;
      this.patterns = element.dataset.metrics.split(",");
      this.most = "most" in element.dataset; // of many metrics only the highest is shown
      this.value = element.querySelector(".tile-value");
      this.canvas = element.querySelector("canvas") ?? this.putCanvas();
    }

    putCanvas() {
      const canvas = app.element("canvas", { className: "spark", "aria-hidden": "true" });
      this.element.append(canvas);
      return canvas;
    }

    covers({ key, unit }) {
      const meant = this.patterns.some((pattern) =>
        pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : key === pattern
      );
      return meant && (this.element.dataset.unit ?? unit) === unit;
    }

    /* Those of `known` that have a value now; of many the highest. */
    valued(known, last) {
      const there = known.filter(({ key }) => last[key] !== null && last[key] !== undefined);
      if (!this.most || there.length < 2) return there;
      return [there.reduce((high, metric) => (last[metric.key] > last[high.key] ? metric : high))];
    }

    draw(live, last) {
      const known = [...live.catalogue.metrics.values()].filter((metric) => this.covers(metric));
      // Before anything is known each stands empty, so that nothing jumps when the first numbers come.
      this.element.classList.toggle("absent", !known.length && !live.catalogue.empty);
      if (!known.length) return;
      const valued = this.valued(known, last);
      // What has stopped keeps its place, and the line of what it was.
      const metrics = valued.length ? valued : known.slice(0, 1);
      const words = metrics.map((metric) => app.quantity(last[metric.key], metric.unit) || DASHES);
      const text = metrics.length > 1 ? words.map((word, index) => `${"↓↑"[index] ?? ""} ${word}`).join("\n") : words[0];
      app.say(this.value, text);
      this.value.classList.toggle("several", metrics.length > 1);
      const of = this.element.querySelector(".tile-of");
      app.say(of, this.most ? metrics[0].label : of.dataset.of);
      app.sparkline(this.canvas, live.series, metrics, live.range());
    }
  }
})((window.dashapp = window.dashapp || {}));
