/* Names as text: short, in their own direction, and without tags for Plotly. */
(function (app) {
  "use strict";

  const MAX_NAME_LENGTH = 60;
  const BIDI_CONTROLS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
  const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

  /* The text without characters that change the direction of what follows. */
  app.isolateText = function (text) {
    const plain = text.replace(BIDI_CONTROLS, "");
    return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
  };

  /* At most `length` characters, none of them cut in two. */
  app.shortenText = function (text, length = MAX_NAME_LENGTH) {
    if (text.length <= length) return text;
    const characters = Array.from(new Intl.Segmenter(app.locale).segment(text), ({ segment }) => segment);
    return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
  };

  /* Plotly interprets tags in names, even links. */
  app.escapeForPlotly = function (text) {
    const short = app.isolateText(app.shortenText(text));
    return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  };
})((window.dashapp = window.dashapp || {}));
