// What the pages do beyond being read: theme, search, filters, pictures, how long ago. No library,
// nothing from elsewhere; text only ever becomes text (textContent), never HTML.
"use strict";
const lakeworks = (() => {
  const make = (name, attributes, ...content) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
    }
    element.append(...content);
    return element;
  };
  const remembered = (name, value) => {
    try {
      if (value === undefined) return localStorage.getItem(name);
      localStorage.setItem(name, value);
    } catch { /* a browser may keep nothing for pages from files */ }
    return null;
  };

  // --- light and dark, before anything is painted
  const root = document.documentElement;
  const kept = remembered("lakeworks-theme");
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const startTheme = () => {
    const button = document.getElementById("theme");
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remembered("lakeworks-theme", root.dataset.theme);
    });
  };

  // --- how long ago, and whether that is still fresh: by the reader's clock
  const UNITS = [[86400 * 365, "year"], [86400, "day"], [3600, "hour"], [60, "minute"]];
  const span = (seconds) => {
    for (const [unit, name] of UNITS) {
      if (seconds >= unit) {
        const number = Math.floor(seconds / unit);
        return `${number} ${name}${number === 1 ? "" : "s"}`;
      }
    }
    return "a moment";
  };
  const startTimes = () => {
    const now = Date.now() / 1000;
    for (const time of document.querySelectorAll("time[datetime]")) {
      const passed = now - Date.parse(time.dateTime) / 1000;
      if (passed < 0) continue;
      if (time.closest("td")) time.title = `${span(passed)} ago`;
      else time.append(make("span", { class: "ago" }, ` (${span(passed)} ago)`));
    }
    for (const one of document.querySelectorAll(".fresh[data-at]")) {
      const late = now - Date.parse(one.dataset.at) / 1000 - Number(one.dataset.within);
      const told = late > 0 ? `late by ${span(late)}` : "fresh";
      one.append(" ", make("span", { class: `chip ${late > 0 ? "bad" : "good"}` }, told));
      const item = one.closest(".if-late");
      if (item && late > 0) item.hidden = false;
    }
  };

  // --- search: an inverted index that is loaded when it is first needed
  let found = null;
  let waiting = [];
  const index = (data) => {
    const starts = [];
    let at = 0;
    const of = data.of.map((line) => line ? line.split(" ").map((n) => parseInt(n, 36)) : []);
    for (const columns of of) { starts.push(at); at += 1 + columns.length; }
    found = { ...data, of, starts, size: at, read: new Map() };
    for (const go of waiting) go();
    waiting = [];
  };
  const whenLoaded = (go) => {
    if (found) { go(); return; }
    waiting.push(go);
    if (waiting.length === 1) document.head.append(make("script", { src: `${document.body.dataset.root}assets/search.js` }));
  };
  const numbers = (text) => {
    const list = [];
    let at = 0;
    if (text) for (const part of text.split(" ")) { at += parseInt(part, 36); list.push(at); }
    return list;
  };
  const postings = (place) => {
    let known = found.read.get(place);
    if (!known) {
      const [named, said] = found.at[place].split("|");
      known = [numbers(named), numbers(said)];
      found.read.set(place, known);
    }
    return known;
  };
  const lowest = (word) => {
    let low = 0, high = found.words.length;
    while (low < high) { const middle = (low + high) >> 1; if (found.words[middle] < word) low = middle + 1; else high = middle; }
    return low;
  };
  const near = (a, b) => {  // one letter more, less, other, or two swapped
    if (Math.abs(a.length - b.length) > 1 || a === b) return a === b;
    let i = 0;
    while (i < a.length && i < b.length && a[i] === b[i]) i++;
    return a.slice(i + 1) === b.slice(i + 1) || a.slice(i) === b.slice(i + 1) || a.slice(i + 1) === b.slice(i)
      || (a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2));
  };
  const scored = (term) => {
    const scores = new Uint8Array(found.size);
    const give = (place, named, said) => {
      const [names, texts] = postings(place);
      for (const n of names) if (scores[n] < named) scores[n] = named;
      for (const n of texts) if (scores[n] < said) scores[n] = said;
    };
    let any = false;
    for (let p = lowest(term); p < found.words.length && found.words[p].startsWith(term); p++) {
      any = true;
      if (found.words[p] === term) give(p, 60, 14); else give(p, 36, 8);
    }
    if (term.length > 2) found.words.forEach((word, p) => { if (word.indexOf(term) > 0) { any = true; give(p, 12, 3); } });
    if (!any && term.length > 3) found.words.forEach((word, p) => { if (near(term, word)) give(p, 10, 2); });
    return scores;
  };
  const LAYERS = { gold: 3, silver: 2, bronze: 1, quarantine: -6 };
  const search = (query, most) => {
    const terms = query.toLowerCase().split(/[\s,]+/).filter(Boolean);
    if (!terms.length) return { total: 0, hits: [] };
    const scores = terms.map(scored);
    const hits = [];
    found.tables.forEach((table, t) => {
      const first = found.starts[t], columns = found.of[t];
      const own = scores.map((list) => list[first]);
      const bonus = LAYERS[table.split(".")[0]] || 0;
      for (let i = 0; i <= columns.length; i++) {
        let sum = 0, direct = 0;
        for (let k = 0; k < terms.length; k++) {
          const mine = scores[k][first + i];
          const lent = i ? own[k] / 2 : 0;
          if (!mine && !lent) { sum = 0; direct = 0; break; }
          if (mine) direct++;
          sum += mine > lent ? mine : lent;
        }
        if (!direct) continue;
        const column = i ? found.columns[columns[i - 1]] : "";
        const name = (i ? column : table.slice(table.indexOf(".") + 1)).toLowerCase();
        if (terms.length === 1 && (name === terms[0] || table === terms[0])) sum += 30;
        hits.push({ t, column, score: sum + bonus + (i ? 0 : 9) - Math.min(name.length, 40) / 20 });
      }
    });
    hits.sort((a, b) => b.score - a.score || a.t - b.t);
    return { total: hits.length, hits: hits.slice(0, most), terms };
  };
  const pagePath = (t) => found.pages[t] || `tables/${found.tables[t].replace(".", "/")}.html`;
  const anchor = (column) => `#c-${encodeURIComponent(column.toLowerCase()).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
  const KNOWN = ["bronze", "silver", "gold", "quarantine"];
  const databaseClass = (table) => { const d = table.split(".")[0]; return `db-${KNOWN.includes(d) ? d : "other"}`; };
  const marked = (text, terms) => {
    const lower = text.toLowerCase();
    const term = terms.find((one) => lower.includes(one));
    if (!term) return [text];
    const at = lower.indexOf(term);
    return [text.slice(0, at), make("mark", {}, text.slice(at, at + term.length)), text.slice(at + term.length)];
  };
  const startSearch = () => {
    const input = document.getElementById("search"), box = document.getElementById("found");
    const told = document.getElementById("found-count");
    let chosen = -1, asked = "";
    const close = () => { box.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); chosen = -1; };
    const choose = (place) => {
      const links = box.querySelectorAll("a");
      if (!links.length) return;
      chosen = (place + links.length) % links.length;
      links.forEach((link, i) => link.setAttribute("aria-selected", String(i === chosen)));
      input.setAttribute("aria-activedescendant", links[chosen].id);
      links[chosen].scrollIntoView({ block: "nearest" });
    };
    const shown = (hit, terms, number) => {
      const table = found.tables[hit.t];
      const href = document.body.dataset.root + pagePath(hit.t) + (hit.column ? anchor(hit.column) : "");
      return make("a", { href, role: "option", id: `found-${number}`, "aria-selected": "false", tabindex: "-1" },
        make("span", { class: `dot ${databaseClass(table)}` }),
        make("span", { class: "what" }, ...marked(hit.column || table, terms)),
        make("span", { class: "sort" }, hit.column ? "column" : found.kinds[hit.t]),
        make("span", { class: "where" }, hit.column ? `in ${table}` : found.about[hit.t]));
    };
    const show = () => whenLoaded(() => {
      const query = input.value.trim();
      asked = query;
      if (!query) { close(); return; }
      const { total, hits, terms } = search(query, 40);
      box.replaceChildren(...hits.map((hit, i) => shown(hit, terms, i)));
      if (!total) box.append(make("p", { class: "none" }, `Nothing is named or described like “${query}”.`));
      else if (total > hits.length) box.append(make("p", { class: "none" }, `${total.toLocaleString("en")} found; these fit best. Another word narrows it down.`));
      told.textContent = `${total} found`;
      box.hidden = false;
      input.setAttribute("aria-expanded", "true");
      chosen = -1;
      if (hits.length) choose(0);
    });
    input.addEventListener("focus", () => whenLoaded(() => { if (input.value.trim() && input.value.trim() !== asked) show(); }));
    input.addEventListener("input", show);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); if (box.hidden) show(); else choose(chosen + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen - 1); }
      else if (event.key === "Escape") { if (!box.hidden) { event.preventDefault(); close(); } else input.blur(); }
      else if (event.key === "Enter") {
        const link = box.querySelectorAll("a")[Math.max(chosen, 0)];
        if (!box.hidden && link) { event.preventDefault(); close(); input.value = ""; link.click(); }
      }
    });
    box.addEventListener("click", (event) => { if (event.target.closest("a")) { input.value = ""; close(); } });
    document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest && event.target.closest("input, select, textarea");
      if ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey))) { event.preventDefault(); input.focus(); input.select(); }
    });
  };

  // --- filters and sorting of tables
  const startFilters = () => {
    for (const input of document.querySelectorAll("[data-filters]")) {
      const place = document.getElementById(input.dataset.filters);
      const rows = () => (place.tagName === "TBODY" ? place : place.querySelector("tbody"))?.rows || [];
      input.addEventListener("input", () => {
        const terms = input.value.toLowerCase().split(/\s+/).filter(Boolean);
        for (const row of rows()) {
          const text = row.textContent.toLowerCase();
          row.hidden = !terms.every((term) => text.includes(term));
        }
      });
    }
  };
  const sortKey = (cell) => {
    const time = cell.querySelector("time");
    if (time) return Date.parse(time.dateTime);
    const text = cell.textContent.trim();
    const size = /^([\d.,]+) (bytes|kB|MB|GB|TB|PB)\b/.exec(text);
    if (size) return parseFloat(size[1].replace(/,/g, "")) * 1000 ** ["bytes", "kB", "MB", "GB", "TB", "PB"].indexOf(size[2]);
    const part = /^(\d+) of (\d+)$/.exec(text);
    if (part) return Number(part[1]) / Number(part[2]);
    const number = /^([\d,]+(\.\d+)?)( %)?$/.exec(text);
    return number ? parseFloat(number[1].replace(/,/g, "")) : text.toLowerCase();
  };
  const startSorting = () => {
    for (const table of document.querySelectorAll("table.sortable")) {
      [...table.tHead.rows[0].cells].forEach((head, place) => {
        const button = make("button", { type: "button" }, head.textContent);
        head.replaceChildren(button);
        button.addEventListener("click", () => {
          const down = head.getAttribute("aria-sort") === "ascending";
          for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          const keyed = [...table.tBodies[0].rows].map((row) => [sortKey(row.cells[place]), row]);
          keyed.sort(([a], [b]) => {
            if (a === "" || b === "") return (a === "") - (b === "");  // what is unknown comes last
            const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
            return down ? -order : order;
          });
          table.tBodies[0].append(...keyed.map(([, row]) => row));
        });
      });
    }
  };

  // --- pictures: drag to move, buttons or Ctrl with the wheel to zoom
  const pannable = (canvas) => {
    const frame = make("div", { class: "pictured" });
    canvas.replaceWith(frame);
    let scale = 1;
    const size = (svg) => svg.viewBox.baseVal;
    const zoom = (to, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) => {
      const svg = canvas.querySelector("svg.picture");
      if (!svg) return;
      const before = scale;
      scale = Math.min(2.5, Math.max(.12, to));
      svg.setAttribute("width", size(svg).width * scale);
      svg.setAttribute("height", size(svg).height * scale);
      canvas.scrollLeft = (canvas.scrollLeft + x) * scale / before - x;
      canvas.scrollTop = (canvas.scrollTop + y) * scale / before - y;
      canvas.classList.toggle("movable", canvas.scrollWidth > canvas.clientWidth || canvas.scrollHeight > canvas.clientHeight);
    };
    const fit = (least = .12) => {
      const svg = canvas.querySelector("svg.picture");
      if (!svg) return;
      const wide = canvas.clientWidth / size(svg).width;
      const high = canvas.classList.contains("whole") ? Math.min(innerHeight * .74, 864) / size(svg).height : wide;
      zoom(Math.max(least, Math.min(1, wide, high)));
    };
    const centre = () => {
      const chosen = canvas.querySelector(".chosen");
      if (!chosen) return;
      const box = chosen.getBoundingClientRect(), own = canvas.getBoundingClientRect();
      canvas.scrollLeft += box.left + box.width / 2 - own.left - own.width / 2;
      if (box.height < own.height) canvas.scrollTop += box.top + box.height / 2 - own.top - own.height / 2;
    };
    const button = (text, title, go) => {
      const one = make("button", { type: "button", title, "aria-label": title }, text);
      one.addEventListener("click", go);
      return one;
    };
    frame.append(make("div", { class: "zoom" },
      button("−", "Smaller", () => zoom(scale / 1.25)), button("+", "Larger", () => zoom(scale * 1.25)),
      button("⤢", "Fit", () => { fit(); centre(); })), canvas);
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const own = canvas.getBoundingClientRect();
      zoom(scale * (event.deltaY < 0 ? 1.12 : 1 / 1.12), event.clientX - own.left, event.clientY - own.top);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") zoom(scale * 1.25);
      else if (event.key === "-") zoom(scale / 1.25);
      else if (event.key === "0") { fit(); centre(); }
    });
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) from = { x: event.clientX, y: event.clientY, left: canvas.scrollLeft, top: canvas.scrollTop, moved: false };
    });
    addEventListener("pointermove", (event) => {
      if (!from) return;
      const x = event.clientX - from.x, y = event.clientY - from.y;
      if (!from.moved && Math.abs(x) + Math.abs(y) < 5) return;
      from.moved = true;
      canvas.classList.add("moving");
      canvas.scrollLeft = from.left - x;
      canvas.scrollTop = from.top - y;
    });
    addEventListener("pointerup", () => { canvas.classList.remove("moving"); setTimeout(() => { from = null; }); });
    canvas.addEventListener("click", (event) => { if (from && from.moved) { event.preventDefault(); event.stopPropagation(); } }, true);
    canvas.addEventListener("dragstart", (event) => event.preventDefault());
    return { fit, centre };
  };
  const startPictures = () => {
    for (const canvas of document.querySelectorAll(".canvas:not(.whole)")) {
      const view = pannable(canvas);
      view.fit(.72);
      view.centre();
      const svg = canvas.querySelector("svg");
      if (!svg.querySelector("[data-n]")) continue;
      const light = (number) => {
        svg.classList.toggle("picked", number !== null);
        for (const one of svg.querySelectorAll(".lit")) one.classList.remove("lit");
        if (number === null) return;
        const lit = new Set([number]);
        // To both sides, and from a neighbour on through the table to its other side.
        const follow = (side, other) => {
          let reached = new Set([number]);
          for (let step = 0; step < 2; step++) {
            const next = new Set();
            for (const edge of svg.querySelectorAll(".edge")) {
              if (reached.has(edge.dataset[side])) { edge.classList.add("lit"); next.add(edge.dataset[other]); }
            }
            for (const one of next) lit.add(one);
            reached = next;
          }
        };
        follow("a", "b");
        follow("b", "a");
        for (const one of svg.querySelectorAll("[data-n]")) if (lit.has(one.dataset.n)) one.classList.add("lit");
      };
      const over = (event) => { const column = event.target.closest("[data-n]"); light(column ? column.dataset.n : null); };
      svg.addEventListener("pointerover", over);
      svg.addEventListener("focusin", over);
      svg.addEventListener("pointerleave", () => light(null));
      svg.addEventListener("focusout", () => light(null));
    }
  };

  // --- small things
  const startCopying = () => {
    for (const block of document.querySelectorAll(".code")) {
      const button = make("button", { type: "button", class: "copy" }, "Copy");
      button.addEventListener("click", async () => {
        const code = block.querySelector("code");
        try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
        catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      block.append(button);
    }
  };
  const startContents = () => {
    const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));
    if (!links.size || !("IntersectionObserver" in window)) return;
    const seen = new Set();
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) { if (entry.isIntersecting) seen.add(entry.target.id); else seen.delete(entry.target.id); }
      const first = [...links.keys()].find((id) => seen.has(id));
      for (const [id, link] of links) link.classList.toggle("on", id === first);
    }, { rootMargin: "-80px 0px -55% 0px" });
    for (const id of links.keys()) { const part = document.getElementById(id); if (part) watch.observe(part); }
  };
  const startSide = () => {
    const side = document.getElementById("side");
    const narrow = matchMedia("(max-width: 60rem)");  // as in site.css
    const fold = () => { side.open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();
    side.querySelector("summary").addEventListener("click", (event) => { if (!narrow.matches) event.preventDefault(); });
    const here = side.querySelector("[aria-current]");
    const nav = side.closest("nav");
    if (here && side.open) nav.scrollTop = Math.max(0, here.offsetTop - nav.offsetTop - nav.clientHeight / 2);
  };
  const startHash = () => {
    const reach = () => {
      for (const one of document.querySelectorAll(".reached")) one.classList.remove("reached");
      const at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
      if (!at) return;
      for (let up = at.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
      if (at.tagName === "TR") { at.hidden = false; at.classList.add("reached"); }
      at.scrollIntoView();
    };
    addEventListener("hashchange", reach);
    reach();
  };
  document.addEventListener("DOMContentLoaded", () => {
    for (const start of [startTheme, startTimes, startSearch, startFilters, startSorting, startPictures, startCopying, startContents, startSide, startHash]) start();
    root.dataset.ready = "";
  });
  return { index, make, pannable, databaseClass };
})();
