/* Lines that the user hid in a legend. The page's URL contains them, so that a link shows the same lines. */
(function (app) {
  "use strict";

  app.HiddenLines = class {
    /* `page`: liveView, urlState. */
    constructor(page) {
      this.page = page;
    }

    get keys() {
      return this.page.liveView.renderQueue.hiddenKeys;
    }

    applyUrl() {
      const hidden = (this.page.urlState.read().hide ?? []).map(decode);
      if (hidden.join() === [...this.keys].join()) return;
      this.keys.clear();
      for (const key of hidden) this.keys.add(key);
      this.page.liveView.renderQueue.applyHiddenKeys();
    }

    /* A comma separates keys, so one in a key is encoded. */
    urlParams() {
      return { hide: this.keys.size ? [...this.keys].map((key) => key.replace(/[%,]/g, encodeURIComponent)).join(",") : null };
    }
  };

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch (error) {
      return text; // somebody wrote this link
    }
  }
})((window.dashapp = window.dashapp || {}));
