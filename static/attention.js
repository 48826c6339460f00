// The heads of a model: small pictures, of which one is chosen, and its weights on the token cards.
// Tab reaches the chosen picture and the chosen card; a click and the arrow keys reach the others.
// Another head's numbers come from the server, another token's are there already, up to 128 tokens
// (pipeline/inside/attention.py).
window.page ??= {};

// ---------------------------------------------------------------- pure parts

const PARTS = 10_000; // of a weight, as views/inside_attention.py sends it

const percent = (parts) => `${Math.floor((parts + PARTS / 200) / 100)}%`;

// The positions of the largest of `row`, the largest first.
const largest = (row, count) =>
  [...row.keys()].sort((one, other) => row[other] - row[one] || one - other).slice(0, count);

// What the address asks for, as {layer, head, token}; null where it names no head of this tab.
function askedIn(search) {
  const asks = new URLSearchParams(search);
  if (asks.get("tab") !== "model") return null;
  const number = (name) => (/^\d{1,5}$/.test(asks.get(name) ?? "") ? Number(asks.get(name)) : null);
  const head = asks.get("head") === "mean" ? "mean" : number("head");
  const layer = number("layer");
  return layer && head ? {layer, head, token: number("token")} : null;
}

// Which token is at `share` of a picture's height, of so many.
const rowAt = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));

// ---------------------------------------------------------------- the page

let element = null; // of the pictures
let beside = null; // of the chosen head
let below = null; // of the large picture and the table of what heads look at
let send = null; // Gradio's trigger of the pictures
let chosen = null; // {inputs, layer, head, token}; token: null where the server chooses it
let asked = ""; // what the server was asked last, as JSON, until it is there
let timer = 0;

const grid = () => element?.querySelector(".attention-heads");
const drawn = () => beside?.querySelector(".attention-head");
const cards = () => [...drawn().querySelectorAll(".card")];
const cellOf = ({layer, head}) =>
  grid().querySelector(`[role=gridcell][data-layer="${layer}"][data-head="${head}"]`);

function writeAddress() {
  const {layer, head, token} = chosen;
  page.address.note("model", {layer, head, token});
}

// ---------------------------------------------------------------- what is chosen

// Gradio draws the pictures, the head beside them, or both: what belongs to the choice is shown,
// what doesn't is asked for. An answer to an earlier choice or pair is dimmed until the next comes.
function settle() {
  const [heads, head] = [grid(), drawn()];
  if (!heads || !below) return;
  const {inputs} = heads.dataset;
  // A message stands there, about the head that was asked for
  if (!head && chosen?.inputs === inputs) ask();
  if (!head) return;
  if (chosen?.inputs !== inputs) begin(heads, head);
  for (const old of heads.querySelectorAll("[role=gridcell][tabindex='0']")) {
    old.tabIndex = -1;
    old.setAttribute("aria-selected", "false");
  }
  const cell = cellOf(chosen);
  cell.tabIndex = 0;
  cell.setAttribute("aria-selected", "true");
  const {layer, token} = head.dataset;
  const isIt = head.dataset.inputs === inputs && Number(layer) === chosen.layer &&
    head.dataset.head === String(chosen.head);
  const hasRow = chosen.token === null || head.dataset.rows === "all" || Number(token) === chosen.token;
  head.classList.toggle("late", !isIt || !hasRow);
  head.setAttribute("aria-busy", String(!isIt || !hasRow));
  if (!isIt || !hasRow) return ask();
  clearTimeout(timer);
  asked = "";
  chosen.token ??= Number(token);
  if (askedIn(location.search)) writeAddress();
  view(beside.dataset.view ?? "cards");
  const picture = `url(${head.dataset.picture})`;
  below.querySelector(".large-picture i")?.style.setProperty("--picture", picture);
  mark(element.dataset.kind);
  showToken();
}

// Pictures were drawn. The address's head is chosen in them if they have it, its token only in the
// pair that it was said of.
function begin(heads, head) {
  const isFirst = chosen === null;
  const wanted = askedIn(location.search);
  const {inputs} = heads.dataset;
  const given = {layer: Number(head.dataset.layer), head: head.dataset.head, token: null};
  if (given.head !== "mean") given.head = Number(given.head);
  const isThere = wanted && cellOf(wanted);
  chosen = {inputs, ...(isThere ? wanted : given)};
  if (!isFirst || !(chosen.token < cards().length)) chosen.token = null;
}

// A key that is held down passes many heads: the one at which it stops is asked for.
function ask() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const key = JSON.stringify(chosen);
    if (key === asked) return; // its answer is awaited
    asked = key;
    send("click", chosen);
  }, 120);
}

function choose(layer, head) {
  if (!chosen || (chosen.layer === layer && chosen.head === head)) return;
  chosen = {...chosen, layer, head};
  writeAddress();
  settle();
}

function chooseToken(token) {
  if (!chosen || chosen.token === token) return;
  chosen = {...chosen, token};
  writeAddress();
  settle();
}

const readHead = (button) => {
  const {layer, head} = button.dataset;
  choose(Number(layer), head === "mean" ? head : Number(head));
};

// ---------------------------------------------------------------- what is shown of it

// The chosen token's row on the cards, in the title, in words, and on the large picture.
function showToken() {
  const head = drawn();
  const all = cards();
  const {token} = chosen;
  const rows = JSON.parse(head.dataset.shares);
  const row = head.dataset.rows === "all" ? rows[token] : rows[0];
  const hadFocus = head.contains(document.activeElement);
  all.forEach((card, position) => {
    card.style.setProperty("--share", `${row[position] / 100}%`);
    card.lastElementChild.textContent = percent(row[position]);
    card.setAttribute("aria-selected", String(position === token));
    card.tabIndex = position === token ? 0 : -1;
  });
  if (hadFocus) all[token].focus({preventScroll: true});
  const piece = (position) => [...all[position].firstElementChild.cloneNode(true).childNodes];
  const from = head.querySelector(".looks-from");
  from.className = `looks-from ${all[token].classList[1]}`;
  from.replaceChildren(...piece(token));
  const said = largest(row, 3).map((position) => {
    const one = document.createElement("span");
    const place = document.createElement("small");
    place.textContent = position;
    one.append(...piece(position), " ", place, ` ${percent(row[position])}`);
    return one;
  });
  head.querySelector("output").replaceChildren(...said);
  const line = below.querySelector(".large-picture b");
  line?.style.setProperty("--top", `${(100 * token) / all.length}%`);
  line?.style.setProperty("--tall", `${100 / all.length}%`);
}

// Each picture gets a bar as long as the share with which its head looks at that kind of token.
function mark(kind) {
  const shares = JSON.parse(grid().dataset.shares)[kind];
  element.dataset.kind = shares ? kind : "";
  page.tokens.press(below, "kind", element.dataset.kind);
  for (const cell of grid().querySelectorAll("[role=gridcell]")) {
    const {layer, head} = cell.dataset;
    const share = shares?.[layer - 1][head - 1] ?? 0; // the mean has none
    cell.style.setProperty("--share", `${share / 100}%`);
  }
}

// cards or table: CSS goes by the element, which stays when another head is drawn into it
function view(name) {
  beside.dataset.view = name;
  page.tokens.press(beside, "view", name);
}

// ---------------------------------------------------------------- clicks and keys

function press(event) {
  const button = event.target.closest("button");
  const {kind, layer} = button?.dataset ?? {};
  if (kind && grid()) mark(kind === element.dataset.kind ? "" : kind);
  if (layer) readHead(button);
  const picture = event.target.closest(".large-picture");
  if (!picture || !drawn()) return;
  const box = picture.getBoundingClientRect();
  chooseToken(rowAt((event.clientY - box.top) / box.height, cards().length));
}

function byKey(event) {
  const cell = event.target.closest("[role=gridcell]");
  if (!cell || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...grid().querySelectorAll(".head-grid [role=row]")].slice(1);
  const cells = rows.map((row) => [...row.querySelectorAll("[role=gridcell]")]);
  const row = cells.findIndex((each) => each.includes(cell));
  const widths = cells.map((each) => each.length);
  const to = page.tokens.destination(event.key, [row, cells[row].indexOf(cell)], widths);
  if (to === undefined) return;
  event.preventDefault();
  if (!to) return;
  const next = cells[to[0]][to[1]];
  readHead(next);
  next.focus();
}

const STEPS = {ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1};

function byKeyOnCard(event) {
  const card = event.target.closest(".card");
  if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
  const last = cards().length - 1;
  const to = {Home: 0, End: last}[event.key] ?? Number(card.dataset.position) + STEPS[event.key];
  if (Number.isNaN(to)) return;
  event.preventDefault();
  if (to < 0 || to > last) return;
  cards()[to].focus({preventScroll: true});
  cards()[to].scrollIntoView({block: "nearest", inline: "nearest"});
  chooseToken(to);
}

// Listen to the pictures in `root`, whatever is drawn into it. trigger, watch: Gradio's, of a gr.HTML.
function listen(root, trigger, watch) {
  element = root;
  send = page.newest(trigger);
  root.addEventListener("click", press);
  root.addEventListener("keydown", byKey);
  watch("value", () => setTimeout(settle));
  settle();
}

// Listen to the head beside them.
function listenToHead(root, watch) {
  beside = root;
  root.addEventListener("click", (event) => {
    const pressed = event.target.closest("button[data-view]");
    if (pressed) view(pressed.dataset.view);
    const card = event.target.closest(".card");
    if (!card) return;
    card.focus({preventScroll: true});
    chooseToken(Number(card.dataset.position));
  });
  root.addEventListener("keydown", byKeyOnCard);
  watch("value", () => setTimeout(settle));
  settle();
}

// Listen to the table of what heads look at, with the large picture.
function listenToLooks(root, watch) {
  below = root;
  root.addEventListener("click", press);
  watch("value", () => setTimeout(settle));
  settle();
}

page.attention = {askedIn, largest, listen, listenToHead, listenToLooks, percent, rowAt};
