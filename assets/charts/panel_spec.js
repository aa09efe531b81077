/* A panel as the server describes it, and as it stands in the page. */
(function (app) {
  "use strict";

  /* What draws each panel, by its name: {kind, metrics, right, graph(slot)}. What is common to all stands in the
     page's layout once. */
  app.buildPanelSpecs = function ({ graph, panels }) {
    const build = (spec) => ({
      ...spec,
      graph: (slot) => {
        const component = structuredClone(graph);
        const { layout } = component.props.figure;
        component.props.id ??= `graph-${slot}`;
        Object.assign(layout.yaxis, spec.yaxis);
        if (spec.yaxis2) layout.yaxis2 = spec.yaxis2;
        layout.shapes = spec.shapes;
        return component;
      },
    });
    const specs = new Map(Object.entries(panels).map(([name, spec]) => [name, build(spec)]));
    specs.fallback = build({ kind: "line", metrics: [], right: [], shapes: [], yaxis: { autorange: true } });
    return specs;
  };

  app.panelName = function (section) {
    return section.dataset.panel ?? section.dataset.table;
  };

  /* The title without what stands beside it. */
  app.panelTitle = function (section) {
    return section.querySelector("h2").firstChild.textContent;
  };
})((window.dashapp = window.dashapp || {}));
