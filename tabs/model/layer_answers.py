"""The answer layer by layer: the trained head on each layer's first row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from languages import _
from pipeline.errors import InputError, shown
from pipeline.explain.probing import asked_pair
from pipeline.inside.forward import Pair
from pipeline.inside.layer_answers import layer_answers
from pipeline.settings import Settings
from tabs.errors import error_notice, sent
from tabs.model.attention import Asked
from tabs.model.way_through import PRIVATE
from tabs.predict.tab import EXAMPLE_NAMES, EXAMPLES
from tabs.tokenize.why import inputs_of
from views.inside_layers import layer_bars

SWAPPED = "swapped"


@dataclass(frozen=True)
class LayerAnswersSection:
    """The component that the handlers fill, and the handlers."""

    settings: Settings
    bars: gr.HTML

    def draw(self, *values: str) -> dict[Block, Any]:
        """values: Asked. The answers, compared with the same pair the other way round."""
        return {self.bars: self._drawn(Asked(*values), SWAPPED)}

    def compare(self, event: gr.EventData) -> Markup:
        """The answers, compared with the pair that was chosen in the picture."""
        told = sent(event)
        try:
            asked = inputs_of(told, Asked)
        except InputError as error:
            return error_notice(error)
        return self._drawn(asked, told.get("other"))

    def _drawn(self, asked: Asked, chosen: object) -> Markup:
        try:
            pair = asked_pair(asked.model, asked.sentence1, asked.sentence2, self.settings)
            found = layer_answers(
                asked.model,
                pair,
                self._other(pair, chosen),
                self.settings.max_length,
                settings=self.settings,
            )
            return layer_bars(found, asked._asdict(), choices(pair), str(chosen))
        except Exception as error:
            return error_notice(error)

    def _other(self, pair: Pair, chosen: object) -> Pair:
        sentence1, sentence2 = pair
        if chosen == SWAPPED:
            return (sentence1, None) if sentence2 is None else (sentence2, sentence1)
        numbers = [value for value, _name in choices(pair)]
        if chosen not in numbers:
            raise InputError(
                _(
                    "There is no pair {chosen} to compare with. Choose one of {numbers}.",
                    chosen=shown(chosen),
                    numbers=", ".join(numbers),
                )
            )
        first, second = EXAMPLES[int(str(chosen))]
        return first, None if sentence2 is None else second


def choices(pair: Pair) -> list[tuple[str, str]]:
    """(value, name) of the pairs to compare with. pair: the one that is drawn."""
    own = _("the same pair, swapped") if pair[1] is not None else _("the same sentence")
    examples = [(str(number), str(name)) for number, name in enumerate(EXAMPLE_NAMES)]
    return [(SWAPPED, own), *examples]


def build_layer_answers(settings: Settings) -> tuple[Callable[..., dict[Block, Any]], list[Block]]:
    """The section. Returns the handler that draws it from sentence1, sentence2 and the model, and
    what it fills.
    """
    bars = gr.HTML(
        elem_id="layer-answers",
        padding=False,
        min_height=180,
        js_on_load="page.way.listenToAnswers(element, trigger, watch)",
    )
    section = LayerAnswersSection(settings, bars)
    bars.click(section.compare, None, bars, **PRIVATE)
    return section.draw, [bars]
