// The graph on a canvas: what is not in sight is not drawn, so that a thousand nodes move smoothly.
const BOX = { width: 200, height: 44, across: 290, down: 58, line: 19 };

function graphView(state, act) {
  const canvas = make("canvas", { tabindex: 0, role: "application", "aria-roledescription": "graph", "aria-label":
    "Lineage graph. Arrow keys walk along edges, Enter selects, Escape clears, slash searches. The list view has the same nodes." });
  const stage = make("div", { class: "stage" }, canvas, legend(), keys());
  const view = { x: 0, y: 0, scale: 1, moved: false };
  let boxes = [], shown = [], only = false, size = [0, 0];
  const repaint = painted(canvas, draw);

  function keys() {
    const key = (text, label, work) => make("button", { type: "button", "aria-label": label, title: label, onclick: work }, text);
    const way = key("Only the way", "Show only what is lit (f)", () => toggleOnly());
    way.setAttribute("aria-pressed", "false");
    return make("div", { class: "keys" }, key("+", "Larger (+)", () => zoom(1.35)), key("−", "Smaller (-)", () => zoom(1 / 1.35)),
      key("All", "Fit all (0)", () => fit()), way);
  }
  function legend() {
    return make("div", { class: "legend", "aria-hidden": "true" }, data.kinds.map((kind, i) => make("span", { class: "kind", tone: tone(i) }, kind)));
  }

  // -- where boxes stand ------------------------------------------------------------------------------------------------
  function place() {
    boxes = [];
    shown = nodes.map((_, i) => i);
    if (!only) for (const i of shown) {
      const [layer, row] = nodes[i].at;
      boxes[i] = { x: layer * BOX.across, y: row * BOX.down, height: BOX.height, lines: [] };
    } else pack();
  }

  // Only what is lit, layer by layer; a box has a line for each of its columns that are lit.
  function pack() {
    const layers = new Map();
    shown = shown.filter((i) => state.lit.has(i));
    for (const i of shown) { const at = nodes[i].at[0]; if (!layers.has(at)) layers.set(at, []); layers.get(at).push(i); }
    [...layers.keys()].sort((a, b) => a - b).forEach((layer, x) => {
      const row = layers.get(layer).sort((a, b) => nodes[a].at[1] - nodes[b].at[1]);
      const lines = row.map((i) => state.lines.get(i) || []);
      const tall = lines.reduce((sum, some) => sum + BOX.height + some.length * BOX.line + 16, -16);
      let y = -tall / 2;
      row.forEach((i, n) => {
        const height = BOX.height + lines[n].length * BOX.line;
        boxes[i] = { x: x * (BOX.across - 30), y, height, lines: lines[n] };
        y += height + 16;
      });
    });
  }

  function bounds() {
    const some = shown.map((i) => boxes[i]);
    return [Math.min(...some.map((b) => b.x)), Math.min(...some.map((b) => b.y)),
      Math.max(...some.map((b) => b.x + BOX.width)), Math.max(...some.map((b) => b.y + b.height))];
  }
  // `readable`: around what is chosen, where all would be too small to be read.
  function fit(readable = false) {
    if (!shown.length || !size[0]) return;
    const [left, top, right, bottom] = bounds();
    const scale = Math.min((size[0] - 60) / (right - left), (size[1] - 110) / (bottom - top), 1.15);
    const own = readable && scale < 0.5 ? boxes[state.node] : null;
    if (own) return Object.assign(view, { scale: 0.66, x: size[0] / 2 - (own.x + BOX.width / 2) * 0.66, y: size[1] / 2 - (own.y + own.height / 2) * 0.66, moved: true }), repaint();
    Object.assign(view, { scale, x: (size[0] - (left + right) * scale) / 2, y: (size[1] - (top + bottom) * scale) / 2 - 4, moved: false });
    repaint();
  }
  function zoom(factor, x = size[0] / 2, y = size[1] / 2) {
    const scale = Math.min(Math.max(view.scale * factor, 0.01), 3), real = scale / view.scale;
    Object.assign(view, { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real, moved: true });
    repaint();
  }
  // Bring a node into sight, large enough to be read.
  function centre(i) {
    if (only) return repaint();
    const now = canvas.getBoundingClientRect();
    if (!boxes[i] || !size[0] || !now.width) return;
    size = [now.width, now.height];
    view.moved = true;
    if (view.scale < 0.55) zoom(0.9 / view.scale);
    const box = boxes[i], x = box.x * view.scale + view.x, y = box.y * view.scale + view.y;
    const inside = x > 20 && y > 50 && x + BOX.width * view.scale < size[0] - 20 && y + box.height * view.scale < size[1] - 60;
    if (!inside) Object.assign(view, { x: size[0] / 2 - (box.x + BOX.width / 2) * view.scale, y: size[1] / 2 - (box.y + box.height / 2) * view.scale, moved: true });
    repaint();
  }

  // -- drawing ----------------------------------------------------------------------------------------------------------
  let ink = {};
  const widths = new Map();
  const inSight = (left, top, right, bottom) => right > -view.x / view.scale && left < (size[0] - view.x) / view.scale
    && bottom > -view.y / view.scale && top < (size[1] - view.y) / view.scale;
  function cut(pen, text, width) {
    const id = `${pen.font} ${width} ${text}`;
    if (!widths.has(id)) {
      const full = pen.measureText(text).width;
      let end = full > width ? Math.min(Math.ceil((text.length * width) / full) + 1, text.length) : text.length;
      while (full > width && end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
      widths.set(id, end < text.length ? `${text.slice(0, end)}…` : text);
    }
    return widths.get(id);
  }

  function draw(pen, width, height) {
    const first = !size[0];
    size = [width, height];
    if (first || !view.moved) { view.moved = true; fit(); if (first && state.node >= 0) centre(state.node); }
    ink = Object.fromEntries(["sheet", "ink", "soft", "line", "accent", "paper", "bad", "warn"].map((name) => [name, colour(name)]));
    pen.translate(view.x, view.y);
    pen.scale(view.scale, view.scale);
    edges(pen);
    for (const i of shown) {
      const box = boxes[i];
      if (inSight(box.x, box.y, box.x + BOX.width, box.y + box.height)) drawBox(pen, i, box);
    }
  }

  function edges(pen) {
    const any = state.lit.size > 0, columns = only && state.column >= 0;
    const plain = new Path2D(), lit = new Path2D(), perhaps = new Path2D();
    for (const to of shown) for (const from of nodes[to].in) {
      if (!boxes[from]) continue;
      const pair = from * nodes.length + to;
      const bright = any && state.lit.has(from) && state.lit.has(to) && (!state.pairs || state.pairs.has(pair));
      if (columns && bright) continue;
      curve(bright ? (state.pairs && !state.pairs.get(pair) ? perhaps : lit) : plain, boxes[from].x + BOX.width, boxes[from].y + BOX.height / 2, boxes[to].x, boxes[to].y + BOX.height / 2);
    }
    pen.lineWidth = Math.max(1, 0.6 / view.scale);
    pen.strokeStyle = ink.soft;
    pen.globalAlpha = any ? 0.13 : 0.45;
    pen.stroke(plain);
    pen.globalAlpha = 1;
    pen.strokeStyle = ink.accent;
    pen.lineWidth = Math.max(1.8, 1.2 / view.scale);
    pen.stroke(lit);
    pen.setLineDash([6, 4]);
    pen.stroke(perhaps);
    pen.setLineDash([]);
    if (columns) columnEdges(pen);
  }
  function curve(path, x1, y1, x2, y2) {
    if (!inSight(Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2))) return;
    const bend = Math.max(40, (x2 - x1) * 0.45);
    path.moveTo(x1, y1);
    path.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
  }
  function columnEdges(pen) {
    const sure = new Path2D(), perhaps = new Path2D(), line = (at) => {
      const box = boxes[nodeOf(at)], n = box ? box.lines.indexOf(columnOf(at)) : -1;
      return box && n >= 0 ? [box.x, box.y + BOX.height + (n + 0.5) * BOX.line - 4] : null;
    };
    for (const [from, to, exact] of wayOf(key(state.node, state.column)).links) {
      const a = line(from), b = line(to);
      if (a && b) curve(exact ? sure : perhaps, a[0] + BOX.width, a[1], b[0], b[1]);
    }
    const ends = new Path2D();
    for (const i of state.ends.keys()) for (const [input, columns] of nodes[i].reads || []) for (const column of columns) {
      const a = state.way.all.has(key(input, column)) ? line(key(input, column)) : null;
      if (a && boxes[i]) curve(ends, a[0] + BOX.width, a[1], boxes[i].x, boxes[i].y + BOX.height / 2);
    }
    pen.stroke(sure);
    pen.globalAlpha = 0.55;
    pen.setLineDash([5, 4]);
    pen.stroke(perhaps);
    pen.setLineDash([1.5, 3]);
    pen.stroke(ends);
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  function drawBox(pen, i, box) {
    const node = nodes[i], bright = !state.lit.size || state.lit.has(i), chosen = i === state.node;
    const hueNow = toneNow(node.kind);
    pen.globalAlpha = bright ? 1 : 0.22;
    if (view.scale < 0.16) {
      pen.fillStyle = chosen ? ink.accent : hueNow;
      pen.fillRect(box.x, box.y, BOX.width, box.height);
      pen.globalAlpha = 1;
      return;
    }
    pen.beginPath();
    pen.roundRect(box.x, box.y, BOX.width, box.height, 7);
    pen.fillStyle = ink.sheet;
    pen.fill();
    pen.lineWidth = chosen ? 2.5 : 1;
    pen.strokeStyle = chosen ? ink.accent : node.bad ? ink[node.bad] : hueNow;
    pen.stroke();
    pen.fillStyle = hueNow;
    pen.beginPath();
    pen.roundRect(box.x, box.y, 6, box.height, [7, 0, 0, 7]);
    pen.fill();
    if (i === state.cursor && document.activeElement === canvas) {
      pen.setLineDash([4, 3]);
      pen.strokeStyle = ink.accent;
      pen.lineWidth = 2;
      pen.strokeRect(box.x - 4, box.y - 4, BOX.width + 8, box.height + 8);
      pen.setLineDash([]);
    }
    if (view.scale >= 0.3) words(pen, node, box, i);
    pen.globalAlpha = 1;
  }
  function words(pen, node, box, i) {
    pen.fillStyle = ink.ink;
    pen.font = "600 12.5px system-ui, sans-serif";
    pen.fillText(cut(pen, node.name, BOX.width - 24), box.x + 14, box.y + 18);
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = node.bad ? ink[node.bad] : ink.soft;
    const lines = state.lines.get(i), told = only || !lines || !lines.length ? null : lines.map((c) => node.columns[c][0]).join(", ");
    if (told) pen.fillStyle = ink.accent;
    pen.fillText(cut(pen, told || below(node), BOX.width - 24), box.x + 14, box.y + 34);
    pen.font = "11.5px ui-monospace, monospace";
    box.lines.forEach((column, n) => {
      const own = i === state.node && column === state.column;
      pen.fillStyle = own ? ink.accent : ink.ink;
      pen.font = `${own ? "700 " : ""}11.5px ui-monospace, monospace`;
      pen.fillText(cut(pen, node.columns[column][0], BOX.width - 24), box.x + 14, box.y + BOX.height + (n + 0.5) * BOX.line);
    });
  }
  function below(node) {
    const told = node.findings ? verdict(node) : node.count === null || node.count === undefined ? "never built" : plural(node.count, "row");
    return `${data.kinds[node.kind]} · ${told}`;
  }

  // -- pointer ----------------------------------------------------------------------------------------------------------
  const pointers = new Map();
  let gap = 0, far = 0;
  const spot = (event) => { const at = canvas.getBoundingClientRect(); return [event.clientX - at.left, event.clientY - at.top]; };
  function hit(event) {
    const [px, py] = spot(event), x = (px - view.x) / view.scale, y = (py - view.y) / view.scale;
    const i = shown.find((n) => x >= boxes[n].x && x <= boxes[n].x + BOX.width && y >= boxes[n].y && y <= boxes[n].y + boxes[n].height);
    if (i === undefined) return null;
    const line = Math.floor((y - boxes[i].y - BOX.height + 4) / BOX.line);
    return { node: i, column: line >= 0 && line < boxes[i].lines.length ? boxes[i].lines[line] : -1 };
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, spot(event));
    [gap, far] = [0, 0];
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) { canvas.style.cursor = hit(event) ? "pointer" : "grab"; return; }
    const now = spot(event);
    pointers.set(event.pointerId, now);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (gap) zoom(apart / gap, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      [gap, far] = [apart, 99];
    }
    far += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
    if (far > 5) { view.x += (now[0] - before[0]) / (pointers.size || 1); view.y += (now[1] - before[1]) / (pointers.size || 1); view.moved = true; repaint(); }
  });
  const lift = (event) => {
    const known = pointers.delete(event.pointerId);
    if (event.type !== "pointerup" || !known || far > 5) return;
    const found = hit(event);
    if (found) act.select(found.node, found.column);
    else act.clear();
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey) { view.x -= event.deltaY || event.deltaX; view.moved = true; repaint(); } else zoom(Math.exp(-event.deltaY * 0.0015), ...spot(event));
  }, { passive: false });

  // -- keys -------------------------------------------------------------------------------------------------------------
  const nearest = (from, some) => some.filter((i) => boxes[i]).sort((a, b) => Math.abs(boxes[a].y - boxes[from].y) - Math.abs(boxes[b].y - boxes[from].y))[0];
  function beside(from, step) {
    const column = shown.filter((i) => boxes[i].x === boxes[from].x).sort((a, b) => boxes[a].y - boxes[b].y);
    return column[column.indexOf(from) + step];
  }
  canvas.addEventListener("keydown", (event) => {
    const at = boxes[state.cursor] ? state.cursor : boxes[state.node] ? state.node : -1;
    const moves = { ArrowLeft: () => nearest(at, nodes[at].in), ArrowRight: () => nearest(at, consumers[at]), ArrowUp: () => beside(at, -1), ArrowDown: () => beside(at, 1) };
    const others = { "+": () => zoom(1.35), "=": () => zoom(1.35), "-": () => zoom(1 / 1.35), 0: () => fit(), f: toggleOnly, Enter: () => at >= 0 && act.select(at, -1) };
    if (event.ctrlKey || event.metaKey || event.altKey || !(moves[event.key] || others[event.key])) return;
    event.preventDefault();
    if (others[event.key]) return others[event.key]();
    const next = at < 0 ? shown[0] : moves[event.key]();
    if (next === undefined) return say("no further node that way");
    act.move(next);
    centre(next);
  });
  canvas.addEventListener("focus", repaint);
  canvas.addEventListener("blur", repaint);

  function toggleOnly(wanted = !only) {
    only = wanted && state.lit.size > 0;
    stage.querySelector("[aria-pressed]").setAttribute("aria-pressed", String(only));
    place();
    const now = canvas.getBoundingClientRect();
    if (now.width) size = [now.width, now.height];
    fit(only);
  }
  place();
  return {
    element: stage, canvas, repaint, centre, fit,
    changed() { if (only) toggleOnly(true); else repaint(); },
    where(i) { const box = boxes[i], at = canvas.getBoundingClientRect(); return box && [at.left + view.x + (box.x + BOX.width / 2) * view.scale, at.top + view.y + (box.y + 20) * view.scale]; },
  };
}
