// The graph on a canvas: moving and enlarging it, by pointer, wheel, touch and keys. Drawing is `boxes.js`.
const LARGEST = 3, SMALLEST = 0.01, READABLE = 0.55;

function graphView(state, act) {
  const canvas = make("canvas", { tabindex: 0, role: "application", "aria-roledescription": "graph", "aria-label":
    "Lineage graph. Arrow keys walk along edges, Enter selects, Escape clears, slash searches. The list view has the same nodes." });
  const scene = { boxes: [], shown: [], only: false, view: { x: 0, y: 0, scale: 1, moved: false }, size: [0, 0] };
  const repaint = painted(canvas, draw);
  const only = barButton("Only the way", "Show only what is lit (f)", () => showOnly(!scene.only));
  only.setAttribute("aria-pressed", "false");
  const bar = make("div", { class: "keys" }, barButton("+", "Larger (+)", () => zoom(1.35)), barButton("−", "Smaller (-)", () => zoom(1 / 1.35)), barButton("All", "Fit all (0)", () => fit()), only);
  const legend = make("div", { class: "legend", "aria-hidden": "true" }, data.kinds.map((kind, i) => make("span", { class: "kind", tone: tone(i) }, kind)));
  const stage = make("div", { class: "stage" }, canvas, legend, bar, nodes.length ? "" : make("p", { class: "note nothing" }, "The project has no nodes yet: seeknal init makes one to begin with."));

  function draw(pen, width, height) {
    const first = !scene.size[0];
    scene.size = [width, height];
    if (first || !scene.view.moved) { fit(); if (first && state.node >= 0) centre(state.node); }
    drawGraph(pen, scene, state, document.activeElement === canvas);
  }

  // -- the view ---------------------------------------------------------------------------------------------------------
  function measured() {
    const now = canvas.getBoundingClientRect();
    if (now.width) scene.size = [now.width, now.height];
    return Boolean(now.width && scene.size[0]);
  }
  function look(scale, x, y, moved = true) {
    const { size, view } = scene;
    Object.assign(view, { scale, x: size[0] / 2 - x * scale, y: size[1] / 2 - y * scale, moved });
    repaint();
  }
  function whole() {
    const [left, top, right, bottom] = boundsOf(scene);
    return [Math.min((scene.size[0] - 60) / (right - left), (scene.size[1] - 110) / (bottom - top), 1.15), (left + right) / 2, (top + bottom) / 2 + 4];
  }
  const middle = (box) => [box.x + BOX.width / 2, box.y + box.height / 2];
  // A place to look at, moved so that no side shows nothing where there is something on the other side.
  function near(place, scale) {
    const [left, top, right, bottom] = boundsOf(scene), sides = [[left, right], [top, bottom]];
    return place.map((at, n) => {
      const half = (scene.size[n] / 2 - 40) / scale, [least, most] = sides[n];
      return most - least < 2 * half ? (least + most) / 2 : Math.min(Math.max(at, least + half), most - half);
    });
  }
  // `readable`: around what is chosen, where all would be too small to be read.
  function fit(readable = false) {
    if (!scene.shown.length || !measured()) return;
    const [scale, x, y] = whole(), own = scene.boxes[state.node];
    if (readable && own && scale < 0.5) look(0.66, ...near(middle(own), 0.66));
    else look(scale, x, y, false);
  }
  function zoom(factor, x = scene.size[0] / 2, y = scene.size[1] / 2) {
    const { view } = scene, scale = Math.min(Math.max(view.scale * factor, SMALLEST), LARGEST), real = scale / view.scale;
    Object.assign(view, { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real, moved: true });
    repaint();
  }
  function pan(x, y) {
    Object.assign(scene.view, { x: scene.view.x + x, y: scene.view.y + y, moved: true });
    repaint();
  }
  // Bring a node into sight, large enough to be read; all of them, where they have room.
  function centre(i) {
    const box = scene.boxes[i], { view } = scene;
    if (!box || scene.only || !measured()) return repaint();
    const x = box.x * view.scale + view.x, y = box.y * view.scale + view.y;
    const inside = x > 20 && y > 50 && x + BOX.width * view.scale < scene.size[0] - 20 && y + box.height * view.scale < scene.size[1] - 60;
    view.moved = true;
    if (inside && view.scale >= READABLE) return repaint();
    if (whole()[0] >= READABLE) fit();
    else look(view.scale < READABLE ? 0.9 : view.scale, ...middle(box));
  }
  function showOnly(wanted) {
    scene.only = wanted && state.lit.size > 0;
    only.setAttribute("aria-pressed", String(scene.only));
    placeBoxes(scene, state);
    fit(scene.only);
  }

  // -- pointer ----------------------------------------------------------------------------------------------------------
  const pointers = new Map();
  let gap = 0, far = 0;
  const spot = (event) => { const at = canvas.getBoundingClientRect(); return [event.clientX - at.left, event.clientY - at.top]; };
  function hit(event) {
    const [px, py] = spot(event), { view, boxes } = scene, x = (px - view.x) / view.scale, y = (py - view.y) / view.scale;
    const i = scene.shown.find((n) => x >= boxes[n].x && x <= boxes[n].x + BOX.width && y >= boxes[n].y && y <= boxes[n].y + boxes[n].height);
    if (i === undefined) return null;
    const line = Math.floor((y - boxes[i].y - BOX.height + 4) / BOX.line);
    return { node: i, column: line >= 0 && line < boxes[i].lines.length ? boxes[i].lines[line] : -1 };
  }
  function pinch() {
    const [a, b] = [...pointers.values()], apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
    if (gap) zoom(apart / gap, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
    [gap, far] = [apart, 99];
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, spot(event));
    [gap, far] = [0, 0];
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId), now = spot(event);
    if (!before) { canvas.style.cursor = hit(event) ? "pointer" : "grab"; return; }
    pointers.set(event.pointerId, now);
    if (pointers.size === 2) pinch();
    far += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
    if (far > 5) pan((now[0] - before[0]) / pointers.size, (now[1] - before[1]) / pointers.size);
  });
  function lift(event) {
    const known = pointers.delete(event.pointerId);
    if (event.type !== "pointerup" || !known || far > 5) return;
    const found = hit(event);
    if (found) act.select(found.node, found.column);
    else act.clear();
  }
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey) pan(-(event.deltaY || event.deltaX), 0);
    else zoom(Math.exp(-event.deltaY * 0.0015), ...spot(event));
  }, { passive: false });

  // -- keys -------------------------------------------------------------------------------------------------------------
  const height = (i) => scene.boxes[i].y;
  const nearest = (from, some) => some.filter((i) => scene.boxes[i]).sort((a, b) => Math.abs(height(a) - height(from)) - Math.abs(height(b) - height(from)))[0];
  function beside(from, step) {
    const column = scene.shown.filter((i) => scene.boxes[i].x === scene.boxes[from].x).sort((a, b) => height(a) - height(b));
    return column[column.indexOf(from) + step];
  }
  const moves = { ArrowLeft: (at) => nearest(at, nodes[at].in), ArrowRight: (at) => nearest(at, consumers[at]), ArrowUp: (at) => beside(at, -1), ArrowDown: (at) => beside(at, 1) };
  const others = { "+": () => zoom(1.35), "=": () => zoom(1.35), "-": () => zoom(1 / 1.35), 0: () => fit(), f: () => showOnly(!scene.only), Enter: (at) => at >= 0 && act.select(at, -1) };
  canvas.addEventListener("keydown", (event) => {
    const at = scene.boxes[state.cursor] ? state.cursor : scene.boxes[state.node] ? state.node : -1;
    if (event.ctrlKey || event.metaKey || event.altKey || !(moves[event.key] || others[event.key])) return;
    event.preventDefault();
    if (others[event.key]) return others[event.key](at);
    const next = at < 0 ? scene.shown[0] : moves[event.key](at);
    if (next === undefined) return say("no further node that way");
    act.move(next);
    centre(next);
  });
  canvas.addEventListener("focus", repaint);
  canvas.addEventListener("blur", repaint);

  placeBoxes(scene, state);
  return {
    element: stage, canvas, repaint, centre,
    scale: () => scene.view.scale,
    changed() { if (scene.only) showOnly(true); else repaint(); },
    where(i) {
      const box = scene.boxes[i], at = canvas.getBoundingClientRect(), { view } = scene;
      return box && [at.left + view.x + (box.x + BOX.width / 2) * view.scale, at.top + view.y + (box.y + 20) * view.scale];
    },
  };
}
