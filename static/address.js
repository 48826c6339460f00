// The page's address <-> the open tab, its fields and settings. The server's half is
// tabs/address.py, which says to "address":
//   {fields: {tab: {names: [...], defaults: [...]}}}, in the order of the tabs and of their fields
window.page ??= {};

// What belongs to no tab's fields, and stays when another tab is opened
const KEPT = ["lang", "task", "run", "walk", "class"];
// What only a teacher's link says of a tab
const FIXED = ["hide", "lock"];
// What a link to a tab keeps of the address that is no field of it
const LINKED = {
  "tokenize": ["lang", "cell", "batch_cell"],
  "model": ["lang", "part", "layer", "head", "token", "other"],
  "fine-tune": ["lang", "run", "view", "step"],
  "predict": ["lang"],
  "layers": ["lang", "topic", "claim"],
};
// What was open in a tab that was left: a page that is loaded anew draws that tab without it
const FORGOTTEN = ["cell", "batch_cell", "part", "topic", "claim", "open"];
// What fills no field
const QUIET = ["lang", "walk", "view"];

const tabNames = () => Object.keys(page.data("address").fields);

// ---------------------------------------------------------------- pure parts

// Whether an address says more than a language or a theme, so that the server has fields to fill.
const fillsFields = (search) =>
  [...new URLSearchParams(search).keys()].some(
    (key) => !QUIET.includes(key) && !key.startsWith("__"),
  );

// The name of the tab that an address asks for; tabs: their names, the first of which needs none.
const openTab = (asks, tabs) =>
  asks.get("tab") ?? (asks.get("run") ? "fine-tune" : asks.get("class") ? "class" : tabs[0]);

// What the address says of a tab whose fields hold `values`: a URLSearchParams. Values at their
// default are left out. here: the URLSearchParams of the address as it is.
function query(tab, {names, defaults}, values, here) {
  const asks = new URLSearchParams({tab});
  for (const name of LINKED[tab] ?? ["lang"]) {
    if (here.get(name)) asks.set(name, here.get(name));
  }
  names.forEach((name, place) => {
    let value = values[place];
    // A visitor's own run stands in no other visitor's list
    if (Array.isArray(value)) value = value.filter((one) => !one.startsWith("run:"));
    if (value === null || value === undefined) return;
    value = page.ownPairs.inAddress(value);
    if (String(value) !== String(defaults[place])) asks.set(name, value);
  });
  return asks;
}

// As `query`, with what belongs to no field.
function queryWithKept(tab, fields, values, here) {
  const asks = query(tab, fields, values, here);
  for (const name of [...FIXED, ...KEPT]) {
    if (here.get(name)) asks.set(name, here.get(name));
  }
  return asks;
}

// Change `asks`, the address's URLSearchParams, to those of another tab. left: what the address
// said of the tabs that were left, {tab: [[name, value], ...]}; it is changed likewise.
function changeTab(asks, from, to, left) {
  left[from] = [...asks].filter(([key]) => key !== "tab" && !KEPT.includes(key));
  for (const [key] of left[from]) asks.delete(key);
  asks.set("tab", to);
  for (const [key, value] of left[to] ?? []) asks.set(key, value);
}

// ---------------------------------------------------------------- the address of this page

// Gradio 6.31: its own windows (API, Settings) write null where the tabs that were left are kept.
const replace = history.replaceState.bind(history);
history.replaceState = (state, ...where) => replace(state ?? history.state, ...where);

// Write the address: the one way for all scripts. What it said of the tabs that were left stands
// beside it in the browser's history, where a reload and Back find it again and a new link doesn't.
// asStep: whether Back leads to the address as it was.
function show(url, asStep = false) {
  const {left} = page.address;
  const state = left && {tabsLeft: structuredClone(left)};
  if (asStep) history.pushState(state, "", url);
  else history.replaceState(state, "", url);
  // A Space shows its page in a frame of huggingface.co, whose own address follows what it is told
  // (huggingface.co/docs/hub/spaces-handle-url-parameters)
  if (window.parent !== window && location.hostname.endsWith(".hf.space")) {
    const told = {queryString: location.search.slice(1)};
    window.parent.postMessage(told, "https://huggingface.co");
  }
}

// What was chosen in a picture of `tab`, {name in the address: value}; null takes a name away. A
// page that shows another tab has an address that says nothing of this one.
function note(tab, chosen) {
  const url = new URL(location);
  const asks = url.searchParams;
  if (openTab(asks, tabNames()) !== tab) return;
  for (const [name, value] of Object.entries(chosen)) {
    if (value === null) asks.delete(name);
    else asks.set(name, value);
  }
  if (url.href !== location.href) show(url);
}

// Load the other language's page, which is handed what the address said of the tabs that were left.
function load(url) {
  try {
    const left = JSON.stringify(page.address.left ?? {});
    sessionStorage.setItem(`tabsLeft:${url.search}`, left);
  } catch {
    // no storage: the other page begins without it
  }
  location.assign(url);
}

function handedOver() {
  try {
    const key = `tabsLeft:${location.search}`;
    const found = sessionStorage.getItem(key);
    sessionStorage.removeItem(key);
    return JSON.parse(found);
  } catch {
    return null;
  }
}

// Once the page is there: what the address asks for. Where the server has fields to fill, it
// returns [the key to own pairs, what the address said of other tabs as JSON, ""]; else [the key,
// "", the mark that the first tab is seen].
function begin() {
  const again = performance.getEntriesByType("navigation")[0]?.type !== "navigate";
  const left = (again ? history.state?.tabsLeft : handedOver()) ?? {};
  for (const tab in left) left[tab] = left[tab].filter(([key]) => !FORGOTTEN.includes(key));
  page.address.left ??= left;
  show(location);
  document.addEventListener("click", followTab);
  addEventListener("popstate", comeBack);
  const asked = fillsFields(location.search) || Object.keys(page.address.left).length;
  page.address.isFilled = !asked;
  const own = page.ownPairs.kept();
  return asked ? [own, JSON.stringify(page.address.left), ""] : [own, "", "seen"];
}

// Once the fields are filled, the marks of the tabs: the open one is seen.
function marks() {
  const open = openTab(new URL(location).searchParams, tabNames());
  return tabNames().map((name) => (name === open ? "seen" : ""));
}

// The mark of a tab that is selected: "seen" once it may draw itself. It stays what it is by then.
const seen = (mark) => mark || (page.address.isFilled ? "seen" : "");

// A tab's first drawing (web/first_paint.py), by its name: the fields' values with which it asks.
const firstAsked = {};

function keepAsked(name, values) {
  firstAsked[name] = JSON.stringify(values);
  return values;
}

// The tab's mark once that is drawn; where a field has changed since, another one, which asks again.
const markAgain = (name, mark, values) =>
  JSON.stringify(values) === firstAsked[name] ? mark : `${mark}, and changed`;

// Tab buttons are Gradio's own: the address follows the visitor's click, and never Gradio's choice
// while it mounts. The tab of Layers has parts, of which Play is the one that needs no name.
function followTab(event) {
  const panel = event.target.closest("[role=tab]")?.getAttribute("aria-controls");
  const [, kind, name] = panel?.match(/^(tab|layers)-(.+)$/) ?? [];
  const url = new URL(location);
  const asks = url.searchParams;
  const open = openTab(asks, tabNames());
  if (kind === "layers") {
    for (const key of ["topic", "claim"]) asks.delete(key);
    asks.set("tab", "layers");
    if (name !== "play") asks.set("topic", name);
  } else if (tabNames().includes(name) && open !== name) {
    changeTab(asks, open, name, page.address.left);
  } else {
    return;
  }
  show(url, true);
}

// Back and Forward: the tab that the address names now, and the part of Layers. What stands in the
// fields stays.
function comeBack(event) {
  if (event.state?.tabsLeft) page.address.left = structuredClone(event.state.tabsLeft);
  const asks = new URL(location).searchParams;
  const names = [`tab-${openTab(asks, tabNames())}`];
  if (asks.get("tab") === "layers") names.push(`layers-${asks.get("topic") ?? "play"}`);
  names.forEach(page.openTab);
}

// A button that acts on the fields, pressed before the address has filled them, acts afterwards: on a
// slow connection a run would start with the defaults.
let held = null;

function hold(event) {
  const waits = !(page.address.isFilled ?? !fillsFields(location.search));
  const button = waits && event.target.closest?.("button.primary");
  if (!button) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  held?.removeAttribute("aria-busy");
  held = button;
  held.setAttribute("aria-busy", "true");
}

function release() {
  held?.removeAttribute("aria-busy");
  held?.click();
  held = null;
}

// Once the fields are filled: open the address's tab and sections. The visitor may have gone to
// another tab before the server chose one: the address has followed, and so does the page.
function filled() {
  page.address.isFilled = true;
  setTimeout(release, 100);
  const asks = new URL(location).searchParams;
  const tab = `tab-${asks.get("tab")}`;
  setTimeout(() => {
    for (const one of document.querySelectorAll("[role=tab][aria-selected=false]")) {
      if (one.getAttribute("aria-controls") === tab) one.click();
    }
  }, 50);
  const open = asks.get("open")?.split(",") ?? [];
  const unfold = (tries) => {
    const folds = "[role=tabpanel] [id^=open-] > button.label-wrap";
    for (const fold of document.querySelectorAll(folds)) {
      const place = open.indexOf(fold.parentElement.id.slice("open-".length));
      if (place < 0 || !fold.offsetParent) continue;
      open.splice(place, 1);
      if (!fold.classList.contains("open")) fold.click();
    }
    if (open.length && tries) setTimeout(unfold, 100, tries - 1);
  };
  if (open.length) setTimeout(unfold, 100, 50);
}

// After an action in `tab`: the address says what was asked, and a page that is loaded anew asks it
// again. done: the step of the guided walk that this is.
function keep(tab, values, done) {
  const {fields} = page.data("address");
  const here = new URL(location).searchParams;
  if (openTab(here, tabNames()) === tab) {
    show(`${location.pathname}?${queryWithKept(tab, fields[tab], values, here)}`);
    page.walk.done(done);
    return;
  }
  // A run that ends offers its model to Predict, which is no reason to leave the open tab
  const {left} = page.address;
  if (!left) return;
  const fixed = (left[tab] ?? []).filter(([key]) => FIXED.includes(key));
  const asks = [...query(tab, fields[tab], values, here), ...fixed];
  left[tab] = asks.filter(([key]) => !["tab", "lang"].includes(key));
  show(location);
}

page.address = {begin, filled, keep, keepAsked, load, markAgain, marks, note, seen, show};
Object.assign(page.address, {changeTab, fillsFields, openTab, query, queryWithKept});
document.addEventListener("click", hold, true);
// Where the address will fill fields, what was drawn ahead of it isn't shown (static/page.css)
document.documentElement.classList.toggle("filling", fillsFields(location.search));
