/* Runs before the first paint, so that a chosen theme never flashes into the other one. */
(() => {
  "use strict";
  try {
    const chosen = localStorage.getItem("hydra-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
    if (localStorage.getItem("hydra-sidebar") === "icons") document.documentElement.dataset.sidebar = "icons";
  } catch { /* storage is switched off: the system's theme is used */ }
})();
