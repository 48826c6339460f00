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


def build_dropout(settings: Settings, inputs: Sequence[Component]) -> None:
    """The section, worked out when it is opened. inputs: both sentences and the model."""
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
            is_own = gr.Checkbox(True, label=_("the model's own dropout"))
            share = gr.Slider(0, MOST_DROPOUT, 0.1, step=0.05, label=_("or this share"))
            seed = gr.Number(settings.seed, precision=0, label=_("seed of what is dropped"))
        drawn = gr.HTML(min_height=320)
        again = gr.Button(_("Work out again"), **OF_THE_LOOK)
        chosen = [*inputs, is_own, share, seed]
        # Whoever moves the slider wants its share
        share.input(None, None, is_own, js="() => false", api_visibility="private")
        gr.on(
            [section.expand, again.click, is_own.change, share.release, seed.submit],
            partial(draw, settings),
            chosen,
            drawn,
            **PRIVATE,
        )


@notice_on_error
def draw(
    settings: Settings,
    sentence1: str,
    sentence2: str,
    model: str,
    is_own: bool,
    share: float,
    seed: int,
) -> Markup:
    """The answers of both modes, and what a forward pass keeps."""
    found = in_both_modes(
        model,
        sentence1,
        sentence2,
        None if is_own else share,
        seed,
        settings.max_length,
        settings=settings,
    )
    made = both_modes(found)
    if found.origin.stands_in:
        made = origin_line(found.origin, True) + made
    return of_pair(found.pair, made)
