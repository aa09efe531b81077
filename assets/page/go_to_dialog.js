/* The dialog "Go to": an hour ago, last night, or any other time. */
(function (app) {
  "use strict";

  const MINUTE_MS = 60_000;
  const HOUR_MS = 60 * MINUTE_MS;

  /* `page`: onZoom(range), liveView. In the viewer's time zone, from the server's clock. */
  app.openGoToDialog = function (page) {
    const now = page.liveView.clock.now() ?? Date.now();
    const midnight = (days) => {
      const day = new Date(now);
      return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days).getTime();
    };
    const presets = [
      ["An hour ago", [now - HOUR_MS - 15 * MINUTE_MS, now - HOUR_MS + 15 * MINUTE_MS]],
      ["Earlier today", [midnight(0), now]],
      ["Last night", [midnight(0) - 4 * HOUR_MS, Math.min(midnight(0) + 8 * HOUR_MS, now)]],
      ["Yesterday", [midnight(-1), midnight(0)]],
      ["A week ago", [midnight(-7), midnight(-6)]],
    ];
    const showRange = (range) => {
      dialog.close();
      page.onZoom(range);
    };
    const buttons = presets
      .filter(([, [start, end]]) => end - start > 0 && now - end < page.liveView.maxSeconds * 1000)
      .map(([text, range]) => {
        const button = app.createElement("button", { type: "button", className: "place" }, text);
        button.addEventListener("click", () => showRange(range));
        return button;
      });
    const [start, end] = page.liveView.pausedRange ?? [now - HOUR_MS, now];
    const from = app.createElement("input", { type: "datetime-local", step: 1, value: toInputValue(start), required: true });
    const to = app.createElement("input", { type: "datetime-local", step: 1, value: toInputValue(end), required: true });
    const error = app.createElement("p", { className: "wrong", role: "alert" });
    const form = app.createElement(
      "form",
      { className: "range" },
      app.createElement("label", {}, "From ", from),
      app.createElement("label", {}, "To ", to),
      app.createElement("button", { type: "submit" }, "Show")
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const range = [from, to].map((input) => new Date(input.value).getTime());
      error.textContent = validateRange(range, now, page.liveView.maxSeconds);
      if (!error.textContent) showRange([range[0], Math.min(range[1], now)]);
    });
    const dialog = app.openDialog("Go to", app.createElement("div", { className: "places" }, ...buttons), form, error);
  };

  function validateRange([start, end], now, longest) {
    if (!(start < end)) return "“From” must be before “To”.";
    if (start >= now) return "“From” must not be in the future.";
    if (end - start > longest * 1000) return `The longest range is ${app.formatDuration(longest)}.`;
    return "";
  }

  /* Value of a datetime-local input: local time without a zone. */
  function toInputValue(milliseconds) {
    const time = new Date(milliseconds);
    return new Date(milliseconds - time.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 19);
  }
})((window.dashapp = window.dashapp || {}));
