/* What pages do beyond plain HTML. Everything here improves something that works without it. */
(() => {
  "use strict";

  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const root = document.documentElement;
  const keep = (name, value) => {
    try { localStorage.setItem(name, value); } catch { /* lasts for this page only */ }
  };

  /* ---- Theme: system, light, dark. Sidebar: words or icons ---- */

  const themes = ["system", "light", "dark"];
  const theme = () => root.dataset.theme || "system";
  const showTheme = () => all("[data-theme-word]").forEach((word) => { word.textContent = theme(); });
  const nextTheme = () => {
    const next = themes[(themes.indexOf(theme()) + 1) % themes.length];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    keep("hydra-theme", next);
    showTheme();
  };
  const showSidebar = () => all("[data-sidebar-switch]").forEach((button) => {
    const isNarrow = root.dataset.sidebar === "icons";
    button.setAttribute("aria-expanded", String(!isNarrow));
    all(".sidebar nav a, .sidebar .find").forEach((link) => {
      if (isNarrow) link.title = link.querySelector("span").textContent; else link.removeAttribute("title");
    });
  });
  const switchSidebar = () => {
    if (root.dataset.sidebar === "icons") delete root.dataset.sidebar; else root.dataset.sidebar = "icons";
    keep("hydra-sidebar", root.dataset.sidebar || "");
    showSidebar();
  };

  /* ---- Icons and toasts ---- */

  const sprite = document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0] || "";
  const icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${sprite}#${name}`);
    svg.append(use);
    return svg;
  };
  const toast = (message, kind = "succeeded") => {
    const place = document.getElementById("toasts");
    if (!place) return;
    const state = kind === "error" ? "failed" : kind;
    const item = document.createElement("div");
    item.className = "toast";
    item.dataset.state = state;
    const words = document.createElement("span");
    words.textContent = message;
    const dismiss = document.createElement("button");
    dismiss.type = "button";
    dismiss.className = "bare small";
    dismiss.dataset.dismiss = "";
    dismiss.setAttribute("aria-label", "Dismiss");
    dismiss.append(icon("close"));
    item.append(icon(state === "failed" ? "failed" : "succeeded"), words, dismiss);
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

  const fetchPart = async (address) => {
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected || answer.headers.has("HX-Redirect")) return null; // to be confirmed first
      return new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch { return null; }
  };
  const showDialog = (nodes, link) => {
    const before = document.activeElement;
    const dialog = document.createElement("dialog");
    dialog.append(...nodes);
    const title = dialog.querySelector("h2[id]");
    if (title) dialog.setAttribute("aria-labelledby", title.id);
    document.body.append(dialog);
    dialog.addEventListener("cancel", (event) => { if (!mayLeave(dialog)) event.preventDefault(); });
    dialog.addEventListener("close", () => {
      dialog.remove();
      forget(dialog);
      const same = link && document.querySelector(`a[href="${CSS.escape(link.getAttribute("href"))}"]`);
      (before?.isConnected && before !== document.body ? before : same)?.focus();
    });
    dialog.showModal();
    prepare(dialog);
    return dialog;
  };
  const openDialog = async (link) => {
    link.setAttribute("aria-busy", "true");
    const page = await fetchPart(link.href);
    link.removeAttribute("aria-busy");
    if (!page) { location.assign(link.href); return; }
    link.focus();
    showDialog(page.body.childNodes, link);
  };
  /* Another version in the dialog of Deploy: its effect takes the place of the last one's. */
  const showPreview = async (form) => {
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    const dialog = form.closest("dialog");
    const page = dialog && await fetchPart(address);
    if (!page) { location.assign(address); return; }
    const focused = document.activeElement?.id;
    dialog.replaceChildren(...page.body.childNodes);
    prepare(dialog);
    if (focused) dialog.querySelector(`#${CSS.escape(focused)}`)?.focus();
  };

  /* ---- Forms: nothing typed is lost, nothing is sent twice ---- */

  const dirty = new Set();
  const dirtyIn = (place) => [...dirty].filter((form) => place.contains(form));
  const forget = (place) => dirtyIn(place).forEach((form) => dirty.delete(form));
  const mayLeave = (place) => !dirtyIn(place).length || confirm("Leave without saving what you typed?");
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-guard]");
    if (form) dirty.add(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (button?.getAttribute("aria-disabled") === "true") { event.preventDefault(); return; }
    dirty.delete(form);
    if (form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    button?.setAttribute("aria-busy", "true");
    setTimeout(() => release(form), 8000);
  });
  const release = (form) => {
    delete form.dataset.sent;
    all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy"));
  };
  addEventListener("beforeunload", (event) => { if (dirty.size) event.preventDefault(); });
  addEventListener("pageshow", () => all("form[data-sent]").forEach(release));

  /* ---- Lists filter as one types, and keep the filter in the address ---- */

  const filter = (input) => {
    const wanted = input.value.trim().toLowerCase();
    const rows = all(input.dataset.filter);
    let shown = 0;
    rows.forEach((row) => {
      const fits = row.textContent.toLowerCase().includes(wanted);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
      for (let next = row.nextElementSibling; next?.matches("tr.versions"); next = next.nextElementSibling) next.hidden = !fits;
    });
    all("tbody:has(> tr.group)").forEach((group) => {
      const own = rows.filter((row) => group.contains(row));
      group.hidden = Boolean(wanted) && own.every((row) => row.hidden);
    });
    all("[data-filter-empty]").forEach((note) => { note.hidden = shown > 0 || !wanted; });
  };
  const filterAgain = () => all("input[data-filter]").forEach((input) => { if (input.value) filter(input); });
  const keepFilter = (input) => {
    const address = new URL(location.href);
    if (input.value) address.searchParams.set("filter", input.value); else address.searchParams.delete("filter");
    history.replaceState(history.state, "", address);
  };
  const recallFilter = () => {
    const input = document.querySelector("input[data-filter]");
    const kept = new URLSearchParams(location.search).get("filter");
    if (input && kept && !input.value) { input.value = kept; filter(input); }
  };

  /* ---- Times: by the server's clock, in the viewer's zone ---- */

  const ahead = Date.parse(document.body.dataset.now) - Date.now();
  const now = () => Date.now() + (Math.abs(ahead) > 2000 ? ahead : 0);
  const units = [[31536000, "y"], [2592000, "mo"], [86400, "d"], [3600, "h"], [60, "min"]];
  const words = (time) => {
    const seconds = (now() - Date.parse(time.dateTime)) / 1000;
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
  const tellZone = () => all("input[data-zone]").forEach((input) => {
    input.value = input.value || Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  });
  const took = (ms) => {
    if (ms === null || ms === undefined) return "";
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
    const minutes = Math.floor(ms / 60000);
    if (minutes < 60) return `${minutes} min ${String(Math.floor(ms / 1000) % 60).padStart(2, "0")} s`;
    return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  };
  const tick = () => all("[data-since]").forEach((place) => {
    const seconds = Math.max(0, Math.floor((now() - Date.parse(place.dataset.since)) / 1000));
    place.textContent = seconds < 60 ? `${seconds} s` : took(seconds * 1000);
  });

  /* ---- Order by drag; the buttons beside do the same without ---- */

  const sortable = (list) => {
    if (!window.Sortable) return;
    window.Sortable.create(list, {
      handle: "[data-handle]", animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
      onEnd: () => all("[data-order-save]").forEach((button) => { button.classList.add("primary"); }),
    });
  };

  /* ---- Search and keys ---- */

  const search = () => {
    const open = document.querySelector("dialog[open] .search input");
    if (open) { open.select(); return; }
    const link = document.querySelector("a[data-search]");
    if (link && !document.querySelector("dialog[open]")) openDialog(link);
  };
  const walkHits = (event) => {
    const dialog = event.target.closest("dialog");
    const hits = all("#search-hits a", dialog);
    const at = hits.indexOf(dialog.querySelector("#search-hits a[data-here]"));
    if (event.key === "Escape") { event.preventDefault(); dialog.close(); return; } // the field would only be emptied
    if (event.key === "Enter" && hits.length) {
      event.preventDefault();
      hits[Math.max(at, 0)].click();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    hits.forEach((hit) => { delete hit.dataset.here; });
    const next = hits[(at + (event.key === "ArrowDown" ? 1 : -1) + hits.length) % hits.length];
    if (!next) return;
    next.dataset.here = "";
    next.scrollIntoView({ block: "nearest" });
  };
  const showKeys = () => {
    const keys = document.getElementById("keys");
    if (keys && !document.querySelector("dialog[open]")) showDialog(keys.content.cloneNode(true).childNodes, null);
  };
  const going = { o: "", p: "projects/", a: "applications/", r: "rules/", d: "deployments/", s: "agents/" };
  let chord = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      search();
      return;
    }
    if (event.target.matches?.("dialog .search input")) { walkHits(event); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
    if (event.key === "/") { event.preventDefault(); search(); }
    if (event.key === "?") showKeys();
    if (event.key === "g") { chord = Date.now(); return; }
    if (Date.now() - chord < 1500 && event.key in going && document.body.dataset.org) {
      location.assign(`/o/${document.body.dataset.org}/${going[event.key]}`);
    }
    chord = 0;
  });

  /* ---- Clicks and changes, wherever they happen ---- */

  const acts = {
    "[data-copy]": (target, event) => { event.preventDefault(); copy(target); },
    "[data-theme-switch]": nextTheme,
    "[data-sidebar-switch]": switchSidebar,
    "[data-keys]": showKeys,
    "[data-dismiss]": (target) => target.closest(".toast").remove(),
    "dialog [data-close]": (target, event) => {
      event.preventDefault();
      const dialog = target.closest("dialog");
      if (mayLeave(dialog)) dialog.close();
    },
    "a[data-dialog], a[data-search]": (target, event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || !window.HTMLDialogElement) return;
      event.preventDefault();
      openDialog(target);
    },
  };
  document.addEventListener("click", (event) => {
    all("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    for (const [selector, act] of Object.entries(acts)) {
      const target = event.target.closest(selector);
      if (target) { act(target, event); return; }
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches("input[data-filter]")) return;
    filter(event.target);
    keepFilter(event.target);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
    if (event.target.form?.matches("form[data-preview]")) showPreview(event.target.form);
  });

  const prepare = (within) => {
    showTimes(within);
    window.htmx?.process(within);
    all("[data-sortable]", within).forEach(sortable);
    all("form:is(.autosubmit, [data-preview]) [type=submit]", within).forEach((button) => { button.hidden = true; });
    within.querySelector?.("[autofocus]")?.focus();
  };

  window.Hydra = { all, fetchPart, filterAgain, icon, showTimes, tick, toast, took };
  document.addEventListener("htmx:afterSwap", (event) => showTimes(event.target));
  document.querySelector("main form [aria-invalid=true]")?.focus();
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  showTheme();
  showSidebar();
  showTimes();
  tellZone();
  setInterval(showTimes, 30000);
  setInterval(tick, 1000);
  all(".toast").forEach(fade);
  all("[data-sortable]").forEach(sortable);
  all("form:is(.autosubmit, [data-preview]) [type=submit]").forEach((button) => { button.hidden = true; });
  recallFilter();
})();
