/* The dialog that leads to a moment: an hour ago, last night, or any other. */
(function (app) {
  "use strict";

  const MINUTE = 60_000;
  const HOUR = 60 * MINUTE;

  /* `page`: onZoom(range), resume(), live. By the viewer's own zone, from the server's now. */
  app.openGoTo = function (page) {
    const now = page.liveView.clock.now() ?? Date.now();
    const midnight = (days) => {
      const day = new Date(now);
      return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days).getTime();
    };
    const places = [
      ["An hour ago", [now - HOUR - 15 * MINUTE, now - HOUR + 15 * MINUTE]],
      ["Earlier today", [midnight(0), now]],
      ["Last night", [midnight(0) - 4 * HOUR, Math.min(midnight(0) + 8 * HOUR, now)]],
      ["Yesterday", [midnight(-1), midnight(0)]],
      ["A week ago", [midnight(-7), midnight(-6)]],
    ];
    const leave = (range) => {
      dialog.close();
      page.onZoom(range);
    };
    const buttons = places
      .filter(([, [start, end]]) => end - start > 0 && now - end < page.liveView.longest * 1000)
      .map(([text, range]) => {
        const button = app.element("button", { type: "button", className: "place" }, text);
        button.addEventListener("click", () => leave(range));
        return button;
      });
    const [start, end] = page.liveView.held ?? [now - HOUR, now];
    const from = app.element("input", { type: "datetime-local", step: 1, value: local(start), required: true });
    const to = app.element("input", { type: "datetime-local", step: 1, value: local(end), required: true });
    const wrong = app.element("p", { className: "wrong", role: "alert" });
    const form = app.element(
      "form",
      { className: "range" },
      app.element("label", {}, "From ", from),
      app.element("label", {}, "To ", to),
      app.element("button", { type: "submit" }, "Show")
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const range = [from, to].map((input) => new Date(input.value).getTime());
      wrong.textContent = problem(range, now, page.liveView.longest);
      if (!wrong.textContent) leave([range[0], Math.min(range[1], now)]);
    });
    const dialog = app.openDialog("Go to", app.element("div", { className: "places" }, ...buttons), form, wrong);
  };

  function problem([start, end], now, longest) {
    if (!(start < end)) return "“From” must be before “To”.";
    if (start >= now) return "That has not happened yet.";
    if (end - start > longest * 1000) return `At most ${app.words(longest)} fit on the screen.`;
    return "";
  }

  /* What an input of that type takes: local time, without a zone. */
  function local(milliseconds) {
    const time = new Date(milliseconds);
    return new Date(milliseconds - time.getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
  }
})((window.dashapp = window.dashapp || {}));
