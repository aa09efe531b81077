/* The dialog with the keyboard shortcuts. */
(function (app) {
  "use strict";

  const SHORTCUTS = [
    ["Space  P", app.translate("Pause or resume")],
    ["←  →", app.translate("Move back or forward in time")],
    ["Shift ←  →", app.translate("Read values point by point")],
    ["L  Esc", app.translate("Back to live")],
    ["/  Ctrl K", app.translate("Search metrics, panels, hosts and times")],
    ["G", app.translate("Go to a time in the past")],
    ["+  −", app.translate("Zoom in or out")],
    ["E", app.translate("Events: what happened, the newest first")],
    ["M", app.translate("Mark what happened at this moment")],
    ["Y", app.translate("Compare with yesterday, last week, or nothing")],
    ["U", app.translate("Show the usual range of this hour and weekday")],
    ["B", app.translate("Build a chart of any metrics")],
    ["A", app.translate("Alert rules")],
    ["H", app.translate("Choose or compare hosts")],
    ["V", app.translate("Choose and order panels")],
    ["Z", app.translate("Time zone: browser, host or UTC")],
    ["T", app.translate("Theme: system, dark or light")],
    ["F", app.translate("Full screen")],
    ["Shift F", app.translate("Full screen for the panel below the mouse")],
    ["K", app.translate("Kiosk: one group after the other, without controls")],
    ["?", app.translate("Show this help")],
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
      app.translate("Keyboard and mouse"),
      app.createElement("p", {}, app.translate("Drag across a chart to zoom in, or use two fingers. Double-click to undo the zoom. The slider sets the length of the time range.")),
      app.createElement("table", { className: "keys" }, app.createElement("tbody", {}, ...rows)),
      app.createElement("p", {}, app.translate("Drag a panel by its title to move it. Use its ⋯ menu to enlarge, hide or download it, or to change its axis. Click a row below a chart to hide or show its line."))
    );
  };
})((window.dashapp = window.dashapp || {}));
