// A pair's way through the model (tabs/model/way_through.py): a click on a part of the strip opens
// its card below, another one closes it. And the answer layer by layer (tabs/model/layer_answers.py).
window.page ??= {};

// What is shown: a part's name, of which layer and token, and the right label; "" is the default
const shown = {part: "", layer: "", token: "0", label: ""};
let strip = null; // the element of the strip, and Gradio's trigger of it
let trigger = null;
let used = null; // the name of the field of the card that was changed last

// "layers.4.2" <-> {part, layer, token}: a link names the open card
const written = ({part, layer, token}) =>
  [part, layer, token === "0" ? "" : token].join(".").replace(/\.+$/, "");

function read(name) {
  const [part = "", layer = "", token = ""] = (name ?? "").split(".");
  return {part, layer, token: token || "0"};
}

const drawn = () => strip?.querySelector("[data-inputs]");

function ask() {
  for (const button of strip.querySelectorAll("[data-part]")) {
    button.setAttribute("aria-expanded", String(button.dataset.part === shown.part));
  }
  document.getElementById("way-card")?.classList.toggle("open", Boolean(shown.part && drawn()));
  page.address.note("model", {part: shown.part ? written(shown) : null});
  if (shown.part && drawn()) trigger("click", {...shown, inputs: drawn().dataset.inputs});
}

function close() {
  const button = strip.querySelector(`[data-part="${shown.part}"]`);
  shown.part = "";
  ask();
  button?.focus({preventScroll: true});
}

// Another pair or model may have fewer tokens and layers
function fit() {
  const {tokens, layers} = drawn().dataset;
  if (+shown.token >= +tokens) shown.token = "0";
  if (+shown.layer > +layers) shown.layer = "";
}

// The strip, in `element`. send, watch: Gradio's, of a gr.HTML.
function listen(element, send, watch) {
  strip = element;
  trigger = page.newest(send);
  let isFirst = true;
  element.addEventListener("click", (event) => {
    const view = event.target.closest("button[data-view]");
    if (view) {
      element.dataset.view = view.dataset.view;
      page.tokens.press(element, "view", view.dataset.view);
    }
    const button = event.target.closest("[data-part]");
    if (!button) return;
    shown.part = button.dataset.part === shown.part ? "" : button.dataset.part;
    ask();
  });
  const renew = () => {
    if (!drawn()) return document.getElementById("way-card")?.classList.remove("open");
    if (isFirst) Object.assign(shown, read(new URL(location).searchParams.get("part")));
    isFirst = false;
    if (element.dataset.view) page.tokens.press(element, "view", element.dataset.view);
    fit();
    ask();
  };
  watch("value", () => setTimeout(renew, 50));
  if (drawn()) renew(); // before this script was there
}

// The card, in `element`: its fields choose the layer, the token, the right label.
function listenToCard(element, watch) {
  element.addEventListener("change", (event) => {
    const field = event.target.closest("[data-choose]");
    if (!field) return;
    used = field.dataset.choose;
    shown[used] = field.value;
    ask();
  });
  element.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  // What is drawn anew has lost the focus
  watch("value", () => {
    setTimeout(() => {
      if (!used) return;
      element.querySelector(`[data-choose="${used}"]`)?.focus({preventScroll: true});
      used = null;
    }, 50);
  });
}

// The answers after each layer: the pair that the rows are compared with is chosen in the picture.
// A link names it, once; what is drawn anew is compared with the pair itself, swapped.
function listenToAnswers(element, send, watch) {
  const ask = page.newest(send);
  const field = () => element.querySelector("[data-other]");
  let asked = new URLSearchParams(location.search).get("other");
  const note = () => {
    page.address.note("model", {other: field().value === "swapped" ? null : field().value});
  };
  const compare = () => {
    const {inputs} = field().closest("[data-inputs]").dataset;
    note();
    ask("click", {other: field().value, inputs});
  };
  const renew = () => {
    if (!field()) return;
    const isThere = [...field().options].some(({value, selected}) => value === asked && !selected);
    if (isThere) field().value = asked;
    asked = null;
    if (isThere) compare();
    else note();
  };
  element.addEventListener("change", (event) => {
    if (event.target.closest("[data-other]")) compare();
  });
  watch("value", () => setTimeout(renew, 50));
  renew(); // drawn before this script was there
}

page.way = {listen, listenToAnswers, listenToCard, read, written};
