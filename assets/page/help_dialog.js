/* The dialog with the keyboard shortcuts. */
(function (app) {
  "use strict";

  const SHORTCUTS = [
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

  app.openHelpDialog = function () {
    const rows = SHORTCUTS.filter(([key]) => key !== "H" || app.page.hosts.hasSeveral).map(([keys, description]) =>
      app.createElement(
        "tr",
        {},
        app.createElement("th", { scope: "row" }, ...keys.split("  ").flatMap((key, index) => [index ? " " : "", app.createElement("kbd", {}, key)])),
        app.createElement("td", {}, description)
      )
    );
    app.openDialog(
      "How to get about",
      app.createElement("p", {}, "Drag across a chart to look closer; double-click to come back. The slider sets how much time is on screen."),
      app.createElement("table", { className: "keys" }, app.createElement("tbody", {}, ...rows)),
      app.createElement("p", {}, "A panel is moved by its title; its ⋯ enlarges or hides it and takes its numbers or its picture away.")
    );
  };
})((window.dashapp = window.dashapp || {}));
