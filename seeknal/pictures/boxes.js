// Boxes and edges of the graph: where they stand, and how they are drawn. What is not in sight is not drawn.
// A scene has `boxes` (by node), `shown` (nodes in order), `only` (only what is lit), `view` (x, y, scale) and `size`.
const BOX = { width: 200, height: 44, across: 290, down: 58, line: 19, gap: 16 };
const FONTS = { name: "600 12.5px system-ui, sans-serif", small: "11px system-ui, sans-serif", column: "11.5px ui-monospace, monospace" };

// -- where boxes stand -------------------------------------------------------------------------------------------------
function placeBoxes(scene, state) {
  scene.boxes = [];
  scene.shown = nodes.map((_, i) => i);
  if (scene.only) return packBoxes(scene, state);
  for (const i of scene.shown) {
    const [layer, row] = nodes[i].at;
    scene.boxes[i] = { x: layer * BOX.across, y: row * BOX.down, height: BOX.height, lines: [] };
  }
}

// Only what is lit, layer by layer; a box has a line for each of its columns that are lit.
function packBoxes(scene, state) {
  scene.shown = scene.shown.filter((i) => state.lit.has(i));
  const layers = [...new Set(scene.shown.map((i) => nodes[i].at[0]))].sort((a, b) => a - b);
  layers.forEach((layer, n) => {
    const column = scene.shown.filter((i) => nodes[i].at[0] === layer).sort((a, b) => nodes[a].at[1] - nodes[b].at[1]);
    const lines = column.map((i) => state.lines.get(i) || []);
    let y = -lines.reduce((sum, some) => sum + BOX.height + some.length * BOX.line + BOX.gap, -BOX.gap) / 2;
    column.forEach((i, at) => {
      const height = BOX.height + lines[at].length * BOX.line;
      scene.boxes[i] = { x: n * (BOX.across - 30), y, height, lines: lines[at] };
      y += height + BOX.gap;
    });
  });
}

function boundsOf({ shown, boxes }) {
  const some = shown.map((i) => boxes[i]);
  return [Math.min(...some.map((b) => b.x)), Math.min(...some.map((b) => b.y)),
    Math.max(...some.map((b) => b.x + BOX.width)), Math.max(...some.map((b) => b.y + b.height))];
}

function inSight({ view, size }, left, top, right, bottom) {
  return right > -view.x / view.scale && left < (size[0] - view.x) / view.scale && bottom > -view.y / view.scale && top < (size[1] - view.y) / view.scale;
}

// -- drawing -----------------------------------------------------------------------------------------------------------
function drawGraph(pen, scene, state, focused) {
  const { view, boxes } = scene;
  const ink = Object.fromEntries(["sheet", "ink", "soft", "accent", "bad", "warn"].map((name) => [name, colour(name)]));
  pen.translate(view.x, view.y);
  pen.scale(view.scale, view.scale);
  drawEdges(pen, scene, state, ink);
  for (const i of scene.shown) {
    const box = boxes[i];
    if (inSight(scene, box.x, box.y, box.x + BOX.width, box.y + box.height)) drawBox(pen, scene, state, ink, i, focused);
  }
}

function drawEdges(pen, scene, state, ink) {
  const any = state.lit.size > 0, columns = scene.only && state.column >= 0;
  const plain = new Path2D(), lit = new Path2D(), perhaps = new Path2D();
  for (const to of scene.shown) for (const from of nodes[to].in) {
    if (!scene.boxes[from]) continue;
    const pair = from * nodes.length + to;
    const bright = any && state.lit.has(from) && state.lit.has(to) && (!state.pairs || state.pairs.has(pair));
    if (columns && bright) continue; // its columns have edges of their own
    const path = !bright ? plain : state.pairs && !state.pairs.get(pair) ? perhaps : lit;
    curve(path, scene, [scene.boxes[from].x, scene.boxes[from].y + BOX.height / 2], [scene.boxes[to].x, scene.boxes[to].y + BOX.height / 2]);
  }
  stroke(pen, plain, { style: ink.soft, width: Math.max(1, 0.6 / scene.view.scale), alpha: any ? 0.13 : 0.45 });
  const wide = Math.max(1.8, 1.2 / scene.view.scale);
  stroke(pen, lit, { style: ink.accent, width: wide });
  stroke(pen, perhaps, { style: ink.accent, width: wide, dash: [6, 4] });
  if (columns) drawColumnEdges(pen, scene, state, ink, wide);
}

// From the right side of one box to the left side of another.
function curve(path, scene, [left, y1], [x2, y2]) {
  const x1 = left + BOX.width, bend = Math.max(40, (x2 - x1) * 0.45);
  if (!inSight(scene, Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2))) return;
  path.moveTo(x1, y1);
  path.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
}

function stroke(pen, path, { style, width, alpha = 1, dash = [] }) {
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.globalAlpha = alpha;
  pen.setLineDash(dash);
  pen.stroke(path);
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

function drawColumnEdges(pen, scene, state, ink, width) {
  const sure = new Path2D(), perhaps = new Path2D(), ends = new Path2D();
  const line = (at) => {
    const box = scene.boxes[nodeOf(at)], n = box ? box.lines.indexOf(columnOf(at)) : -1;
    return n >= 0 ? [box.x, box.y + BOX.height + (n + 0.5) * BOX.line - 4] : null;
  };
  for (const [from, to, exact] of state.way.links) {
    const a = line(from), b = line(to);
    if (a && b) curve(exact ? sure : perhaps, scene, a, b);
  }
  for (const i of state.ends.keys()) for (const at of readBy(nodes[i])) {
    const a = state.way.all.has(at) && line(at), box = scene.boxes[i];
    if (a && box) curve(ends, scene, a, [box.x, box.y + BOX.height / 2]);
  }
  stroke(pen, sure, { style: ink.accent, width });
  stroke(pen, perhaps, { style: ink.accent, width, alpha: 0.55, dash: [5, 4] });
  stroke(pen, ends, { style: ink.accent, width, alpha: 0.55, dash: [1.5, 3] });
}

function drawBox(pen, scene, state, ink, i, focused) {
  const box = scene.boxes[i], node = nodes[i], chosen = i === state.node, shade = toneNow(node.kind), { scale } = scene.view;
  pen.globalAlpha = !state.lit.size || state.lit.has(i) ? 1 : 0.22;
  if (scale < 0.16) {
    pen.fillStyle = chosen ? ink.accent : shade;
    pen.fillRect(box.x, box.y, BOX.width, box.height);
  } else {
    drawFrame(pen, box, ink, chosen ? ink.accent : node.bad ? ink[node.bad] : shade, shade, chosen);
    if (i === state.cursor && focused) drawCursor(pen, box, ink);
    if (scale >= 0.3) drawWords(pen, scene, state, ink, i);
  }
  pen.globalAlpha = 1;
}

function drawFrame(pen, box, ink, border, shade, chosen) {
  pen.beginPath();
  pen.roundRect(box.x, box.y, BOX.width, box.height, 7);
  pen.fillStyle = ink.sheet;
  pen.fill();
  pen.lineWidth = chosen ? 2.5 : 1;
  pen.strokeStyle = border;
  pen.stroke();
  pen.fillStyle = shade;
  pen.beginPath();
  pen.roundRect(box.x, box.y, 6, box.height, [7, 0, 0, 7]);
  pen.fill();
}

function drawCursor(pen, box, ink) {
  pen.setLineDash([4, 3]);
  pen.strokeStyle = ink.accent;
  pen.lineWidth = 2;
  pen.strokeRect(box.x - 4, box.y - 4, BOX.width + 8, box.height + 8);
  pen.setLineDash([]);
}

function drawWords(pen, scene, state, ink, i) {
  const node = nodes[i], box = scene.boxes[i], lit = scene.only ? [] : state.lines.get(i) || [];
  write(pen, node.name, box, 18, ink.ink, FONTS.name);
  if (lit.length) write(pen, lit.map((c) => node.columns[c][0]).join(", "), box, 34, ink.accent, FONTS.small);
  else write(pen, below(node), box, 34, node.bad ? ink[node.bad] : ink.soft, FONTS.small);
  box.lines.forEach((column, n) => {
    const own = i === state.node && column === state.column;
    write(pen, node.columns[column][0], box, BOX.height + (n + 0.5) * BOX.line, own ? ink.accent : ink.ink, `${own ? "700 " : ""}${FONTS.column}`);
  });
}

function below(node) {
  const known = node.count !== null && node.count !== undefined;
  return `${data.kinds[node.kind]} · ${node.findings || node.failed ? verdict(node) : known ? plural(node.count, "row") : "never built"}`;
}

function write(pen, text, box, down, style, font) {
  pen.font = font;
  pen.fillStyle = style;
  pen.fillText(cut(pen, text), box.x + 14, box.y + down);
}

// A text cut to the width of a box; measured once.
const cuts = new Map();
function cut(pen, text) {
  const id = `${pen.font} ${text}`, width = BOX.width - 24;
  if (!cuts.has(id)) {
    const full = pen.measureText(text).width;
    let end = full > width ? Math.min(Math.ceil((text.length * width) / full) + 1, text.length) : text.length;
    while (full > width && end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
    cuts.set(id, end < text.length ? `${text.slice(0, end)}…` : text);
  }
  return cuts.get(id);
}
