// The guided walk (tabs/walk.py): which step comes next stands in the address and in the browser's
// storage, so it can be left and taken up again; the server knows nothing of it.
window.page ??= {};

const LAST = 6;
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

// Open the tab whose panel is `name`, as a visitor would: the address follows. Whether it is open.
function open(name) {
  const tab = document.querySelector(`[role=tab][aria-controls="${name}"]`);
  if (tab?.getAttribute("aria-selected") === "false") tab.click();
  return tab?.getAttribute("aria-selected") === "true";
}

const onScreen = (selector) =>
  [...document.querySelectorAll(selector)].find((each) => each.offsetParent);

class Walk {
  // element: the walk's block of the page. at: the step that is shown, 1 to LAST; LAST + 1 is the
  // end, 0 a closed walk.
  constructor(element) {
    this.element = element;
    this.steps = [...element.querySelectorAll("li")];
    this.bar = element.querySelector(".walk");
    this.begin = element.querySelector(".walk-begin");
    this.at = 0;
  }

  show(step) {
    this.at = step;
    clearTimeout(this.waiting);
    for (const [place, item] of this.steps.entries()) item.hidden = place !== step - 1;
    this.bar.hidden = !step;
    this.begin.hidden = !!step;
    const {resume, begin} = this.begin.dataset;
    this.begin.textContent = stored() > 1 && stored() <= LAST ? resume : begin;
    const url = new URL(location);
    if (step) url.searchParams.set("walk", step);
    else url.searchParams.delete("walk");
    page.address.show(url);
    if (step) store(step);
  }

  get isUnderWay() {
    return this.at >= 1 && this.at <= LAST;
  }

  openTab() {
    open(this.steps[this.at - 1].dataset.tab);
  }

  // Scroll to what the step is about. A tab mounts what is in it when it is opened, and fills it
  // from the server: the control is waited for, and that it stays where it is.
  lead() {
    const {part, to} = this.steps[this.at - 1].dataset;
    const until = performance.now() + 5000;
    let before;
    const look = () => {
      const there = !part || open(part);
      const control = there && JSON.parse(to).map(onScreen).find(Boolean);
      const place = control && control.getBoundingClientRect().top + scrollY;
      if (performance.now() <= until && (!control || place !== before)) {
        before = place;
        this.waiting = setTimeout(look, 100);
      } else if (control) {
        mark(control);
      }
    };
    clearTimeout(this.waiting);
    this.openTab();
    look();
  }

  done(what) {
    if (!this.isUnderWay || this.steps[this.at - 1].dataset.done !== what) return;
    this.steps[this.at - 1].classList.add("done");
    this.show(this.at + 1);
  }

  press(what) {
    if (what === "there") return this.lead();
    if (what === "begin") this.show(stored() >= 1 && stored() <= LAST ? stored() : 1);
    if (what === "next") this.show(this.at + 1);
    if (["begin", "next"].includes(what) && this.isUnderWay) this.openTab();
    if (what === "end") store(0);
    if (["leave", "end"].includes(what)) this.show(0);
    // The pressed button is gone: the focus goes to the one in its place
    const buttons = [...this.element.querySelectorAll("button")];
    buttons.find((one) => one.offsetParent)?.focus({preventScroll: true});
  }
}

function mark(control) {
  control.scrollIntoView({block: "center", inline: "center"});
  // A cell that has the focus is asked about, which is for the learner to do: its frame is one key
  // before it
  (control.closest("td")?.closest(".frame") ?? control).focus({preventScroll: true});
  control.classList.add("walk-here");
  setTimeout(() => control.classList.remove("walk-here"), 2500);
}

// What the keyboard or a link brings into sight isn't to lie under the card.
function keepCardClear(element, bar) {
  const pad = () => {
    const sticks = getComputedStyle(element.closest("#walk")).position === "sticky";
    const padding = sticks ? `${bar.offsetHeight + 12}px` : "";
    document.documentElement.style.scrollPaddingTop = padding;
  };
  new ResizeObserver(pad).observe(bar);
}

function listen(element) {
  walk = new Walk(element);
  element.addEventListener("click", (event) => {
    const pressed = event.target.closest("button")?.dataset.walk;
    if (pressed) walk.press(pressed);
  });
  keepCardClear(element, walk.bar);
  const asks = new URL(location).searchParams;
  const asked = +asks.get("walk");
  walk.show(Number.isInteger(asked) && asked >= 1 && asked <= LAST + 1 ? asked : 0);
  // Not before the address follows the tabs: what is done in a tab that it doesn't name doesn't
  // count
  const enter = () => {
    if (!page.address.left) setTimeout(enter, 100);
    else if (walk.isUnderWay) walk.openTab();
  };
  if (walk.isUnderWay && !asks.get("tab")) setTimeout(enter, 400);
}

// A learner has done `what` (the step's name in tabs/walk.py). It counts where that step is shown.
const done = (what) => walk?.done(what);

// A run has ended with a model, in whichever tab the learner looks at meanwhile. A page that fills
// itself says "changed" of a State that holds nothing yet.
const modelOffered = (model) => {
  if (model?.startsWith("run:")) done("model");
};

// The page's head begins it, or takes it up where it was left.
const begin = () => walk?.press("begin");

page.walk = {begin, done, listen, modelOffered};
