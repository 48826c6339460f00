"""Play: a topic's controls -> its layer run on a small tensor, drawn with its formulas."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.errors import InputError
from tabs.errors import notice_on_error, sent
from tabs.layers.topics import TOPICS
from tabs.layers.topics.controls import Controls

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
Changes = dict[Block, Any]


def with_reason(draw: Callable[..., Markup]) -> Callable[..., Markup]:
    """A function that draws -> the same, but an impossible setting is a sentence in its place.

    layers.play raises it as a ValueError.
    """

    @functools.wraps(draw)
    def drawn(*values):
        try:
            if None in values:
                raise InputError(_("A number is missing. Fill in each field above."))
            return draw(*values)
        except ValueError as error:
            raise InputError(str(error)) from None

    return notice_on_error(drawn)


@dataclass(frozen=True)
class TopicPanel:
    """One topic's part of the page."""

    column: gr.Column
    controls: Controls
    output: gr.HTML
    draw: Callable[..., Markup]


@dataclass(frozen=True)
class Play:
    """The part's components, and its handlers."""

    topic: gr.Radio
    panels: Mapping[str, TopicPanel]

    @property
    def inputs(self) -> list[Component]:
        """The topic, and the controls of all."""
        controls = [part for panel in self.panels.values() for part in panel.controls.inputs]
        return [self.topic, *controls]

    @property
    def outputs(self) -> list[Block]:
        """What `show` may change."""
        return [part for panel in self.panels.values() for part in (panel.column, panel.output)]

    def show(self, values: Mapping[Component, Any]) -> Changes:
        """Show and draw the chosen topic; the others are hidden and left alone."""
        chosen = values[self.topic]
        changes = {
            panel.column: gr.Column(visible=slug == chosen) for slug, panel in self.panels.items()
        }
        panel = self.panels[chosen]
        drawn = panel.draw(*(values[part] for part in panel.controls.inputs))
        return {**changes, panel.output: drawn}


def build_play() -> Play:
    """The part: one topic is seen at a time."""
    titles = [(str(topic.title), slug) for slug, topic in TOPICS.items()]
    first = next(iter(TOPICS))
    topic = gr.Radio(titles, value=first, label=_("Topic"), elem_classes="chips")
    panels = {slug: _build_topic(slug, visible=slug == first) for slug in TOPICS}
    play = Play(topic, panels)
    topic.input(play.show, set(play.inputs), play.outputs, **PRIVATE)
    topic.input(
        None,
        topic,
        None,
        js="(topic) => page.layers.keep('topic', topic)",
        api_visibility="private",
    )
    return play


def _build_topic(slug: str, visible: bool) -> TopicPanel:
    topic = TOPICS[slug]
    listen = "page.layers.listenToOutput(element, trigger, watch)"
    column = gr.Column(visible=visible, elem_classes="topic")
    with column, gr.Row(elem_classes="two-columns"):
        with gr.Column(elem_classes="knobs"):
            gr.Markdown(str(topic.intro), elem_classes="quiet")
            controls = topic.build()
        output = gr.HTML(
            min_height=420,
            js_on_load=listen if controls.followed else None,
            elem_classes="played",
        )
    draw = with_reason(topic.draw)
    # always_last: while a slider is dragged, only its newest place is worth drawing.
    changes = [part.change for part in controls.inputs]
    gr.on(changes, draw, controls.inputs, output, **PRIVATE, trigger_mode="always_last")
    if controls.followed:

        def follow(event: gr.EventData) -> Changes:
            return dict(
                zip(controls.followed, place_of(event, len(controls.followed)), strict=True)
            )

        output.click(follow, None, controls.followed, **PRIVATE)
    return TopicPanel(column, controls, output, draw)


def place_of(event: gr.EventData, dimensions: int) -> list[int]:
    """The place of the cell that was clicked on; 0 for what an outsider's request lacks."""
    sent_place = sent(event).get("place")
    numbers = sent_place if isinstance(sent_place, list) else []
    place = [number if type(number) is int and number >= 0 else 0 for number in numbers]
    return (place + [0] * dimensions)[:dimensions]
