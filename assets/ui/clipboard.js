/* Copies text to the clipboard. */
(function (app) {
  "use strict";

  /* Return whether it succeeded. */
  app.copyToClipboard = async function (text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      // The clipboard API needs https; try the old command.
    }
    const box = app.createElement("textarea", { value: text, className: "invisible" });
    // Outside of an open dialog, nothing can be selected.
    (document.querySelector("dialog[open]") ?? document.body).append(box);
    box.select();
    const succeeded = document.execCommand("copy");
    box.remove();
    return succeeded;
  };
})((window.dashapp = window.dashapp || {}));
