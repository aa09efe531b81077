/* All the LiveGraphs of somebody else's page: found when their intervals first beat, driven by one of these, let go of
   when they leave the page. They share one asker, so that one request a tick serves them all. */
(function (app) {
  "use strict";

  const PATIENCE_MS = 2500; // without a beat: the one that beat for all has left

  app.LiveGraphRegistry = class {
    constructor(base) {
      this.poller = new app.Poller(base);
      this.byId = new Map(); // by aio_id
      this.leader = null; // whose interval beats for all
      this.watch = null;
    }

    /* The graph of `spec`, as it stands in the page now; undefined where it does not. */
    graph(spec) {
      const known = this.byId.get(spec.id);
      if (known?.section.isConnected && (known.spec === spec || known.mark === JSON.stringify(spec))) return known;
      const section = document.querySelector(`[data-live-graph="${CSS.escape(spec.id)}"]`);
      if (!section) return undefined;
      known?.close();
      const graph = new app.LiveGraph(this.poller, section, spec);
      this.byId.set(spec.id, graph);
      if (this.leader !== null && this.leader !== spec.id) beats(spec, false);
      else this.leader = spec.id;
      return graph;
    }

    beat(spec) {
      this.graph(spec);
      this.sweep();
      for (const graph of this.byId.values()) graph.liveView.tick();
      clearTimeout(this.watch);
      this.watch = setTimeout(() => this.sweep(), PATIENCE_MS);
    }

    /* Let go of those that have left, and have another beat where the leader has. */
    sweep() {
      for (const [id, graph] of this.byId) {
        if (graph.section.isConnected) continue;
        graph.close();
        this.byId.delete(id);
      }
      if (this.byId.has(this.leader)) return;
      const [next] = this.byId.values();
      this.leader = next ? next.spec.id : null;
      if (next) beats(next.spec, true);
    }
  };

  function beats({ interval }, on) {
    window.dash_clientside.set_props(interval, { disabled: !on });
  }

  /* What Dash calls: dashapp/integrations/dash_attach.py names these functions. Nothing here may throw into Dash, which keeps every
     error for ever. */

  let registry = null;

  function catchErrors(action) {
    return (value, spec) => {
      try {
        if (!spec) return;
        if (registry === null) {
          const { requests_pathname_prefix: prefix } = JSON.parse(document.getElementById("_dash-config").textContent);
          registry = app.liveGraphs = new app.LiveGraphRegistry(`${prefix || "/"}_dashapp/`);
        }
        action(registry, spec, value);
      } catch (error) {
        console.error("dashapp:", error.message);
      }
    };
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.dashapp_live_graph = {
    beat: catchErrors((all, spec) => all.beat(spec)),
    window: catchErrors((all, spec, index) => all.graph(spec)?.setWindow(spec.stops[index])),
    pause: catchErrors((all, spec, clicks) => clicks && all.graph(spec)?.togglePause()),
  };
})((window.dashapp = window.dashapp || {}));
