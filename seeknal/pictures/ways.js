// What is connected with what: ancestors and descendants of nodes, and the way of a column up and down.
// The same rules as `model/lineage.py`: a step is sure where SQL says it; a column of a node whose code cannot be read may be
// made of all that the node reads.
const nodes = data.nodes;
const consumers = nodes.map(() => []);
nodes.forEach((node, i) => node.in.forEach((need) => consumers[need].push(i)));

function reach(start, near) {
  const found = new Set(), waiting = [start];
  while (waiting.length) for (const next of near(waiting.pop())) if (!found.has(next)) { found.add(next); waiting.push(next); }
  return found;
}
const ancestors = (i) => reach(i, (at) => nodes[at].in);
const descendants = (i) => reach(i, (at) => consumers[at]);

const key = (node, column) => node * 65536 + column;
const nodeOf = (at) => Math.floor(at / 65536);
const columnOf = (at) => at % 65536;
const columnName = (at) => nodes[nodeOf(at)].columns[columnOf(at)][0];

const readBy = (node) => (node.reads || []).flatMap(([input, columns]) => columns.map((column) => key(input, column)));
function madeOf(node, column) {
  if (node.how === "exact") return ((node.from || [])[column] || []).map(([input, at]) => key(input, at));
  return node.how === "perhaps" ? readBy(node) : [];
}
function deciding(node) {
  const used = new Set((node.from || []).flat().map(([input, at]) => key(input, at)));
  return node.how === "exact" ? readBy(node).filter((at) => !used.has(at)) : [];
}

// column -> columns that are made of it; built when a column is first asked for.
let users = null;
function usersOf(at) {
  if (!users) {
    users = new Map();
    nodes.forEach((node, i) => {
      if (node.how !== "exact" && node.how !== "perhaps") return;
      (node.columns || []).forEach((_, column) => {
        for (const from of madeOf(node, column)) {
          if (!users.has(from)) users.set(from, []);
          users.get(from).push([key(i, column), node.how === "exact"]);
        }
      });
    });
  }
  return users.get(at) || [];
}

function follow(start, step) {
  const found = new Map(), waiting = [[start, true]];
  for (const [at, sure] of waiting) {
    for (const [near, exact] of step(at)) {
      const both = sure && exact;
      if (near !== start && (!found.has(near) || (!found.get(near) && both))) { found.set(near, both); waiting.push([near, both]); }
    }
  }
  return found;
}

const ways = new Map();
// {up, down: column -> whether that is sure; ends: node -> "reads" or "rows"; links: pairs of columns with whether they are sure}
function wayOf(start) {
  if (ways.has(start)) return ways.get(start);
  const above = (at) => madeOf(nodes[nodeOf(at)], columnOf(at)).map((from) => [from, nodes[nodeOf(at)].how === "exact"]);
  const up = follow(start, above), down = follow(start, usersOf);
  const ends = new Map(), below = new Set([start, ...down.keys()]);
  nodes.forEach((node, i) => {
    const ended = node.how === "ends";
    if ((ended ? readBy(node) : deciding(node)).some((at) => below.has(at))) ends.set(i, ended ? "reads" : "rows");
  });
  const links = [];
  for (const at of [start, ...up.keys()]) for (const [from, sure] of above(at)) links.push([from, at, sure && up.get(from) !== false]);
  for (const at of below) for (const [to, sure] of usersOf(at)) links.push([at, to, sure && down.get(to) !== false]);
  const way = { up, down, ends, links, all: new Set([...up.keys(), ...below]) };
  ways.set(start, way);
  return way;
}
