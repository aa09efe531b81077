/* The overlay that tells what the mouse and the keys do. */
(function (app) {
  "use strict";

  const KEYS = [
    ["Space  P", "Pause, and back to live"],
    ["←  →", "Earlier, later"],
    ["Shift ←  →", "Read the values point by point"],
    ["L  Esc", "Back to live"],
    ["G", "Go to a moment in the past"],
    ["+  −", "See more time, see less"],
    ["H", "Choose a host, or several"],
    ["V", "Choose and order the panels"],
    ["T", "Dark, light, or as the system"],
    ["F", "Fill the screen"],
    ["?", "This help"],
  ];

  app.openHelp = function () {
    const rows = KEYS.filter(([key]) => key !== "H" || app.page.hosts.several).map(([keys, what]) =>
      app.element(
        "tr",
        {},
        app.element("th", { scope: "row" }, ...keys.split("  ").flatMap((key, place) => [place ? " " : "", app.element("kbd", {}, key)])),
        app.element("td", {}, what)
      )
    );
    app.openDialog(
      "How to get about",
      app.element("p", {}, "Drag across a chart to look closer; double-click to come back. The slider sets how much time is on screen."),
      app.element("table", { className: "keys" }, app.element("tbody", {}, ...rows)),
      app.element("p", {}, "A panel is moved by its title; its ⋯ enlarges or hides it and takes its numbers or its picture away.")
    );
  };
})((window.dashapp = window.dashapp || {}));
