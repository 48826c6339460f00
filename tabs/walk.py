"""A guided walk for newcomers: six short steps through the tabs. Each moves on when the learner has done the thing.

/?walk=1 starts it, /?walk=4 goes in at the fourth step. It lives in the page alone: which step comes next stands in the
address and in the browser's storage, so it can be left and taken up again; the server knows nothing of it.
"""

import gradio as gr

from languages import _, say
from tabs.drawing import sentences

# (what the learner does, the tab where, what to do, what to look at)
STEPS = (
    ("pair", "tokenize", say("Change a word in sentence1 or sentence2, and press Tokenize."),
     say("Each piece gets a number, its input_id. Rare words fall into pieces that start with ##.")),
    ("why", "tokenize", say("Click a number in the grid, such as a 102."),
     say("Below the grid it says why that number stands there.")),
    ("batch", "tokenize", say("Further down, press Random rows."),
     say("Rows of different lengths make no rectangle: the hatched cells are padding.")),
    ("start", "fine-tune", say("Press Start the fine-tune."),
     say("Wait for the curve to leave the dashed majority lines; that takes about half a minute.")),
    ("predict", "predict", say("Write two sentences of your own, and press Predict."),
     say("Two logits become probabilities by softmax; the lines under the bars work it out.")),
    ("claim", "layers", say("Open Claims, and run a card that makes you curious."),
     say("Its last line decides. A verdict is never written down, only computed.")),
)  # fmt: skip

# `walkOn(what)` is called by the other tabs' scripts when something was done. It counts only where it is the step asked for.
WALK = """const steps = [...element.querySelectorAll("li")];
const bar = element.querySelector(".walk"), begin = element.querySelector(".walk-begin");
const stored = () => { try { return +localStorage.getItem("walk") || 0; } catch { return 0; } };
const store = (step) => { try { localStorage.setItem("walk", step); } catch { /* no storage, no resuming */ } };
let at = 0;
const show = (step) => {
  at = step;
  steps.forEach((item, place) => item.hidden = place !== at - 1);
  bar.hidden = !at; begin.hidden = !!at;
  begin.textContent = stored() > 1 && stored() <= 6 ? begin.dataset.resume : begin.dataset.begin;
  const url = new URL(location);
  at ? url.searchParams.set("walk", at) : url.searchParams.delete("walk");
  showAddress(url);
  if (at) store(at);
};
const tab = (name) => document.querySelector(`[role=tab][aria-controls="tab-${name}"]`)?.click();
window.walkOn = (what) => {
  if (!at || at > 6 || steps[at - 1].dataset.done !== what) return;
  steps[at - 1].classList.add("done");
  show(at + 1);
};
element.addEventListener("click", (event) => {
  const pressed = event.target.closest("button")?.dataset.walk;
  if (pressed === "begin") { show(stored() >= 1 && stored() <= 6 ? stored() : 1); tab(steps[at - 1].dataset.tab); }
  if (pressed === "there") { tab(steps[at - 1].dataset.tab); }
  if (pressed === "next") { show(at + 1); if (at <= 6) tab(steps[at - 1].dataset.tab); }
  if (pressed === "leave") show(0);
  if (pressed === "end") { store(0); show(0); }
});
const asked = +new URL(location).searchParams.get("walk");
show(Number.isInteger(asked) && asked >= 1 && asked <= 7 ? asked : 0);
if (at && at <= 6 && !new URL(location).searchParams.get("tab")) setTimeout(() => tab(steps[at - 1].dataset.tab), 400);"""


def build_walk():
    """The bar over the tabs; closed, it is one button."""
    items = "".join(
        f'<li data-done="{done}" data-tab="{tab}" hidden><p><small>{_("Step {step} of 6", step=place)}</small> '
        f"{sentences(f'<strong>{todo}</strong>', look)}</p>{_buttons()}</li>"
        for place, (done, tab, todo, look) in enumerate(STEPS, 1)
    )
    said = sentences(f"<strong>{_('That was the whole way.')}</strong>",
                     _("Now ask any number why, stress the model, or send a friend what you found: each tab has Share at its "
                       "foot."))  # fmt: skip
    last = (f'<li data-done="" data-tab="" hidden><p>{said}</p><p><button type="button" data-walk="end">{_("Close")}</button>'
            "</p></li>")  # fmt: skip
    name, begin, resume = _("Guided walk"), _("Take the walk: six short steps"), _("Go on with the walk")
    gr.HTML(f'<div class="walk" role="region" aria-label="{name}" aria-live="polite" hidden><ol>{items}{last}</ol></div>'
            f'<button type="button" class="walk-begin" data-walk="begin" data-begin="{begin}" '
            f'data-resume="{resume}">{begin}</button>', js_on_load=WALK, elem_id="walk")


def _buttons():
    names = (("there", _("Take me there")), ("next", _("Skip")), ("leave", _("Leave")))
    return "<p>" + "".join(f'<button type="button" data-walk="{what}">{name}</button>' for what, name in names) + "</p>"
