// A class (tabs/class_room/): which one the address names, the keys that this browser alone keeps,
// and what the open page asks for every few seconds.
window.page ??= {};

const STORE = "classes";
const MOST_KEPT = 20;
const EVERY = 4000; // milliseconds
const CODE = /^[2-9a-z]{4}(-[2-9a-z]{4}){2}$/;
const TEACHER = /^#teacher=([0-9a-f]{32})$/;

let trigger = () => {};
let banner = null;
let known = ""; // the code of the class that this page is in
let timer;

// ---------------------------------------------------------------- the keys

const stored = () => {
  try {
    return JSON.parse(localStorage.getItem(STORE)) || {};
  } catch {
    return {}; // no storage, or somebody else wrote there
  }
};

// {code: {role: key}, ...} with one more; of too many, the oldest go.
const withKeys = (all, code, keys) => {
  const others = Object.entries(all).filter(([each]) => each !== code);
  return Object.fromEntries([...others, [code, keys]].slice(-MOST_KEPT));
};

// Other tabs of the browser may have joined other classes meanwhile: what is there is read first.
function store(code, keys) {
  try {
    localStorage.setItem(STORE, JSON.stringify(withKeys(stored(), code, keys)));
  } catch {
    // no storage: the page is in the class until it is left
  }
}

// ---------------------------------------------------------------- the address

// The code in an address as the server writes it: somebody may have typed it.
const codeIn = (search) =>
  (new URLSearchParams(search).get("class") ?? "")
    .toLowerCase()
    .replace(/[\s-]/g, "")
    .replace(/(.{4})(?=.)/g, "$1-");

// Once the fields are filled: [the code in the address, this browser's keys to its class].
function begin() {
  const code = codeIn(location.search);
  const keys = stored()[code];
  return [code, keys ? JSON.stringify(keys) : ""];
}

// The link for pupils, and the teacher's own, whose key is no part of what a server hears.
function links(code, keys, data, here) {
  const [link] = page.share.links(new URLSearchParams({class: code}), data, here);
  return [link, keys.teacher ? `${link}#teacher=${keys.teacher}` : ""];
}

// This page is in that class now, or in none ("" for a code): the address says so, and the browser
// keeps the keys. Returns the links.
function keep(code, kept) {
  const asks = new URL(location).searchParams;
  const {left} = page.address;
  const open = page.address.openTab(asks, Object.keys(page.data("address").fields));
  if (code) {
    const isNew = codeIn(location.search) !== code;
    if (isNew && left && open !== "class") page.address.changeTab(asks, open, "class", left);
    asks.set("class", code);
  } else {
    if (open === "class") asks.set("tab", open);
    asks.delete("class");
  }
  if (String(asks) !== location.search.slice(1)) page.address.show(`${location.pathname}?${asks}`);
  known = code;
  if (!code) {
    if (open === "class") page.rail.open("fine-tune"); // what is said stands above the tabs
    return ["", ""];
  }
  const keys = kept ? JSON.parse(kept) : {};
  if (kept) store(code, keys);
  return links(code, keys, page.data("share"), location);
}

// A pupil leaves. The browser keeps who it was, so that it may come back.
function leave(code) {
  const {pupil, ...others} = stored()[code] ?? {};
  store(code, pupil ? {...others, left: pupil} : others);
}

function copy(text) {
  navigator.clipboard?.writeText(text).catch(() => {});
  return text;
}

// ---------------------------------------------------------------- what changes

const role = () => banner?.querySelector(".class-banner")?.dataset.role;

// A field of the Fine-tune form has changed: of a teacher's page the server is told.
let changes = 0;
const formChanged = () => (role() === "teacher" ? `${++changes}` : {__type__: "update"});

// The task is written here. Of other rules, and of a class that is over, the server draws the page.
function tell({rules, task}) {
  const shown = banner.querySelector(".class-banner");
  if (!shown) return;
  const place = shown.querySelector("[data-class=task]");
  if (place.textContent !== task) place.textContent = task;
  place.parentElement.hidden = !task;
  if (shown.dataset.rules !== rules) trigger("click", {});
}

// The key by which this page is the teacher's of its class, "" for anybody else.
const teacherKey = () => (role() === "teacher" && stored()[known]?.teacher) || "";

// Where the server tells something of the page's class, "" while it is in none.
const address = (what) => (known ? `${root()}gradio_api/classes/${known}/${what}` : "");

async function ask() {
  const code = known;
  try {
    const answer = await fetch(address("state"), {cache: "no-cache"});
    if (code !== known) return;
    if (answer.status === 404) trigger("click", {});
    else if (answer.ok) tell(await answer.json());
  } catch {
    // the next time, maybe
  }
}

// The page's own address, without the other language's name.
function root() {
  const {languages} = page.data("share");
  return location.pathname.replace(new RegExp(`(${languages.join("|")})/?$`), "").replace(/\/?$/, "/");
}

// Ask every few seconds, while somebody looks at the page.
function look() {
  clearTimeout(timer);
  if (!known) return;
  if (!document.hidden) {
    ask();
    if (document.querySelector("#class-pupils")?.checkVisibility()) {
      document.getElementById("list-pupils")?.click();
    }
  }
  timer = setTimeout(look, EVERY);
}

// ---------------------------------------------------------------- the page

// element: the class's line above the tabs.
function listen(element, raise) {
  banner = element;
  trigger = raise;
  element.addEventListener("click", (event) => {
    if (!event.target.closest("[data-class=open]")) return;
    event.stopPropagation();
    page.rail.open("class");
  });
  document.addEventListener("visibilitychange", () => document.hidden || look());
}

// element: the teacher's list of pupils.
function listenToList(element, raise) {
  element.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-hide], button[data-stop]");
    if (!button) return;
    button.disabled = true;
    const {hide, hidden, stop} = button.dataset;
    raise("click", stop ? {stop} : {hide, hidden});
  });
}

// A Share panel's button: the page's own knows the form.
function open() {
  page.share.close();
  document.getElementById("open-a-class")?.click();
}

// A browser's keys to a class, {role: key}, with the one that a teacher's own link brings. One that
// is there already stays: anyone could write a link with a wrong key, and the right one is kept in
// this browser alone.
const withBrought = (keys, brought) => ({teacher: brought, ...keys});

// The teacher's own link brings the key to another machine. It leaves the address at once.
const brought = location.hash.match(TEACHER)?.[1];
if (brought && CODE.test(codeIn(location.search))) {
  const code = codeIn(location.search);
  store(code, withBrought(stored()[code], brought));
  history.replaceState(history.state, "", `${location.pathname}${location.search}`);
}

page.classRoom = {address, begin, teacherKey, copy, formChanged, keep, leave, links, listen, listenToList, look, open};
Object.assign(page.classRoom, {withBrought, withKeys});
page.classRoom.codeIn = codeIn;
