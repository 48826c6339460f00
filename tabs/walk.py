"""A guided walk for newcomers: six short steps through the tabs. Each moves on when the learner has
done the thing.

/?walk=1 starts it, /?walk=4 goes in at the fourth step. It lives in the page alone
(static/walk.js).
"""

from dataclasses import dataclass

import gradio as gr

from languages import _, say
from views.render import render


@dataclass(frozen=True)
class Step:
    """What the learner does (the name that static/walk.js waits for), the panel of the tab where,
    CSS selectors of the control that it is about and of what stands in for it, what to do, what to
    look at, and the panel of the tab's part.
    """

    done: str
    tab: str
    controls: list[str]
    todo: str
    look: str
    part: str = ""


STEPS = (
    Step(
        "pair",
        "tab-tokenize",
        ["#press-tokenize"],
        say("Change a word in sentence1 or sentence2, and press “Tokenize”."),
        say(
            "Each token gets a number, its input_id. A rare word is split into several tokens, and "
            "all but the first start with ##."
        ),
    ),
    Step(
        "why",
        "tab-tokenize",
        [".token-grid [data-row=input_ids] .special ~ .special", ".token-grid td"],
        say("Click a number in the grid, such as a 102."),
        say("Below the grid it says why that number stands there."),
    ),
    Step(
        "batch",
        "tab-tokenize",
        ["#press-random-rows", "#field-rows textarea, #field-rows input"],
        say("Further down, press “Random rows”."),
        say("Rows of different lengths make no rectangle: the hatched cells are padding."),
    ),
    Step(
        "model",
        "tab-fine-tune",
        ["#press-start"],
        say("Press “Start the fine-tune”."),
        say(
            "The line above it says about how long that takes. See whether the curve leaves the "
            "dashed majority lines; the walk goes on when the run has ended with a model."
        ),
    ),
    Step(
        "predict",
        "tab-predict",
        ["#press-predict"],
        say("Write two sentences of your own, and press “Predict”."),
        say(
            "If your run has ended, its model is the chosen one there. Two logits become "
            "probabilities by softmax; the lines under the bars work it out."
        ),
    ),
    Step(
        "claim",
        "tab-layers",
        [".claims .run-claim"],
        say("Open “Claims”, and run a card that makes you curious."),
        say(
            "Its last line decides: the verdict is computed from this run, and then compared with "
            "what a reviewer concluded."
        ),
        part="layers-claims",
    ),
)


def build_walk() -> None:
    """The bar over the tabs; closed, it is one button."""
    last = _(
        "Now ask another cell of the token grids why, stress the model, or send a friend what you "
        "found: each tab has “Share” at its foot."
    )
    gr.HTML(
        render("walk.html", steps=STEPS, last=last),
        js_on_load="page.walk.listen(element)",
        elem_id="walk",
    )
