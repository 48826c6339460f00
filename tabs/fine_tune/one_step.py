"""One step by hand, next to Trainer's."""

from collections.abc import Mapping

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.config import config_from
from pipeline.explain import step_by_hand
from pipeline.export.scripts import by_hand_script
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.scripts import script_block
from views.code import script
from views.one_step import one_step


def build_one_step(settings: Settings, controls: Mapping[str, Component]) -> None:
    """The part of a card; the step is that of the form's settings."""
    gr.Markdown(
        _(
            "This takes the first batch of the settings above and does one step twice from the "
            "same weights: once with `Trainer`, once with the code below (forward, each pair's "
            "loss, their mean, backward, update)."
        )
    )
    take = gr.Button(_("Take one step"))
    answer = gr.HTML(min_height=70)
    with gr.Accordion(_("The code of the step by hand"), open=False):
        lines = script_block(step_by_hand.source(), "by_hand.py", whole=False)

    def step(*values: object) -> dict:
        from layers.chance import alone  # needs torch, and nothing that is imported here may

        try:
            config = config_from(dict(zip(controls, values, strict=True)))
            with alone:
                taken = step_by_hand.one_step(config, settings)
            source = script(by_hand_script(taken), "by_hand.py")
        except Exception as error:
            return {answer: error_notice(error)}
        return {answer: one_step(taken, taken.task.labels), lines: source}

    # In a queue of its own: it takes seconds of both cores
    take.click(
        step,
        list(controls.values()),
        [answer, lines],
        api_visibility="private",
        concurrency_id="by-hand",
        concurrency_limit=1,
    )
