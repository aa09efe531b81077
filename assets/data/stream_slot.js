/* Places for open streams. A browser has at most six connections to a server without HTTP/2, so all its tabs together
   keep four streams open, and requests have the others. */
(function (app) {
  "use strict";

  const PLACES = 4;
  const STORAGE_PREFIX = "dashapp.stream.";
  const EXPIRY_MS = 30_000; // of the place of a tab that crashed or sleeps
  const RENEWAL_MS = 10_000;

  app.StreamSlot = class {
    constructor() {
      this.owner = Math.random().toString(36).slice(2); // of this tab
      this.key = null; // of the place that this tab has
      this.renewAt = 0; // epoch milliseconds
    }

    /* Take a place; false if other tabs have all, or without storage. */
    take() {
      for (let place = 0; place < PLACES && this.key === null; place += 1) {
        const key = STORAGE_PREFIX + place;
        if (ownerOf(key) === null && this.write(key) && ownerOf(key) === this.owner) this.key = key;
      }
      return this.key !== null;
    }

    /* Keep the place; false if another tab has it meanwhile. */
    keep() {
      const now = Date.now();
      // The viewer's clock may have been set back.
      if (this.key !== null && (now >= this.renewAt || now < this.renewAt - RENEWAL_MS)) {
        const owner = ownerOf(this.key);
        if ((owner !== null && owner !== this.owner) || !this.write(this.key)) this.key = null;
      }
      return this.key !== null;
    }

    release() {
      if (this.key !== null && ownerOf(this.key) === this.owner) window.localStorage.removeItem(this.key);
      this.key = null;
    }

    write(key) {
      const now = Date.now();
      try {
        window.localStorage.setItem(key, JSON.stringify({ owner: this.owner, until: now + EXPIRY_MS }));
      } catch (error) {
        return false; // storage is blocked or full
      }
      this.renewAt = now + RENEWAL_MS;
      return true;
    }
  };

  /* The tab that has a place; null if it is free. */
  function ownerOf(key) {
    try {
      const { owner, until } = JSON.parse(window.localStorage.getItem(key)) ?? {};
      const now = Date.now();
      return typeof owner === "string" && now < until && until <= now + EXPIRY_MS ? owner : null;
    } catch (error) {
      return null; // no JSON, or storage is blocked
    }
  }
})((window.dashapp = window.dashapp || {}));
