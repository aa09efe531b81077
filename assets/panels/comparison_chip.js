/* The choice of an earlier time to compare with: in the address, and in a chip that names the dashed lines. */
(function (app) {
  "use strict";

  app.ComparisonChip = class {
    /* `page`: comparison, liveView, urlState, writeUrl(), toast. */
    constructor(page) {
      this.page = page;
      this.text = app.createElement("span", { role: "status" });
      const button = app.createElement("button", { type: "button", "aria-label": app.translate("End the comparison") }, "✕");
      button.addEventListener("click", () => this.choose(null));
      this.element = app.createElement("div", { id: "compared", hidden: true }, this.text, button);
      document.body.append(this.element);
    }

    applyUrl() {
      const { compare } = this.page.urlState.read();
      this.page.comparison.choose(Object.hasOwn(app.COMPARISONS, compare ?? "") ? compare : null);
    }

    urlParams() {
      return { compare: this.page.comparison.choice };
    }

    /* Yesterday, last week, nothing. */
    next() {
      const choices = [null, ...Object.keys(app.COMPARISONS)];
      this.choose(choices[(choices.indexOf(this.page.comparison.choice) + 1) % choices.length]);
    }

    choose(choice) {
      this.page.comparison.choose(choice);
      this.page.writeUrl(true);
      this.show();
    }

    /* Name the dashed lines, or state why there are none. */
    show() {
      const { comparison, liveView } = this.page;
      this.element.hidden = comparison.choice === null;
      if (comparison.choice === null) app.setText(this.text, "");
      else app.setText(this.text, comparison.problem || (comparison.series ? app.translate("Dashed: {name}", { name: comparison.name }) : app.translate("Loading {name}", { name: comparison.name })));
      this.element.classList.toggle("missing", comparison.problem !== "");
      for (const chart of liveView.charts) markTitle(chart, comparison);
    }
  };

  /* Name the dashed lines in the title of a chart that has some. */
  function markTitle({ section, gd }, { name, isMissing }) {
    const isCompared = !isMissing && (gd?.data ?? []).some((trace) => app.isComparisonTrace(trace) && trace.visible === true);
    let mark = section.querySelector("h2 .compared");
    if (!mark && !isCompared) return;
    if (!mark) {
      mark = app.createElement("span", { className: "compared" });
      section.querySelector("h2 .value").before(mark);
    }
    mark.hidden = !isCompared;
    app.setText(mark, name);
  }
})((window.dashapp = window.dashapp || {}));
