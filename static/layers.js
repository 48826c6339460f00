// The Layers tab (tabs/layers/).
window.page ??= {};

// The address names what is open, so that a page that is loaded anew, or a friend's, shows the same.
function keep(name, value) {
  const url = new URL(location);
  url.searchParams.set("tab", "layers");
  for (const other of ["topic", "claim"]) url.searchParams.delete(other);
  url.searchParams.set(name, value);
  page.address.show(url);
}

// Scroll to the card that the address names, once each time that it is drawn.
function showLinked(board) {
  const card = board.querySelector(".claim.linked");
  if (!card || card.dataset.shown) return;
  card.dataset.shown = "true";
  card.scrollIntoView({block: "center"});
}

// Cards are HTML: hand a Run button's claim to the server, show that it runs, and keep links from
// loading the page anew.
function listenToCards(board, trigger, watch) {
  const show = () => setTimeout(() => showLinked(board), 150);
  board.addEventListener("click", (event) => {
    const link = event.target.closest("a.permalink");
    if (link) {
      event.preventDefault();
      keep("claim", new URL(link.href).searchParams.get("claim"));
      return;
    }
    const button = event.target.closest("button[data-claim]");
    if (!button || button.closest(".claim").querySelector('[aria-busy="true"]')) return;
    const {claim, running, guess} = button.dataset;
    button.setAttribute("aria-busy", "true");
    button.firstChild.textContent = running;
    keep("claim", claim);
    trigger("click", guess === undefined ? {claim} : {claim, guess: +guess});
    page.walk.done("claim");
  });
  watch("value", show);
  show();
}

// ---------------------------------------------------------------- stepping through an output

const KEYS = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
const STEP_MS = 650; // between two stops of the window, long enough to read the number

// The place `by` numbers further on in an output, in the order of reading; null past its ends.
function placeAfter(places, now, by) {
  const at = places.findIndex((place) => String(place) === String(now));
  return places[at + by] ?? null;
}

// The place that an arrow key leads to from `now`; null at the border. places: all that there are.
function placeBeside(places, now, [down, right]) {
  const [row, column] = now.slice(-2);
  const wanted = [...now.slice(0, -2), row + down, column + right];
  return places.find((place) => String(place) === String(wanted)) ?? null;
}

// One output of Play: a click on a number, a key or a step hands its place to the server, which
// draws anew what looks at it.
class Output {
  constructor(element, trigger) {
    this.element = element;
    this.trigger = trigger;
    this.frame = null; // where the window stood, for it to glide from there
    this.focus = ""; // what had the focus before all was drawn anew
    this.timer = 0;
    element.addEventListener("click", (event) => this.click(event));
    element.addEventListener("keydown", (event) => this.key(event));
  }

  // What is worked out: a number of the output, or in the backward pass a gradient.
  get stage() {
    return this.element.querySelector('[data-stage="gradient"]') ? "gradient" : "output";
  }

  get cells() {
    return [...this.element.querySelectorAll(`[data-stage="${this.stage}"] td[data-place]`)];
  }

  places() {
    return this.cells.map((cell) => cell.dataset.place.split(" ").map(Number));
  }

  now() {
    return this.marked()?.dataset.place.split(" ").map(Number) ?? null;
  }

  marked(stage = this.stage) {
    return this.element.querySelector(`[data-stage="${stage}"] td.marked[data-place]`);
  }

  follow(place, focus, stage = this.stage) {
    this.focus = focus;
    if (place) this.trigger("click", {place, stage});
  }

  click(event) {
    const cell = event.target.closest("[data-stage] td[data-place]");
    const step = event.target.closest("[data-step]")?.dataset.step;
    if (!cell && !step) return;
    const slides = !!this.timer;
    this.stop();
    if (cell) {
      const {stage} = cell.closest("[data-stage]").dataset;
      return this.follow(cell.dataset.place.split(" ").map(Number), stage, stage);
    }
    if (step !== "play") return this.follow(placeAfter(this.places(), this.now(), +step), step);
    if (slides) return;
    // From the end it begins anew
    const places = this.places();
    this.timer = -1;
    this.say();
    this.follow(placeAfter(places, this.now(), 1) ?? places[0], "play");
  }

  key(event) {
    const direction = KEYS[event.key];
    if (!direction || !event.target.closest(`[data-stage="${this.stage}"]`)) return;
    event.preventDefault();
    this.stop();
    this.follow(placeBeside(this.places(), this.now(), direction), this.stage);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.say();
  }

  // What the middle button does now.
  say() {
    const button = this.element.querySelector('[data-step="play"]');
    if (button) button.textContent = this.timer ? button.dataset.stop : button.dataset.play;
  }

  // All was drawn anew: the focus and the window go where they were going.
  drawn() {
    const target =
      ["output", "gradient", "loss"].includes(this.focus)
        ? this.marked(this.focus)?.closest(".frame")
        : this.focus && this.element.querySelector(`[data-step="${this.focus}"]`);
    if (target && [document.body, null].includes(document.activeElement)) {
      target.focus({preventScroll: true});
    }
    this.focus = "";
    this.glide();
    if (!this.timer) return;
    clearTimeout(this.timer);
    const next = placeAfter(this.places(), this.now(), 1);
    if (!next || !this.element.offsetParent) return this.stop();
    this.timer = setTimeout(() => this.follow(next, this.hasFocus() ? "play" : ""), STEP_MS);
    this.say();
  }

  hasFocus() {
    return !!document.activeElement?.closest?.('[data-step="play"]');
  }

  // A frame round the window's cells, from where it stood to where it stands.
  glide() {
    const marked = [...this.element.querySelectorAll('[data-stage="input"] td.marked')];
    const table = marked[0]?.closest("table");
    if (!table) return;
    const [first, last] = [marked[0], marked.filter((cell) => table.contains(cell)).at(-1)];
    const box = {
      left: `${first.offsetLeft}px`,
      top: `${first.offsetTop}px`,
      width: `${last.offsetLeft + last.offsetWidth - first.offsetLeft}px`,
      height: `${last.offsetTop + last.offsetHeight - first.offsetTop}px`,
    };
    const frame = document.createElement("span");
    frame.className = "window";
    Object.assign(frame.style, box);
    table.parentElement.append(frame);
    const still = page.isStill();
    if (this.frame && !still) frame.animate([this.frame, box], {duration: 250, easing: "ease-out"});
    this.frame = box;
  }
}

function listenToOutput(element, trigger, watch) {
  const output = new Output(element, trigger);
  // After Gradio has put the new picture there
  const drawn = () => requestAnimationFrame(() => requestAnimationFrame(() => output.drawn()));
  watch("value", drawn);
  drawn();
}

const visibleIf = (visible) => ({visible, __type__: "update"});

page.layers = {keep, listenToCards, listenToOutput, placeAfter, placeBeside, visibleIf};
