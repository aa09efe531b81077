/* The dialog to mark a moment: what happened, and when. */
(function (app) {
  "use strict";

  const MAX_LENGTH = 200;

  /* `marks`: an app.EventMarks; `time`: epoch milliseconds. */
  app.openMarkDialog = function (marks, time) {
    const text = app.createElement("input", { type: "text", required: true, maxLength: MAX_LENGTH, placeholder: app.translate("deploy 1.4"), autocomplete: "off" });
    const when = app.createElement("input", { type: "datetime-local", step: 1, value: app.wallText(time), required: true });
    const shownTime = when.value;
    const button = app.createElement("button", { type: "submit" }, app.translate("Mark"));
    const error = app.createElement("p", { className: "wrong", role: "alert" });
    const form = app.createElement(
      "form",
      { className: "range mark" },
      app.createElement("label", { className: "what" }, app.translate("What happened "), text),
      app.createElement("label", {}, app.translate("When "), when),
      button
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      // The input has whole seconds.
      const sentence = await marks.mark(text.value, when.value === shownTime ? time : app.parseWallText(when.value));
      button.disabled = false;
      if (sentence) app.setText(error, sentence[0].toUpperCase() + sentence.slice(1));
      else dialog.close();
    });
    const dialog = app.openDialog(app.translate("Mark a moment"), app.createElement("p", {}, app.translate("A line in every chart shows it to all who see this page.")), form, error);
    text.focus();
  };
})((window.dashapp = window.dashapp || {}));
