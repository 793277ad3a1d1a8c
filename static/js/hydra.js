/* What pages do beyond plain HTML. Everything here improves something that works without it. */
(() => {
  "use strict";

  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const root = document.documentElement;

  /* ---- Theme: system, light, dark ---- */

  const themes = ["system", "light", "dark"];
  const theme = () => root.dataset.theme || "system";
  const showTheme = () => all("[data-theme-word]").forEach((word) => { word.textContent = theme(); });
  const nextTheme = () => {
    const next = themes[(themes.indexOf(theme()) + 1) % themes.length];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem("hydra-theme", next); } catch { /* lasts for this page only */ }
    showTheme();
  };

  /* ---- Toasts ---- */

  const toast = (message, kind = "succeeded") => {
    const place = document.getElementById("toasts");
    if (!place) return;
    const item = document.createElement("div");
    item.className = "toast";
    item.dataset.state = kind === "error" ? "failed" : kind;
    const words = document.createElement("span");
    words.textContent = message;
    item.append(words);
    place.append(item);
    fade(item);
  };
  const fade = (item) => {
    if (item.dataset.state !== "failed") setTimeout(() => item.remove(), 6000);
  };
  document.addEventListener("toast", (event) => toast(event.detail.message, event.detail.kind));

  /* ---- Copy ---- */

  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!source.select) return;
      source.select();
      document.execCommand("copy");
    }
    const label = button.querySelector("[data-copied]") || button;
    const before = label.textContent;
    label.textContent = label.dataset.copied || "Copied";
    setTimeout(() => { label.textContent = before; }, 2000);
  };

  /* ---- Dialogs: a link that opens a page opens that page's dialog here ---- */

  const openDialog = async (link) => {
    let answer;
    try {
      answer = await fetch(link.href, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    } catch { answer = null; }
    if (!answer || !answer.ok || answer.redirected) { location.assign(link.href); return; }
    const dialog = document.createElement("dialog");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    dialog.append(...page.body.childNodes);
    const title = dialog.querySelector("h2[id]");
    if (title) dialog.setAttribute("aria-labelledby", title.id);
    document.body.append(dialog);
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    dialog.showModal();
    prepare(dialog);
  };

  /* ---- Forms: nothing typed is lost, nothing is sent twice ---- */

  const dirty = new Set();
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-guard]");
    if (form) dirty.add(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    dirty.delete(form);
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 4000);
  });
  addEventListener("beforeunload", (event) => { if (dirty.size) event.preventDefault(); });
  addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  /* ---- Lists filter as one types ---- */

  const filter = (input) => {
    const wanted = input.value.trim().toLowerCase();
    const rows = all(input.dataset.filter);
    let shown = 0;
    rows.forEach((row) => {
      const fits = row.textContent.toLowerCase().includes(wanted);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    all("[data-filter-empty]").forEach((note) => { note.hidden = shown > 0 || !wanted; });
  };

  /* ---- Times ---- */

  const units = [[31536000, "y"], [2592000, "mo"], [86400, "d"], [3600, "h"], [60, "min"]];
  const words = (time) => {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    const size = Math.abs(seconds);
    if (size < 60) return seconds >= 0 ? "now" : "in a moment";
    const [length, unit] = units.find(([length]) => size >= length);
    const amount = `${seconds >= 0 ? Math.floor(size / length) : Math.round(size / length)} ${unit}`;
    if (time.dataset.short !== undefined) return amount;
    return seconds >= 0 ? `${amount} ago` : `in ${amount}`;
  };
  const showTimes = (within = document) => all("time[datetime]", within).forEach((time) => {
    if (time.dataset.fixed !== undefined) return;
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) return;
    time.textContent = words(time);
    time.title = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  });

  /* ---- Order by drag; the buttons beside do the same without ---- */

  const sortable = (list) => {
    if (!window.Sortable) return;
    window.Sortable.create(list, {
      handle: "[data-handle]", animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      onEnd: () => all("[data-order-save]").forEach((button) => { button.classList.add("primary"); }),
    });
  };

  /* ---- Live parts: what changed is fetched again, focus and scroll stay ---- */

  const refresh = async (part) => {
    let answer;
    try {
      answer = await fetch(part.dataset.live || location.href, {
        headers: { "HX-Request": "true" }, credentials: "same-origin",
      });
    } catch { return; }
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (!fresh) return;
    const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    window.htmx?.process(fresh);
    part.replaceChildren(...fresh.childNodes);
    if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    showTimes(part);
    all("input[data-filter]").forEach((input) => { if (input.value) filter(input); });
  };
  const watch = () => {
    const parts = all("[data-live]").filter((part) => part.id);
    const address = document.body.dataset.stream;
    if (!parts.length || !address || !window.EventSource) return;
    const source = new EventSource(address, { withCredentials: true });
    let timer = 0;
    source.addEventListener("deployment", () => {
      clearTimeout(timer);
      timer = setTimeout(() => all("[data-live]").filter((part) => part.id).forEach(refresh), 400);
    });
  };

  /* ---- Search and keys ---- */

  const search = () => {
    const link = document.querySelector("a[data-search]");
    if (link) openDialog(link);
  };
  const going = { o: "deployments:overview", p: "projects", a: "applications", r: "rules", d: "deployments", s: "agents" };
  let chord = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      search();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    if (event.key === "/") { event.preventDefault(); search(); }
    if (event.key === "g") { chord = Date.now(); return; }
    if (Date.now() - chord < 1200 && event.key in going && document.body.dataset.org) {
      const place = event.key === "o" ? "" : `${going[event.key]}/`;
      location.assign(`/o/${document.body.dataset.org}/${place}`);
    }
    chord = 0;
    if (event.key === "?") {
      toast("g o overview · g p projects · g a applications · g r rules · g d deployments · g s agents · Ctrl K search", "waiting");
    }
  });

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-copy], [data-theme-switch], [data-dismiss], a[data-dialog], a[data-search], [data-close]");
    if (!target) {
      all("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
      return;
    }
    if (target.matches("[data-copy]")) { event.preventDefault(); copy(target); }
    if (target.matches("[data-theme-switch]")) nextTheme();
    if (target.matches("[data-dismiss]")) target.closest(".toast").remove();
    if (target.matches("[data-close]") && target.closest("dialog")) { event.preventDefault(); target.closest("dialog").close(); }
    if (target.matches("a[data-dialog], a[data-search]") && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openDialog(target);
    }
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("input[data-filter]")) filter(event.target);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
    if (event.target.matches("[data-reload-dialog]")) {
      const form = event.target.form;
      const link = document.createElement("a");
      link.href = `${form.dataset.preview}?${new URLSearchParams(new FormData(form))}`;
      const dialog = form.closest("dialog");
      if (dialog) { dialog.close(); openDialog(link); } else location.assign(link.href);
    }
  });

  const prepare = (within) => {
    showTimes(within);
    window.htmx?.process(within);
    all("[data-sortable]", within).forEach(sortable);
    within.querySelector("[autofocus]")?.focus();
  };

  document.addEventListener("htmx:afterSwap", (event) => showTimes(event.target));
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  showTheme();
  showTimes();
  setInterval(showTimes, 30000);
  all(".toast").forEach(fade);
  all("[data-sortable]").forEach(sortable);
  all("form.autosubmit [type=submit]").forEach((button) => { button.hidden = true; });
  watch();
})();
