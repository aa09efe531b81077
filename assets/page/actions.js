/* Actions of the whole page, for buttons, keys, the search and the menu. */
(function (app) {
  "use strict";

  /* `[{name, text, keys, run, isAvailable}]`: `name` is the id of its button; `keys` are separated by spaces. */
  app.buildActions = function (page) {
    return [
      { name: "search", text: app.translate("Search"), keys: "/", run: () => app.openSearchDialog(page) },
      { name: "goto", text: app.translate("Go to a time"), keys: "g", run: () => app.openGoToDialog(page) },
      { name: "events", text: app.translate("Events: what happened when"), keys: "e", run: () => app.openEventList(page) },
      { name: "mark", text: app.translate("Mark a moment"), keys: "m", run: () => page.eventMarks.openDialog(), isAvailable: () => page.eventMarks.isAllowed },
      { name: "compare", text: app.translate("Compare with yesterday or last week"), keys: "y", run: () => page.comparisonChip.next() },
      { name: "usual", text: app.translate("Usual range of this hour and weekday"), keys: "u", run: () => page.usualBands.toggle() },
      { name: "build", text: app.translate("Build a chart"), keys: "b", run: () => app.openChartBuilder(page), isAvailable: () => !app.bare },
      { name: "alert-rules", text: app.translate("Alert rules"), keys: "a", run: () => app.openAlertRules(page), isAvailable: () => page.alertControls.isEnabled },
      { name: "hosts", text: app.translate("Choose or compare hosts"), keys: "h", run: () => page.hosts.openDialog(), isAvailable: () => page.hosts.hasSeveral },
      { name: "panels", text: app.translate("Choose and order panels"), keys: "v", run: () => app.openPanelsDialog(page.panelOrder) },
      { name: "full", text: app.translate("Full screen"), keys: "f", run: () => page.fullScreen.togglePage() },
      { name: "full-panel", text: app.translate("Full screen for one panel"), keys: "F", run: () => page.fullScreen.togglePanel() },
      { name: "kiosk", text: app.translate("Kiosk: show one group after the other"), keys: "k", run: () => page.kiosk.toggle() },
      { name: "tz", text: app.translate("Time zone: browser, host or UTC"), keys: "z", run: () => page.zone.next() },
      { name: "theme", text: app.translate("Change the theme"), keys: "t", run: () => page.theme.next() },
      { name: "help", text: app.translate("Keyboard and mouse"), keys: "?", run: () => app.openHelpDialog() },
    ];
  };
})((window.dashapp = window.dashapp || {}));
