/* Colours of lines and areas, and the theme of an element. */
(function (app) {
  "use strict";

  /* "#rrggbb" with an opacity. */
  app.withOpacity = function (colour, opacity) {
    return `rgba(${channels(colour).join()},${opacity})`;
  };

  /* The colour of a line's mark in legends and tooltips: that of its area if it is a part of a stack. */
  app.markColour = function ({ colour, shade, area }) {
    return area === "stacked" ? app.withOpacity(colour, app.AREA_OPACITIES.stacked * shade) : colour;
  };

  /* Whether the theme of `element` is dark. */
  app.isDark = function (element) {
    const scheme = getComputedStyle(element).colorScheme;
    return scheme === "dark" || (/light/.test(scheme) && /dark/.test(scheme) && window.matchMedia("(prefers-color-scheme: dark)").matches);
  };

  const THEME_QUERIES = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((query) => window.matchMedia(query));

  /* A text that changes with the theme of the page. Reading a colour instead would make the browser compute all styles. */
  app.themeKey = function () {
    return [document.documentElement.dataset.theme, ...THEME_QUERIES.map(({ matches }) => matches)].join();
  };

  function channels(colour) {
    return [1, 3, 5].map((index) => parseInt(colour.slice(index, index + 2), 16));
  }
})((window.dashapp = window.dashapp || {}));
