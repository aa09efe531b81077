/* The end of a session in all tabs: a stream that is open does not send the cookie again. */
(function (app) {
  "use strict";

  const STORAGE_KEY = "dashapp.sign-out";

  /* Close the stream of `poller` when another tab signs out, and return `poller`. Its next request learns whether the session
     has ended. */
  app.endAtSignOut = function (poller) {
    const announce = () => {
      try {
        window.localStorage.setItem(STORAGE_KEY, String(Date.now()));
      } catch (error) {
        // Without storage, a page has no stream.
      }
    };
    document.getElementById("sign-out")?.form.addEventListener("submit", announce);
    window.addEventListener("storage", ({ key }) => key === STORAGE_KEY && poller.stream.fail(true));
    return poller;
  };
})((window.dashapp = window.dashapp || {}));
