/* Frames as the server sends them. */
(function (app) {
  "use strict";

  /* The frame with the time `now` (seconds) if known; null if it is invalid, for example an HTML page of a
     proxy. */
  app.parseFrame = function (frame, now) {
    const isValid =
      frame !== null &&
      typeof frame === "object" &&
      typeof frame.cursor === "string" &&
      typeof frame.now === "number" &&
      Array.isArray(frame.t) &&
      [frame.y, frame.min || {}, frame.max || {}].every(
        (part) =>
          typeof part === "object" &&
          Object.values(part).every((column) => Array.isArray(column) && column.length === frame.t.length)
      );
    return isValid ? { ...frame, now: now || frame.now } : null;
  };

  /* The path and query for the frames of these queries: `one` if there is one, else `several`. */
  app.framesPath = function (queries, one, several) {
    return queries.length === 1 ? `api/${one}?${queries[0].text}` : `api/${several}?${queries.map(({ text }) => `q=${encodeURIComponent(text)}`).join("&")}`;
  };
})((window.dashapp = window.dashapp || {}));
