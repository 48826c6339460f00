"""What does LoRA cost, and what does it give? Four runs that differ in their method alone, and what
LoRA added to one matrix.
"""

from collections.abc import Mapping, Sequence

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain.low_rank import adapted_matrices, low_rank
from pipeline.explain.methods_compared import (
    METHODS,
    by_each_method,
    method_run,
    what_lora_costs,
)
from pipeline.runs.progress import Run
from pipeline.settings import Settings
from tabs.errors import error_notice
from tabs.fine_tune.listeners import PRIVATE
from tabs.fine_tune.run_panel import RunPanel
from tabs.fine_tune.seeds import AlikeSection
from views.low_rank import low_rank_card
from views.methods import methods_table


def build_methods(
    settings: Settings,
    controls: Mapping[str, Component],
    panel: RunPanel,
    pair: Sequence[Component] = (),
) -> AlikeSection:
    """The part of a fold; tab.py wires it as that of the seeds."""
    gr.Markdown(
        _(
            "Full fine-tuning moves every weight above the frozen layers (with frozen_layers 0: "
            "all). LoRA leaves them as they are and trains two thin matrices beside each: W₀ + "
            "2·B·A. With frozen, only what stands above the layers learns, and with head the "
            "classifier alone. This runs the settings above by each method, one after another; a "
            "run that is here already is reused."
        )
    )
    gr.Markdown(
        _(
            "All four get one learning rate, though each has its own best one: on MRPC, lora "
            "reaches 76% at 2e-4 and 80% at 1e-3, where full stays at the majority. Compare at "
            "both."
        )
    )
    button = gr.Button(_("Compare the four methods"))
    message, table = gr.HTML(), gr.HTML()
    names = gr.Dropdown(
        [], label=_("What LoRA added to one matrix"), visible=False, elem_id="lora-matrix"
    )
    drawn = gr.HTML()
    lora = gr.State("")  # the id of the run whose matrices are listed
    # In this fold: while it is closed, it isn't on the page and asks nothing
    timer = gr.Timer(3.0, active=False)
    components = panel, button, message, table, timer
    views = {table: compared_methods, lora: lora_run}
    section = AlikeSection(settings, controls, pair, *components, "method", by_each_method, views)

    def list_matrices(run_id: str) -> dict:
        """The matrices of the LoRA run among the runs that are compared."""
        try:
            matrices = adapted_matrices(run_id, settings) if run_id else []
            queries = [name for name in matrices if name.endswith("query")]
            chosen = next(iter([*queries, *matrices]), None)
            return {
                names: gr.Dropdown(matrices, value=chosen, visible=bool(matrices)),
                drawn: draw(run_id, chosen),
            }
        except Exception as error:
            return {drawn: error_notice(error)}

    def draw(run_id: str, name: object) -> str:
        if not run_id or not isinstance(name, str):
            return ""
        try:
            return low_rank_card(low_rank(run_id, name, settings))
        except Exception as error:
            return error_notice(error)

    lora.change(list_matrices, lora, [names, drawn], **PRIVATE)
    names.input(draw, [lora, names], drawn, **PRIVATE)
    return section


def lora_run(runs: Sequence[Run]) -> str:
    """The id of the run among these that has trained LoRA's matrices, or ""."""
    done = [run.id for run in runs if run.config["method"] == "lora" and run.has_model]
    return done[0] if done else ""


def compared_methods(runs: Sequence[Run]) -> Markup:
    """The runs in a table, in the order of the methods; nothing without any."""
    if not runs:
        return Markup()
    ordered = sorted(runs, key=lambda run: METHODS.index(run.config["method"]))
    return methods_table([method_run(run) for run in ordered], what_lora_costs(ordered))
