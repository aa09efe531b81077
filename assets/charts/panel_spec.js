/* A panel as the server describes it, and as it stands in the page. */
(function (app) {
  "use strict";

  /* What draws each panel, by its name: {kind, metrics, right, graph(slot)}. What is common to all stands in the
     page's layout once. */
  app.panelsOf = function ({ graph, panels }) {
    const made = (own) => ({
      ...own,
      graph: (slot) => {
        const mine = structuredClone(graph);
        const { layout } = mine.props.figure;
        mine.props.id ??= `graph-${slot}`;
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

  app.panelName = function (section) {
    return section.dataset.panel ?? section.dataset.table;
  };

  /* The title without what stands beside it. */
  app.panelTitle = function (section) {
    return section.querySelector("h2").firstChild.textContent;
  };
})((window.dashapp = window.dashapp || {}));
