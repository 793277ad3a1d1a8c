/* Forms of projects and applications: a code made from the name, line numbers beside code. */
(() => {
  "use strict";

  /* ---- A code is suggested until somebody types one ---- */

  const name = document.getElementById("id_name");
  const code = document.querySelector("input[name=code]:not([value])");
  if (name && code && !code.value) {
    let isOwn = false;
    code.addEventListener("input", () => { isOwn = code.value !== ""; });
    name.addEventListener("input", () => {
      if (isOwn) return;
      const plain = name.value.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
      code.value = plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 54);
    });
  }

  /* ---- Line numbers, and the line where the parser stopped ---- */

  document.querySelectorAll("textarea[data-editor]").forEach((area) => {
    const frame = document.createElement("div");
    frame.className = "numbered";
    const gutter = document.createElement("ol");
    gutter.setAttribute("aria-hidden", "true");
    area.replaceWith(frame);
    frame.append(gutter, area);
    const wrong = Number(area.dataset.errorLine || 0);
    const count = () => {
      const lines = area.value.split("\n").length;
      while (gutter.children.length > lines) gutter.lastChild.remove();
      while (gutter.children.length < lines) gutter.append(document.createElement("li"));
      if (wrong && gutter.children[wrong - 1]) gutter.children[wrong - 1].dataset.error = "";
      gutter.scrollTop = area.scrollTop;
    };
    area.addEventListener("input", () => {
      gutter.querySelectorAll("[data-error]").forEach((line) => delete line.dataset.error);
      count();
    });
    area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop; });
    count();
    if (wrong) {
      const start = area.value.split("\n").slice(0, wrong - 1).join("\n").length;
      area.focus();
      area.setSelectionRange(start ? start + 1 : 0, start ? start + 1 : 0);
      area.scrollTop = Math.max(0, (wrong - 4) * 20);
    }
  });
})();
