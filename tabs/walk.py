"""A guided walk for newcomers: short steps along the rail. Each shows what it speaks of, and waits
for Next.

/?walk=1 starts it, /?walk=4 goes in at the fourth step. It lives in the page alone
(static/walk.js).
"""

from dataclasses import dataclass

import gradio as gr

from languages import _, say
from views.render import render


@dataclass(frozen=True)
class Step:
    """One step.

    tab: the tab's panel; part: the panel of a tab inside it. controls: CSS selectors of what is
    framed, the first one in sight. todo: what to do; look: what to see. done: the name by which
    static/walk.js is told that the learner has done it; "" where there is only to look.
    """

    tab: str
    controls: list[str]
    todo: str
    look: str
    done: str = ""
    part: str = ""


STEPS = (
    Step(
        "tab-tokenize",
        ["#tab-tokenize .page-pair"],
        say("Change a word of a sentence."),
        say(
            "Its tokens change beside it. Each has a number, its input_id: its row in the "
            "vocabulary. A rare word is split into several tokens; all but the first start with "
            "##."
        ),
        done="pair",
    ),
    Step(
        "tab-tokenize",
        [".token-cards .seam", "#tokens"],
        say("See where the colour changes."),
        say(
            "The first [SEP] ends sentence 1. Up to it, token_type_id is 0; from the next token "
            "on it is 1. This tells the model which sentence a token belongs to."
        ),
    ),
    Step(
        "tab-tokenize",
        [".token-cards .special ~ .special", "#tokens"],
        say("Choose a number, such as a 102."),
        say("The text below the tokens explains that number."),
        done="why",
    ),
    Step(
        "tab-tokenize",
        [".batch-picture", "#batch-side"],
        say("Now look at eight pairs, one per row."),
        say(
            "The model needs a rectangle, but the rows have different lengths. The longest row "
            "decides the width; the bracket marks it."
        ),
    ),
    Step(
        "tab-tokenize",
        [".batch-when", "#batch-side"],
        say("Switch between before and after the collator."),
        say(
            "The hatched cells are padding. The data collator adds them to each batch separately: "
            "“Random rows” gives another batch and another width."
        ),
        done="collated",
    ),
    Step(
        "tab-tokenize",
        ["#batch-show", "#batch-side"],
        say("Choose attention_mask."),
        say(
            "It is 1 where the model reads and 0 on padding, so padding doesn't change the "
            "prediction."
        ),
        done="mask",
    ),
    Step(
        "tab-fine-tune",
        ["#press-start"],
        say("Press “Start the fine-tune”."),
        say(
            "Each step shows the model one batch and changes its weights a little. See whether "
            "the curve rises above the dotted line, the score of always predicting the majority "
            "class. You can go on while it runs: the page keeps the run."
        ),
        done="model",
    ),
    Step(
        "tab-predict",
        ["#tab-predict .page-pair"],
        say("Write two sentences of your own, and press “Predict”."),
        say(
            "Softmax turns the two logits into probabilities; the arithmetic is beside the bars. "
            "If your run has ended, its model is chosen."
        ),
        done="predict",
    ),
    Step(
        "tab-layers",
        [".claims .run-claim", ".claims"],
        say("Run a card that you find interesting."),
        say(
            "Each card is a statement from study notes on PyTorch and transformers. The app "
            "computes its verdict and compares it with a reviewer's."
        ),
        done="claim",
        part="layers-claims",
    ),
)


def build_walk() -> None:
    """The card at the page's foot; the head's button opens it."""
    last = _(
        "Now open the questions below each picture. To send a friend what you found, use “Share” "
        "at the top."
    )
    gr.HTML(
        render("walk.html", steps=STEPS, last=last),
        js_on_load="page.walk.listen(element)",
        elem_id="walk",
    )
