// The grids of the Tokenize tab. Tab reaches one cell of a grid, for 500 would be a long way through;
// a click and the arrow keys reach the others. The cell in focus is explained, and lights up the
// characters that it stands for.
window.page ??= {};

// ---------------------------------------------------------------- pure parts

// Where a key leads from a cell: [row, column], or null at an edge; undefined for any other key.
// widths: how many cells each row has; 0 for a row without any that can be chosen, which is skipped.
function destination(key, [row, column], widths) {
  const inRow = (to) => (to >= 0 && to < widths[row] ? [row, to] : null);
  const beside = (step) => {
    for (let to = row + step; to >= 0 && to < widths.length; to += step) {
      if (column < widths[to]) return [to, column];
    }
    return null;
  };
  switch (key) {
    case "ArrowLeft": return inRow(column - 1);
    case "ArrowRight": return inRow(column + 1);
    case "Home": return inRow(0);
    case "End": return inRow(widths[row] - 1);
    case "ArrowUp": return beside(-1);
    case "ArrowDown": return beside(1);
  }
  return undefined;
}

// What the address calls a cell: "input_ids.3" of a pair, "2.17" or "2.labels" of a batch.
function cellName({row, line, position}) {
  return `${row && row !== "labels" ? row : line}.${row === "labels" ? row : position}`;
}

// ---------------------------------------------------------------- one grid

const CELLS = ".token-grid td:not(.absent), .batch-grid td";

// The cells of a grid's table, row by row.
const rowsOf = (table) =>
  [...table.rows].map((row) => [...row.querySelectorAll("td:not(.absent)")]);

// Which cell it is. Labels stand before the positions of a batch and are none of them.
function placeOf(cell) {
  const {row = "", line} = cell.parentElement.dataset;
  const cells = [...cell.parentElement.querySelectorAll("td:not(.label)")];
  const isLabel = cell.matches(".label");
  return {row: isLabel ? "labels" : row, line: Number(line ?? 0), position: cells.indexOf(cell)};
}

// Listen to the grid in `element`, whatever is drawn into it. trigger, watch: Gradio's, of a gr.HTML.
function listen(element, trigger, watch) {
  let chosen = null;
  let timer = 0;
  let drawn = null; // the inputs of the grid that was seen last

  // The address names the chosen cell: a friend's page chooses it again.
  const parameter = () => (element.querySelector(".batch-grid") ? "batch_cell" : "cell");

  function writeAddress(name) {
    const url = new URL(location);
    const asks = url.searchParams;
    const open = asks.get("tab") ?? "tokenize";
    if (open !== "tokenize" || asks.get(parameter()) === name) return;
    if (name) asks.set(parameter(), name);
    else asks.delete(parameter());
    page.address.show(url);
  }

  function mark(cell) {
    for (const old of element.querySelectorAll(".lit")) old.classList.remove("lit");
    for (const old of element.querySelectorAll("td[aria-selected]")) {
      old.removeAttribute("aria-selected");
    }
    if (!cell) return;
    cell.setAttribute("aria-selected", "true");
    const position = String(placeOf(cell).position);
    for (const piece of element.querySelectorAll(".piece")) {
      piece.classList.toggle("lit", piece.dataset.tokens.split(" ").includes(position));
    }
  }

  function choose(cell) {
    if (cell === chosen) return;
    chosen = cell;
    for (const old of element.querySelectorAll("td[tabindex]")) old.tabIndex = -1;
    cell.tabIndex = 0;
    mark(cell);
    const place = placeOf(cell);
    writeAddress(cellName(place));
    const {inputs} = cell.closest("[data-inputs]").dataset;
    // A key that is held down passes many cells: the one at which it stops is explained
    clearTimeout(timer);
    timer = setTimeout(() => {
      trigger("click", {...place, inputs});
      page.walk?.done("why");
    }, 120);
  }

  function focus(cell) {
    if (!cell) return;
    cell.tabIndex = 0;
    cell.focus();
  }

  // A grid was drawn. The address's cell is chosen in the first one and in the same one again; of
  // another one nothing was asked yet.
  function showAgain() {
    const inputs = element.querySelector("[data-inputs]")?.dataset.inputs;
    if (!inputs) return;
    const isFirst = drawn === null;
    const name = isFirst || inputs === drawn ? new URL(location).searchParams.get(parameter()) : null;
    const cells = [...element.querySelectorAll(CELLS)];
    const cell = name && cells.find((one) => cellName(placeOf(one)) === name);
    drawn = inputs;
    if (!cell) return writeAddress(null);
    if (isFirst) cell.scrollIntoView({block: "center", inline: "nearest"});
    choose(cell);
  }

  element.addEventListener("click", (event) => focus(event.target.closest(CELLS)));
  element.addEventListener("focusin", (event) => {
    const cell = event.target.closest(CELLS);
    if (cell) choose(cell);
  });
  element.addEventListener("keydown", (event) => {
    const cell = event.target.closest(CELLS);
    if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = rowsOf(cell.closest("table"));
    const row = rows.findIndex((cells) => cells.includes(cell));
    const widths = rows.map((cells) => cells.length);
    const to = destination(event.key, [row, rows[row].indexOf(cell)], widths);
    if (to === undefined) return;
    event.preventDefault();
    if (to) focus(rows[to[0]][to[1]]);
  });
  watch("value", () => {
    chosen = null;
    clearTimeout(timer);
    mark(null);
    setTimeout(showAgain, 150);
  });
}

page.tokens = {cellName, destination, listen};
