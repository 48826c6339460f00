// The visitor's own pairs: their panel (tabs/own_pairs.py), and the key to them, which this browser
// alone keeps. It stands in no address and no link.
window.page ??= {};

const STORE = "own-pairs";
const KEY = /^own-key:[0-9a-f]{64}$/;

// ---------------------------------------------------------------- pure part

// Whether a field's value is such a key.
const isOwn = (value) => typeof value === "string" && KEY.test(value);

// What an address says for a field's value: of own pairs, that they are some.
const inAddress = (value) => (isOwn(value) ? "own" : value);

// ---------------------------------------------------------------- the page

function kept() {
  try {
    const found = localStorage.getItem(STORE);
    return isOwn(found) ? found : "";
  } catch {
    return ""; // no storage
  }
}

function keep(key) {
  try {
    if (isOwn(key)) localStorage.setItem(STORE, key);
    else localStorage.removeItem(STORE);
  } catch {
    // no storage: the pairs are the page's until it is left
  }
}

let opener = null;

function open() {
  opener = document.activeElement;
  return {__type__: "update", visible: true};
}

function close() {
  opener?.focus({preventScroll: true});
  return {__type__: "update", visible: false};
}

// element: the head of the panel, once it is there.
function opened(element) {
  const panel = element.closest("#own-pairs");
  if (!panel) return;
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", element.querySelector("h2")?.textContent ?? "");
  panel.querySelector("button")?.focus({preventScroll: true});
}

// Looked at before the dropdown does: Escape closes its open list first, and the panel the next time.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.target.closest?.("[aria-expanded=true]")) return;
  document.querySelector("#own-pairs .own-pairs-head button")?.click();
}, true);

page.ownPairs = {close, inAddress, isOwn, keep, kept, open, opened};
