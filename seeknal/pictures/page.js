// What both pages share: reading the data, making elements (text only ever goes in as text), numbers, theme, help.
const data = JSON.parse(document.getElementById("data").textContent);
const media = (query) => window.matchMedia(query);
const phone = () => media("(max-width: 760px)").matches;

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "tone") made.style.setProperty("--tone", value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  return fill(made, children);
}
function fill(made, children) {
  made.append(...children.flat(3).filter((child) => child !== undefined && child !== null && child !== ""));
  return made;
}

const number = (value) => (value === null || value === undefined ? "" : value.toLocaleString("en"));
const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;
const holding = (count) => (count === 1 ? "1 check holds" : `${number(count)} checks hold`);
const when = (text) => (text ? text.slice(0, 19).replace("T", " ") + " UTC" : "");

function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function bytes(size) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (size >= 1024 && unit < 4) [size, unit] = [size / 1024, unit + 1];
  return `${unit ? size.toFixed(1) : size} ${units[unit]}`;
}

// -- theme -------------------------------------------------------------------------------------------------------------
const themes = ["auto", "light", "dark"];
const redraws = [];
let theme = "auto";
const dark = () => document.documentElement.dataset.theme === "dark";

function applyTheme() {
  const wanted = theme === "auto" ? (media("(prefers-color-scheme: dark)").matches ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = wanted;
  for (const redraw of redraws) redraw();
}
media("(prefers-color-scheme: dark)").addEventListener("change", applyTheme);
applyTheme();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
// Each kind has a hue of its own, by its place among the kinds of the project; the word always stands beside it.
const hue = (index) => Math.round(212 + (index * 360 * 5) / ((data.kinds || []).length % 5 ? (data.kinds || []).length : 11)) % 360;
const strong = (index) => (index % 2 ? 62 : 44);
const tone = (index) => `hsl(${hue(index)} ${strong(index)}% var(--kind))`;
const toneNow = (index) => `hsl(${hue(index)} ${strong(index)}% ${dark() ? 68 : 38}%)`;

// -- head --------------------------------------------------------------------------------------------------------------
function head(title, small, ...tools) {
  const button = make("button", { type: "button", title: "Colours: as the system, light or dark" }, "Theme: auto");
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    button.textContent = `Theme: ${theme}`;
    applyTheme();
  });
  const heading = make("h1", {}, title, make("small", {}, small));
  document.getElementById("head").append(heading, ...tools.slice(0, -1), make("div", { class: "tools" }, tools.at(-1), button, helpButton()));
}

const helps = [];
function helpButton() {
  return make("button", { type: "button", "aria-label": "Keys", title: "Keys (?)", onclick: help }, "?");
}

function help() {
  const open = document.querySelector("dialog");
  if (open) return open.close();
  const rows = helps.flatMap(([keys, text]) => [make("dt", {}, keys.map((key) => [make("kbd", {}, key), " "])), make("dd", {}, text)]);
  const box = make("dialog", { "aria-label": "Keys" }, make("h2", {}, "Keys"), make("dl", {}, rows), make("button", { type: "button", onclick: () => box.close() }, "Close"));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

const say = (text) => { document.getElementById("said").textContent = text; };
const typing = (event) => /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);

// -- small pictures ----------------------------------------------------------------------------------------------------
function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A line through the values that are known; where there is none, the line has a gap.
function sparkline(values, label, width = 110, height = 22) {
  const known = values.filter((value) => value !== null);
  const box = svg("svg", { class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  if (!known.length) return box;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const x = (i) => 3 + (i * (width - 6)) / Math.max(values.length - 1, 1);
  const y = (value) => (most === least ? height / 2 : height - 3 - ((value - least) * (height - 6)) / (most - least));
  let path = "", last = null;
  values.forEach((value, i) => {
    if (value !== null) path += `${i && values[i - 1] !== null ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    if (value !== null) last = [x(i), y(value)];
  });
  box.append(svg("path", { d: path }), svg("circle", { cx: last[0], cy: last[1], r: 2.2 }));
  return box;
}

// What became of a number: a line, or a word where nothing did.
function past(values, label, width = 110) {
  const known = values.filter((value) => value !== null);
  if (values.length < 2 || !known.length) return "";
  return known.every((value) => value === known[0]) ? make("span", { class: "soft" }, "steady") : sparkline(values, label, width);
}

// A canvas as sharp as the screen, drawn again at most once a frame.
function painted(canvas, draw) {
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const ratio = window.devicePixelRatio || 1;
      const { width, height } = canvas.getBoundingClientRect();
      if (!width || !height) return;
      if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
      if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
      const pen = canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, width, height);
      draw(pen, width, height);
    });
  };
  new ResizeObserver(ask).observe(canvas);
  redraws.push(ask);
  return ask;
}

const barButton = (text, label, work) => make("button", { type: "button", "aria-label": label, title: label, onclick: work }, text);

function tile(value, label, word = "") {
  return make("div", { class: "tile" }, make("b", { class: word }, value), make("span", {}, label));
}

function ready() {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    performance.mark("interactive");
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  }));
}
