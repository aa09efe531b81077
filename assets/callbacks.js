/* What Dash calls: dashapp/callbacks.py names these functions.
   Nothing here may throw into Dash, which keeps every error for ever. */
(function (app) {
  "use strict";

  let page = null;

  function guarded(action) {
    return (value, components) => {
      try {
        if (page === null && components) page = app.page = new app.Page(app.graphs(components));
        if (page !== null) action(value);
      } catch (error) {
        console.error("dashapp:", error.message);
      }
    };
  }

  /* The dcc.Graph of each panel: what is common to all stands in the page's layout once. */
  app.graphs = function ({ graph, panels }) {
    return Object.fromEntries(
      Object.entries(panels).map(([name, layout]) => {
        const mine = structuredClone(graph);
        mine.props.id = `graph-${name}`;
        Object.assign(mine.props.figure.layout.yaxis, layout.yaxis);
        mine.props.figure.layout.shapes = layout.shapes;
        return [name, mine];
      })
    );
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
