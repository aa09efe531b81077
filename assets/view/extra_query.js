/* Parts of a frame besides points: processes, curves and hosts. */
(function (app) {
  "use strict";

  /* Their query parameters for a request of `page`. `isStream`: for each event of a stream, so only what changes with each
     tick. */
  app.extraQuery = function ({ embeddedChart, processTable, topProcesses, hosts, liveView }, isStream) {
    const requested = {
      processes: !isStream && !embeddedChart && !topProcesses.isRecord && processTable.shouldRequest(),
      curves: embeddedChart ? embeddedChart.curve !== null : liveView.charts.some((chart) => chart.kind === "curve"),
      hosts: !embeddedChart && (isStream ? hosts.isShown : hosts.shouldRequest()),
    };
    return Object.keys(requested).filter((name) => requested[name]).map((name) => `&${name}=1`).join("");
  };

  /* Whether `page` needs a request although a stream brings its ticks. */
  app.needsRequest = function ({ embeddedChart, processTable, topProcesses, hosts }) {
    return !embeddedChart && ((!topProcesses.isRecord && processTable.isDue) || hosts.isCheckDue);
  };
})((window.dashapp = window.dashapp || {}));
