/* The dialog with the keyboard shortcuts. */
(function (app) {
  "use strict";

  const SHORTCUTS = [
    ["Space  P", "Pause or resume"],
    ["←  →", "Move back or forward in time"],
    ["Shift ←  →", "Read values point by point"],
    ["L  Esc", "Back to live"],
    ["/  Ctrl K", "Search metrics, panels, hosts and times"],
    ["G", "Go to a time in the past"],
    ["+  −", "Zoom in or out"],
    ["E", "Events: what happened, the newest first"],
    ["M", "Mark what happened at this moment"],
    ["Y", "Compare with yesterday, last week, or nothing"],
    ["U", "Show the usual range of this hour and weekday"],
    ["B", "Build a chart of any metrics"],
    ["A", "Alert rules"],
    ["H", "Choose or compare hosts"],
    ["V", "Choose and order panels"],
    ["Z", "Time zone: browser, host or UTC"],
    ["T", "Theme: system, dark or light"],
    ["F", "Full screen"],
    ["Shift F", "Full screen for the panel below the mouse"],
    ["K", "Kiosk: one group after the other, without controls"],
    ["?", "Show this help"],
  ];

  app.openHelpDialog = function () {
    const { hosts, eventMarks, alertControls } = app.page;
    const isAvailable = { A: alertControls.isEnabled, H: hosts.hasSeveral, M: eventMarks.isAllowed };
    const rows = SHORTCUTS.filter(([key]) => isAvailable[key] ?? true).map(([keys, description]) =>
      app.createElement(
        "tr",
        {},
        app.createElement("th", { scope: "row" }, ...keys.split("  ").flatMap((key, index) => [index ? " " : "", app.createElement("kbd", {}, key)])),
        app.createElement("td", {}, description)
      )
    );
    app.openDialog(
      "Keyboard and mouse",
      app.createElement("p", {}, "Drag across a chart to zoom in, or use two fingers. Double-click to undo the zoom. The slider sets the length of the time range."),
      app.createElement("table", { className: "keys" }, app.createElement("tbody", {}, ...rows)),
      app.createElement("p", {}, "Drag a panel by its title to move it. Use its ⋯ menu to enlarge, hide or download it, or to change its axis. Click a row below a chart to hide or show its line.")
    );
  };
})((window.dashapp = window.dashapp || {}));
