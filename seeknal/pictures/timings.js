// The page of a run: what came of it, its bars, and every target with the reason for which it was built.
const state = { target: -1, word: "", only: "all" };
const words = { built: "built", hit: "hit", cut_off: "cut off", failed: "failed", skipped: "skipped", stopped: "stopped" };
const tint = { built: "", hit: "good", cut_off: "good", failed: "bad", skipped: "warn", stopped: "warn" };
const counted = (what) => data.targets.filter((target) => target.what === what).length;
const act = { select };

function select(i) {
  state.target = i;
  document.documentElement.dataset.selected = i < 0 ? "" : data.targets[i].id;
  panel(i);
  timeline.repaint();
  if (i >= 0) say(`${data.targets[i].id}: ${words[data.targets[i].what]}`);
}

// -- what came of it ---------------------------------------------------------------------------------------------------
function outcome() {
  const seen = data.targets.length, rows = data.targets.reduce((sum, one) => sum + (one.what === "built" ? one.wrote ?? one.rows ?? 0 : 0), 0);
  const size = data.targets.reduce((sum, one) => sum + (one.what === "built" ? one.size ?? 0 : 0), 0);
  const counts = Object.keys(words).map((what) => [what, counted(what)]).filter(([what, count]) => count || what === "built" || what === "hit");
  const left = data.planned - seen;
  return make("div", { class: "tiles" }, tile(duration(data.milliseconds), data.workers > 1 ? `with ${data.workers} workers` : "with one worker"),
    counts.map(([what, count]) => tile(number(count), words[what], count ? tint[what] : "")), left > 0 ? tile(number(left), "not reached", "warn") : "",
    tile(number(rows), "rows written"), tile(bytes(size), "in built tables"),
    data.critical.targets.length ? tile(duration(data.critical.milliseconds), `critical path, ${plural(data.critical.targets.length, "target")}`) : "");
}
function told() {
  const notes = [];
  if (data.stopped) notes.push(make("p", { class: "note bad" }, make("b", {}, "The run was stopped: "), data.stopped));
  else if (counted("failed")) notes.push(make("p", { class: "note bad" }, plural(counted("failed"), "target"), " failed: ", data.targets.filter((one) => one.what === "failed").map((one) => one.id).join(", ")));
  else if (!data.bars.length) notes.push(make("p", { class: "note" }, `Nothing to do: ${plural(data.targets.length, "target")} are up to date.`));
  if (data.again) notes.push(make("p", { class: "note" }, `Another run published meanwhile, or bytes were damaged: this run began ${plural(data.again, "time")} again.`));
  if (data.warnings.length) notes.push(make("details", {}, make("summary", {}, plural(data.warnings.length, "warning")), data.warnings.map((text) => make("p", { class: "note" }, text))));
  return notes;
}

// -- targets -----------------------------------------------------------------------------------------------------------
function row(i) {
  const one = data.targets[i], whole = Math.max(data.milliseconds, 1), bars = barsOf.get(i) || [];
  const track = make("span", { class: "track", "aria-hidden": "true" }, bars.map(([, , what, start, end]) => {
    const bar = make("i");
    Object.assign(bar.style, { left: `${(start / whole) * 100}%`, width: `${Math.max(((end - start) / whole) * 100, 0.4)}%`, opacity: what === "seal" ? 0.4 : 1, background: what === "failed" ? "var(--bad)" : what === "stopped" ? "var(--warn)" : "" });
    return bar;
  }));
  const facts = [one.what === "built" || one.milliseconds ? duration(one.milliseconds) : "", one.rows === null ? "" : rowsOf(one), one.size ? bytes(one.size) : ""].filter(Boolean).join(" · ");
  const why = one.error ? one.error : one.because.length ? `needed: ${one.because.join(", ")}` : one.reasons.join("; ");
  return make("button", { type: "button", class: "row", onclick: () => select(i) },
    make("span", { class: "top" }, make("span", { class: "name" }, one.id), make("span", { class: `mark ${tint[one.what]}` }, words[one.what]), one.critical ? make("span", { class: "warn" }, "critical") : "", make("span", { class: "soft" }, facts)),
    why ? make("span", { class: `why ${one.error ? "bad" : ""}` }, why) : "", bars.length ? track : "");
}
const rowsOf = (one) => (one.wrote !== null && one.wrote !== one.rows ? `${number(one.wrote)} of ${number(one.rows)} rows` : plural(one.rows, "row"));

const barsOf = new Map();
for (const bar of data.bars) barsOf.set(bar[0], [...(barsOf.get(bar[0]) || []), bar]);
const weight = { failed: 0, stopped: 1, built: 2, skipped: 3, cut_off: 4, hit: 5 };
const inOrder = data.targets.map((_, i) => i).sort((a, b) => weight[data.targets[a].what] - weight[data.targets[b].what] || data.targets[b].milliseconds - data.targets[a].milliseconds);
const made = [];

function targets() {
  const list = make("div", { class: "rows" }), chips = make("div", { class: "chips", role: "group", "aria-label": "Which targets" });
  const few = 60;
  function look(all = false) {
    const found = inOrder.filter((i) => (state.only === "all" || data.targets[i].what === state.only || (state.only === "critical" && data.targets[i].critical)) && data.targets[i].id.toLowerCase().includes(state.word));
    list.replaceChildren(...found.slice(0, all ? found.length : few).map((i) => (made[i] ||= row(i))));
    if (!all && found.length > few) list.append(make("button", { type: "button", onclick: () => look(true) }, `Show ${number(found.length - few)} more`));
    if (!found.length) list.append(make("p", { class: "note" }, "no such target"));
    for (const chip of chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.only === state.only));
  }
  const offered = [["all", `All (${number(data.targets.length)})`], ...Object.keys(words).filter(counted).map((what) => [what, `${words[what]} (${number(counted(what))})`]), ...(data.critical.targets.length ? [["critical", "critical path"]] : [])];
  for (const [only, text] of offered) chips.append(make("button", { type: "button", "data-only": only, onclick: () => { state.only = only; look(); } }, text));
  finder.addEventListener("input", () => { state.word = finder.value.trim().toLowerCase(); look(); });
  list.addEventListener("keydown", (event) => {
    const next = { ArrowDown: event.target.nextElementSibling, ArrowUp: event.target.previousElementSibling }[event.key];
    if (next) { event.preventDefault(); next.focus(); }
  });
  look();
  return make("div", {}, make("h2", {}, "Targets, slowest first"), chips, list);
}

// -- one target --------------------------------------------------------------------------------------------------------
const side = make("aside", { class: "panel", "aria-label": "The selected target", hidden: true });
function panel(i) {
  side.hidden = i < 0;
  side.replaceChildren();
  if (i < 0) return;
  const one = data.targets[i], pair = (name, value) => [make("dt", {}, name), make("dd", {}, value)], title = (text) => make("h3", {}, text);
  const needs = one.inputs.map((n) => make("button", { type: "button", onclick: () => select(n) }, make("span", { class: "name" }, data.targets[n].id), make("span", { class: "soft" }, ` ${words[data.targets[n].what]}`)));
  const slow = [...one.intervals].sort((a, b) => b[2] - a[2]).slice(0, 20);
  fill(side, [make("header", {}, make("h2", { tabindex: -1 }, one.id), make("button", { type: "button", "aria-label": "Close", onclick: () => select(-1) }, "✕")),
    make("p", { class: `mark ${tint[one.what]}` }, words[one.what], one.critical ? ", on the critical path" : ""), one.error && make("p", { class: "note bad" }, one.error),
    make("dl", { class: "facts" }, one.milliseconds ? [pair("Took", duration(one.milliseconds)), pair("In its engine", duration(one.ran)), pair("Sealing", duration(one.milliseconds - one.ran)), pair("Began", `${duration(one.start)} after the run`)] : [],
      one.rows !== null ? pair("Rows", rowsOf(one)) : [], one.size ? pair("Size", bytes(one.size)) : [], one.tries > 1 ? pair("Attempts", number(one.tries)) : []),
    one.reasons.length ? [title("Why it was built"), make("ul", {}, one.reasons.map((text) => make("li", {}, text)))] : [],
    one.because.length ? [title("Skipped, for it needs"), make("ul", {}, one.because.map((text) => make("li", {}, text)))] : [],
    one.notes.length ? [title("Notes"), one.notes.map((text) => make("p", { class: "note" }, text))] : [], needs.length ? [title("Reads"), make("div", { class: "links" }, needs)] : [],
    slow.length ? [title(`Intervals that were built (${number(one.intervals.length)}), slowest first`), make("table", {}, slow.map(([label, , spent, rows]) => make("tr", {}, make("td", {}, label), make("td", { class: "num" }, duration(spent)), make("td", { class: "num" }, plural(rows, "row")))))] : []]);
  side.scrollTop = 0;
  if (phone()) side.querySelector("h2").focus();
}

// -- the whole ---------------------------------------------------------------------------------------------------------
const finder = make("input", { type: "search", placeholder: "Search targets ( / )", "aria-label": "Search targets", autocomplete: "off", spellcheck: "false" });
const began = new Date(data.began * 1000).toISOString();
head(data.project, `run ${data.run}, ${data.environment}, ${when(began)}`, make("div", { class: "find" }, finder));
const timeline = timelineView(state, act);
const sheet = make("div", { class: "sheet" }, told(), outcome(), data.bars.length || data.phases.length ? make("div", {}, make("h2", {}, "Time"), timeline.element) : "", targets());
document.getElementById("main").append(make("div", { class: "view" }, sheet), side);

helps.push([["/"], "search targets"], [["←", "→"], "on the timeline: the bar before, the bar after"], [["↑", "↓"], "another lane; in the list: another target"], [["c"], "along the critical path"], [["Enter"], "select"],
  [["+", "-", "0"], "larger, smaller, the whole run"], [["Ctrl", "wheel"], "larger, smaller"], [["Esc"], "clear"], [["?"], "this help"]);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog")) return;
  if (event.key === "Escape") { finder.value = ""; finder.dispatchEvent(new Event("input")); finder.blur(); select(-1); }
  if (typing(event)) return;
  if (event.key === "/") { event.preventDefault(); finder.focus(); }
  if (event.key === "?") help();
});
window.seeknal = { where: (id) => timeline.where(data.targets.findIndex((one) => one.id === id)) };
ready();
