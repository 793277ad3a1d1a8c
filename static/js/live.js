/* Pages that follow what happens. Only what changed is replaced, so that focus, scroll and what one
   is about to click stay where they are; new rows of a list wait behind a button. */
(() => {
  "use strict";

  const { all, fetchPart, filterAgain, showTimes, tick } = window.Hydra;

  /* ---- Equal but for what scripts write: times, and rows that a filter hides ---- */

  const plain = (element) => element.innerHTML
    .replace(/<time[^>]*?datetime="([^"]*)"[^>]*>[^<]*/g, "<time $1>")
    .replace(/(data-since="[^"]*"[^>]*>)[^<]*/g, "$1")
    .replace(/name="(csrfmiddlewaretoken|form_key)" value="[^"]*"/g, "")
    .replace(/ (hidden|aria-busy)="[^"]*"/g, "");

  const swap = (old, fresh) => {
    if (plain(old) === plain(fresh)) return;
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceChildren(...fresh.childNodes);
    showTimes(old);
    window.htmx?.process(old);
    if (focused) old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
  const swapRow = (old, fresh) => {
    if (old.id !== fresh.id) old.id = fresh.id;
    if (old.className !== fresh.className) old.className = fresh.className;
    const cells = Array.from(fresh.children);
    Array.from(old.children).forEach((cell, number) => swap(cell, cells[number]));
  };

  /* ---- One part of a page ---- */

  const shape = (part) => all("tr", part).map((row) => row.childElementCount).join();
  const mergeTable = (part, fresh) => {
    const rows = all("tr", fresh);
    all("tr", part).forEach((row, number) => swapRow(row, rows[number]));
  };
  const merge = (part, fresh) => {
    if (part.dataset.new) { mergeRows(part, fresh); return; }
    if (shape(part) && shape(part) === shape(fresh)) { mergeTable(part, fresh); return; }
    const head = part.querySelector(":scope > header:has(input)");
    if (!head) { swap(part, fresh); return; }
    fresh.querySelector(":scope > header")?.remove();
    all(":scope > :not(header)", part).forEach((old) => old.remove());
    part.append(...fresh.childNodes);
    showTimes(part);
  };

  /* ---- Lists: known rows change in place, new ones are announced ---- */

  const mergeRows = (part, fresh) => {
    const known = new Set(all("tr", part).map((row) => row.id));
    const rows = all("tr", fresh);
    rows.forEach((row) => { if (known.has(row.id)) swapRow(document.getElementById(row.id), row.cloneNode(true)); });
    const count = rows.filter((row) => !known.has(row.id)).length;
    if (count) announce(part, fresh, count);
  };
  const announce = (part, fresh, count) => {
    const panel = part.closest(".panel") || part;
    let bar = panel.previousElementSibling?.matches("[data-news]") ? panel.previousElementSibling : null;
    if (!bar) {
      bar = document.createElement("div");
      bar.className = "news";
      bar.dataset.news = "";
      bar.setAttribute("role", "status");
      panel.before(bar);
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${count} new ${part.dataset.new}${count === 1 ? "" : "s"}`;
    button.addEventListener("click", () => {
      if (panel === part) { window.location.reload(); return; } // there was no table yet
      bar.remove();
      part.replaceChildren(...fresh.childNodes);
      showTimes(part);
      part.querySelector("a")?.focus({ preventScroll: true });
    });
    bar.replaceChildren(button);
  };

  /* ---- Fetching: one request for each address, never two at once ---- */

  let isBusy = false;
  let isStale = false;
  let timer = 0;
  const refresh = async () => {
    timer = 0;
    if (isBusy) { isStale = true; return; }
    isBusy = true;
    const parts = all("[data-live]").filter((part) => part.id);
    for (const address of new Set(parts.map((part) => part.dataset.live))) {
      const page = await fetchPart(address);
      if (!page) continue;
      parts.filter((part) => part.dataset.live === address).forEach((part) => {
        const fresh = page.getElementById(part.id);
        if (fresh) merge(part, fresh);
      });
    }
    filterAgain();
    isBusy = false;
    if (isStale) { isStale = false; soon(); }
  };
  const soon = () => { timer ||= setTimeout(refresh, 400); };

  /* The parts of a page that is no list: fetched as a whole, replaced where they differ. */
  const refreshParts = async () => {
    let page;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return;
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch { return; }
    all("[data-part]").forEach((part) => {
      const fresh = page.getElementById(part.id);
      if (fresh) swap(part, fresh);
    });
    tick();
  };

  /* ---- A stream that mends itself. A page out of sight listens to nothing: a browser has few
     connections to one address, and many open tabs would use them up. ---- */

  const follow = (open, { lost, found }) => {
    let source = null;
    let failures = 0;
    let waiting = 0;
    let isOver = false;
    const stop = () => { clearTimeout(waiting); source?.close(); source = null; };
    const start = () => {
      if (source || isOver || document.hidden) return;
      source = open();
      source.addEventListener("open", () => { failures = 0; found(); });
      source.addEventListener("error", () => {
        stop();
        failures += 1;
        lost();
        waiting = setTimeout(start, Math.min(500 * 2 ** failures, 15000));
      });
    };
    document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else start(); });
    addEventListener("pagehide", stop);
    addEventListener("pageshow", (event) => { if (event.persisted) start(); });
    start();
    return () => { isOver = true; stop(); };
  };

  const note = (words) => all("[data-live-note]").forEach((place) => { place.textContent = words; });
  const address = document.body.dataset.stream;
  if (document.querySelector("[data-live][id]") && address && window.EventSource) {
    let hasBeenOpen = false;
    const open = () => {
      const source = new EventSource(address, { withCredentials: true });
      source.addEventListener("deployment", soon);
      return source;
    };
    follow(open, {
      lost: () => note("Not live: trying again"),
      found: () => {
        document.body.dataset.live = "yes";
        note("Updated live");
        if (hasBeenOpen) soon();
        hasBeenOpen = true;
      },
    });
  }

  Object.assign(window.Hydra, { follow, refreshParts });
})();
