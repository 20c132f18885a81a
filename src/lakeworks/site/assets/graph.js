// The picture of the whole lake: layers from left to right. Databases fold to one box each; a table can
// be looked at with what it is made from and what is made of it. What is shown is in the address, so
// that it can be sent, and the back button works.
"use strict";
lakeworks.graph = ({ nodes, edges, databases }) => {
  const WIDE = 208, HIGH = 44, GAP = 14, BETWEEN = 72, MARGIN = 16, MOST = 70, MOST_FOCUSED = 120, MOST_BENDS = 4000;
  const SVG = "http://www.w3.org/2000/svg";
  const above = nodes.map(() => []), below = nodes.map(() => []);
  for (const [a, b] of edges) { above[b].push(a); below[a].push(b); }
  const place = new Map(nodes.map((node, i) => [node.name, i]));
  const databaseOf = (node) => node.kind === "files" ? "files" : node.name.split(".")[0];
  const members = new Map();
  nodes.forEach((node, i) => { const d = databaseOf(node); members.set(d, [...(members.get(d) || []), i]); });
  const order = ["files", ...databases].filter((d) => members.has(d));
  for (const d of members.keys()) if (!order.includes(d)) order.push(d);

  // --- what is shown: from the address
  const read = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    const focus = place.has(asked.get("focus")) ? asked.get("focus") : "";
    const opened = asked.has("open") ? asked.get("open").split(",").filter((d) => members.has(d))
      : nodes.length <= MOST ? order : [];
    return { focus, depth: Number(asked.get("steps")) || 0, open: new Set(opened) };
  };
  const write = (state) => {
    const asked = new URLSearchParams();
    if (state.focus) asked.set("focus", state.focus);
    if (state.focus && state.depth) asked.set("steps", state.depth);
    if (!state.focus) asked.set("open", [...state.open].join(","));
    location.hash = asked.toString();
  };
  const reach = (start, lists, depth) => {
    const seen = new Map([[start, 0]]), todo = [start];
    for (let i = 0; i < todo.length; i++) {
      const far = seen.get(todo[i]);
      if (depth && far >= depth) continue;
      for (const other of lists[todo[i]]) if (!seen.has(other)) { seen.set(other, far + 1); todo.push(other); }
    }
    return seen;
  };

  // --- boxes: tables, or databases that are folded
  const boxesOf = (state) => {
    if (state.focus) {
      const start = place.get(state.focus);
      let shown, depth = state.depth;
      for (;;) {
        shown = new Set([...reach(start, above, depth).keys(), ...reach(start, below, depth).keys()]);
        if (shown.size <= MOST_FOCUSED || depth === 1) break;
        depth = depth ? depth - 1 : 4;
      }
      const whole = new Set([...reach(start, above, 0).keys(), ...reach(start, below, 0).keys()]);
      const box = (i) => (shown.has(i) ? i : null);
      return { box, told: `${shown.size - 1} of ${whole.size - 1} tables and files that ${state.focus} is made from or that are made from it${depth !== state.depth ? `; drawn to ${depth} steps, as there are many` : ""}.` };
    }
    const folded = order.filter((d) => !state.open.has(d));
    const told = folded.length ? `${nodes.length} tables and sets of files; folded: ${folded.join(", ")}. Open a database, or choose a table.` : `${nodes.length} tables and sets of files.`;
    return { box: (i) => (state.open.has(databaseOf(nodes[i])) ? i : `/${databaseOf(nodes[i])}`), told };
  };

  // --- a place for each box
  const layersOf = (ids, ups) => {
    const layer = new Map(), busy = new Set();
    for (const start of ids) {
      const todo = [start];
      while (todo.length) {
        const id = todo[todo.length - 1];
        if (layer.has(id)) { todo.pop(); continue; }
        busy.add(id);
        const open = ups.get(id).filter((up) => !layer.has(up) && !busy.has(up));
        if (open.length) { todo.push(...open); continue; }
        layer.set(id, 1 + Math.max(-1, ...ups.get(id).map((up) => layer.has(up) ? layer.get(up) : -1)));
        busy.delete(id);
        todo.pop();
      }
    }
    return layer;
  };
  // The usual stages: layers, bends where an edge passes a layer, an order with few crossings, and places that
  // keep neighbours level. `catalog/lineage/layout.py` does the same for the pictures of single tables.
  const arranged = (ids, pairs) => {
    // What nothing joins is laid out apart, the largest part on top; what stands alone comes last, in rows.
    const part = new Map(ids.map((id) => [id, id]));
    const of = (id) => { while (part.get(id) !== id) { part.set(id, part.get(part.get(id))); id = part.get(id); } return id; };
    for (const [a, b] of pairs) part.set(of(a), of(b));
    const parts = new Map();
    for (const id of ids) parts.set(of(id), [...(parts.get(of(id)) || []), id]);
    const inside = new Map([...parts.keys()].map((key) => [key, []]));
    pairs.forEach((pair, i) => inside.get(of(pair[0])).push([...pair, i]));
    const at = new Map(), lines = [], alone = [];
    let width = 0, height = MARGIN;
    for (const [key, members] of [...parts].sort((a, b) => b[1].length - a[1].length)) {
      if (members.length === 1) { alone.push(members[0]); continue; }
      const own = laidOut(members, inside.get(key), height);
      for (const [id, box] of own.at) at.set(id, box);
      own.lines.forEach((line, i) => { lines[inside.get(key)[i][2]] = line; });
      width = Math.max(width, own.width);
      height += own.height + 2 * GAP;
    }
    const across = Math.max(1, Math.round((width || 4 * (WIDE + BETWEEN)) / (WIDE + BETWEEN)));
    alone.forEach((id, i) => at.set(id, { x: MARGIN + (i % across) * (WIDE + BETWEEN), y: height + Math.floor(i / across) * (HIGH + GAP), high: HIGH }));
    if (alone.length) { height += Math.ceil(alone.length / across) * (HIGH + GAP) + GAP; width = Math.max(width, Math.min(across, alone.length) * (WIDE + BETWEEN) - BETWEEN); }
    return { at, lines, width: width + 2 * MARGIN, height: height - 2 * GAP + MARGIN };
  };
  const laidOut = (ids, pairs, top) => {
    const ups = new Map(ids.map((id) => [id, []])), downs = new Map(ids.map((id) => [id, []]));
    for (const [a, b] of pairs) { ups.get(b).push(a); downs.get(a).push(b); }
    const layer = layersOf(ids, ups);
    for (const id of [...ids].reverse()) {  // what starts the lineage stands beside its first reader
      if (!ups.get(id).length && downs.get(id).length) layer.set(id, Math.max(0, Math.min(...downs.get(id).map((d) => layer.get(d))) - 1));
    }
    const columns = [];
    for (const id of ids) (columns[layer.get(id)] ||= []).push(id);
    const passed = pairs.reduce((sum, [a, b]) => sum + Math.max(0, layer.get(b) - layer.get(a) - 1), 0);
    const near = new Map(ids.map((id) => [id, { up: [], down: [] }]));
    const join = (a, b) => { near.get(a).down.push(b); near.get(b).up.push(a); };
    const ways = pairs.map(([a, b], number) => {
      const way = [a];
      if (passed <= MOST_BENDS) {
        for (let l = layer.get(a) + 1; l < layer.get(b); l++) {
          const bend = `~${number}~${l}`;
          layer.set(bend, l);
          near.set(bend, { up: [], down: [] });
          (columns[l] ||= []).push(bend);
          way.push(bend);
        }
      }
      way.push(b);
      for (let i = 1; i < way.length; i++) join(way[i - 1], way[i]);
      return way;
    });
    const isBend = (id) => typeof id === "string" && id[0] === "~";
    const high = (id) => isBend(id) ? 2 : HIGH;
    const gap = (id) => isBend(id) ? 4 : GAP;
    const rank = new Map();
    for (const column of columns) (column || []).forEach((id, i) => rank.set(id, (i + .5) / column.length));
    for (let sweep = 0; sweep < 12; sweep++) {
      const side = sweep % 2 === 0 ? "up" : "down";
      for (const column of side === "up" ? columns : [...columns].reverse()) {
        if (!column) continue;
        const middle = new Map(column.map((id) => {
          const others = near.get(id)[side];
          return [id, others.length ? others.reduce((sum, n) => sum + rank.get(n), 0) / others.length : rank.get(id)];
        }));
        column.sort((a, b) => middle.get(a) - middle.get(b) || rank.get(a) - rank.get(b));
        column.forEach((id, i) => rank.set(id, (i + .5) / column.length));
      }
    }
    const y = new Map();
    for (const column of columns) {
      let at = 0;
      for (const id of column || []) { y.set(id, at); at += high(id) + gap(id); }
      for (const id of column || []) y.set(id, y.get(id) - at / 2);
    }
    for (let turn = 0; turn < 20; turn++) {
      for (const column of turn % 2 ? [...columns].reverse() : columns) spread(column || [], near, y, high, gap);
    }
    const lowest = Math.min(...y.values()), tallest = Math.max(...[...y].map(([id, v]) => v + high(id)));
    const at = new Map([...y].map(([id, v]) => [id, { x: MARGIN + layer.get(id) * (WIDE + BETWEEN), y: top + v - lowest, high: high(id) }]));
    const lines = ways.map((way) => smooth(way.flatMap((id, i) => {
      const { x, y: top, high: tall } = at.get(id), mid = top + tall / 2;
      return [...(i > 0 ? [[x, mid]] : []), ...(i < way.length - 1 ? [[x + WIDE, mid]] : [])];
    })));
    return { at, lines, width: columns.length * (WIDE + BETWEEN) - BETWEEN, height: tallest - lowest };
  };
  const spread = (column, near, y, high, gap) => {
    const wanted = column.map((id) => {
      const others = [...near.get(id).up, ...near.get(id).down];
      return others.length ? others.reduce((sum, n) => sum + y.get(n) + high(n) / 2, 0) / others.length - high(id) / 2 : y.get(id);
    });
    const down = [], up = [];
    let at = -Infinity;
    column.forEach((id, i) => { at = Math.max(at, wanted[i]); down[i] = at; at += high(id) + gap(id); });
    at = Infinity;
    for (let i = column.length - 1; i >= 0; i--) { const room = high(column[i]) + gap(column[i]); at = Math.min(at, wanted[i] + room); up[i] = at - room; at = up[i]; }
    column.forEach((id, i) => y.set(id, (down[i] + up[i]) / 2));
  };
  const smooth = ([[x, y], ...others]) => {
    let path = `M${x} ${y}`;
    for (const [tx, ty] of others) {
      if (tx <= x) path += `C${x + 60} ${y + 40} ${tx - 60} ${ty + 40} ${tx} ${ty}`;
      else if (Math.abs(ty - y) < .5) path += `H${tx}`;
      else { const bend = Math.min((tx - x) / 2, BETWEEN); path += `C${x + bend} ${y} ${tx - bend} ${ty} ${tx} ${ty}`; }
      [x, y] = [tx, ty];
    }
    return path;
  };

  // --- the drawing
  const shape = (name, attributes, ...content) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...content);
    return element;
  };
  const colour = (database) => database === "files" ? "db-files" : lakeworks.databaseClass(`${database}.`);
  const short = (text, most = 27) => text.length <= most ? text : `${text.slice(0, most / 2)}…${text.slice(1 - most / 2)}`;
  const drawnBox = (id, { x, y }, state) => {
    const group = typeof id === "string";
    const node = group ? null : nodes[id];
    const database = group ? id.slice(1) : databaseOf(node);
    const [, ...rest] = group || node.kind === "files" ? [] : node.name.split(".");
    const first = group ? database : node.kind === "files" ? node.name : rest.join(".");
    const count = group ? members.get(database).length : 0;
    const second = group ? `${count} ${database === "files" ? "set" : "table"}${count === 1 ? "" : "s"}${database === "files" ? " of files" : ""}, folded` : database;
    const chosen = node && node.name === state.focus;
    const classes = `node ${colour(database)}${chosen ? " chosen" : ""}${group ? " group" : ""}`;
    const told = group ? `${database}: open` : `${node.name} (${node.kind})${node.owner ? `\nowner: ${node.owner}` : ""}`;
    const element = shape(group || node.page ? "a" : "g", { class: classes },
      shape("title", {}, told),
      shape("rect", { class: "box", x, y, width: WIDE, height: HIGH, rx: 8 }),
      shape("rect", { class: "mark", x, y: y + 8, width: 4, height: HIGH - 16, rx: 2 }),
      shape("text", { class: "name", x: x + 14, y: y + 19 }, short(first)),
      shape("text", { class: "sub", x: x + 14, y: y + 34 }, second));
    if (group) {
      element.setAttribute("href", "#");
      element.addEventListener("click", (event) => { event.preventDefault(); write({ ...state, open: new Set([...state.open, database]) }); });
    } else if (node.page) element.setAttribute("href", node.page);
    if (node && !chosen) {
      const focus = shape("a", { href: `#${new URLSearchParams({ focus: node.name })}`, class: "pick", "aria-label": `Show only what is around ${node.name}` },
        shape("title", {}, "Show only what is around it"),
        shape("circle", { cx: x + WIDE - 15, cy: y + HIGH / 2, r: 9 }),
        shape("circle", { cx: x + WIDE - 15, cy: y + HIGH / 2, r: 3.2, class: "eye" }));
      return shape("g", { "data-id": id, class: "plain" }, element, focus);
    }
    return shape("g", { "data-id": id, class: "plain" }, element);
  };
  const drawn = (state, box) => {
    const shown = new Map();
    nodes.forEach((_, i) => { const b = box(i); if (b !== null) shown.set(b, true); });
    const ids = [...shown.keys()].sort((a, b) => {
      const key = (id) => typeof id === "string" ? [order.indexOf(id.slice(1)), ""] : [order.indexOf(databaseOf(nodes[id])), nodes[id].name];
      const [da, na] = key(a), [db, nb] = key(b);
      return da - db || (na < nb ? -1 : na > nb ? 1 : 0);
    });
    const pairs = new Map();
    for (const [a, b] of edges) {
      const from = box(a), to = box(b);
      if (from === null || to === null || from === to) continue;
      const key = `${from}\n${to}`;
      pairs.set(key, { from, to, many: (pairs.get(key)?.many || 0) + 1 });
    }
    const { at, lines, width, height } = arranged(ids, [...pairs.values()].map((p) => [p.from, p.to]));
    const svg = shape("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "Lineage of the lake" });
    for (const [i, { from, to, many }] of [...pairs.values()].entries()) {
      const edge = shape("path", { class: "edge", d: lines[i], "data-a": from, "data-b": to });
      if (many > 1) edge.style.strokeWidth = Math.min(1.4 + Math.log2(many) * .7, 6);
      svg.append(edge);
    }
    for (const id of ids) svg.append(drawnBox(id, at.get(id), state));
    const light = (target) => {
      const held = target && target.closest("[data-id]");
      svg.classList.toggle("picked", Boolean(held));
      for (const one of svg.querySelectorAll(".lit")) one.classList.remove("lit");
      if (!held) return;
      const lit = new Set([held.dataset.id]);
      for (const edge of svg.querySelectorAll(".edge")) {
        if (edge.dataset.a === held.dataset.id || edge.dataset.b === held.dataset.id) { edge.classList.add("lit"); lit.add(edge.dataset.a).add(edge.dataset.b); }
      }
      for (const one of svg.querySelectorAll("[data-id]")) if (lit.has(one.dataset.id)) one.classList.add("lit");
    };
    svg.addEventListener("pointerover", (event) => light(event.target));
    svg.addEventListener("pointerleave", () => light(null));
    svg.addEventListener("focusin", (event) => light(event.target));
    svg.addEventListener("focusout", () => light(null));
    return svg;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const canvas = document.getElementById("graph"), told = document.getElementById("graph-told");
    const input = document.getElementById("graph-search"), steps = document.getElementById("graph-depth");
    const folds = document.getElementById("graph-folds");
    if (!nodes.length) return;
    document.getElementById("graph-tools").hidden = false;
    document.getElementById("graph-names").append(...nodes.slice(0, 3000).map((node) => lakeworks.make("option", { value: node.name })));
    const view = lakeworks.pannable(canvas);
    const show = () => {
      const state = read();
      const { box, told: text } = boxesOf(state);
      canvas.replaceChildren(drawn(state, box));
      told.textContent = text;
      input.value = state.focus;
      steps.value = String(state.depth);
      steps.disabled = !state.focus;
      folds.replaceChildren(...order.map((d) => {
        const open = !state.focus && state.open.has(d);
        const button = lakeworks.make("button", { type: "button", "aria-pressed": String(open), title: open ? `Fold ${d}` : `Open ${d}` },
          lakeworks.make("span", { class: `dot ${colour(d)}` }), `${d} ${members.get(d).length}`);
        button.addEventListener("click", () => {
          const next = new Set(state.focus ? order : state.open);
          if (open || (state.focus && nodes.length <= MOST)) next.delete(d); else next.add(d);
          write({ ...state, focus: "", open: next });
        });
        return button;
      }));
      view.fit(.72);
      view.centre();
    };
    const choose = () => {
      const asked = input.value.trim().toLowerCase();
      const exact = nodes.find((node) => node.name.toLowerCase() === asked);
      const one = exact || nodes.find((node) => asked && node.name.toLowerCase().includes(asked));
      if (one) write({ ...read(), focus: one.name });
      else if (!asked && read().focus) location.hash = "";
      else if (asked) told.textContent = `No table is named like “${asked}”.`;
    };
    input.addEventListener("change", choose);
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(); });
    steps.addEventListener("change", () => write({ ...read(), depth: Number(steps.value) }));
    document.getElementById("graph-all").addEventListener("click", () => { location.hash = ""; });
    addEventListener("hashchange", show);
    show();
  });
};
