"""The plain scripts that make the pair's tokens, and the batch, again.

Where another checkpoint stands in for the one that was asked for, a script has the one on the
screen. A message in a script's place is a comment.
"""

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import gradio as gr
from gradio.components import Component

from languages import _
from pipeline.errors import shown
from pipeline.export.scripts import batch_script, tokenize_script
from pipeline.hub.sources import Origin
from pipeline.settings import Settings
from pipeline.tokenization import checked_pair, checked_truncation, row_lengths
from tabs.errors import explain
from tabs.scripts import in_block, script_block
from tabs.tokenize.inputs import BatchInputs, PairInputs, ask, load_rows, sentences_of
from tabs.tokenize.listeners import draw_always


def build_scripts(
    settings: Settings,
    pair: tuple[Sequence[Component], Sequence[Any]],
    batch: tuple[Sequence[Component], Sequence[Any]],
) -> None:
    """The section. pair: (inputs of PairInputs, events after which its script is drawn again);
    batch: as that, of BatchInputs.
    """
    with gr.Accordion(_("How do I do this again?"), open=False, elem_id="open-scripts") as section:
        for write, name, (inputs, drawn) in (
            (write_pair_script, "tokenize_pair.py", pair),
            (write_batch_script, "batch.py", batch),
        ):
            script = script_block(
                _("# The script appears when the tokens are shown: open this again"), name
            )
            draw_always(in_block(partial(write, settings), name), inputs, script, section, drawn)


def _or_comment(write: Callable) -> Callable:
    """Each line of an error's message becomes a comment."""

    @wraps(write)
    def written(*values: Any) -> str:
        try:
            return write(*values)
        except Exception as error:
            return "".join(f"# {line}\n" for line in explain(error).splitlines())

    return written


@_or_comment
def write_pair_script(settings: Settings, *values: Any) -> str:
    """values: PairInputs."""
    inputs = PairInputs(*values)
    max_length, origin = _checkpoint(settings, inputs)
    sentences = checked_pair(*sentences_of(inputs, settings), settings)
    truncation = checked_truncation(inputs.truncation)
    return _stand_in(origin) + tokenize_script(*sentences, origin.loaded, max_length, truncation)


@_or_comment
def write_batch_script(settings: Settings, *values: Any) -> str:
    """values: BatchInputs."""
    inputs = BatchInputs(*values)
    max_length, origin = _checkpoint(settings, inputs)
    rows, data, task = load_rows(inputs, settings)
    numbers = [row["row"] for row in rows]
    truncation = checked_truncation(inputs.truncation)
    return _stand_in(origin) + batch_script(
        numbers, inputs.split, data.place, origin.loaded, max_length, truncation, task
    )


def _checkpoint(settings: Settings, inputs: PairInputs | BatchInputs) -> tuple[int, Origin]:
    """(max_length, checked against the checkpoint; where the checkpoint came from)."""
    (_lengths, max_length), origin = ask(
        inputs.checkpoint, row_lengths, [], inputs.max_length, settings=settings
    )
    return max_length, origin


def _stand_in(origin: Origin) -> str:
    if not origin.stands_in:
        return ""
    return _("# {loaded} stands in for {asked}.\n", loaded=origin.loaded, asked=shown(origin.asked))
