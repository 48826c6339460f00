// The head of the page: the rail is the way about. Each station's line is copied from what the tabs
// draw ([data-station]); a click opens the station's tab and brings its part into sight.
window.page ??= {};

let head;

function copyLines() {
  // Of two lines of a station the later one counts: a run's, after the form's. Only what differs is
  // written, for what is written here is looked at again.
  const lines = {};
  for (const line of document.querySelectorAll("[data-station]")) {
    lines[line.dataset.station] = line.textContent;
  }
  // What was refused has no line: the station says again what it does
  for (const place of head.querySelectorAll("[data-at] > span")) {
    place.dataset.does ??= place.textContent;
    const line = lines[place.parentElement.dataset.at] ?? place.dataset.does;
    if (place.textContent !== line) place.textContent = line;
  }
  const open = document
    .querySelector("[role=tab][aria-selected=true][aria-controls^=tab-]")
    ?.getAttribute("aria-controls")
    .slice("tab-".length);
  for (const link of head.querySelectorAll("a[data-tab]")) {
    // The pair is the whole page's
    const isHere = link.dataset.tab === open && link.dataset.at !== "pair";
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// Open a tab, once it is there and the address follows the tabs.
function open(name, tries = 100) {
  if (page.address.left && page.openTab(`tab-${name}`)) return;
  if (tries) setTimeout(open, 50, name, tries - 1);
}

// Bring the first visible match of `target` into sight, once the tab has drawn it; "" is the top.
function bring(target, tries = 100) {
  const found = [...document.querySelectorAll(target || "[role=tabpanel]")].find(
    (each) => each.offsetParent,
  );
  if (!found) {
    if (tries) setTimeout(bring, 50, target, tries - 1);
    return;
  }
  const top = found.getBoundingClientRect().top;
  // What is in sight already stays where it is
  if (target && top >= 0 && top < innerHeight * 0.6) return focusIn(found);
  if (!target) scrollTo({top: 0, behavior: page.scrolling()});
  else found.scrollIntoView({block: "start", behavior: page.scrolling()});
  focusIn(found);
}

// The keyboard goes on where the eye does.
function focusIn(part) {
  if (part.matches(".page-pair")) part.querySelector("textarea")?.focus({preventScroll: true});
}

function listen(element) {
  head = element;
  page.onChange(copyLines);
}

// From the first moment: a link that is followed before Gradio has mounted all would lose what the
// address says.
document.addEventListener("click", (event) => {
  const pressed = event.target.closest?.(".page-head :is([data-head], a[data-tab])");
  if (!pressed || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (pressed.dataset.head === "walk") page.walk.begin();
  if (pressed.dataset.head === "share") page.share.open(pressed);
  if (!pressed.dataset.tab) return;
  event.preventDefault();
  open(pressed.dataset.tab);
  bring(pressed.dataset.to ?? "");
});

page.rail = {bring, listen, open};
