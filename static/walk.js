// The guided walk (tabs/walk.py). Each step opens its tab, brings what it is about into sight, and
// frames it until the learner presses Next or Back. Which step is shown stands in the address and
// in the browser's storage, so that it can be left and taken up again; the server knows nothing.
window.page ??= {};

let walk;

function stored() {
  try {
    return +localStorage.getItem("walk") || 0;
  } catch {
    return 0;
  }
}

function store(step) {
  try {
    localStorage.setItem("walk", step);
  } catch {
    // no storage: the walk can't be taken up again
  }
}

// ---------------------------------------------------------------- pure part

// How far to scroll so that [top, bottom] of what a step is about stands in [0, height], with a
// margin; what doesn't fit shows its top. 0 where it is in sight already.
function distance([top, bottom], height, margin = 16) {
  if (top >= margin && bottom <= height - margin) return 0;
  const room = height - (bottom - top);
  return top - Math.max(margin, room / 2);
}

// ---------------------------------------------------------------- the page

const onScreen = (selector) =>
  [...document.querySelectorAll(selector)].find((each) => each.getClientRects().length);

class Walk {
  // element: the walk's block of the page. at: the step that is shown, from 1; one more than there
  // are is the end, 0 a closed walk.
  constructor(element) {
    this.element = element;
    this.items = [...element.querySelectorAll("li")];
    this.card = element.querySelector(".walk");
    this.last = this.items.length - 1;
    this.at = 0;
  }

  get step() {
    return this.at >= 1 && this.at <= this.last ? this.items[this.at - 1].dataset : null;
  }

  show(step) {
    this.at = step;
    for (const [place, item] of this.items.entries()) item.hidden = place !== step - 1;
    this.card.hidden = !step;
    document.documentElement.classList.toggle("walking", !!step);
    const url = new URL(location);
    if (step) url.searchParams.set("walk", step);
    else url.searchParams.delete("walk");
    page.address.show(url);
    if (step) store(step > this.last ? 0 : step);
    this.isBroughtIn = false;
    this.until = performance.now() + 8000;
    this.point();
  }

  // Frame what the step is about, and bring it into sight once. Its tab may still have to draw it,
  // and draws it anew when the learner changes something.
  point() {
    clearTimeout(this.waiting);
    const {step} = this;
    const target = step && JSON.parse(step.to).map(onScreen).find(Boolean);
    for (const old of document.querySelectorAll(".walk-here")) {
      if (old !== target) old.classList.remove("walk-here");
    }
    if (!step) return;
    target?.classList.add("walk-here");
    if (this.isBroughtIn) return;
    if (this.isReady()) {
      page.openTab(step.tab);
      if (step.part) page.openTab(step.part);
      const place = target && target.getBoundingClientRect().top + scrollY;
      // What is still being drawn moves
      if (target && place === this.place) return this.bringIn(target);
      this.place = place;
    }
    if (performance.now() < this.until) this.waiting = setTimeout(() => this.point(), 100);
  }

  // Not before the address follows the tabs: another tab's would be lost
  isReady() {
    return !!page.address.left;
  }

  bringIn(target) {
    this.isBroughtIn = true;
    const {top, bottom} = target.getBoundingClientRect();
    const by = distance([top, bottom], innerHeight - this.card.offsetHeight - 12);
    if (by) scrollBy({top: by, behavior: page.scrolling()});
  }

  done(what) {
    if (this.step?.done === what) this.items[this.at - 1].classList.add("done");
  }

  press(what) {
    if (what === "begin") this.show(stored() || 1);
    if (what === "next") this.show(this.at + 1);
    if (what === "back") this.show(this.at - 1);
    if (what === "there") this.show(this.at);
    if (what === "leave") this.show(0);
    // The pressed button may be gone: the focus goes to the one in its place
    const buttons = [...this.card.querySelectorAll("li:not([hidden]) button")];
    const same = buttons.find((one) => one.dataset.walk === what);
    const next = buttons.find((one) => ["next", "leave"].includes(one.dataset.walk));
    (same ?? next)?.focus({preventScroll: true});
  }
}

function listen(element) {
  walk = new Walk(element);
  element.addEventListener("click", (event) => {
    const pressed = event.target.closest("button")?.dataset.walk;
    if (pressed) walk.press(pressed);
  });
  page.onChange(() => walk.step && walk.point());
  const asked = +new URL(location).searchParams.get("walk");
  const isStep = Number.isInteger(asked) && asked >= 1 && asked <= walk.last + 1;
  if (isStep) walk.show(asked);
}

// A learner has done `what` (the step's name in tabs/walk.py).
const done = (what) => walk?.done(what);

// A run has ended with a model, in whichever tab the learner looks at meanwhile. A page that fills
// itself says "changed" of a State that holds nothing yet.
const modelOffered = (model) => {
  if (model?.startsWith("run:")) done("model");
};

// The page's head begins it, or takes it up where it was left; pressed again, it leaves.
const begin = () => walk?.press(walk.at ? "leave" : "begin");

page.walk = {begin, distance, done, listen, modelOffered};
