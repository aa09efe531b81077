/* What a viewer takes away: numbers, a picture, a link; of one panel or of the page. */
(function (app) {
  "use strict";

  app.ExportMenu = class {
    constructor(page) {
      this.page = page;
    }

    /* The menu's lines for a panel; for the whole page where `name` is null. */
    items(name) {
      const table = name !== null && !this.page.panelOrder.sections.get(name).dataset.panel;
      const link = { text: "Copy link", act: () => this.copyLink(name) };
      if (table) return [link];
      const shared = document.getElementById("page").dataset.share === "on";
      const share = ([text, days]) => ({ text, act: () => this.share(name, days) });
      return [
        { text: "Save picture (PNG)", act: () => this.savePicture(name) },
        { text: "Save numbers (CSV)", act: () => this.saveNumbers(name) },
        link,
        ...(shared ? [["Share for a day", 1], ["Share for a week", 7]].map(share) : []),
      ];
    }

    /* A link that shows this and nothing else, to whoever has it and no password. */
    async share(name, days) {
      const { liveView, panelOrder, poller, toast } = this.page;
      const panels = name === null ? panelOrder.shown().filter((each) => liveView.metricsOf(each).length) : [name];
      const stretch = liveView.held ? { from: liveView.held[0], to: liveView.held[1] } : { window: liveView.window };
      try {
        const body = JSON.stringify({ panels: panels.slice(0, 64), days, ...stretch });
        const answer = await fetch(`${poller.base}api/share`, { method: "POST", body, signal: AbortSignal.timeout(5000) });
        const { path, until, error } = await answer.json();
        if (!path) return toast.say(`No link was made: ${error}.`);
        const url = new URL(path, new URL(poller.base, window.location.href));
        for (const [key, value] of Object.entries(app.placed(liveView.held, liveView.window))) {
          if (value !== null) url.searchParams.set(key, value);
        }
        const when = `It shows this until ${app.moment(until)}, without the password.`;
        toast.say((await copied(url.href)) ? `The link is copied. ${when}` : `${url.href} ${when}`);
      } catch (error) {
        toast.say("No link was made: the server could not be reached.");
      }
    }

    saveNumbers(name) {
      const { poller, liveView } = this.page;
      const [start, end] = liveView.held ?? liveView.range();
      const query = new URLSearchParams({ from: Math.floor(start), to: Math.ceil(end) });
      if (name !== null) query.set("panel", name);
      follow(`${poller.base}api/csv?${query}`, "");
    }

    async savePicture(name) {
      const { liveView, panelOrder, toast } = this.page;
      const view = liveView.view();
      const names = name === null ? panelOrder.shown() : [name];
      const charts = names
        .map((each) => liveView.charts.find((chart) => chart.panel === each))
        .filter((chart) => chart && chart.figure && liveView.metricsOf(chart.panel).length);
      if (!view || !charts.length) return toast.say("There is nothing to draw yet.");
      try {
        const url = await app.picture(charts, view, (panel) => liveView.metricsOf(panel));
        follow(url, `dashapp-${this.whose()}${name ?? "page"}-${stamp(view.range[1])}.png`);
      } catch (error) {
        toast.say("This browser could not draw the picture.");
      }
    }

    /* As the server names a download: two hosts' files are not one. */
    whose() {
      const { names } = this.page.hosts;
      return names.length ? `${names.length > 1 ? `${names.length}-hosts` : names[0]}-` : "";
    }

    async copyLink(name) {
      const { page } = this;
      const alone = name === null ? {} : { panels: name, large: name };
      const link = page.urlState.link({ ...page.written(), ...alone });
      page.toast.say((await copied(link)) ? "The link is copied." : `This browser copies nothing by itself: ${link}`);
    }
  };

  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      // Without https there is no clipboard but the old way.
    }
    const box = app.element("textarea", { value: text, className: "unseen" });
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }

  function follow(url, filename) {
    const link = app.element("a", { href: url, download: filename });
    document.body.append(link);
    link.click();
    link.remove();
  }

  function stamp(milliseconds) {
    return new Date(milliseconds).toISOString().slice(0, 16).replace(/[-:]/g, "").replace("T", "-");
  }
})((window.dashapp = window.dashapp || {}));
