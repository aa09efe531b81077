/* All LiveGraphs of another app's page. The interval of one of them, the leader, drives all, and one poller
   serves them. A graph that was removed from the page is closed. */
(function (app) {
  "use strict";

  const LEADER_TIMEOUT_MS = 2500; // without a tick: the leader was removed

  app.LiveGraphRegistry = class {
    constructor(base) {
      this.poller = new app.Poller(base);
      this.byId = new Map(); // by aio_id
      this.leader = null; // aio_id of the graph with the running interval
      this.sweepTimer = null;
    }

    /* The graph of `spec` with its current element; undefined if it is not on the page. */
    getGraph(spec) {
      const existing = this.byId.get(spec.id);
      if (existing?.section.isConnected && (existing.spec === spec || existing.specJson === JSON.stringify(spec))) return existing;
      const section = document.querySelector(`[data-live-graph="${CSS.escape(spec.id)}"]`);
      if (!section) return undefined;
      existing?.close();
      const graph = new app.LiveGraph(this.poller, section, spec);
      this.byId.set(spec.id, graph);
      if (this.leader !== null && this.leader !== spec.id) setIntervalEnabled(spec, false);
      else this.leader = spec.id;
      return graph;
    }

    tick(spec) {
      this.getGraph(spec);
      this.sweep();
      for (const graph of this.byId.values()) graph.liveView.tick();
      clearTimeout(this.sweepTimer);
      this.sweepTimer = setTimeout(() => this.sweep(), LEADER_TIMEOUT_MS);
    }

    /* Close removed graphs, and choose another leader if it was removed. */
    sweep() {
      for (const [id, graph] of this.byId) {
        if (graph.section.isConnected) continue;
        graph.close();
        this.byId.delete(id);
      }
      if (this.byId.has(this.leader)) return;
      const [next] = this.byId.values();
      this.leader = next ? next.spec.id : null;
      if (next) setIntervalEnabled(next.spec, true);
    }
  };

  function setIntervalEnabled({ interval }, enabled) {
    window.dash_clientside.set_props(interval, { disabled: !enabled });
  }

  /* Functions that Dash calls; dashapp/integrations/dash_attach.py names them. They must not throw: Dash keeps
     every error in memory. */

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
    tick: catchErrors((all, spec) => all.tick(spec)),
    window: catchErrors((all, spec, index) => all.getGraph(spec)?.setWindow(index)),
    pause: catchErrors((all, spec, clicks) => clicks && all.getGraph(spec)?.togglePause()),
  };
})((window.dashapp = window.dashapp || {}));
