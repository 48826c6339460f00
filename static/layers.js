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
    if (!button || button.getAttribute("aria-busy") === "true") return;
    const {claim, running} = button.dataset;
    button.setAttribute("aria-busy", "true");
    button.firstChild.textContent = running;
    keep("claim", claim);
    trigger("click", {claim});
    page.walk.done("claim");
  });
  watch("value", show);
  show();
}

// A click on an output's cell hands its place to the server: (example,) channel, row, column.
function listenToOutput(element, trigger) {
  element.addEventListener("click", (event) => {
    const cell = event.target.closest('[data-stage="output"] td[data-place]');
    if (cell) trigger("click", {place: cell.dataset.place.split(" ").map(Number)});
  });
}

// Open "One step by hand" in Fine-tune as a visitor would, so that the address follows.
function openOneStep() {
  document.querySelector('[role=tab][aria-controls="tab-fine-tune"]')?.click();
  const show = (tries) => {
    const section = document.querySelector("#one-step-by-hand");
    if (!section?.offsetParent) {
      if (tries) setTimeout(show, 100, tries - 1);
      return;
    }
    const fold = section.querySelector("button.label-wrap");
    if (fold && !fold.classList.contains("open")) fold.click();
    setTimeout(() => {
      section.scrollIntoView({block: "start"});
      fold?.focus({preventScroll: true});
    }, 250);
  };
  show(50);
}

const visibleIf = (visible) => ({visible, __type__: "update"});

page.layers = {keep, listenToCards, listenToOutput, openOneStep, visibleIf};
