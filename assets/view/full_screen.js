/* Full screen: the whole page, or one panel that fills the window. */
(function (app) {
  "use strict";

  app.FullScreen = class {
    /* `page`: panelOrder, liveView. */
    constructor(page) {
      this.page = page;
      this.section = null; // the panel that fills the window
      this.focused = null; // had the focus before
      document.addEventListener("fullscreenchange", () => !document.fullscreenElement && this.leave());
    }

    /* Fill the screen with the page, or end that. */
    togglePage() {
      if (this.leave()) return;
      if (document.fullscreenElement) document.exitFullscreen();
      else requestFullScreen();
    }

    /* Fill the screen with the panel that has the mouse or the focus, or else with the first on screen. */
    togglePanel() {
      if (this.leave()) return;
      const { panelOrder } = this.page;
      const visible = panelOrder.visiblePanels().map((name) => panelOrder.sections.get(name));
      const section = visible.find((each) => each.matches(":hover")) ?? visible.find((each) => each.matches(":focus-within")) ?? visible.find(isOnScreen) ?? visible[0];
      if (section) this.show(app.panelName(section));
    }

    show(name) {
      this.leave();
      this.focused = document.activeElement;
      this.section = this.page.panelOrder.sections.get(name);
      this.section.classList.add("full");
      document.documentElement.classList.add("has-full-panel");
      this.button = app.createElement("button", { type: "button", className: "leave-full", title: app.translate("Leave full screen (Esc)"), "aria-label": app.translate("Leave full screen") }, "✕");
      this.button.addEventListener("click", () => this.leave());
      this.section.append(this.button);
      // A menu that closes takes the focus once more.
      requestAnimationFrame(() => this.button.focus({ preventScroll: true }));
      requestFullScreen();
    }

    /* Return whether a panel filled the screen. */
    leave() {
      if (!this.section) return false;
      this.section.classList.remove("full");
      document.documentElement.classList.remove("has-full-panel");
      this.button.remove();
      this.section.scrollIntoView({ block: "center" });
      this.section = null;
      if (this.focused?.isConnected) this.focused.focus({ preventScroll: true });
      if (document.fullscreenElement) document.exitFullscreen();
      return true;
    }
  };

  /* Some browsers cannot; then the panel still fills the window. */
  function requestFullScreen() {
    document.documentElement.requestFullscreen?.().catch(() => {});
  }

  function isOnScreen(section) {
    const { top, bottom } = section.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  }
})((window.dashapp = window.dashapp || {}));
