// Bars on a time axis, one lane for each worker: on a canvas, so that thousands of bars stay quick.
const LANE = 24, AXIS = 22, GAP = 4;

function timelineView(state, act) {
  const lanes = data.lanes, names = [...(data.phases.length ? ["run"] : []), ...lanes], first = names.length - lanes.length;
  const canvas = make("canvas", { tabindex: 0, role: "application", "aria-roledescription": "timeline",
    "aria-label": `${plural(data.bars.length, "bar")} in ${plural(lanes.length, "lane")}. Left and right arrow walk in time, up and down between lanes, c along the critical path, Enter selects. The list below has the same targets.` });
  canvas.style.height = `${AXIS + names.length * (LANE + GAP) + 8}px`;
  const whole = Math.max(data.milliseconds, 1), view = { from: 0, to: whole };
  let width = 0, cursor = -1;
  const gutter = () => (phone() ? 8 : 76);
  const repaint = painted(canvas, draw);
  const x = (at) => gutter() + ((at - view.from) / (view.to - view.from)) * (width - gutter() - 8);
  const time = (px) => view.from + ((px - gutter()) / (width - gutter() - 8)) * (view.to - view.from);
  const y = (lane) => AXIS + (lane + first) * (LANE + GAP);

  function ticks() {
    const wanted = (view.to - view.from) / Math.max(width / 110, 2), size = 10 ** Math.floor(Math.log10(wanted));
    const step = [1, 2, 5, 10].map((n) => n * size).find((n) => n >= wanted), found = [];
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) found.push([at, step >= 1000 ? `${at / 1000} s` : whole > 2000 ? `${+(at / 1000).toFixed(3)} s` : `${Math.round(at * 10) / 10} ms`]);
    return found;
  }

  function draw(pen, wide, high) {
    width = wide;
    const ink = Object.fromEntries(["sheet", "ink", "soft", "line", "accent", "bad", "warn", "wash", "good"].map((name) => [name, colour(name)]));
    pen.font = "11px system-ui, sans-serif";
    pen.lineWidth = 1;
    for (const [at, text] of ticks()) {
      pen.fillStyle = ink.line;
      pen.fillRect(Math.round(x(at)), AXIS - 4, 1, high);
      pen.fillStyle = ink.soft;
      pen.fillText(text, Math.min(x(at) + 3, wide - 34), 13);
    }
    names.forEach((name, n) => {
      pen.fillStyle = ink.soft;
      if (!phone()) pen.fillText(name, 8, AXIS + n * (LANE + GAP) + 16);
      pen.fillStyle = ink.line;
      pen.fillRect(0, AXIS + (n + 1) * (LANE + GAP) - 3, wide, 0.5);
    });
    pen.save();
    pen.beginPath();
    pen.rect(gutter(), 0, wide - gutter(), high);
    pen.clip();
    for (const [name, start, end] of first ? data.phases : []) bar(pen, x(start), x(end), y(-1), ink.wash, ink.soft, name);
    data.bars.forEach(([i, lane, what, start, end], n) => {
      if (end < view.from || start > view.to) return;
      const target = data.targets[i], fill = what === "failed" || (target.what === "failed" && what === "run") ? ink.bad : what === "stopped" ? ink.warn : what === "seal" ? ink.soft : ink.accent;
      const strength = what === "seal" ? 0.4 : target.critical || what !== "run" ? 1 : 0.72;
      bar(pen, x(start), x(end), y(lane), fill, what === "seal" ? ink.ink : ink.sheet, target.id.slice(target.id.indexOf(".") + 1), strength);
      const ringed = i === state.target, at = n === cursor && document.activeElement === canvas;
      if (target.critical && what !== "seal") { pen.fillStyle = ink.warn; pen.fillRect(x(start), y(lane) + LANE - 3, Math.max(x(end) - x(start), 2), 3); }
      if (target.intervals.length && what === "run") pieces(pen, target, lane, ink);
      if (ringed || at) { pen.strokeStyle = ink.ink; pen.lineWidth = at ? 2.5 : 1.5; pen.strokeRect(x(start) - 1, y(lane) - 1, Math.max(x(end) - x(start), 2) + 2, LANE + 2); }
    });
    pen.restore();
  }
  function bar(pen, left, right, top, fill, ink, text, strength = 1) {
    const wide = Math.max(right - left, 1.5);
    pen.globalAlpha = strength;
    pen.fillStyle = fill;
    pen.fillRect(left, top, wide > 4 ? wide - 0.5 : wide, LANE);
    pen.globalAlpha = 1;
    if (wide < 34) return;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, wide - 4, LANE);
    pen.clip();
    pen.fillStyle = ink;
    pen.fillText(text, Math.max(left, gutter()) + 5, top + 16);
    pen.restore();
  }
  // The intervals of a target, as marks at the foot of its bar.
  function pieces(pen, target, lane, ink) {
    pen.fillStyle = ink.sheet;
    pen.globalAlpha = 0.75;
    for (const [, start, spent] of target.intervals) pen.fillRect(x(start), y(lane) + LANE - 6, Math.max(x(start + spent) - x(start) - 0.7, 0.7), 4);
    pen.globalAlpha = 1;
  }

  // -- pointer and keys -------------------------------------------------------------------------------------------------
  function zoom(factor, middle = (view.from + view.to) / 2) {
    const from = Math.max(middle - (middle - view.from) / factor, 0), to = Math.min(middle + (view.to - middle) / factor, whole);
    if (to - from > 1) Object.assign(view, { from, to });
    repaint();
  }
  function pan(by) {
    const real = Math.min(Math.max(by, -view.from), whole - view.to);
    Object.assign(view, { from: view.from + real, to: view.to + real });
    repaint();
  }
  const spot = (event) => { const at = canvas.getBoundingClientRect(); return [event.clientX - at.left, event.clientY - at.top]; };
  function hit(event) {
    const [px, py] = spot(event);
    return data.bars.findIndex(([, lane, , start, end]) => py >= y(lane) && py <= y(lane) + LANE && px >= x(start) - 2 && px <= Math.max(x(end), x(start) + 3) + 2);
  }
  let held = null, far = 0;
  canvas.addEventListener("pointerdown", (event) => { held = spot(event)[0]; far = 0; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (held === null) { const n = hit(event); canvas.style.cursor = n < 0 ? "default" : "pointer"; canvas.title = n < 0 ? "" : data.targets[data.bars[n][0]].id; return; }
    const [px] = spot(event);
    far += Math.abs(px - held);
    pan(time(held) - time(px));
    held = px;
  });
  canvas.addEventListener("pointerup", (event) => { held = null; const n = hit(event); if (far < 5 && n >= 0) { cursor = n; act.select(data.bars[n][0]); } });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    if (event.ctrlKey) zoom(Math.exp(-event.deltaY * 0.002), time(spot(event)[0])); else pan(((event.deltaY || event.deltaX) / width) * (view.to - view.from));
  }, { passive: false });

  const order = data.bars.map((_, n) => n).sort((a, b) => data.bars[a][3] - data.bars[b][3]);
  function near(lane) {
    const at = cursor < 0 ? 0 : data.bars[cursor][3];
    return order.filter((n) => data.bars[n][1] === lane).sort((a, b) => Math.abs(data.bars[a][3] - at) - Math.abs(data.bars[b][3] - at))[0];
  }
  function along(step) {
    const chain = data.critical.targets, place = cursor < 0 ? -1 : chain.indexOf(data.bars[cursor][0]), next = chain[(place + step + chain.length) % chain.length];
    return data.bars.findIndex((bar) => bar[0] === next);
  }
  canvas.addEventListener("keydown", (event) => {
    const lane = cursor < 0 ? 0 : data.bars[cursor][1];
    const moves = { ArrowRight: () => order[Math.min(order.indexOf(cursor) + 1, order.length - 1)], ArrowLeft: () => order[Math.max(order.indexOf(cursor) - 1, 0)],
      ArrowUp: () => near(lane - 1), ArrowDown: () => near(lane + 1), c: () => along(1) };
    const others = { "+": () => zoom(1.6), "=": () => zoom(1.6), "-": () => zoom(1 / 1.6), 0: () => { Object.assign(view, { from: 0, to: whole }); repaint(); }, Enter: () => cursor >= 0 && act.select(data.bars[cursor][0]) };
    if (event.ctrlKey || event.metaKey || event.altKey || !(moves[event.key] || others[event.key])) return;
    event.preventDefault();
    if (others[event.key]) return others[event.key]();
    const next = moves[event.key]();
    if (next === undefined || next < 0) return;
    cursor = next;
    const [i, , , start, end] = data.bars[next];
    if (start < view.from || end > view.to) pan(start - (view.from + view.to) / 2);
    say(`${data.targets[i].id}: ${duration(data.targets[i].milliseconds)}, from ${duration(start)}`);
    repaint();
  });
  canvas.addEventListener("focus", repaint);
  canvas.addEventListener("blur", repaint);

  const tools = make("div", { class: "chips" }, barButton("+", "Larger (+)", () => zoom(1.6)), barButton("−", "Smaller (-)", () => zoom(1 / 1.6)), barButton("All", "The whole run (0)", () => { Object.assign(view, { from: 0, to: whole }); repaint(); }),
    make("span", { class: "soft" }, "blue: engine, strong on the critical path; grey: sealing; red: failed; orange: stopped"));
  return { element: make("div", {}, tools, make("div", { class: "time" }, canvas)), canvas, repaint,
    where(i) { const bar = data.bars.find((one) => one[0] === i), at = canvas.getBoundingClientRect(); return bar && [at.left + (x(bar[3]) + x(bar[4])) / 2, at.top + y(bar[1]) + LANE / 2]; } };
}
