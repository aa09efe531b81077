/* Functions that Dash calls; dashapp/web/app.py names them. They must not throw: Dash keeps every error in
   memory. */
(function (app) {
  "use strict";

  let page = null;

  function catchErrors(action) {
    return (value, components) => {
      try {
        if (page === null && components) page = app.page = new app.Page(app.buildPanelSpecs(components));
        if (page !== null) action(value);
      } catch (error) {
        console.error("dashapp:", error.message);
      }
    };
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.dashapp = {
    tick: catchErrors(() => page.tick()),
    window: catchErrors((index) => page.setWindow(index)),
    pause: catchErrors((clicks) => clicks && page.togglePause()),
    earlier: catchErrors((clicks) => clicks && page.shiftRange(-1)),
    later: catchErrors((clicks) => clicks && page.shiftRange(1)),
  };
})((window.dashapp = window.dashapp || {}));
