/* What a viewer takes away: numbers, a picture, a link; of one panel or of the page. */
(function (app) {
  "use strict";

  app.Takeaway = class {
    constructor(page) {
      this.page = page;
    }

    /* The menu's lines for a panel; for the whole page where `name` is null. */
    items(name) {
      const table = name !== null && !this.page.arrangement.sections.get(name).dataset.panel;
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
      const { live, arrangement, asker, notes } = this.page;
      const panels = name === null ? arrangement.shown().filter((each) => live.metricsOf(each).length) : [name];
      const stretch = live.held ? { from: live.held[0], to: live.held[1] } : { window: live.window };
      try {
        const body = JSON.stringify({ panels: panels.slice(0, 64), days, ...stretch });
        const answer = await fetch(`${asker.base}api/share`, { method: "POST", body, signal: AbortSignal.timeout(5000) });
        const { path, until, error } = await answer.json();
        if (!path) return notes.say(`No link was made: ${error}.`);
        const url = new URL(path, new URL(asker.base, window.location.href));
        for (const [key, value] of Object.entries(app.placed(live.held, live.window))) {
          if (value !== null) url.searchParams.set(key, value);
        }
        const when = `It shows this until ${app.moment(until)}, without the password.`;
        notes.say((await copied(url.href)) ? `The link is copied. ${when}` : `${url.href} ${when}`);
      } catch (error) {
        notes.say("No link was made: the server could not be reached.");
      }
    }

    saveNumbers(name) {
      const { asker, live } = this.page;
      const [start, end] = live.held ?? live.range();
      const query = new URLSearchParams({ from: Math.floor(start), to: Math.ceil(end) });
      if (name !== null) query.set("panel", name);
      follow(`${asker.base}api/csv?${query}`, "");
    }

    async savePicture(name) {
      const { live, arrangement, notes } = this.page;
      const view = live.view();
      const names = name === null ? arrangement.shown() : [name];
      const charts = names
        .map((each) => live.charts.find((chart) => chart.panel === each))
        .filter((chart) => chart && chart.figure && live.metricsOf(chart.panel).length);
      if (!view || !charts.length) return notes.say("There is nothing to draw yet.");
      try {
        const address = await app.picture(charts, view, (panel) => live.metricsOf(panel));
        follow(address, `dashapp-${this.whose()}${name ?? "page"}-${stamp(view.range[1])}.png`);
      } catch (error) {
        notes.say("This browser could not draw the picture.");
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
      const link = page.address.link({ ...page.written(), ...alone });
      page.notes.say((await copied(link)) ? "The link is copied." : `This browser copies nothing by itself: ${link}`);
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

  function follow(address, filename) {
    const link = app.element("a", { href: address, download: filename });
    document.body.append(link);
    link.click();
    link.remove();
  }

  function stamp(milliseconds) {
    return new Date(milliseconds).toISOString().slice(0, 16).replace(/[-:]/g, "").replace("T", "-");
  }
})((window.dashapp = window.dashapp || {}));
