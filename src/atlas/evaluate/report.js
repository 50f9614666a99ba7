// Tables sort by a click on a column's name; the leaf table filters as one types; points of charts tell what they are.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("th button").forEach((button) => {
    const heading = button.parentElement, column = heading.cellIndex;
    button.addEventListener("click", () => {
      const text = heading.dataset.kind === "text";
      const down = heading.ariaSort ? heading.ariaSort === "ascending" : !text;
      for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? "";
      const order = (a, b) => text ? key(a).localeCompare(key(b)) : Number(key(a)) - Number(key(b));
      const empty = (row) => !text && key(row) === "";
      const rows = [...body.rows].sort((a, b) => empty(a) - empty(b) || (down ? order(b, a) : order(a, b)));
      body.append(...rows);
    });
  });
}
const search = document.querySelector("#filter");
if (search) {
  const rows = [...document.querySelector("#leaves").tBodies[0].rows], shown = document.querySelector("#shown");
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const row of rows) {
      const fits = words.every((word) => row.cells[0].dataset.value.toLowerCase().includes(word));
      row.hidden = !fits;
      found += fits;
    }
    shown.textContent = `${found} of ${rows.length} shown`;
  });
}
for (const mark of document.querySelectorAll('.chart [role="graphics-symbol"][aria-label]')) {
  if (mark.getAttribute("aria-roledescription")?.match(/axis|legend/)) continue;
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = mark.getAttribute("aria-label");
  mark.append(title);
}
