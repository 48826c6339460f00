"""Twenty steps by hand, in bare PyTorch and with Accelerate, on Trainer's own curve."""

from collections.abc import Mapping
from importlib.metadata import version

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.config import config_from
from pipeline.explain import loop_by_hand
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.scripts import script_block
from views.loops import loops, phases_table


def build_loop(settings: Settings, controls: Mapping[str, Component]) -> None:
    """The part of a card; the steps are those of the form's settings."""
    gr.Markdown(
        _(
            "What is around that step? The loop below takes twenty steps with the settings above, "
            "from the same weights and on the same batches: once as `Trainer` does it, once in "
            "bare PyTorch, once with Accelerate. The three curves are one."
        )
    )
    take = gr.Button(_("Take twenty steps, three ways"))
    answer = gr.HTML(js_on_load="page.charts.listen(element)")
    with gr.Accordion(_("The code of both loops, and which line of Trainer is which"), open=False):
        script_block(loop_by_hand.source(), "loop_by_hand.py", whole=False)
        lines = gr.HTML()

    def run(*values: object) -> dict:
        from layers.chance import alone  # needs torch, and nothing that is imported here may

        try:
            config = config_from(dict(zip(controls, values, strict=True)))
            with alone:
                taken = loop_by_hand.loops(config, settings)
        except Exception as error:
            return {answer: error_notice(error)}
        return {
            answer: loops(taken),
            lines: phases_table(taken.phases, version("transformers")),
        }

    # As one step by hand, which uses the same cores
    take.click(
        run,
        list(controls.values()),
        [answer, lines],
        api_visibility="private",
        concurrency_id="by-hand",
        concurrency_limit=1,
    )
