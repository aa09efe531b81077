/* Facts about the machine on screen that metrics contain: its cores and its memory. */
(function (app) {
  "use strict";

  const CORE_KEY = /^cpu\.core\d+\.percent$/;

  app.MachineFacts = class {
    constructor(liveView, panelValues) {
      this.liveView = liveView;
      this.panelValues = panelValues;
      this.element = document.querySelector(".facts");
      this.items = ["cores", "memory"].map(() => app.createElement("li", { hidden: true }));
      this.element?.append(...this.items);
    }

    show() {
      if (!this.element) return;
      const cores = [...this.liveView.catalog.metrics.keys()].filter((key) => CORE_KEY.test(key)).length;
      const [used, available] = ["memory.used", "memory.available"].map((key) => this.panelValues.value(key));
      const texts = [
        cores ? app.translateCount("{count} cores", "{count} core", cores) : "",
        used !== null && available !== null ? app.translate("{size} memory", { size: app.formatQuantity(used + available, "B") }) : "",
      ];
      this.items.forEach((item, index) => {
        item.hidden = !texts[index];
        app.setText(item, texts[index]);
      });
    }
  };
})((window.dashapp = window.dashapp || {}));
