// The quality report: what fails first, then every check, row counts over the generations, and profiles.
function qualityView(act) {
  const checked = nodes.map((_, i) => i).filter((i) => nodes[i].findings);
  const view = make("div", { class: "sheet" });
  view.append(...failures(), summary(), checks(), rows(), ...profiles());
  return make("section", { class: "view", "aria-label": "Quality", hidden: true }, view);

  function failures() {
    const last = data.failures;
    if (!last) return [];
    return [make("div", {}, make("h2", { class: "bad" }, `The last run failed (${when(new Date(last.at * 1000).toISOString())})`),
      ...last.failed.map((one) => make("p", { class: "note bad" }, make("b", {}, one.target), `\n${one.error}`)))];
  }

  function all() {
    const found = checked.flatMap((i) => nodes[i].findings.map((finding) => ({ i, finding, before: violations(i, finding.check) })));
    const rank = ({ finding }) => (finding.passed ? 2 : finding.severity === "error" ? 0 : 1);
    return found.sort((a, b) => rank(a) - rank(b) || b.finding.violations - a.finding.violations);
  }
  function violations(i, check) {
    return (nodes[i].violations || []).map((told) => (check in told ? told[check] : null));
  }

  function summary() {
    const found = all(), broken = found.filter(({ finding }) => !finding.passed), errors = broken.filter(({ finding }) => finding.severity === "error");
    const guarded = new Set(nodes.map((node) => node.guards)), bare = nodes.filter((node, i) => node.table && !guarded.has(i)).length;
    return make("div", { class: "tiles" }, tile(number(errors.length), "errors in what is published", errors.length ? "bad" : ""),
      tile(number(broken.length - errors.length), "warnings", broken.length > errors.length ? "warn" : ""),
      tile(number(found.length - broken.length), "checks that hold", "good"), tile(number(bare), "tables without a check"),
      tile(number(data.generations.length), `generations looked at`));
  }

  function checks() {
    const found = all();
    if (!found.length) return make("div", {}, make("h2", {}, "Checks"), make("p", { class: "note" }, "No rule and no audit has been built yet: a rule is a file of kind: rule, an audit a list audits: in a node."));
    const body = found.map(({ i, finding, before }) => make("tr", {},
      make("td", { class: `mark ${finding.passed ? "good" : finding.severity === "error" ? "bad" : "warn"}` }, finding.passed ? "holds" : finding.severity),
      make("td", {}, nodeButton(i, act)), make("td", {}, make("span", { class: "name" }, finding.check), finding.passed ? "" : make("div", { class: "soft" }, finding.text)),
      make("td", { class: "num" }, number(finding.violations)), make("td", { class: "num" }, number(finding.rows)),
      make("td", {}, past(before, `violations over ${before.length} generations`, 80))));
    return table("Checks, failing first", ["", "Rule or audit", "Check", "#Violations", "#Rows", "Violations over time"], body);
  }

  function rows() {
    const change = (now, before) => (now === null || before === null || before === undefined || now === before ? 0 : before ? (now - before) / before : 1);
    const found = nodes.map((node, i) => ({ i, node, counts: expand(node.rows) })).filter(({ node }) => node.table && node.count !== undefined && node.count !== null)
      .map((one) => ({ ...one, now: one.counts.at(-1), moved: one.counts.findLast((value) => value !== one.counts.at(-1)) }));
    found.sort((a, b) => Math.abs(change(b.now, b.moved)) - Math.abs(change(a.now, a.moved)));
    const body = found.map(({ i, counts, now, moved }) => {
      const share = moved === undefined || moved === null ? null : change(now, moved);
      const text = share === null ? "" : `${share > 0 ? "+" : ""}${(share * 100).toFixed(Math.abs(share) < 0.1 ? 1 : 0)} %`;
      return make("tr", {}, make("td", {}, nodeButton(i, act)), make("td", { class: "num" }, number(now)), make("td", { class: "num soft" }, number(moved)),
        make("td", { class: `num ${share !== null && Math.abs(share) >= 0.5 ? "warn" : ""}` }, text), make("td", {}, past(counts, `rows over ${counts.length} generations`)));
    });
    return table("Row counts, what changed most first", ["Table", "#Rows now", "#Rows before", "#Change", `Over ${plural(data.generations.length, "generation")}`], body);
  }

  function profiles() {
    return nodes.map((_, i) => i).filter((i) => nodes[i].profile).map((i) => {
      const body = nodes[i].profile.map((row) => make("tr", {}, make("td", {}, make("span", { class: "name" }, row.column === "_table_" ? "(the table)" : row.column)),
        make("td", {}, row.metric), make("td", { class: "num" }, shown(row.value)), make("td", { class: "soft" }, detail(row.detail)),
        make("td", {}, trend(row.past))));
      const box = table(`Profile ${nodes[i].name}`, ["Column", "Metric", "#Value", "", "Over time"], body);
      box.append(make("p", { class: "soft" }, "of ", nodes[i].in.map((n) => nodeButton(n, act))));
      return box;
    });
  }
  function shown(value) {
    const plain = value === null ? NaN : Number(value);
    return Number.isFinite(plain) && value.trim() !== "" ? plain.toLocaleString("en", { maximumFractionDigits: 4 }) : value ?? "";
  }
  function detail(text) {
    try {
      return JSON.parse(text).slice(0, 5).map((item) => `${item.value} (${number(item.count)})`).join(", ");
    } catch { return text ?? ""; }
  }
  function trend(values) {
    const numbers = values.map((value) => (value === null || value === "" || !Number.isFinite(Number(value)) ? null : Number(value)));
    return past(numbers, "over the generations", 80);
  }

  function table(title, columns, body) {
    const cell = (name) => make("th", { scope: "col", class: name.startsWith("#") ? "num" : "" }, name.replace("#", ""));
    for (const row of body) [...row.children].forEach((td, n) => { if (columns[n].startsWith("#") && td.textContent) td.dataset.label = columns[n].slice(1); });
    const many = body.length > 60 ? 40 : body.length, tbody = make("tbody", {}, body.slice(0, many));
    const more = many < body.length ? make("button", { type: "button", onclick: (event) => { tbody.append(...body.slice(many)); event.target.remove(); } }, `Show ${number(body.length - many)} more`) : "";
    return make("div", {}, make("h2", {}, title), make("div", { class: "scroll" }, make("table", { class: "cards" }, make("thead", {}, make("tr", {}, columns.map(cell))), tbody)), more);
  }
}
