// The panel: all that is known of one node, with its inputs, consumers and columns as buttons.
function verdict(node) {
  if (node.failed) return "failed in the last run";
  const broken = (node.findings || []).filter((found) => !found.passed);
  return broken.length ? `${broken.length} of ${plural(node.findings.length, "check")} fail` : holding((node.findings || []).length);
}
const expand = (runs) => (runs || []).flatMap(([value, count]) => Array(count).fill(value));
const kindOf = (i) => make("span", { class: "kind", tone: tone(nodes[i].kind) }, data.kinds[nodes[i].kind]);
const nodeButton = (i, act, more = "") => make("button", { type: "button", onclick: () => act.select(i, -1) }, kindOf(i), " ", make("span", { class: "name" }, nodes[i].name), more);

function panelView(state, act) {
  const panel = make("aside", { class: "panel", "aria-label": "The selected node", hidden: true });

  function show() {
    const i = state.node;
    panel.hidden = i < 0;
    if (i < 0) return panel.replaceChildren();
    const node = nodes[i];
    const top = panel.dataset.of === String(i) ? panel.scrollTop : 0;
    const inside = panel.contains(document.activeElement); // who walks by keys stays where they are
    panel.dataset.of = i;
    panel.replaceChildren();
    fill(panel, [make("header", {}, make("h2", { tabindex: -1 }, node.name), make("button", { type: "button", "aria-label": "Close", onclick: act.clear }, "✕")),
      kindOf(i), facts(node), checks(i, node), columns(i, node), neighbours("Reads", node.in), neighbours("Is read by", consumers[i]), definition(node)]);
    panel.scrollTop = top;
    const open = panel.querySelector('[aria-expanded="true"]');
    if (open) open.scrollIntoView({ block: phone() ? "center" : "nearest" });
    if (inside || phone()) (open || panel.querySelector("h2")).focus({ preventScroll: true });
  }
  const title = (text) => make("h3", {}, text);
  function facts(node) {
    const built = node.built || {}, rows = expand(node.rows), pair = (name, ...value) => [make("dt", {}, name), make("dd", {}, value)];
    const known = node.count !== undefined && node.count !== null;
    return [
      node.description && make("p", {}, node.description),
      node.tags && make("p", {}, node.tags.map((tag) => make("span", { class: "tag" }, tag))),
      make("dl", { class: "facts" },
        known ? pair("Rows", number(node.count), " ", past(rows, `rows over ${rows.length} generations`)) : pair("Rows", "never built"),
        known ? pair("Size", bytes(node.size || 0), node.intervals ? ` in ${plural(node.intervals, "interval")}` : "") : [],
        built.run ? pair("Last built", when(built.at), built.at ? make("br") : "", make("span", { class: "soft" }, `run ${built.run}`, built.milliseconds !== undefined && built.milliseconds !== null ? ` in ${duration(built.milliseconds)}` : "")) : [],
        built.since && built.since !== built.at ? pair("The same since", when(built.since)) : [],
        node.owner ? pair("Owner", node.owner) : [], pair("Engine", node.engine), pair("File", make("code", {}, `${node.file}:${node.line}`))),
    ];
  }
  function checks(i, node) {
    const guards = nodes.map((_, n) => n).filter((n) => nodes[n].guards === i && n !== i);
    const own = node.findings ? [title("Checks"), findingList(node)] : [];
    const others = guards.length ? [title("Rules and audits on it"), ...guards.map((n) => make("div", {}, make("div", { class: "links" }, nodeButton(n, act, make("span", { class: nodes[n].bad || "good" }, ` ${verdict(nodes[n])}`)))))] : [];
    const profiles = nodes.map((_, n) => n).filter((n) => nodes[n].profiles === i);
    return [own, others, profiles.length ? [title("Profiled by"), make("div", { class: "links" }, profiles.map((n) => nodeButton(n, act)))] : []];
  }
  function neighbours(text, some) {
    return some.length ? [title(`${text} (${some.length})`), make("div", { class: "links" }, some.map((n) => nodeButton(n, act)))] : [];
  }
  function columns(i, node) {
    const some = node.columns || [];
    if (!some.length) return [title("Columns"), make("p", { class: "note" }, node.why || "not known")];
    const note = node.why ? [make("p", { class: "note" }, node.why)] : [];
    return [title(`Columns (${some.length})`), ...note, make("ul", { class: "columns" }, some.map(([name, type], c) => column(i, c, name, type)))];
  }
  function column(i, c, name, type) {
    const open = state.column === c, text = (nodes[i].texts || {})[name];
    const button = make("button", { type: "button", "aria-expanded": String(open), onclick: () => act.select(i, open ? -1 : c) },
      make("span", { class: "name" }, name), make("span", { class: "type" }, type));
    return make("li", { class: state.way && state.way.all.has(key(i, c)) ? "lit" : "" }, button,
      open && text && !/^[A-Z0-9_(), ]+$/.test(text) ? make("p", { class: "soft" }, text) : "", open ? way(i, c) : "");
  }
  function way(i, c) {
    const { up, down, ends } = wayOf(key(i, c));
    const none = { source: "it reads no node", ends: "counted by a check", unknown: "not known" }[nodes[i].how] || "no column: a constant, or a count of rows";
    const itself = madeOf(nodes[i], c).includes(key(i, c)) ? make("p", {}, "and of itself, in the interval before") : "";
    return make("div", { class: "way" }, make("p", {}, up.size ? "Made of" : `Made of: ${none}`), steps(up), itself, make("p", {}, down.size || ends.size ? "Becomes" : "Becomes no other column"), steps(down),
      [...ends].map(([n, word]) => make("div", {}, nodeButton(n, act, make("span", { class: "soft" }, word === "reads" ? " reads it" : " its rows depend on it")))));
  }
  function steps(found) {
    const byNode = new Map();
    for (const [at, sure] of found) {
      const id = `${nodeOf(at)} ${sure}`;
      if (!byNode.has(id)) byNode.set(id, [nodeOf(at), sure, []]);
      byNode.get(id)[2].push(at);
    }
    return [...byNode.values()].map(([n, sure, some]) => make("div", { class: "step" }, make("span", { class: "soft" }, nodes[n].name, sure ? "" : " (perhaps)"),
      some.map((at) => make("button", { type: "button", class: sure ? "" : "maybe", onclick: () => act.select(n, columnOf(at)) }, make("span", { class: "name" }, columnName(at))))));
  }
  function definition(node) {
    const own = node.settings || {}, text = own.sql || node.definition;
    const rest = Object.entries(own).filter(([name]) => name !== "sql").map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n");
    return [text && title(own.sql ? "SQL" : "SQL that it becomes"), text && make("pre", { tabindex: 0 }, text.trim()), rest && title("Settings"), rest && make("pre", { tabindex: 0 }, rest)];
  }
  return { element: panel, show };
}

function findingList(node) {
  const rank = (found) => (found.passed ? 2 : found.severity === "error" ? 0 : 1);
  const sorted = [...node.findings].sort((a, b) => rank(a) - rank(b));
  return make("ul", {}, sorted.map((found) => make("li", {}, make("span", { class: `mark ${["bad", "warn", "good"][rank(found)]}` },
    found.passed ? "✓ " : found.severity === "error" ? "✗ " : "! "), found.passed ? found.check : found.text, found.passed ? "" : make("span", { class: "soft" }, ` (${found.severity})`))));
}
