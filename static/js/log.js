/* A deployment's page while it happens: state, steps and log, as server-sent events tell them.
   Log lines become text nodes only. They are kept in blocks that the browser need not lay out
   while they are out of sight, so that a long log does not freeze the tab. */
(() => {
  "use strict";

  const BLOCK = 500;
  const log = document.querySelector("[data-log]");
  if (!log) return;
  const box = log.querySelector(".log-text");
  const follow = log.querySelector("[data-follow]");
  const search = log.querySelector("[data-log-search]");
  const found = log.querySelector("[data-found]");
  const notice = log.querySelector("[data-broken]");

  let offset = 0;
  let line = 0;
  let partial = "";
  let block = null;
  let row = null;
  let colour = "";

  /* ---- From bytes to lines ---- */

  const ESCAPES = /\u001b\[([0-9;]*)m|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-?]*[ -/]*[@-~]|\u001b[@-_]/g;
  const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
  const COLOURS = { 30: "dim", 31: "red", 32: "green", 33: "amber", 34: "blue", 35: "violet", 36: "blue", 37: "", 90: "dim",
    91: "red", 92: "green", 93: "amber", 94: "blue", 95: "violet", 96: "blue" };

  const visible = (text) => {
    const overwritten = text.endsWith("\r") ? text.slice(0, -1) : text;
    return overwritten.slice(overwritten.lastIndexOf("\r") + 1);
  };
  const paint = (code, text) => {
    let at = 0;
    const put = (piece) => {
      const clean = piece.replace(CONTROLS, "\u00b7");
      if (!clean) return;
      if (!colour) { code.append(clean); return; }
      const span = document.createElement("span");
      span.dataset.colour = colour;
      span.textContent = clean;
      code.append(span);
    };
    for (const found of text.matchAll(ESCAPES)) {
      put(text.slice(at, found.index));
      at = found.index + found[0].length;
      if (found[1] === undefined) continue;
      for (const number of found[1].split(";").map(Number)) {
        if (number === 0 || number === 39) colour = "";
        else if (number in COLOURS) colour = COLOURS[number];
      }
    }
    put(text.slice(at));
  };
  const newRow = () => {
    if (!block || block.childElementCount >= BLOCK) {
      block = document.createElement("ol");
      box.append(block);
    }
    line += 1;
    row = document.createElement("li");
    row.id = `L${line}`;
    const number = document.createElement("a");
    number.href = `#L${line}`;
    number.textContent = String(line);
    number.setAttribute("aria-label", `Line ${line}`);
    const code = document.createElement("code");
    row.append(number, code);
    block.append(row);
    return code;
  };
  const show = (text, isWhole) => {
    const code = row ? row.lastElementChild : newRow();
    code.replaceChildren();
    paint(code, visible(text));
    if (isWhole) row = null;
  };
  const LONGEST = 20000;
  const add = (text) => {
    const lines = (partial + text).split("\n");
    partial = lines.pop();
    lines.forEach((one) => show(one.length > LONGEST ? `${one.slice(0, LONGEST)} … line cut, download the log for the rest` : one, true));
    if (partial.length > LONGEST) partial = partial.slice(0, LONGEST);
    if (partial) show(partial, false);
    if (follow?.checked) box.scrollTop = box.scrollHeight;
  };

  /* ---- State and steps ---- */

  const sprite = document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0] || "";
  const icons = { succeeded: "succeeded", running: "running", failed: "failed", unknown: "unknown", canceled: "canceled",
    canceling: "canceled", superseded: "superseded", skipped: "pending", pending: "pending", expired: "canceled", rejected: "canceled" };
  const icon = (state) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${sprite}#${icons[state] || "waiting"}`);
    svg.append(use);
    return svg;
  };
  const took = (ms) => {
    if (ms === null || ms === undefined) return "";
    if (ms < 1000) return `${ms} ms`;
    if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
    return `${Math.floor(ms / 60000)} min ${String(Math.floor(ms / 1000) % 60).padStart(2, "0")} s`;
  };
  const onState = (state) => {
    document.querySelectorAll("[data-deployment-state]").forEach((badge) => {
      badge.dataset.state = state.state;
      badge.replaceChildren(icon(state.state), state.label);
    });
    document.querySelectorAll("[data-deployment-reason]").forEach((place) => {
      place.textContent = state.reason;
      place.closest(".notice").hidden = !state.reason;
      place.closest(".notice").dataset.state = state.state;
    });
    document.querySelectorAll("[data-cancel]").forEach((form) => { form.hidden = !state.can_cancel; });
  };
  const onSteps = (steps) => steps.forEach((step) => {
    const item = document.getElementById(`step-${step.job}-${step.position}`);
    if (!item) { if (step.job) location.reload(); return; }
    item.dataset.state = step.state;
    item.querySelector("svg").replaceWith(icon(step.state));
    item.querySelector(".took").textContent = took(step.took_ms);
    item.querySelector("[data-word]").textContent = `, ${step.state}`;
    item.querySelector("[data-reason]").textContent = step.reason;
  });

  /* ---- The stream, which mends itself ---- */

  let failures = 0;
  const listen = () => {
    const source = new EventSource(`${log.dataset.stream}?job=${log.dataset.job}&after=${offset}`, { withCredentials: true });
    const read = (name, use) => source.addEventListener(name, (event) => { failures = 0; notice.hidden = true; use(JSON.parse(event.data)); });
    read("state", onState);
    read("steps", onSteps);
    read("log", (chunk) => {
      if (chunk.offset !== offset) return;
      offset = chunk.next;
      add(chunk.text);
    });
    read("end", () => { source.close(); log.dataset.ended = "yes"; document.querySelectorAll("[data-ended]").forEach((part) => { part.hidden = false; }); });
    source.onerror = () => {
      source.close();
      failures += 1;
      notice.hidden = false;
      setTimeout(listen, Math.min(1000 * 2 ** failures, 15000));
    };
  };

  /* ---- Controls ---- */

  box.addEventListener("wheel", () => {
    if (follow && box.scrollTop + box.clientHeight < box.scrollHeight - 40) follow.checked = false;
  }, { passive: true });
  log.querySelector("[data-wrap]")?.addEventListener("change", (event) => box.classList.toggle("nowrap", !event.target.checked));
  let marks = [];
  let at = -1;
  const look = () => {
    box.querySelectorAll("li[data-found]").forEach((item) => { delete item.dataset.found; });
    const wanted = search.value.trim().toLowerCase();
    marks = wanted ? Array.from(box.querySelectorAll("li")).filter((item) => item.lastElementChild.textContent.toLowerCase().includes(wanted)) : [];
    marks.forEach((item) => { item.dataset.found = "yes"; });
    at = -1;
    found.textContent = wanted ? `${marks.length} found` : "";
  };
  search?.addEventListener("input", look);
  search?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !marks.length) return;
    event.preventDefault();
    at = (at + (event.shiftKey ? -1 : 1) + marks.length) % marks.length;
    if (follow) follow.checked = false;
    marks[at].scrollIntoView({ block: "center" });
    found.textContent = `${at + 1} of ${marks.length}`;
  });

  if (log.dataset.job || log.dataset.stream) {
    box.replaceChildren();
    listen();
  }
})();
