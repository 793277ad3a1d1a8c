/* A deployment's page while it happens: state, steps and log, as server-sent events tell them.

   The stream counts bytes and steps say at which byte they begin, so the log is cut into steps even
   when a step is told of after its first lines. Output becomes text nodes and nothing else. Lines
   stand in blocks that the browser need not lay out while they are out of sight, and no more of
   them are kept than a page can bear. */
(() => {
  "use strict";

  const { all, follow: followStream, icon, refreshParts, tick, took } = window.Hydra;
  const BLOCK = 500; // lines
  const MOST = 20000; // lines on the page
  const LONGEST = 20000; // characters of one line
  const RECALLED = 20000; // lines whose text is kept, should a step turn out to begin among them
  const NEWEST = 4 * 1024 * 1024; // bytes; of a longer log the page shows the end
  const ROW = 24; // pixels

  const log = document.querySelector("[data-log]");
  if (!log) return;
  const box = log.querySelector(".log-text");
  const following = log.querySelector("[data-follow]");
  const broken = log.querySelector("[data-broken]");

  /* ---- Text: bytes, colours, what a terminal would have overwritten ---- */

  const sizeOf = (text) => {
    if (!/[^\u0000-\u007f]/.test(text)) return text.length;
    let size = 0;
    for (let n = 0; n < text.length; n += 1) {
      const unit = text.charCodeAt(n);
      if (unit < 0x80) size += 1;
      else if (unit < 0x800) size += 2;
      else if (unit >= 0xd800 && unit < 0xdc00) { size += 4; n += 1; }
      else if (unit >= 0xdc80 && unit < 0xdd00) size += 1; // a byte that is no text
      else size += 3;
    }
    return size;
  };
  const cutAt = (text, bytes) => {
    let at = 0;
    for (let left = bytes; left > 0 && at < text.length; at += 1) {
      const piece = text.codePointAt(at) > 0xffff ? text.slice(at, at + 2) : text[at];
      left -= sizeOf(piece);
      if (piece.length === 2) at += 1;
    }
    return at;
  };

  const ESCAPES = /\u001b\[([0-9;]*)m|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-?]*[ -/]*[@-~]|\u001b[ -/]*[0-~]/g;
  const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
  const COLOURS = ["dim", "red", "green", "amber", "blue", "violet", "blue", ""];
  let colour = "";

  const colourOf = (numbers, before) => {
    let now = before;
    for (let n = 0; n < numbers.length; n += 1) {
      const number = numbers[n];
      if (number === 38 || number === 48) {
        const index = numbers[n + 1] === 5 ? numbers[n + 2] : -1;
        if (number === 38) now = index >= 0 && index < 16 ? COLOURS[index % 8] : "";
        n += numbers[n + 1] === 5 ? 2 : 4;
      } else if (number === 0 || number === 39) now = "";
      else if (number === 2) now = "dim";
      else if ((number >= 30 && number < 38) || (number >= 90 && number < 98)) now = COLOURS[number % 10];
    }
    return now;
  };
  const visible = (text) => {
    const ended = text.replace(/\r+$/, "");
    return ended.slice(ended.lastIndexOf("\r") + 1);
  };
  const SPECIAL = /[\u0000-\u0008\u000b-\u001f\u007f\ud800-\udfff]/;
  const paint = (code, text) => {
    if (!colour && !SPECIAL.test(text)) { code.textContent = text; return; }
    const put = (piece) => {
      const clean = piece.replace(CONTROLS, "\u00b7").replace(/[\ud800-\udbff][\udc00-\udfff]|[\udc80-\udcff]/g, (found) => (found.length === 2 ? found : "\ufffd"));
      if (!clean) return;
      if (!colour) { code.append(clean); return; }
      const span = document.createElement("span");
      span.dataset.colour = colour;
      span.textContent = clean;
      code.append(span);
    };
    let at = 0;
    for (const found of text.matchAll(ESCAPES)) {
      put(text.slice(at, found.index));
      at = found.index + found[0].length;
      if (found[1] !== undefined) colour = colourOf(found[1].split(";").map(Number), colour);
    }
    put(text.slice(at));
  };

  /* ---- Lines: in blocks, in the group of their step ---- */

  let offset = 0; // bytes taken in
  let line = 0; // the number of the last line
  let kept = 0; // lines on the page
  let earlier = 0; // lines that are not any more
  let isFull = false; // a line that was linked to is kept, so newer ones are not shown
  let begun = false;
  let open = { text: "", size: 0, byte: 0, row: null, colour: "" }; // the line that has not ended
  let recall = []; // ended lines of this group: {byte, size, text, row, colour}
  let group = { place: box, block: null };

  let target = 0; // the line that the address names
  const readTarget = () => { target = Number(/^#L(\d+)$/.exec(location.hash)?.[1] || 0); };
  readTarget();

  const pattern = document.createElement("li");
  pattern.append(document.createElement("a"), document.createElement("code"));

  const addBlock = () => {
    if (group.block) {
      group.block.dataset.full = "";
      group.block.style.containIntrinsicBlockSize = `auto ${group.block.childElementCount * ROW}px`;
    }
    group.block = document.createElement("ol");
    group.place.append(group.block);
  };
  const addRow = () => {
    line += 1;
    if (isFull) return null;
    if (!group.block || group.block.childElementCount >= BLOCK) addBlock();
    const row = pattern.cloneNode(true);
    row.id = `L${line}`;
    row.firstChild.href = `#L${line}`;
    row.firstChild.textContent = String(line);
    group.block.append(row);
    kept += 1;
    return row;
  };
  const write = (row, text) => {
    if (!row) return;
    const code = row.lastElementChild;
    if (code.firstChild) code.replaceChildren();
    const seen = visible(text);
    paint(code, seen.length > LONGEST ? seen.slice(0, LONGEST) : seen);
    if (seen.length > LONGEST) code.append(" … line cut, download the log for the rest");
    noteMatch(row);
  };
  const showOpen = () => {
    if (!open.size) return;
    if (!open.row) { open.row = addRow(); open.colour = colour; }
    colour = open.colour;
    write(open.row, open.text);
  };
  const endLine = (hasBreak) => {
    const isNew = !open.row;
    if (isNew) { open.row = addRow(); open.colour = colour; } else colour = open.colour;
    write(open.row, open.text);
    recall.push({ ...open, hasBreak });
    if (recall.length > RECALLED) recall = recall.slice(-RECALLED / 2);
    if (line === target) point(open.row);
    open = { text: "", size: 0, byte: offset, row: null, colour };
  };
  const addText = (text, size) => {
    if (open.text.length < 4 * LONGEST) open.text += text;
    else {
      open.isCut = true;
      if (text.includes("\r")) open.text = text;
    }
    open.size += size;
    offset += size;
  };
  const take = (text) => {
    let at = 0;
    while (at < text.length) {
      enterSteps();
      const end = text.indexOf("\n", at);
      let piece = end < 0 ? text.slice(at) : text.slice(at, end);
      let size = sizeOf(piece);
      const border = coming.length ? coming[0].log_from : Infinity;
      if (border < offset + size + (end < 0 ? 0 : 1)) { // the step before printed no line end
        piece = piece.slice(0, cutAt(piece, border - offset));
        size = sizeOf(piece);
        addText(piece, size);
        at += piece.length || 1;
        endLine(false);
        continue;
      }
      addText(piece, size);
      at += piece.length;
      if (end < 0) break;
      offset += 1;
      at += 1;
      endLine(true);
    }
    showOpen();
    trim();
  };

  /* ---- What is not kept ---- */

  const trim = () => {
    while (kept > MOST && !isFull) {
      const oldest = box.querySelector("ol");
      const first = Number(oldest.firstElementChild.id.slice(1));
      if (target >= first && target < first + oldest.childElementCount) { isFull = true; break; }
      kept -= oldest.childElementCount;
      earlier += oldest.childElementCount;
      const place = oldest.parentElement;
      oldest.remove();
      if (place !== box && place !== group.place && !place.querySelector("ol")) say(place, "Not shown here.");
    }
    tell();
  };
  const notice = (isAtEnd) => {
    const place = document.createElement("p");
    place.hidden = true;
    const words = document.createElement("span");
    const link = document.createElement("a");
    link.textContent = "Download the log";
    place.append(words, " ", link);
    if (isAtEnd) box.after(place); else box.before(place);
    place.className = "log-note";
    return (count, word) => {
      place.hidden = count <= 0;
      words.textContent = `${count.toLocaleString("en")} ${word} line${count === 1 ? " is" : "s are"} not shown here.`;
      link.href = document.querySelector("#deployment-download a")?.getAttribute("href") || log.dataset.download;
    };
  };
  const tellEarlier = notice(false);
  const tellLater = notice(true);
  const tell = () => {
    tellEarlier(earlier, "earlier");
    tellLater(isFull ? line - earlier - kept : 0, "later");
  };

  /* ---- Steps: each is a group that folds ---- */

  let steps = [];
  let coming = []; // those whose first byte has not been taken in yet
  const entered = new Map(); // position -> {place, small}
  const WORDS = { succeeded: "succeeded", running: "running", failed: "failed", unknown: "unknown", canceled: "canceled" };
  const isPlaced = (step) => step.log_from !== null && (step.log_to !== step.log_from || step.took_ms !== null);
  const hasFailed = () => steps.some((step) => step.state === "failed" || step.state === "unknown");

  const makeGroup = (step) => {
    const place = document.createElement("details");
    place.id = `step-log-${step.position}`;
    place.open = !(log.dataset.ended && hasFailed() && step.state === "succeeded");
    const summary = document.createElement("summary");
    const name = document.createElement("span");
    name.textContent = step.name;
    const small = document.createElement("small");
    summary.append(icon("pending"), name, small);
    place.append(summary);
    box.append(place);
    entered.set(step.position, { place, summary, small });
    dress(step);
    if (location.hash === `#${place.id}`) place.scrollIntoView();
    return place;
  };
  const dress = (step) => {
    const known = entered.get(step.position);
    if (!known) return;
    if (known.summary.dataset.state !== step.state) {
      known.summary.dataset.state = step.state;
      known.summary.querySelector("svg").replaceWith(icon(iconOf(step.state)));
    }
    timeOf(known.small, step);
    const isSilent = step.took_ms !== null && step.log_from === step.log_to;
    if (isSilent && known.place.childElementCount === 1) say(known.place, "It printed nothing.");
  };
  const say = (place, text) => {
    const words = document.createElement("p");
    words.textContent = text;
    place.append(words);
  };
  const enterSteps = () => {
    while (coming.length && coming[0].log_from <= offset) {
      if (open.size) endLine(false);
      const step = coming.shift();
      colour = "";
      recall = [];
      open = { text: "", size: 0, byte: offset, row: null, colour };
      group = { place: makeGroup(step), block: null };
    }
  };
  /* A step was told of after its first bytes: the lines from there on are taken in once more. */
  const goBack = (byte) => {
    const lines = open.size ? [...recall, { ...open, hasBreak: false }] : recall;
    const at = lines.findIndex((one) => one.byte + one.size + (one.hasBreak ? 1 : 0) > byte);
    const again = lines.slice(at);
    if (at < 0 || again.some((one) => one.isCut)) return;
    const text = again.map((one) => one.text + (one.hasBreak ? "\n" : "")).join("");
    again.forEach((one) => {
      line -= 1;
      if (!one.row) return;
      const block = one.row.parentElement;
      one.row.remove();
      kept -= 1;
      if (block && !block.childElementCount) block.remove();
    });
    group.block = group.place.querySelector(":scope > ol:last-of-type");
    if (group.block) delete group.block.dataset.full;
    recall = recall.slice(0, at);
    offset = again[0].byte;
    colour = again[0].colour;
    open = { text: "", size: 0, byte: offset, row: null, colour };
    take(text);
  };
  const onSteps = (news) => {
    const own = news.filter((step) => !log.dataset.job || step.job === log.dataset.job);
    if (own.length && !log.dataset.job) log.dataset.job = own[0].job;
    steps = own.filter((step) => step.job === log.dataset.job);
    const unentered = steps.filter((step) => isPlaced(step) && !entered.has(step.position));
    coming = unentered.sort((a, b) => a.log_from - b.log_from || a.position - b.position);
    if (coming.length) begin();
    if (coming.length && coming[0].log_from < offset) goBack(coming[0].log_from);
    enterSteps();
    steps.forEach(dress);
    showSteps(news);
  };

  const ICONS = { succeeded: "succeeded", running: "running", failed: "failed", unknown: "unknown", canceled: "canceled",
    canceling: "canceled", superseded: "superseded", skipped: "pending", pending: "pending", expired: "canceled", rejected: "canceled",
    awaiting_approval: "approval", held: "hold" };
  const iconOf = (state) => ICONS[state] || "waiting";
  const timeOf = (place, step) => {
    if (step.state === "running" && step.started_at) {
      if (place.dataset.since === step.started_at) return;
      place.dataset.since = step.started_at;
      tick();
    } else {
      delete place.dataset.since;
      place.textContent = took(step.took_ms);
    }
  };
  let lastSteps = [];
  const showSteps = (news) => {
    lastSteps = news;
    news.forEach((step) => {
      const item = document.getElementById(`step-${step.job}-${step.position}`);
      if (!item) { changed(); return; }
      if (item.dataset.state !== step.state) {
        item.dataset.state = step.state;
        item.querySelector("svg").replaceWith(icon(iconOf(step.state)));
        item.querySelector("[data-word]").textContent = `, ${WORDS[step.state] || step.state}`;
      }
      item.querySelector("[data-reason]").textContent = step.reason;
      timeOf(item.querySelector(".took"), step);
    });
  };

  /* ---- State: the badge at once, the rest of the page as the server writes it ---- */

  const title = document.title;
  let state = document.querySelector("[data-deployment-state]").dataset.state;
  let timer = 0;
  const changed = () => {
    timer ||= setTimeout(async () => {
      timer = 0;
      await refreshParts();
      lastSteps.filter((step) => document.getElementById(`step-${step.job}-${step.position}`)).forEach((step) => showSteps([step]));
    }, 250);
  };
  const onState = (news) => {
    document.querySelectorAll("[data-deployment-state]").forEach((badge) => {
      if (badge.dataset.state === news.state) return;
      badge.dataset.state = news.state;
      badge.replaceChildren(icon(iconOf(news.state)), news.label);
    });
    document.title = `${news.label}: ${title}`;
    if (news.state !== state) changed();
    state = news.state;
    if (news.finished_at) log.dataset.ended = "yes";
  };

  /* ---- The stream ---- */

  const begin = () => {
    if (begun) return;
    begun = true;
    box.replaceChildren();
  };
  const scrollDown = () => {
    if (!following.checked || log.dataset.ended === "seen") return;
    box.scrollTop = box.scrollHeight;
    requestAnimationFrame(() => { box.scrollTop = box.scrollHeight; });
  };
  const listen = () => {
    const newest = target || offset ? 0 : NEWEST;
    const query = new URLSearchParams({ job: log.dataset.job, after: offset, newest });
    const source = new EventSource(`${log.dataset.stream}?${query}`, { withCredentials: true });
    const on = (name, use) => source.addEventListener(name, (event) => use(JSON.parse(event.data)));
    on("state", onState);
    on("steps", onSteps);
    on("skip", (skipped) => {
      begin();
      offset = skipped.offset;
      line = earlier = skipped.lines;
      open.byte = offset;
      const last = coming.filter((step) => step.log_from <= offset).pop();
      coming = coming.filter((step) => step === last || step.log_from > offset);
    });
    on("log", (chunk) => {
      if (chunk.offset !== offset) { source.dispatchEvent(new Event("error")); return; }
      begin();
      take(chunk.text);
      offset = chunk.next;
      scrollDown();
    });
    on("end", () => {
      stop();
      if (open.size) { endLine(false); trim(); }
      enterSteps();
      scrollDown();
      log.dataset.ended = "seen";
      log.querySelector("[data-follow-label]").hidden = true;
      log.querySelector("[data-wrap]").parentElement.classList.add("push");
    });
    return source;
  };

  /* ---- Follow, wrap, links to lines ---- */

  const isAtEnd = () => box.scrollTop + box.clientHeight > box.scrollHeight - 40;
  const letGo = () => requestAnimationFrame(() => { if (!isAtEnd()) following.checked = false; });
  ["wheel", "touchmove", "keydown", "pointerup"].forEach((name) => box.addEventListener(name, letGo, { passive: true }));
  following.addEventListener("change", scrollDown);
  log.querySelector("[data-wrap]").addEventListener("change", (event) => { log.dataset.wrap = event.target.checked ? "on" : "off"; });

  const point = (row) => {
    all("li[data-chosen]", box).forEach((other) => { delete other.dataset.chosen; });
    if (!row) return;
    following.checked = false;
    row.dataset.chosen = "";
    if (row.closest("details")) row.closest("details").open = true;
    row.scrollIntoView({ block: "center" });
  };
  const onHash = () => {
    readTarget();
    if (target) point(document.getElementById(`L${target}`));
    const step = /^#step-log-\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (step) { following.checked = false; step.open = true; step.scrollIntoView({ block: "nearest" }); }
    showTab();
  };
  addEventListener("hashchange", onHash);
  if (target) following.checked = false;

  /* ---- Search ---- */

  const field = log.querySelector("[data-log-search]");
  const found = log.querySelector("[data-found]");
  let wanted = "";
  let matches = [];
  let at = -1;
  const fits = (row) => row.lastElementChild.textContent.toLowerCase().includes(wanted);
  const noteMatch = (row) => {
    if (!wanted || row.dataset.found !== undefined || !fits(row)) return;
    row.dataset.found = "";
    matches.push(row);
    tellFound();
  };
  const tellFound = () => {
    if (!wanted) found.textContent = "";
    else if (!matches.length) found.textContent = "Not found";
    else found.textContent = at < 0 ? `${matches.length} found` : `${at + 1} of ${matches.length}`;
    all("[data-find]", log).forEach((button) => { button.disabled = !matches.length; });
  };
  const mark = () => {
    if (!window.Highlight) return;
    const ranges = [];
    for (const row of matches.slice(0, 2000)) {
      const walker = document.createTreeWalker(row.lastElementChild, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const text = walker.currentNode.data.toLowerCase();
        for (let from = text.indexOf(wanted); from >= 0; from = text.indexOf(wanted, from + wanted.length)) {
          const range = new Range();
          range.setStart(walker.currentNode, from);
          range.setEnd(walker.currentNode, from + wanted.length);
          ranges.push(range);
        }
      }
    }
    CSS.highlights.set("found", new window.Highlight(...ranges));
  };
  const look = () => {
    all("li[data-found]", box).forEach((row) => { delete row.dataset.found; delete row.dataset.here; });
    CSS.highlights?.delete("found");
    wanted = field.value.trim().toLowerCase();
    matches = wanted ? all("li", box).filter(fits) : [];
    matches.forEach((row) => { row.dataset.found = ""; });
    at = -1;
    if (matches.length) mark();
    tellFound();
  };
  const step = (by) => {
    matches = matches.filter((row) => row.isConnected);
    if (!matches.length) return;
    if (matches[at]) delete matches[at].dataset.here;
    at = at < 0 && by < 0 ? matches.length - 1 : (at + by + matches.length) % matches.length;
    const row = matches[at];
    following.checked = false;
    row.dataset.here = "";
    if (row.closest("details")) row.closest("details").open = true;
    row.scrollIntoView({ block: "center" });
    tellFound();
  };
  let looking = 0;
  field.addEventListener("input", () => { clearTimeout(looking); looking = setTimeout(look, 150); });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (field.value.trim().toLowerCase() !== wanted) look();
    step(event.shiftKey ? -1 : 1);
  });
  all("[data-find]", log).forEach((button) => button.addEventListener("click", () => step(Number(button.dataset.find))));
  tellFound();

  /* ---- Tabs: links to parts of the page become one part at a time ---- */

  const tabs = all("[data-tabs] a");
  const showTab = () => {
    const here = tabs.find((tab) => tab.hash === location.hash) || tabs[0];
    tabs.forEach((tab) => {
      if (tab === here) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
      document.querySelector(tab.hash).hidden = tab !== here;
    });
  };
  showTab();

  if (!window.EventSource) return;
  const stop = followStream(listen, {
    lost: () => { broken.hidden = false; },
    found: () => { broken.hidden = true; },
  });
})();
