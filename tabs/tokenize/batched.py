"""Why batched=True: Dataset.map over the same rows one by one and in batches, timed."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain import experiments
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.tokenize.inputs import BatchInputs, ask, load_split
from tabs.tokenize.listeners import MEASURED
from views.experiments import map_times
from views.markup import origin_line


def build_batched(settings: Settings, inputs: Sequence[Component]) -> None:
    """The section. inputs: of BatchInputs."""
    with gr.Accordion(_("Is batched=True faster?"), open=False, elem_id="open-batched") as section:
        gr.Markdown(
            _(
                "`Dataset.map` gives the tokenizer one row per call, or a thousand with "
                "`batched=True`: fewer calls, and the tokenizer works on many texts at once. This "
                "times the first {max_mapped_rows} rows of the split both ways, in turns.",
                max_mapped_rows=settings.max_mapped_rows,
            )
        )
        again = gr.Button(_("Time it"), size="md")
        output = gr.HTML(min_height=180)
    gr.on([section.expand, again.click], partial(time_map, settings), inputs, output, **MEASURED)


@notice_on_error
def time_map(settings: Settings, *values: Any) -> Markup:
    """values: BatchInputs."""
    inputs = BatchInputs(*values)
    dataset, origin, task = load_split(inputs.split, inputs.task_name, settings)
    rows = dataset.select_columns(list(task.sentences))[: settings.max_mapped_rows]
    times, _origin = ask(
        inputs.checkpoint, experiments.map_times, rows, inputs.max_length, settings=settings
    )
    return origin_line(origin) + map_times(times)
