/* The dialog app.translate("Go to"): an hour ago, last night, or any other time. */
(function (app) {
  "use strict";

  const HOUR_MS = 3_600_000;

  /* `page`: onZoom(range), liveView. In the page's time zone, from the server's clock. */
  app.openGoToDialog = function (page) {
    const now = page.liveView.clock.now();
    const showRange = (range) => {
      dialog.close();
      page.onZoom(range);
    };
    const buttons = app
      .timePresets(now)
      .filter(([, [start, end]]) => end - start > 0 && now - end < page.liveView.maxSeconds * 1000)
      .map(([text, range]) => {
        const button = app.createElement("button", { type: "button", className: "place" }, text);
        button.addEventListener("click", () => showRange(range));
        return button;
      });
    const [start, end] = page.liveView.pausedRange ?? [now - HOUR_MS, now];
    const from = app.createElement("input", { type: "datetime-local", step: 1, value: app.wallText(start), required: true });
    const to = app.createElement("input", { type: "datetime-local", step: 1, value: app.wallText(end), required: true });
    const error = app.createElement("p", { className: "wrong", role: "alert" });
    const form = app.createElement(
      "form",
      { className: "range" },
      app.createElement("label", {}, app.translate("From "), from),
      app.createElement("label", {}, app.translate("To "), to),
      app.createElement("button", { type: "submit" }, app.translate("Show"))
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const range = [from, to].map((input) => app.parseWallText(input.value));
      error.textContent = validateRange(range, now, page.liveView.maxSeconds);
      if (!error.textContent) showRange([range[0], Math.min(range[1], now)]);
    });
    const dialog = app.openDialog(app.translate("Go to"), app.createElement("div", { className: "places" }, ...buttons), form, error);
    dialog.querySelector(".places button, input").focus();
  };

  function validateRange([start, end], now, longest) {
    if (!(start < end)) return app.translate("“From” must be before “To”.");
    if (start >= now) return app.translate("“From” must not be in the future.");
    if (end - start > longest * 1000) return app.translate("The longest range is {duration}.", { duration: app.formatDuration(longest) });
    return "";
  }
})((window.dashapp = window.dashapp || {}));
