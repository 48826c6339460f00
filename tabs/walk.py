"""A guided walk for newcomers: six short steps through the tabs. Each moves on when the learner has
done the thing.

/?walk=1 starts it, /?walk=4 goes in at the fourth step. It lives in the page alone: which step
comes next stands in the address and in the browser's storage, so it can be left and taken up again;
the server knows nothing of it.
"""

import html
import json

import gradio as gr

from languages import _, say
from views.markup import sentences

# (what the learner does, the tab where, its part, the control that it is about or what stands in
# for it, what to do, what to look at)
STEPS = (
    (
        "pair",
        "tab-tokenize",
        "",
        ["#press-tokenize"],
        say("Change a word in sentence1 or sentence2, and press “Tokenize”."),
        say(
            "Each token gets a number, its input_id. A rare word is split into several tokens, "
            "and all but the first start with "
            "##."
        ),
    ),
    (
        "why",
        "tab-tokenize",
        "",
        [".token-grid [data-row=input_ids] .special ~ .special", ".token-grid td"],
        say("Click a number in the grid, such as a 102."),
        say("Below the grid it says why that number stands there."),
    ),
    (
        "batch",
        "tab-tokenize",
        "",
        ["#press-random-rows", "#field-rows textarea, #field-rows input"],
        say("Further down, press “Random rows”."),
        say("Rows of different lengths make no rectangle: the hatched cells are padding."),
    ),
    (
        "model",
        "tab-fine-tune",
        "",
        ["#press-start"],
        say("Press “Start the fine-tune”."),
        say(
            "The line above it says about how long that takes. See whether the curve leaves the "
            "dashed majority lines; the walk "
            "goes on when the run has ended with a model."
        ),
    ),
    (
        "predict",
        "tab-predict",
        "",
        ["#press-predict"],
        say("Write two sentences of your own, and press “Predict”."),
        say(
            "If your run has ended, its model is the chosen one there. Two logits become "
            "probabilities by softmax; the lines "
            "under the bars work it out."
        ),
    ),
    (
        "claim",
        "tab-layers",
        "layers-claims",
        [".claims .run-claim"],
        say("Open “Claims”, and run a card that makes you curious."),
        say(
            "Its last line decides: the verdict is computed from this run, and then compared with "
            "what a reviewer concluded."
        ),
    ),
)

# `walkOn(what)` is called by the other tabs' scripts when something was done. It counts only where
# it is the step asked for.
WALK = """const steps = [...element.querySelectorAll("li")], root = document.documentElement;
const bar = element.querySelector(".walk"), begin = element.querySelector(".walk-begin");
const stored = () => { try { return +localStorage.getItem("walk") || 0; } catch { return 0; } };
const store = (step) => { try { localStorage.setItem("walk", step); } catch { /* no storage, no resuming */ } };
let at = 0, waiting;
const show = (step) => {
  at = step;
  clearTimeout(waiting);
  steps.forEach((item, place) => item.hidden = place !== at - 1);
  bar.hidden = !at; begin.hidden = !!at;
  begin.textContent = stored() > 1 && stored() <= 6 ? begin.dataset.resume : begin.dataset.begin;
  const url = new URL(location);
  at ? url.searchParams.set("walk", at) : url.searchParams.delete("walk");
  showAddress(url);
  if (at) store(at);
};
// Pressed as a visitor would press it, the address follows
const open = (name) => { const tab = document.querySelector(`[role=tab][aria-controls="${name}"]`);
  if (tab?.getAttribute("aria-selected") === "false") tab.click();
  return tab?.getAttribute("aria-selected") === "true"; };
const openTab = () => open(steps[at - 1].dataset.tab);
// A tab mounts what is in it when it is opened, and fills it from the server: waited for is the control, and that it stays
const lead = () => {
  const {part, to} = steps[at - 1].dataset, until = performance.now() + 5000;
  let before;
  const look = () => {
    const there = !part || open(part);
    const found = JSON.parse(to).map((one) => [...document.querySelectorAll(one)].find((each) => each.offsetParent));
    const control = there && found.find(Boolean), place = control && control.getBoundingClientRect().top + scrollY;
    const late = performance.now() > until;
    if (!late && (!control || place !== before)) { before = place; waiting = setTimeout(look, 100); return; }
    if (!control) return;
    control.scrollIntoView({block: "center", inline: "center"});
    // A cell that has the focus is asked about, which is for the learner to do: its frame is one key before it
    (control.closest("td")?.closest(".frame") ?? control).focus({preventScroll: true});
    control.classList.add("walk-here");
    setTimeout(() => control.classList.remove("walk-here"), 2500);
  };
  clearTimeout(waiting);
  openTab();
  look();
};
window.walkOn = (what) => {
  if (!at || at > 6 || steps[at - 1].dataset.done !== what) return;
  steps[at - 1].classList.add("done");
  show(at + 1);
};
element.addEventListener("click", (event) => {
  const pressed = event.target.closest("button")?.dataset.walk;
  if (!pressed) return;
  if (pressed === "there") return lead();
  if (pressed === "begin") { show(stored() >= 1 && stored() <= 6 ? stored() : 1); openTab(); }
  if (pressed === "next") { show(at + 1); if (at <= 6) openTab(); }
  if (pressed === "leave") show(0);
  if (pressed === "end") { store(0); show(0); }
  // The pressed button is gone: the focus goes to the one in its place
  [...element.querySelectorAll("button")].find((one) => one.offsetParent)?.focus({preventScroll: true});
});
// What the keyboard or a link brings into sight isn't to lie under the card
new ResizeObserver(() => { const sticks = getComputedStyle(element.closest("#walk")).position === "sticky";
  root.style.scrollPaddingTop = sticks ? bar.offsetHeight + 12 + "px" : ""; }).observe(bar);
const asked = +new URL(location).searchParams.get("walk");
show(Number.isInteger(asked) && asked >= 1 && asked <= 7 ? asked : 0);
// Not before the address follows (tabs/address.py): what is done in a tab that it doesn't name counts for none
const enter = () => { if (window.tabsLeft && at && at <= 6) openTab(); else if (!window.tabsLeft) setTimeout(enter, 100); };
if (at && at <= 6 && !new URL(location).searchParams.get("tab")) setTimeout(enter, 400);"""


def build_walk():
    """The bar over the tabs; closed, it is one button."""
    items = "".join(
        f'<li data-done="{done}" data-tab="{tab}" data-part="{part}" '
        f'data-to="{html.escape(json.dumps(to))}" hidden><p>'
        f"<small>{_('Step {step} of 6', step=place)}</small> "
        f"{sentences(f'<strong>{todo}</strong>', look)}</p>{_buttons()}</li>"
        for place, (done, tab, part, to, todo, look) in enumerate(STEPS, 1)
    )
    said = sentences(
        f"<strong>{_('That was the whole way.')}</strong>",
        _(
            "Now ask another cell of the token grids why, stress the model, or send a friend what "
            "you found: "
            "each tab has “Share” at its foot."
        ),
    )
    last = (
        f'<li data-done="" data-tab="" hidden><p>{said}</p><p><button type="button" '
        f'data-walk="end">{_("Close")}</button>'
        "</p></li>"
    )
    name, begin, resume = (
        _("Guided walk"),
        _("Take the walk: six short steps"),
        _("Go on with the walk"),
    )
    gr.HTML(
        f'<div class="walk" role="region" aria-label="{name}" aria-live="polite" '
        f"hidden><ol>{items}{last}</ol></div>"
        f'<button type="button" class="walk-begin" data-walk="begin" data-begin="{begin}" '
        f'data-resume="{resume}">{begin}</button>',
        js_on_load=WALK,
        elem_id="walk",
    )


def _buttons():
    names = (("there", _("Take me there")), ("next", _("Skip")), ("leave", _("Leave")))
    return (
        "<p>"
        + "".join(
            f'<button type="button" data-walk="{what}">{name}</button>' for what, name in names
        )
        + "</p>"
    )
