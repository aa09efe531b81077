/* Keyboard shortcuts and buttons. Keep the help in page/help_dialog.js up to date. */
(function (app) {
  "use strict";

  app.listenForKeys = function (page) {
    document.addEventListener("keydown", (event) => {
      if (isSearchKey(event)) {
        event.preventDefault(); // the browser's own search
        if (!document.querySelector("dialog[open]")) app.openSearchDialog(page);
        return;
      }
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      // The browser closes these, even if the element with the focus was removed.
      if (document.querySelector("dialog[open]") || (event.key === "Escape" && document.querySelector(":popover-open"))) return;
      // Space presses a focused button; letters are text in an input.
      const busy = event.key === " " ? "button, input, select, textarea, a" : "input, select, textarea";
      if (event.target.closest(`[popover], ${busy}`)) return;
      const inSlider = event.target.closest("[role=slider]");
      const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === " " || event.key === "p") page.togglePause();
      else if (direction && event.shiftKey) page.liveView.crosshair.step(direction);
      else if (direction && !inSlider) page.shiftRange(direction);
      else if (event.key === "Escape" && (page.fullScreen.leave() || page.kiosk.leave())) return;
      else if (event.key === "Escape" && page.liveView.reading.pointer !== null) page.liveView.reading.pointAt(null);
      else if (event.key === "Escape" || event.key === "l") page.resume();
      else if (event.key === "+" || event.key === "-") page.stepWindow(event.key === "-" ? 1 : -1);
      else if (!runAction(page, event.key)) return;
      event.preventDefault();
    });
  };

  function isSearchKey({ key, ctrlKey, metaKey, altKey, shiftKey }) {
    return key.toLowerCase() === "k" && (ctrlKey || metaKey) && !altKey && !shiftKey;
  }

  function runAction(page, key) {
    const action = page.actions().find(({ keys, isAvailable }) => keys.split(" ").includes(key) && isAvailable?.() !== false);
    action?.run();
    return action !== undefined;
  }

  app.listenForClicks = function (page) {
    for (const { name, run } of page.actions()) document.getElementById(name)?.addEventListener("click", run);
    listenForMenu();
    // A tile scrolls to its panel.
    document.getElementById("tiles").addEventListener("click", (event) => {
      const tile = event.target.closest(".tile");
      if (tile) page.panelOrder.reveal(tile.dataset.leads);
    });
  };

  /* Dash does not know popovers. A button in the menu closes it, but not one that opens a menu of its own. */
  function listenForMenu() {
    const button = document.getElementById("menu");
    const items = document.getElementById("menu-items");
    items.popover = "auto";
    items.hidden = false;
    button.setAttribute("aria-haspopup", "true");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => items.togglePopover({ source: button }));
    items.addEventListener("click", (event) => {
      const item = event.target.closest("button");
      if (item && !item.hasAttribute("aria-haspopup")) items.hidePopover();
    });
    items.addEventListener("toggle", ({ newState, target }) => {
      if (target !== items) return;
      button.setAttribute("aria-expanded", String(newState === "open"));
      const { bottom, right } = button.getBoundingClientRect();
      items.style.top = `${bottom + 4}px`;
      items.style.left = `${Math.max(8, right - items.offsetWidth)}px`;
    });
  }

  function toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.().catch(() => {});
  }

  let sliderObserver = null; // waits for a slider that Dash has not mounted yet

  /* Name the slider for screen readers. Dash mounts it after the callback with its value. */
  app.labelSlider = function (text) {
    sliderObserver?.disconnect();
    const thumb = document.querySelector("#window [role=slider]");
    if (!thumb) {
      sliderObserver = new MutationObserver(() => app.labelSlider(text));
      sliderObserver.observe(document.getElementById("page"), { childList: true, subtree: true });
    } else if (thumb.getAttribute("aria-valuetext") !== text) {
      thumb.setAttribute("aria-valuetext", text);
      thumb.setAttribute("aria-label", app.translate("Time on screen"));
    }
  };
})((window.dashapp = window.dashapp || {}));
