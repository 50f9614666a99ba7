"use strict";
// Everything that comes from data is set as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const PAGE = 60;
const DROP = "-";
const byId = (id) => document.getElementById(id);
const known = new Set(data.paths);
// A product is decided once, however many of its pictures are listed.
const keyOf = (row) => JSON.stringify([row.store, row.product_id]);
const memory = `atlas-labels-${data.id}`;
let verdicts = remembered();
let limit = PAGE;
let chosen = -1;
let visible = [];

function remembered() {
  try { return JSON.parse(localStorage.getItem(memory)) || {}; } catch { return {}; }
}

function remember() {
  try { localStorage.setItem(memory, JSON.stringify(verdicts)); } catch { /* a private window keeps nothing */ }
}

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function pathLine(label, path, chance) {
  const line = make("div", "path");
  line.append(make("span", "chance", chance), make("small", "", label));
  const names = path.split(" > ");
  const last = names.pop();
  if (names.length) line.append(make("span", "upper", names.join(" > ") + " > "));
  line.append(make("b", "", last));
  return line;
}

const percent = (share) => `${Math.min(Math.max(share * 100, 1), 99).toFixed(0)} %`;

function card(row) {
  const item = make("li", "item");
  item.tabIndex = -1;
  let picture = make("div", "blank", "no picture");
  if (row.picture) {
    picture = make("img");
    picture.src = row.picture;
    picture.alt = row.title || row.product_id;
    picture.loading = "lazy";
  }
  const name = make("div", "title", row.title || row.product_id);
  const where = [row.store, row.product_id, `${row.split} ${row.place}`].filter(Boolean).join(" · ");
  item.append(picture, name, make("div", "id", where));
  item.append(pathLine("labelled", row.path, percent(row.given)), pathLine("looks like", row.suggested, percent(row.probability)));
  item.append(choices(row, item));
  item.addEventListener("click", () => choose(visible.indexOf(row), false));
  return item;
}

function choices(row, item) {
  const box = make("div", "verdicts");
  const buttons = [["take", "Take suggestion", row.suggested], ["keep", "Keep label", row.path], ["out", "Take out", DROP]];
  for (const [kind, text, path] of buttons) {
    const button = make("button", kind, text);
    button.type = "button";
    button.addEventListener("click", () => decide(row, verdicts[keyOf(row)]?.path === path ? null : path));
    box.append(button);
  }
  const other = make("input", "other");
  other.placeholder = "or another path";
  other.setAttribute("list", "paths");
  other.setAttribute("aria-label", "another path");
  other.addEventListener("change", () => {
    const path = other.value.split(">").map((part) => part.trim()).filter(Boolean).join(" > ");
    if (path || other.classList.contains("set")) decide(row, path || null);
  });
  const note = make("small", "new", "No product has this path yet: it will be a new category.");
  box.append(other, note);
  item.mark = () => mark(row, box, buttons, other, note);
  item.mark();
  return box;
}

function mark(row, box, buttons, other, note) {
  const path = verdicts[keyOf(row)]?.path;
  buttons.forEach(([, , wanted], place) => box.children[place].setAttribute("aria-pressed", String(path === wanted)));
  const own = path !== undefined && !buttons.some(([, , wanted]) => wanted === path);
  other.value = own ? path : "";
  other.classList.toggle("set", own);
  note.hidden = !own || known.has(path);
}

function decide(row, path) {
  if (path === null) delete verdicts[keyOf(row)];
  else verdicts[keyOf(row)] = { path, at: new Date().toISOString().slice(0, 19) + "Z" };
  remember();
  for (const item of byId("list").children) item.mark();
  tally();
}

function wanted(row) {
  const show = byId("show").value;
  const text = byId("find").value.trim().toLowerCase();
  const done = keyOf(row) in verdicts;
  if (show === "open" ? done : show === "done" && !done) return false;
  return !text || [row.title, row.product_id, row.path, row.suggested, row.store].join("\n").toLowerCase().includes(text);
}

function draw() {
  const all = data.rows.filter(wanted);
  visible = all.slice(0, limit);
  chosen = -1;
  byId("list").replaceChildren(...visible.map(card));
  byId("none").hidden = all.length > 0;
  byId("more").hidden = all.length <= visible.length;
  byId("more").textContent = `Show more (${all.length - visible.length} left)`;
  tally();
}

function choose(place, scroll = true) {
  const items = byId("list").children;
  if (!items[place]) return;
  items[chosen]?.classList.remove("chosen");
  chosen = place;
  items[chosen].classList.add("chosen");
  if (scroll) { items[chosen].scrollIntoView({ block: "nearest" }); items[chosen].focus({ preventScroll: true }); }
}

function decided() {
  const seen = new Set();
  return data.rows.filter((row) => keyOf(row) in verdicts && !seen.has(keyOf(row)) && seen.add(keyOf(row)));
}

function tally() {
  const rows = decided();
  const changed = rows.filter((row) => verdicts[keyOf(row)].path !== row.path).length;
  const all = new Set(data.rows.map(keyOf)).size;
  byId("tally").textContent = `${rows.length} of ${all.toLocaleString("en")} products decided, ${changed} changed`;
  byId("download").disabled = !rows.length;
}

// What a spreadsheet would take for a formula gets an apostrophe, which `atlas build --patch` takes away again.
function cell(text) {
  const safe = /^'*[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function patch() {
  const stores = data.rows.some((row) => row.store);
  const lines = [["product_id", "path", "by", "at", "reason", ...(stores ? ["store"] : [])]];
  const by = byId("by").value.trim() || "labels page";
  for (const row of decided()) {
    const { path, at } = verdicts[keyOf(row)];
    const reason = path === row.path ? "label confirmed" : path === DROP ? "taken out" : `was ${row.path}`;
    lines.push([row.product_id, path, by, at, reason, ...(stores ? [row.store] : [])]);
  }
  return lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
}

function download() {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([patch()], { type: "text/csv" }));
  link.download = "patch.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function onKey(event) {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "j") choose(chosen + 1);
  else if (key === "k") choose(Math.max(chosen - 1, 0));
  else if ("0123".includes(key) && visible[chosen]) {
    const row = visible[chosen];
    decide(row, [null, row.suggested, row.path, DROP][Number(key)]);
    if (key !== "0") choose(chosen + 1);
  } else return;
  event.preventDefault();
}

function fill() {
  byId("lead").textContent = data.lead;
  byId("about").textContent = data.about;
  const rows = data.confused.map(([given, likely, count]) => {
    const line = make("tr");
    line.append(make("td", "", given), make("td", "", likely), make("td", "number", String(count)));
    return line;
  });
  byId("confused").hidden = !rows.length && !data.unlearned.length;
  byId("confused").querySelector("tbody").replaceChildren(...rows);
  byId("unlearned").textContent = data.unlearned.length
    ? `Not learned, so their own rows may all be listed: ${data.unlearned.join("; ")}` : "";
  byId("paths").replaceChildren(...data.paths.map((path) => { const option = make("option"); option.value = path; return option; }));
}

fill();
draw();
byId("find").addEventListener("input", () => { limit = PAGE; draw(); });
byId("show").addEventListener("change", () => { limit = PAGE; draw(); });
byId("more").addEventListener("click", () => { limit += PAGE; draw(); });
byId("download").addEventListener("click", download);
document.addEventListener("keydown", onKey);
