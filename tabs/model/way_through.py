"""The way through: the model's parts in a strip, and the card of the one that is chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from languages import _
from pipeline.errors import InputError, shown
from pipeline.explain.probing import asked_pair
from pipeline.inside.way_through import WayThrough, way_through
from pipeline.settings import Settings
from tabs.errors import error_notice, sent
from tabs.model.attention import Asked
from tabs.tokenize.why import inputs_of
from views.inside_way import ASKED, part_card, way_strip
from views.markup import notice

PRIVATE = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "always_last"}


@dataclass(frozen=True)
class WayThroughSection:
    """The components that the handlers fill, and the handlers."""

    settings: Settings
    strip: gr.HTML
    card: gr.HTML

    def draw(self, *values: str) -> dict[Block, Any]:
        """values: Asked. The strip; its card is asked for by the page, where one is open."""
        asked = Asked(*values)
        try:
            return {self.strip: way_strip(self._way(asked), asked._asdict())}
        except Exception as error:
            return {self.strip: error_notice(error)}

    def open(self, event: gr.EventData) -> Markup:
        """The card of the part that was chosen."""
        told = sent(event)
        try:
            part = told.get("part")
            if part not in ASKED:
                raise InputError(
                    _(
                        "The model has no part {part}. Choose one of {parts}.",
                        part=shown(part),
                        parts=", ".join(ASKED),
                    )
                )
            choice = {name: told.get(name) or None for name in ("layer", "label")}
            way = self._way(inputs_of(told, Asked), token=told.get("token"), **choice)
            if part not in [each.name for each in way.parts]:
                raise InputError(_("This model has no such part. Choose another one."))
            return part_card(way, part)
        except Exception as error:
            return error_notice(error)

    def _way(self, asked: Asked, token: object = None, **choice: object) -> WayThrough:
        pair = asked_pair(asked.model, asked.sentence1, asked.sentence2, self.settings)
        return way_through(
            asked.model,
            pair,
            self.settings.max_length,
            token=token or 0,
            settings=self.settings,
            **choice,
        )


def build_way_through(settings: Settings) -> tuple[Callable[..., dict[Block, Any]], list[Block]]:
    """The section. Returns the handler that draws it from sentence1, sentence2 and the model, and
    what it fills.
    """
    strip = gr.HTML(
        notice(_("The model is being loaded…")),
        elem_id="way",
        padding=False,
        min_height=150,
        js_on_load="page.way.listen(element, trigger, watch)",
    )
    card = gr.HTML(
        elem_id="way-card", padding=False, js_on_load="page.way.listenToCard(element, watch)"
    )
    section = WayThroughSection(settings, strip, card)
    strip.click(section.open, None, card, **PRIVATE)
    return section.draw, [strip]
