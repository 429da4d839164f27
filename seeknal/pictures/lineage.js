// The page of a project: graph, list and quality, one selection for all of them.
nodes.forEach((node) => {
  const broken = (node.findings || []).filter((found) => !found.passed);
  if (broken.length) node.bad = broken.some((found) => found.severity === "error") ? "bad" : "warn";
});
for (const one of data.failures ? data.failures.failed : []) {
  const node = nodes.find((other) => other.id === one.target);
  if (node) Object.assign(node, { bad: "bad", failed: true });
}

const state = { node: -1, column: -1, cursor: -1, lit: new Set(), lines: new Map(), ends: new Map(), way: null, pairs: null };
const act = { select, clear, move };

function select(node, column = -1) {
  Object.assign(state, { node, column, cursor: node, way: null, pairs: null, lines: new Map(), ends: new Map() });
  if (column >= 0) light(key(node, column));
  else state.lit = new Set([node, ...ancestors(node), ...descendants(node)]);
  history.replaceState(null, "", `#${encodeURIComponent(nodes[node].id)}${column >= 0 ? `/${encodeURIComponent(nodes[node].columns[column][0])}` : ""}`);
  if (views.quality && !views.quality.hidden && !phone()) show("graph");
  changed();
  graph.centre(node);
  say(column >= 0 ? `${nodes[node].id}, column ${nodes[node].columns[column][0]}: made of ${plural(state.way.up.size, "column")}, becomes ${plural(state.way.down.size, "column")}`
    : `${nodes[node].id}: reads ${nodes[node].in.length}, is read by ${consumers[node].length}; ${state.lit.size - 1} nodes are lit`);
}

// A column lights up its way: the nodes on it, in each of them the columns, and the edges between.
function light(start) {
  const way = wayOf(start);
  state.way = way;
  state.ends = way.ends;
  for (const at of way.all) {
    if (!state.lines.has(nodeOf(at))) state.lines.set(nodeOf(at), []);
    state.lines.get(nodeOf(at)).push(columnOf(at));
  }
  for (const columns of state.lines.values()) columns.sort((a, b) => a - b);
  state.lit = new Set([...state.lines.keys(), ...way.ends.keys()]);
  state.pairs = new Map();
  for (const [from, to, sure] of way.links) {
    const pair = nodeOf(from) * nodes.length + nodeOf(to);
    state.pairs.set(pair, sure || state.pairs.get(pair) || false);
  }
  for (const i of way.ends.keys()) for (const [input, columns] of nodes[i].reads || []) {
    if (columns.some((column) => way.all.has(key(input, column)))) state.pairs.set(input * nodes.length + i, way.ends.get(i) === "reads");
  }
}

function clear() {
  const last = state.node, inside = panel.element.contains(document.activeElement);
  Object.assign(state, { node: -1, column: -1, lit: new Set(), lines: new Map(), ends: new Map(), way: null, pairs: null });
  history.replaceState(null, "", "#");
  changed();
  say("nothing is selected");
  if (inside && !views.graph.hidden) graph.canvas.focus();
  else if (inside && !views.list.hidden && rows[last]) rows[last].focus();
}

function move(cursor) {
  state.cursor = cursor;
  const node = nodes[cursor];
  say(`${node.id}: reads ${node.in.length}, is read by ${consumers[cursor].length}`);
  graph.repaint();
}

function changed() {
  document.documentElement.dataset.selected = state.node < 0 ? "" : nodes[state.node].id + (state.column < 0 ? "" : `/${nodes[state.node].columns[state.column][0]}`);
  document.documentElement.dataset.lit = [...state.lit].map((i) => nodes[i].id).sort().join(" ");
  panel.show();
  graph.changed();
  if (!views.list.hidden) lightList();
}

// -- list --------------------------------------------------------------------------------------------------------------
const rows = [];
function listView() {
  const list = make("ul", { class: "list" }, nodes.map((node, i) => {
    const known = node.count !== undefined && node.count !== null;
    rows[i] = make("button", { type: "button", onclick: () => select(i) }, make("span", { class: "name" }, node.name), make("span", { class: node.bad || "soft" },
      node.findings || node.failed ? verdict(node) : known ? plural(node.count, "row") : "never built"), kindOf(i), make("span", { class: "soft" }, node.in.length ? `reads ${node.in.length}` : ""));
    return make("li", {}, rows[i]);
  }));
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], next = step && rows[rows.indexOf(event.target) + step];
    if (next) { event.preventDefault(); next.focus(); }
  });
  return make("section", { class: "view", "aria-label": "List of nodes", hidden: true }, list);
}
function lightList() {
  rows.forEach((row, i) => { row.className = !state.lit.size ? "" : state.lit.has(i) ? "lit" : "dim"; });
}

// -- search ------------------------------------------------------------------------------------------------------------
function search() {
  const input = make("input", { type: "search", placeholder: "Search nodes and columns ( / )", "aria-label": "Search nodes and columns", role: "combobox",
    "aria-expanded": "false", "aria-controls": "found", autocomplete: "off", spellcheck: "false" });
  const list = make("ul", { id: "found", role: "listbox", hidden: true }), box = make("div", { class: "find" }, input, list);
  let found = [], at = 0;
  const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); };
  const choose = (one) => { close(); input.value = ""; select(...one); if (!phone()) graph.canvas.focus(); };
  function look() {
    const word = input.value.trim().toLowerCase();
    found = [];
    if (word) {
      const names = nodes.map((node, i) => [node.id.toLowerCase().indexOf(word), i]).filter(([place]) => place >= 0).sort((a, b) => a[0] - b[0]);
      found = names.slice(0, 30).map(([, i]) => [i, -1]);
      for (let i = 0; i < nodes.length && found.length < 60; i += 1) {
        (nodes[i].columns || []).forEach(([name], c) => { if (nodes[i].table && name.toLowerCase().includes(word)) found.push([i, c]); });
      }
    }
    at = 0;
    list.replaceChildren(...found.map(([i, c], n) => make("li", { role: "option", id: `found${n}`, "aria-selected": String(n === 0), onclick: () => choose([i, c]) },
      kindOf(i), " ", make("span", { class: "name" }, nodes[i].name, c >= 0 ? `.${nodes[i].columns[c][0]}` : ""))));
    if (word && !found.length) list.append(make("li", {}, "nothing has that in its name"));
    list.hidden = !word;
    input.setAttribute("aria-expanded", String(!list.hidden));
  }
  function step(by) {
    if (!found.length) return;
    at = (at + by + found.length) % found.length;
    [...list.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === at)));
    list.children[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `found${at}`);
  }
  input.addEventListener("input", look);
  input.addEventListener("keydown", (event) => {
    const keys = { ArrowDown: () => step(1), ArrowUp: () => step(-1), Enter: () => found[at] && choose(found[at]), Escape: () => { close(); input.value = ""; input.blur(); graph.canvas.focus(); } };
    if (keys[event.key]) { event.preventDefault(); event.stopPropagation(); keys[event.key](); }
  });
  input.addEventListener("blur", () => setTimeout(close, 200));
  return [box, input];
}

// -- the whole ---------------------------------------------------------------------------------------------------------
const [finder, finderInput] = search();
const tabs = make("nav", { class: "tabs", "aria-label": "Views" });
const latest = data.generations.at(-1);
head(data.project, latest ? `generation ${latest.generation} of ${data.environment}, ${when(latest.created)}` : `${data.environment}: nothing is published yet`, tabs, finder);
const graph = graphView(state, act), panel = panelView(state, act);
const views = { graph: graph.element, list: listView(), quality: null };
const place = document.getElementById("main");
place.append(graph.element, views.list, panel.element);

function show(name) {
  if (name === "quality" && !views.quality) place.insertBefore(views.quality = qualityView(act), panel.element); // made when it is asked for
  for (const [other, view] of Object.entries(views)) if (view) view.hidden = other !== name;
  for (const button of tabs.children) button.setAttribute("aria-pressed", String(button.dataset.view === name));
  if (name === "list") lightList();
  if (name === "quality" && phone()) clear();
  graph.repaint();
}
const failing = nodes.filter((node) => node.bad).length;
for (const [name, text] of [["graph", "Graph"], ["list", "List"], ["quality", failing ? `Quality (${failing})` : "Quality"]]) {
  tabs.append(make("button", { type: "button", "data-view": name, "aria-pressed": "false", onclick: () => show(name), class: name === "quality" && failing ? "warn" : "" }, text));
}
if (data.hint) place.before(make("p", { class: "note" }, data.hint));

helps.push([["/"], "search nodes and columns"], [["←", "→"], "walk to an input, to a consumer"], [["↑", "↓"], "walk within a layer"], [["Enter"], "select: what it is made of and what is made of it lights up"],
  [["Tab"], "go on to the panel: inputs, consumers, columns"], [["Esc"], "clear"], [["f"], "only what is lit"], [["+", "-", "0"], "larger, smaller, all"], [["?"], "this help"]);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event) || document.querySelector("dialog")) return;
  if (event.key === "/") { event.preventDefault(); finderInput.focus(); }
  if (event.key === "?") help();
  if (event.key === "Escape") clear();
});

function inAddress() {
  try {
    const [id, column] = location.hash.slice(1).split("/").map(decodeURIComponent);
    return id ? [id, column] : null;
  } catch { return null; }
}
function open() {
  const wanted = inAddress() || data.start || [];
  const node = nodes.findIndex((other) => other.id === wanted[0]);
  if (node >= 0) select(node, wanted[1] ? (nodes[node].columns || []).findIndex(([name]) => name === wanted[1]) : -1);
}
show(phone() ? "list" : "graph");
open();
window.seeknal = { scale: graph.scale, select: (id, column) => select(nodes.findIndex((node) => node.id === id), column), where: (id) => graph.where(nodes.findIndex((node) => node.id === id)) };
ready();
