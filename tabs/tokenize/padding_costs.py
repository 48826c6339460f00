"""What padding costs: the rows in batches, padded in four ways, and a forward pass of each."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.collation import BatchView, rows_view
from pipeline.errors import InputError, shown
from pipeline.explain import experiments
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.tokenize.inputs import BatchInputs, ask, load_rows
from tabs.tokenize.listeners import MEASURED, PRIVATE
from views.experiments import padding_costs


def build_padding_costs(
    settings: Settings, size: gr.Slider, inputs: Sequence[Component], pictures: gr.HTML
) -> Any:
    """What is drawn anew for another batch size, and what is measured. inputs: of BatchInputs.
    Returns the event of another size.
    """
    inputs = [*inputs, size]
    measure = gr.Button(
        _("Time a forward pass of each"),
        size="md",
        scale=0,
        min_width=280,
        elem_id="press-measure",
    )
    resized = size.release(partial(count_costs, settings), inputs, pictures, **PRIVATE)
    measure.click(partial(measure_costs, settings), inputs, pictures, **MEASURED)
    return resized


def draw_costs(
    settings: Settings, view: BatchView, max_length: int, batch_size: int, measures: bool = False
) -> Markup:
    """The four pictures for a batch that is drawn. Rows longer than max_length are cut."""
    rows = [(min(first, max_length), min(own, max_length)) for first, own in _tokens(view)]
    lengths = [own for _first, own in rows]
    # What is measured for these lengths is computed in the page's process, whoever's tokenizer
    # counted them
    if min(lengths) < 1 or max_length > settings.longest_max_length:
        raise InputError(
            _(
                "This checkpoint's tokenizer makes {count} tokens from one row. Choose another "
                "checkpoint.",
                count=shown(min(lengths)),
            )
        )
    size = experiments.checked_batch_size(batch_size, len(lengths), settings)
    if measures:
        costs = experiments.measured_costs(lengths, size, max_length, settings=settings)
    else:
        costs = experiments.padding_costs(lengths, size, max_length)
    return padding_costs(costs, rows, size)


def _tokens(view: BatchView) -> list[tuple[int, int]]:
    """Of each row: its tokens before those of sentence 2, and all of them."""
    tokens = []
    for roles in view.roles:
        own = [role for role in roles if role != "padding"]
        first = own.index("sentence2") if "sentence2" in own else len(own)
        tokens.append((first, len(own)))
    return tokens


@notice_on_error
def count_costs(settings: Settings, *values: Any) -> Markup:
    """What can be counted at once. values: BatchInputs and the batch size."""
    return _costs(settings, values, measures=False)


@notice_on_error
def measure_costs(settings: Settings, *values: Any) -> Markup:
    """With what a forward pass takes. values: as above."""
    return _costs(settings, values, measures=True)


def _costs(settings: Settings, values: Sequence[Any], measures: bool) -> Markup:
    *batch, batch_size = values
    inputs = BatchInputs(*batch)
    rows, _origin, _task = load_rows(inputs, settings)
    view, _origin = ask(
        inputs.checkpoint, rows_view, rows, inputs.max_length, inputs.truncation, settings=settings
    )
    return draw_costs(settings, view, int(inputs.max_length), batch_size, measures)
