"""What padding costs: the rows in batches, padded in four ways, and a forward pass of each."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.collation import ORDER
from pipeline.errors import InputError, shown
from pipeline.explain import experiments
from pipeline.settings import Settings
from pipeline.tokenization import row_lengths
from tabs.errors import notice_on_error
from tabs.tokenize.inputs import BatchInputs, ask, load_rows
from tabs.tokenize.listeners import MEASURED, OF_THE_BATCH, PRIVATE
from views.experiments import measuring_line, padding_costs
from views.markup import sentences


def build_padding_costs(settings: Settings, inputs: Sequence[Component]) -> dict[str, Component]:
    """The section; returns its field by its name in the address. inputs: of BatchInputs."""
    with gr.Accordion(_("What padding costs"), open=False, elem_id="open-costs") as section:
        ways = _(
            "The rows above in batches, padded in four ways: **dynamic**, to the longest of each "
            "batch; to **max_length**; to the **longest in dataset**, here of these rows; dynamic, "
            "but with rows **grouped by length**. Rows longer than max_length are cut."
        )
        gr.Markdown(sentences(ways, ORDER))
        size = gr.Slider(1, settings.max_rows, 2, step=1, label="batch_size")
        again = gr.Button(_("Measure"), **OF_THE_BATCH)
        table = gr.HTML(min_height=260)
    asked = [section.expand, size.release, again.click]
    inputs = [*inputs, size]
    counted = gr.on(asked, partial(count_costs, settings), inputs, table, **PRIVATE)
    counted.success(partial(measure_costs, settings), inputs, table, **MEASURED)
    return {"batch_size": size}


def count_costs(settings: Settings, *values: Any) -> Markup:
    """What can be counted at once; what has to be measured follows. values: as below."""
    try:
        lengths, batch_size, max_length = _checked(settings, *values)
    except InputError:
        return measuring_line()  # measure_costs says what is wrong
    costs = experiments.padding_costs(lengths, batch_size, max_length)
    return padding_costs(costs, lengths, measuring=True)


@notice_on_error
def measure_costs(settings: Settings, *values: Any) -> Markup:
    """values: BatchInputs and the batch size."""
    lengths, batch_size, max_length = _checked(settings, *values)
    costs = experiments.measured_costs(lengths, batch_size, max_length, settings=settings)
    return padding_costs(costs, lengths)


def _checked(settings: Settings, *values: Any) -> tuple[list[int], int, int]:
    """Tokens of each chosen row, cut at max_length; the batch size; max_length."""
    *batch, batch_size = values
    inputs = BatchInputs(*batch)
    rows, _origin = load_rows(inputs, settings)
    (lengths, most), _origin = ask(
        inputs.checkpoint, row_lengths, rows, inputs.max_length, settings=settings
    )
    # What is measured for these lengths is computed in the page's process, whoever's tokenizer
    # counted them
    if not 0 <= max(lengths, default=0) <= most <= settings.longest_max_length:
        raise InputError(
            _(
                "This checkpoint's tokenizer makes more than max_length = {most} tokens of a row. "
                "Choose another checkpoint.",
                most=shown(most),
            )
        )
    return lengths, experiments.checked_batch_size(batch_size, len(lengths), settings), most
