// The pair's tokens, as cards and as a table. Tab reaches one cell, for 500 would be a long way
// through; a click and the arrow keys reach the others. The cell in focus is explained, and lights
// up the characters that it stands for. static/batch.js does the same for the batch.
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

const CELLS = "[role=gridcell], .token-table td:not(.absent)";

// The cells of a grid, row by row. A card's numbers stand one below the other, as a table's do.
function rowsOf(grid) {
  if (grid.matches("table")) {
    return [...grid.rows].map((row) => [...row.querySelectorAll("td:not(.absent)")]);
  }
  const rows = {};
  for (const cell of grid.querySelectorAll(CELLS)) {
    rows[cell.dataset.row] ??= [];
    rows[cell.dataset.row].push(cell);
  }
  return Object.values(rows);
}

// Which cell it is.
function placeOf(cell) {
  const {row} = cell.matches("td") ? cell.parentElement.dataset : cell.dataset;
  const position = cell.cellIndex - 1; // of a table's row, whose first cell is its header
  return {row, line: 0, position: cell.matches("td") ? position : +cell.parentElement.dataset.position};
}

// The address names the chosen cell: a friend's page chooses it again. parameter: "cell" of the
// pair, "batch_cell" of the batch.
function writeAddress(parameter, name) {
  page.address.note("tokenize", {[parameter]: name || null});
}

// Press one of a few (`segments` in views/templates/_tokens.html): data-<group> names them.
function press(element, group, name) {
  for (const button of element.querySelectorAll(`button[data-${group}]`)) {
    button.setAttribute("aria-pressed", String(button.dataset[group] === name));
  }
}

// Listen to the grid in `element`, whatever is drawn into it. trigger, watch: Gradio's, of a gr.HTML.
function listen(element, trigger, watch) {
  const ask = page.newest(trigger);
  let chosen = null; // the name of the chosen cell
  let timer = 0;
  let drawn = null; // the inputs of the grid that was seen last

  // The same cell in each view: a card's number stands in the table, too.
  const named = (name) =>
    [...element.querySelectorAll(CELLS)].filter((cell) => cellName(placeOf(cell)) === name);

  function mark(cells) {
    for (const old of element.querySelectorAll(".lit")) old.classList.remove("lit");
    for (const old of element.querySelectorAll("[aria-selected]")) {
      old.removeAttribute("aria-selected");
    }
    if (!cells.length) return;
    for (const cell of cells) cell.setAttribute("aria-selected", "true");
    const position = String(placeOf(cells[0]).position);
    for (const piece of element.querySelectorAll(".piece")) {
      piece.classList.toggle("lit", piece.dataset.tokens.split(" ").includes(position));
    }
  }

  function choose(cell) {
    const place = placeOf(cell);
    const name = cellName(place);
    if (name === chosen) return;
    chosen = name;
    const cells = named(name);
    const reached = "[role=gridcell][tabindex='0'], td[tabindex='0']";
    for (const old of element.querySelectorAll(reached)) old.tabIndex = -1;
    for (const one of cells) one.tabIndex = 0;
    mark(cells);
    writeAddress("cell", name);
    const {inputs} = cell.closest("[data-inputs]").dataset;
    // A key that is held down passes many cells: the one at which it stops is explained
    clearTimeout(timer);
    timer = setTimeout(() => {
      ask("click", {...place, inputs});
      page.walk?.done("why");
    }, 120);
  }

  function focus(cell) {
    if (!cell) return;
    cell.tabIndex = 0;
    cell.focus({preventScroll: true});
    cell.scrollIntoView({block: "nearest", inline: "nearest"});
  }

  // cards or table: CSS goes by the element, which stays when another pair is drawn into it
  function view(name) {
    element.dataset.view = name;
    press(element, "view", name);
  }

  // A grid was drawn. The address's cell is chosen in the first one and in the same one again; of
  // another one nothing was asked yet.
  function showAgain() {
    const inputs = element.querySelector("[data-inputs]")?.dataset.inputs;
    if (!inputs) return;
    const isFirst = drawn === null;
    const name = isFirst || inputs === drawn ? new URL(location).searchParams.get("cell") : null;
    drawn = inputs;
    const cells = name ? named(name) : [];
    if (!cells.length) return writeAddress("cell", null);
    if (!cells.some((cell) => cell.offsetParent)) view("table");
    const cell = cells.find((each) => each.offsetParent) ?? cells[0];
    if (isFirst) cell.scrollIntoView({block: "nearest", inline: "nearest"});
    choose(cell);
  }

  element.addEventListener("click", (event) => {
    const pressed = event.target.closest("button[data-view]");
    if (pressed) view(pressed.dataset.view);
    const card = event.target.closest(".card");
    focus(event.target.closest(CELLS) ?? card?.querySelector(CELLS));
  });
  element.addEventListener("focusin", (event) => {
    const cell = event.target.closest(CELLS);
    if (cell) choose(cell);
  });
  element.addEventListener("keydown", (event) => {
    const cell = event.target.closest(CELLS);
    if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = rowsOf(cell.closest("[role=grid]"));
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
    mark([]);
    if (element.dataset.view) view(element.dataset.view);
    setTimeout(showAgain, 150);
  });
}

// The tokens follow each key (tabs/tokenize/tab.py). The address, scripts and questions follow when
// typing pauses; and so do the tokens where no key's answer is of what stands there: a stranger's
// checkpoint isn't asked at each key.
const PAUSE = 900; // milliseconds
let pausing = 0;

document.addEventListener("input", (event) => {
  if (!event.target.closest?.("#tab-tokenize .page-pair")) return;
  clearTimeout(pausing);
  pausing = setTimeout(() => {
    const isLate = document.querySelector("#tokens .stale");
    document.getElementById(isLate ? "press-tokenize" : "typing-pauses")?.click();
  }, PAUSE);
});

page.tokens = {cellName, destination, listen, press, writeAddress};
