"""train() and eval(): the same pair ten times in each, with dropout as chosen."""

from collections.abc import Sequence
from functools import partial

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.inside.dropout import MOST_DROPOUT, TIMES, in_both_modes
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.model.attention import OF_THE_LOOK, PRIVATE
from views.inside_dropout import both_modes
from views.markup import of_pair, origin_line

OWN = "own"
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, MOST_DROPOUT)


def build_dropout(settings: Settings, inputs: Sequence[Component]) -> dict[str, Component]:
    """The section, worked out when it is opened. Returns its fields, by the names that an address
    has for them.

    inputs: both sentences and the model.
    """
    with gr.Accordion(
        _("Why eval() before predicting?"), open=False, elem_id="open-dropout"
    ) as section:
        gr.Markdown(
            _(
                "The same pair goes through the model {times} times in train() and {times} times "
                "in eval().",
                times=TIMES,
            ),
            elem_classes="quiet",
        )
        with gr.Row():
            dropout = gr.Radio(
                [(_("the model's own"), OWN), *((f"{share:.0%}", share) for share in SHARES)],
                value=OWN,
                label=_("Dropout: the share that is set to 0"),
                scale=4,
                min_width=320,
            )
            seed = gr.Number(
                settings.seed, precision=0, label=_("seed of what is dropped"), min_width=160
            )
        drawn = gr.HTML(min_height=320)
        again = gr.Button(_("Work out again"), **OF_THE_LOOK)
        gr.on(
            [section.expand, again.click, dropout.input, seed.submit],
            partial(draw, settings),
            [*inputs, dropout, seed],
            drawn,
            **PRIVATE,
        )
    return {"dropout": dropout, "seed": seed}


@notice_on_error
def draw(
    settings: Settings,
    sentence1: str,
    sentence2: str,
    model: str,
    dropout: float | str,
    seed: int,
) -> Markup:
    """The answers of both modes, and what a forward pass keeps. dropout: a share, or OWN for what
    the model was trained with.
    """
    found = in_both_modes(
        model,
        sentence1,
        sentence2,
        None if dropout == OWN else dropout,
        seed,
        settings.max_length,
        settings=settings,
    )
    made = both_modes(found)
    if found.origin.stands_in:
        made = origin_line(found.origin, True) + made
    return of_pair(found.pair, made)
