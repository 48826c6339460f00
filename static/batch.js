// The batch as one picture, rows x positions, on a canvas that always fits its frame; its table; and
// the switch before | after the collator. What is drawn stands in the page as JSON (views/tokens.py):
//   {numbers, lengths, roles: a letter a cell, pieces, tensors: {input_ids, ...}, labels, marks, words}
window.page ??= {};

// ---------------------------------------------------------------- pure parts

// The cell at a share x (0 to 1) of a row's width, y (0 to 1) of the height: {line, position}, or null
// where there is none. isBefore: the collator's padding isn't there yet.
function cellAt({lengths, roles}, x, y, isBefore) {
  const line = Math.floor(y * lengths.length);
  const position = Math.floor(x * roles[0]?.length);
  if (x < 0 || x >= 1 || y < 0 || y >= 1) return null;
  if (!isBefore) return {line, position};
  const left = paddingBefore(roles[line]);
  return position < lengths[line] ? {line, position: position + left} : null;
}

// Padding cells at the beginning of a row: some tokenizers pad on the left.
const paddingBefore = (roles) => roles.length - roles.replace(/^p+/, "").length;

// Where a cell's left edge is, in positions, when the padding has come `t` of its way (0 to 1).
function placeAt(roles, position, t) {
  const left = paddingBefore(roles);
  const padding = roles.split("p").length - 1;
  if (roles[position] !== "p") return position - (1 - t) * left;
  return position + (1 - t) * (position < left ? -left : padding + 1);
}

// What a cell shows: its piece, or its number in the tensor `show`.
const shownAt = (batch, show, line, position) =>
  show === "pieces" ? batch.pieces[line][position] : batch.tensors[show][line][position];

// ---------------------------------------------------------------- the picture

const ROLES = {1: "one", 2: "two"};
const NAMES = {s: "special", 1: "sentence1", 2: "sentence2", p: "padding"};
const SLIDE = 700; // milliseconds
const MOST_PIECES = 0.8; // of a batch's pieces: so many fit whole where any are shown

let now = null; // the batch in the page: {element, batch, show, when, t, chosen, redraw}
let taken = null; // the row whose number was clicked

const numberFont = (pixels) => `${pixels}px ui-monospace, SFMono-Regular, Menlo, monospace`;

// A tile of the hatching, for padding.
function hatching(context, ratio, ground, line) {
  const tile = document.createElement("canvas");
  const size = Math.round(6 * ratio);
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext("2d");
  pen.fillStyle = ground;
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = line;
  pen.lineWidth = 1.4 * ratio;
  for (const shift of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
    pen.stroke();
  }
  return context.createPattern(tile, "repeat");
}

// The largest text, in pixels, at which that share of `texts` fits into a cell, or 0 where none does.
function fittingFont(context, texts, share, width, height, ratio) {
  const longest = texts.toSorted((a, b) => a.length - b.length)[Math.ceil(share * texts.length) - 1];
  for (const pixels of [12, 11, 10, 9]) {
    context.font = numberFont(pixels * ratio);
    const wide = context.measureText(longest).width;
    if (wide + 3 * ratio <= width && pixels * ratio + 2 <= height) return pixels * ratio;
  }
  return 0;
}

// A text of at most `most` characters: what was left out is an ellipsis.
const cut = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);

function draw() {
  const {batch, show, t, chosen, canvas} = now;
  const frame = canvas.parentElement;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(frame.clientWidth * ratio);
  const height = Math.round(frame.clientHeight * ratio);
  if (!width || !height) return;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const style = getComputedStyle(frame);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const context = canvas.getContext("2d");
  const seqLen = batch.roles[0].length;
  const cell = width / seqLen;
  const row = height / batch.lengths.length;
  const gap = cell >= 6 * ratio ? ratio : 0;
  const fills = {
    s: colour("cell-special"),
    1: colour("cell-one"),
    2: colour("cell-two"),
    p: hatching(context, ratio, colour("paper"), colour("cell-hatch")),
  };
  const numbers = batch.tensors[show];
  const most = show === "input_ids" ? Math.log(1 + Math.max(...numbers.flat())) : 1;
  // Each number is shown whole, or none; of the pieces the longest are cut
  const texts = (numbers ?? batch.pieces).flat().map(String);
  const font = fittingFont(context, texts, numbers ? 1 : MOST_PIECES, cell - gap, row, ratio);
  context.clearRect(0, 0, width, height);
  context.textAlign = "center";
  context.textBaseline = "middle";
  if (font) context.font = numberFont(font);
  const characters = font && Math.floor((cell - gap - 3 * ratio) / context.measureText("0").width);
  batch.lengths.forEach((_length, line) => {
    const top = Math.round(line * row);
    const tall = Math.max(1, Math.round((line + 1) * row) - top - Math.round((row > 8 ? 2 : 1) * ratio));
    const roles = batch.roles[line];
    for (let position = 0; position < seqLen; position += 1) {
      const role = roles[position];
      if (role === "p" && t === 0) continue;
      const place = placeAt(roles, position, t);
      const left = Math.round(place * cell);
      const wide = Math.max(1, Math.round((place + 1) * cell) - left - gap);
      const number = numbers?.[line][position];
      context.globalAlpha = 1;
      context.fillStyle = fills[role];
      if (role !== "p" && show === "token_type_ids") context.fillStyle = fills[number ? 2 : 1];
      if (role !== "p" && show === "attention_mask") context.fillStyle = fills.s;
      // Where the number itself doesn't fit, its shade tells it from others
      if (role !== "p" && show === "input_ids" && !font) {
        context.fillStyle = fills.s;
        context.globalAlpha = 0.25 + (0.75 * Math.log(1 + number)) / most;
      }
      context.fillRect(left, top, wide, tall);
      context.globalAlpha = 1;
      if (tall >= 10 * ratio && (role === "1" || role === "2") && show !== "attention_mask") {
        underline(context, colour(`cell-line-${ROLES[role]}`), role === "2", left, top + tall, wide, ratio);
      }
      if (font) {
        context.fillStyle = colour(role === "p" ? "quiet" : "cell-ink");
        const text = cut(String(shownAt(batch, show, line, position)), characters);
        context.fillText(text, left + wide / 2, top + tall / 2 + ratio / 2);
      }
    }
  });
  if (!chosen || (t === 0 && batch.roles[chosen.line][chosen.position] === "p")) return;
  const place = placeAt(batch.roles[chosen.line], chosen.position, t);
  context.strokeStyle = colour("ink");
  context.lineWidth = 2 * ratio;
  const wide = Math.max(cell - gap, 4 * ratio);
  context.strokeRect(place * cell - ratio / 2, chosen.line * row, wide + ratio, row - ratio);
}

// Sentence 1 has a solid line under it, sentence 2 a dotted one.
function underline(context, colour, isDotted, left, bottom, wide, ratio) {
  context.fillStyle = colour;
  const thick = Math.round(2 * ratio);
  if (!isDotted) return context.fillRect(left, bottom - thick, wide, thick);
  for (let x = left + ratio; x + thick <= left + wide; x += 2 * thick) {
    context.fillRect(Math.round(x), bottom - thick, thick, thick);
  }
}

// before | after the collator: the hatched cells slide in, or are there at once where motion is unwelcome.
function collate(when) {
  now.when = when;
  now.element.dataset.when = when;
  page.tokens.press(now.element, "when", when);
  const to = when === "after" ? 1 : 0;
  const from = now.t;
  const slide = {};
  now.slide = slide; // an earlier one ends
  if (page.isStill()) {
    now.t = to;
    return draw();
  }
  const began = performance.now();
  const step = () => {
    if (now.slide !== slide) return;
    const done = Math.min(1, (performance.now() - began) / SLIDE);
    now.t = from + (to - from) * (1 - (1 - done) ** 3);
    draw();
    if (done < 1) requestAnimationFrame(step);
  };
  step();
}

// ---------------------------------------------------------------- the table

const tag = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

// A piece; what marks its place in the word stands outside its writing direction.
function pieceIn(cell, value, marks) {
  const mark = marks.find((each) => value.startsWith(each) && value !== each);
  if (mark) cell.append(tag("span", mark, {class: "joint"}));
  cell.append(tag("bdi", mark ? value.slice(mark.length) : value));
}

function fillTable() {
  const {element, batch, show} = now;
  const table = element.querySelector(".batch-table");
  if (table.dataset.show === show) return;
  table.dataset.show = show;
  table.caption.firstElementChild.textContent = batch.words[show];
  const heads = [batch.words.row, ...(batch.labels ? ["labels"] : []), ...batch.roles[0].split("").keys()];
  const head = document.createElement("tr");
  head.append(...heads.map((name) => tag("th", name, {scope: "col"})));
  table.tHead.replaceChildren(head);
  const lines = batch.lengths.map((length, line) => {
    const row = tag("tr", "", {"data-line": line});
    row.append(tag("th", `#${batch.numbers[line]} · ${length}`, {scope: "row"}));
    if (batch.labels) row.append(tag("td", batch.labels[line], {class: "label", tabindex: -1}));
    [...batch.roles[line]].forEach((role, position) => {
      const cell = tag("td", "", {class: NAMES[role], tabindex: -1});
      pieceIn(cell, String(shownAt(batch, show, line, position)), batch.marks);
      row.append(cell);
    });
    return row;
  });
  table.tBodies[0].replaceChildren(...lines);
  table.querySelector("td").tabIndex = 0;
  markCell();
}

const placeOf = (cell) => {
  const line = Number(cell.parentElement.dataset.line);
  if (cell.matches(".label")) return {line, row: "labels", position: -1};
  const first = cell.parentElement.querySelector("td:not(.label)").cellIndex;
  return {line, row: "", position: cell.cellIndex - first};
};

function markCell() {
  const {element, chosen} = now;
  for (const old of element.querySelectorAll("[aria-selected]")) old.removeAttribute("aria-selected");
  const row = chosen && element.querySelector(`.batch-table tr[data-line="${chosen.line}"]`);
  if (!row) return;
  const cells = row.querySelectorAll("td:not(.label)");
  const cell = chosen.row === "labels" ? row.querySelector(".label") : cells[chosen.position];
  cell?.setAttribute("aria-selected", "true");
}

// picture or table
function view(name) {
  now.element.dataset.as = name;
  page.tokens.press(now.element, "as", name);
  if (name === "table") fillTable();
  else draw();
}

// ---------------------------------------------------------------- choosing a cell

let timer = 0;

function choose(place) {
  const {chosen, batch, show, inputs, ask} = now;
  if (chosen && page.tokens.cellName(chosen) === page.tokens.cellName(place)) return;
  now.chosen = place;
  page.tokens.writeAddress("batch_cell", page.tokens.cellName(place));
  markCell();
  draw();
  // A key that is held down passes many cells: the one at which it stops is explained
  clearTimeout(timer);
  timer = setTimeout(() => {
    const {line, position, row = ""} = place;
    const asked = {...JSON.parse(inputs), show: batch.tensors[show] ? show : "pieces"};
    ask("click", {line, position, row, inputs: JSON.stringify(asked)});
  }, 120);
}

function byKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const cell = event.target.closest(".batch-table td");
  const {batch, chosen} = now;
  if (!cell && !event.target.closest(".batch-cells")) return;
  if (cell) {
    const rows = [...cell.closest("tbody").rows].map((row) => [...row.querySelectorAll("td")]);
    const line = rows.findIndex((cells) => cells.includes(cell));
    const widths = rows.map((cells) => cells.length);
    const to = page.tokens.destination(event.key, [line, rows[line].indexOf(cell)], widths);
    if (to === undefined) return;
    event.preventDefault();
    if (to) rows[to[0]][to[1]].focus();
    return;
  }
  const widths = batch.roles.map((roles) => roles.length);
  const at = chosen && chosen.row !== "labels" ? [chosen.line, chosen.position] : null;
  const to = page.tokens.destination(event.key, at ?? [0, 0], widths);
  if (to === undefined) return;
  event.preventDefault();
  const [line, position] = at ? (to ?? at) : [0, 0];
  choose({line, position, row: ""});
}

function byPointer(event) {
  const cells = event.target.closest(".batch-cells");
  if (!cells) return;
  const box = cells.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width;
  const y = (event.clientY - box.top) / box.height;
  const at = cellAt(now.batch, x, y, now.when === "before");
  if (at) choose({...at, row: ""});
}

// ---------------------------------------------------------------- what Gradio draws

function press(event) {
  const button = event.target.closest("button");
  if (button?.dataset.when) {
    collate(button.dataset.when);
    page.walk?.done("collated");
  }
  if (button?.dataset.as) view(button.dataset.as);
  if (button?.dataset.take) {
    taken = Number(button.dataset.take);
    document.getElementById("take-row")?.click();
  }
  byPointer(event);
}

// Listen to the batch in `element`, whatever is drawn into it. trigger, watch: Gradio's, of a gr.HTML.
function listen(element, trigger, watch) {
  const ask = page.newest(trigger);
  let drawn = null; // the inputs of the batch that was seen last
  let timeLeft = 0;

  function begin() {
    const grid = element.querySelector(".batch-grid");
    if (!grid) return;
    const {inputs} = grid.dataset;
    const batch = JSON.parse(grid.querySelector(".batch-data").dataset.batch);
    const {when = "after", as = "picture"} = element.dataset;
    const asked = JSON.parse(inputs || "{}").show;
    const show = batch.tensors[asked] ? asked : "pieces";
    now = {element, ask, inputs, batch, show, when, t: when === "after" ? 1 : 0, chosen: null};
    now.canvas = grid.querySelector("canvas");
    if (show === "attention_mask") page.walk?.done("mask");
    page.tokens.press(element, "when", when);
    sizes.disconnect();
    sizes.observe(now.canvas.parentElement);
    view(as);
    clearTimeout(timeLeft);
    timeLeft = setTimeout(() => showAgain(inputs), 150);
  }

  // The address's cell is chosen in the first batch and in the same one again
  function showAgain(inputs) {
    const name = new URL(location).searchParams.get("batch_cell");
    const isAsked = drawn === null || drawn === inputs;
    drawn = inputs;
    const [, line, position] = (isAsked && name?.match(/^(\d+)\.(\d+|labels)$/)) || [];
    const row = position === "labels" ? "labels" : "";
    const isThere = now.batch.roles[line] && (row ? now.batch.labels : now.batch.roles[0][position]);
    if (!isThere) return page.tokens.writeAddress("batch_cell", null);
    if (row) view("table");
    choose({line: Number(line), row, position: row ? -1 : Number(position)});
  }

  const redraw = () => now?.element.dataset.as !== "table" && now && draw();
  const sizes = new ResizeObserver(redraw);
  // Another theme has other colours
  new MutationObserver(redraw).observe(document.body, {attributeFilter: ["class"]});
  for (const media of ["(forced-colors: active)", "(prefers-color-scheme: dark)", "print"]) {
    matchMedia(media).addEventListener("change", redraw);
  }
  element.addEventListener("click", press);
  element.addEventListener("keydown", byKey);
  element.addEventListener("focusin", (event) => {
    const cell = event.target.closest(".batch-table td");
    if (!cell) return;
    for (const old of element.querySelectorAll(".batch-table td[tabindex='0']")) old.tabIndex = -1;
    cell.tabIndex = 0;
    choose(placeOf(cell));
  });
  watch("value", begin);
  begin();
}

// Another tensor's numbers in the cells; the chosen cell is explained by it.
function show(name) {
  if (!now) return;
  now.show = now.batch.tensors[name] ? name : "pieces";
  const {chosen} = now;
  view(now.element.dataset.as ?? "picture");
  if (!chosen) return;
  now.chosen = null;
  choose(chosen);
}

// The values of the hidden button that takes a row, with the row's number as the first of them.
const take = ([, ...values]) => [taken, ...values];

page.batch = {cellAt, cut, listen, placeAt, show, take};
