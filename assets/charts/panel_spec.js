/* Panels: the server's description, and their elements. */
(function (app) {
  "use strict";

  /* Specs by panel name: {kind, scale, metrics, right, graph(slot)}. The page's layout has the common part once. */
  app.buildPanelSpecs = function ({ graph, panels, right_axis: rightAxis, limits = [] }) {
    const build = (spec) => ({
      ...spec,
      rightAxis, // of a chart whose metrics need one
      graph: (slot) => {
        const component = structuredClone(graph);
        const { layout } = component.props.figure;
        component.props.id ??= `graph-${slot}`;
        if (spec.yaxis2) layout.yaxis2 = spec.yaxis2;
        layout.shapes = spec.shapes;
        return component;
      },
    });
    const specs = new Map(Object.entries(panels).map(([name, spec]) => [name, build(spec)]));
    specs.fallback = build({ kind: "line", metrics: [], right: [], shapes: [], scale: {} });
    // Of charts that the user builds; `limits`: [{metric, shape}].
    Object.assign(specs, { rightAxis, limits });
    return specs;
  };

  app.panelName = function (section) {
    return section.dataset.panel ?? section.dataset.table;
  };

  /* The title without its subtitle and values. */
  app.panelTitle = function (section) {
    return section.querySelector("h2").firstChild.textContent;
  };
})((window.dashapp = window.dashapp || {}));
