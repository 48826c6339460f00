// What all of the page's scripts use. Each file of this folder hangs its functions on `page`, under
// its own name (page.address, page.walk, ...), so that `js=` and `js_on_load=` in Python hold one
// call. web/page_files.py sends all files as one, each in a scope of its own.
window.page ??= {};

const blocks = {};

// What Python says to the scripts of `name` (tabs/page_data.py). It is parsed once, for it stays
// the same while the page is open.
page.data = (name) =>
  (blocks[name] ??= JSON.parse(document.getElementById(`page-data-${name}`).content.textContent));

// Press the buttons of class `name` whose section is open. What is folded costs the server nothing.
page.pressOpen = (name) => {
  for (const button of document.querySelectorAll(`button.${name}`)) {
    const fold = button.closest(".gr-accordion")?.querySelector(":scope > button.label-wrap");
    if (!fold || fold.classList.contains("open")) button.click();
  }
};
// The same, once for all that asks for it within so many milliseconds.
const pressing = {};
page.pressOnce = (name, milliseconds) => {
  clearTimeout(pressing[name]);
  pressing[name] = setTimeout(() => page.pressOpen(name), milliseconds);
};
// Open the tab whose panel is `name` as a visitor would: the address follows. Whether it is open.
page.openTab = (name) => {
  const tab = document.querySelector(`[role=tab][aria-controls="${name}"]`);
  if (tab?.getAttribute("aria-selected") === "false") tab.click();
  return tab?.getAttribute("aria-selected") === "true";
};

// What the dropdown of `tab` says, for the other tab's. Only the open tab's counts: where both are
// filled at once, two that copied each other would never come to rest.
page.ofOpenTab = (tab, value) =>
  document.getElementById(`tab-${tab}`)?.checkVisibility() ? value : {__type__: "update"};

// Gradio's trigger of a gr.HTML whose listener has trigger_mode "always_last". Gradio 6.31 raises what
// that defers with the data of the event before it: they share one object here, which always holds
// what was told last.
page.newest = (trigger) => {
  const told = {};
  return (event, data) => {
    for (const name of Object.keys(told)) delete told[name];
    trigger(event, Object.assign(told, data));
  };
};

// Once an element is there and in sight, `act` on it. It is looked for during five seconds.
page.once = (selector, act, tries = 50) => {
  const found = document.querySelector(selector);
  if (found?.offsetParent) act(found);
  else if (tries) setTimeout(page.once, 100, selector, act, tries - 1);
};

// Open the card of that id as a visitor would, in `tab` where another one is open, and bring it into
// sight, once what it holds is there.
page.openCard = (id, tab) => {
  if (tab) page.openTab(tab);
  page.once(`#${id} > button.label-wrap`, (fold) => {
    if (!fold.classList.contains("open")) fold.click();
    setTimeout(() => {
      fold.focus({preventScroll: true});
      fold.scrollIntoView({block: "start"});
    }, 250);
  });
};

// How the page scrolls: at once where motion is unwelcome.
page.isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
page.scrolling = () => (page.isStill() ? "instant" : "smooth");

// Call `look` once the page is there, and again after what Gradio draws: at most once a frame.
const looks = [];
let isAsked = false;

page.onChange = (look) => {
  looks.push(look);
  ask();
};

function ask() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    for (const look of looks) look();
  });
}

new MutationObserver(ask).observe(document.documentElement, {
  attributeFilter: ["aria-selected", "data-pair"],
  childList: true,
  subtree: true,
});

// A link opens its tab before Gradio first paints. Gradio 6.31: it reads its config when its module
// runs, after this script; the config's tabs name the selected one.
const asks = new URLSearchParams(location.search);
const components = window.gradio_config?.components ?? [];
const tabAsked =
  asks.get("tab") ?? (asks.get("run") ? "fine-tune" : asks.get("class") ? "class" : null);
// The sections that are open from the start: a link needn't name them
page.openAtFirst = new Set(
  components.filter(({props}) => props.open === true).map(({props}) => props.elem_id),
);
// The tab of a class is there where a link leads to one
for (const {type, props} of components) {
  if (type === "tabitem" && props.id === "class" && asks.get("class")) props.visible = true;
}
if (components.some(({type, props}) => type === "tabitem" && props.id === tabAsked)) {
  for (const {props} of components) if (props.elem_id === "tabs") props.selected = tabAsked;
}

// A link opens Gradio's own windows. Gradio 6.31: by `view` in the address it takes a window for open
// whose code it hasn't loaded. The button's first click closes that one, the second opens it.
const button = {api: "show-api", settings: "settings"}[asks.get("view")];
const open = (found) => {
  found.click();
  setTimeout(() => found.click(), 100);
};
if (button) page.once(`footer button.${button}`, open, 600);
