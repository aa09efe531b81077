/* What Dash calls: dashapp/callbacks.py names these functions.
   Nothing here may throw into Dash, which keeps every error for ever. */
(function (app) {
  "use strict";

  let page = null;

  function guarded(action) {
    return (value, components) => {
      try {
        if (page === null && components) page = app.page = new app.Page(app.panelsOf(components));
        if (page !== null) action(value);
      } catch (error) {
        console.error("dashapp:", error.message);
      }
    };
  }

  /* What draws each panel, by its name: {kind, metrics, right, graph(slot)}. What is common to all stands in the
     page's layout once. */
  app.panelsOf = function ({ graph, panels }) {
    const made = (own) => ({
      ...own,
      graph: (slot) => {
        const mine = structuredClone(graph);
        const { layout } = mine.props.figure;
        mine.props.id = `graph-${slot}`;
        Object.assign(layout.yaxis, own.yaxis);
        if (own.yaxis2) layout.yaxis2 = own.yaxis2;
        layout.shapes = own.shapes;
        return mine;
      },
    });
    const found = new Map(Object.entries(panels).map(([name, own]) => [name, made(own)]));
    found.usual = made({ kind: "line", metrics: [], right: [], shapes: [], yaxis: { autorange: true } });
    return found;
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.dashapp = {
    tick: guarded(() => page.tick()),
    window: guarded((index) => page.setWindow(index)),
    pause: guarded((clicks) => clicks && page.toggle()),
    earlier: guarded((clicks) => clicks && page.leap(-1)),
    later: guarded((clicks) => clicks && page.leap(1)),
  };
})((window.dashapp = window.dashapp || {}));
