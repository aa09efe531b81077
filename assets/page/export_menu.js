/* Export of a panel or of the whole page: CSV, PNG, links. */
(function (app) {
  "use strict";

  app.ExportMenu = class {
    constructor(page) {
      this.page = page;
      app.attachMenu(document.getElementById("share"), () => this.items(null));
    }

    /* Menu items for a panel; for the whole page if `name` is null. */
    items(name) {
      const isTable = name !== null && !this.page.panelOrder.sections.get(name).dataset.panel;
      const link = { text: app.translate("Copy link"), run: () => this.copyLink(name) };
      if (isTable) return [link];
      const canShare = document.getElementById("page").dataset.share === "on";
      const share = ([text, days]) => ({ text, run: () => this.share(name, days) });
      return [
        { text: app.translate("Download PNG"), run: () => this.exportPng(name) },
        { text: app.translate("Download CSV"), run: () => this.downloadCsv(name) },
        link,
        ...(canShare ? [[app.translate("Share for a day"), 1], [app.translate("Share for a week"), 7]].map(share) : []),
      ];
    }

    /* Create a link that shows this view, and only this view, without a password. */
    async share(name, days) {
      const { liveView, panelOrder, builtCharts, poller, toast } = this.page;
      const shown = name === null ? panelOrder.visiblePanels().filter((panel) => liveView.metricsOf(panel).length) : [name];
      const panels = shown.filter((panel) => !builtCharts.get(panel));
      // The server does not know these charts: name their metrics, and no others.
      const built = shown.filter((panel) => builtCharts.get(panel));
      const metrics = [...new Set(built.flatMap((panel) => liveView.metricsOf(panel).map(({ key }) => key)))];
      const range = liveView.pausedRange ? { from: liveView.pausedRange[0], to: liveView.pausedRange[1] } : { window: liveView.window };
      try {
        const body = JSON.stringify({ panels: panels.slice(0, 64), ...(metrics.length ? { metrics } : {}), days, ...range });
        const response = await fetch(`${poller.base}api/share`, { method: "POST", body, signal: AbortSignal.timeout(5000) });
        const { path, until, error } = await response.json();
        if (!path) return toast.show(app.translate("Could not create the link: {error}.", { error }));
        const url = new URL(path, new URL(poller.base, window.location.href));
        for (const [key, value] of Object.entries(app.rangeParams(liveView.pausedRange, liveView.window))) {
          if (value !== null) url.searchParams.set(key, value);
        }
        for (const panel of built) url.searchParams.append("chart", builtCharts.get(panel).text);
        const validity = app.translate("It works without a password until {time}.", { time: app.formatTime(until) });
        toast.show((await app.copyToClipboard(url.href)) ? `${app.translate("Link copied.")} ${validity}` : `${url.href} ${validity}`);
      } catch (error) {
        toast.show(app.translate("Could not create the link: server not reachable."));
      }
    }

    downloadCsv(name) {
      const { poller, liveView, builtCharts } = this.page;
      const [start, end] = liveView.shownRange;
      const query = new URLSearchParams({ from: Math.floor(start), to: Math.ceil(end) });
      if (builtCharts.get(name)) builtCharts.addQuery(name, query);
      else if (name !== null) query.set("panel", name);
      download(`${poller.base}api/csv?${query}`, "");
    }

    async exportPng(name) {
      const { liveView, panelOrder, toast } = this.page;
      const view = liveView.renderInput();
      const names = name === null ? panelOrder.visiblePanels() : [name];
      const charts = names
        .map((panel) => liveView.charts.find((chart) => chart.panel === panel))
        .filter((chart) => chart && chart.paintPicture && liveView.metricsOf(chart.panel).length);
      if (!view || !charts.length) return toast.show(app.translate("No data to download yet."));
      try {
        const url = await app.renderPng(charts, view, (panel) => liveView.metricsOf(panel));
        download(url, `dashapp-${this.hostPrefix()}${name ?? "page"}-${app.formatForFile(view.range[1])}.png`);
      } catch (error) {
        toast.show(app.translate("Could not create the image in this browser."));
      }
    }

    /* Name the hosts, as the server does for CSV files. */
    hostPrefix() {
      const { names } = this.page.hosts;
      return names.length ? `${names.length > 1 ? `${names.length}-hosts` : names[0]}-` : "";
    }

    async copyLink(name) {
      const { page } = this;
      const built = page.builtCharts.get(name);
      const onlyThis = name === null ? {} : { panels: name, large: name, chart: built && built.text };
      const link = page.urlState.urlWith({ ...page.urlParams(), ...onlyThis });
      page.toast.show((await app.copyToClipboard(link)) ? app.translate("Link copied.") : app.translate("Could not copy the link. Copy it here: {link}", { link }));
    }
  };

  function download(url, filename) {
    const link = app.createElement("a", { href: url, download: filename });
    document.body.append(link);
    link.click();
    link.remove();
  }
})((window.dashapp = window.dashapp || {}));
