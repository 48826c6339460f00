"""Play: a topic's controls -> its layer run on a small tensor, drawn with its formulas."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.errors import InputError
from tabs.errors import notice_on_error, sent
from tabs.layers.topics import GROUPS, TOPICS
from tabs.layers.topics.controls import Controls, followed_places
from views.backward import backward

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
Changes = dict[Block, Any]
FORWARD, BACKWARD = "forward", "backward"
TRACKED = 5  # numbers: which tensor, and its place in up to four dimensions


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


@dataclass(frozen=True)
class Direction:
    """Which way the topics' layers are gone through, one choice for all."""

    way: gr.Radio
    loss: gr.Radio
    tracked: Sequence[gr.Number]  # of the gradients: which tensor, then the place in it

    @property
    def inputs(self) -> list[Component]:
        """What `draw` takes of them."""
        return [self.way, self.loss, *self.tracked]


@dataclass(frozen=True)
class Play:
    """The part's components, and its handlers."""

    topics: Sequence[gr.Radio]  # a group of topics each; the chosen one is in one of them
    direction: Direction
    panels: Mapping[str, TopicPanel]

    @property
    def inputs(self) -> list[Component]:
        """The topics, the direction, and the controls of all."""
        controls = [part for panel in self.panels.values() for part in panel.controls.inputs]
        return [*self.topics, *self.direction.inputs, *controls]

    @property
    def outputs(self) -> list[Block]:
        """What `show` may change."""
        drawn = [part for panel in self.panels.values() for part in (panel.column, panel.output)]
        return [*self.topics, *drawn]

    def chosen(self, values: Mapping[Component, Any]) -> str:
        """The topic that is chosen."""
        return next(filter(None, (values[group] for group in self.topics)), next(iter(TOPICS)))

    def draw(self, values: Mapping[Component, Any], chosen: str = "") -> Changes:
        """Draw a topic, or the chosen one."""
        chosen = chosen or self.chosen(values)
        panel = self.panels[chosen]
        parts = [*self.direction.inputs, *panel.controls.inputs]
        return {panel.output: draw(chosen, *(values[part] for part in parts))}

    def show(self, values: Mapping[Component, Any], chosen: str = "") -> Changes:
        """Show and draw a topic, or the chosen one; the others are hidden and left alone."""
        chosen = chosen or self.chosen(values)
        changes: Changes = {
            panel.column: gr.Column(visible=slug == chosen) for slug, panel in self.panels.items()
        }
        for group, topics in zip(self.topics, GROUPS.values(), strict=True):
            changes[group] = chosen if chosen in topics else None
        return {**changes, **self.draw(values, chosen)}

    def choose(self, group: gr.Radio, values: Mapping[Component, Any]) -> Changes:
        """A topic of that group was chosen: it is shown, and no other group has one."""
        return self.show(values, values[group])


@with_reason
def draw(topic: str, way: str, loss: str, *values: Any) -> Markup:
    """A topic's layer, forward or backward. values: the place of the gradient that is worked out,
    then those of the topic's controls.
    """
    tracked, own = values[:TRACKED], values[TRACKED:]
    played = TOPICS[topic].play(*own)
    if way == FORWARD:
        return played.forward()
    from layers import play

    return backward(play.backward(played.layer(), loss, tuple(played.at), tracked))


def build_play() -> Play:
    """The part: one topic is seen at a time."""
    first = next(iter(TOPICS))
    with gr.Row(elem_classes="topics"):
        topics = [
            gr.Radio(
                [(str(topic.title), slug) for slug, topic in group.items()],
                value=first if first in group else None,
                label=str(title),
                elem_classes="chips",
            )
            for title, group in GROUPS.items()
        ]
        direction = _build_direction()
    panels = {slug: _build_topic(slug, direction, visible=slug == first) for slug in TOPICS}
    play = Play(topics, direction, panels)
    for group in topics:
        chosen = functools.partial(play.choose, group)
        group.input(chosen, set(play.inputs), play.outputs, **PRIVATE)
        keep = "(topic) => page.layers.keep('topic', topic)"
        group.input(None, group, None, js=keep, api_visibility="private")
    outputs = [panel.output for panel in panels.values()]
    changes = [part.change for part in direction.inputs]
    gr.on(changes, play.draw, set(play.inputs), outputs, **PRIVATE, trigger_mode="always_last")
    return play


def _build_direction() -> Direction:
    way = gr.Radio(
        [(_("Forward"), FORWARD), (_("Backward"), BACKWARD)],
        value=FORWARD,
        label=_("Pass"),
        elem_classes=["chips", "pass"],
    )
    loss = gr.Radio(
        [
            (_("one number of the output"), "one"),
            (_("their sum"), "sum"),
            (_("their mean"), "mean"),
            (_("their weighted sum"), "drawn"),
        ],
        value="one",
        label=_("The loss L is"),
        elem_classes=["chips", "loss"],
        visible=False,
    )
    tracked = followed_places(2, *[63] * (TRACKED - 1))
    way.change(
        None,
        way,
        loss,
        js=f"(way) => page.layers.visibleIf(way === '{BACKWARD}')",
        api_visibility="private",
    )
    return Direction(way, loss, tracked)


def _build_topic(slug: str, direction: Direction, visible: bool) -> TopicPanel:
    topic = TOPICS[slug]
    listen = "page.layers.listenToOutput(element, trigger, watch); page.code.listen(element)"
    column = gr.Column(visible=visible, elem_classes="topic")
    with column, gr.Row(elem_classes="two-columns"):
        with gr.Column(elem_classes="knobs"):
            gr.Markdown(str(topic.intro), elem_classes="quiet")
            controls = topic.build()
        output = gr.HTML(min_height=420, js_on_load=listen, elem_classes="played")
    # always_last: while a slider is dragged, only its newest place is worth drawing.
    gr.on(
        [part.change for part in controls.inputs],
        functools.partial(draw, slug),
        [*direction.inputs, *controls.inputs],
        output,
        **PRIVATE,
        trigger_mode="always_last",
    )

    def follow(event: gr.EventData) -> Changes:
        stage = sent(event).get("stage")
        numbers = direction.tracked if stage == "gradient" else controls.followed
        of_loss = {direction.loss: "one"} if stage == "loss" else {}
        return {**dict(zip(numbers, place_of(event, len(numbers)), strict=True)), **of_loss}

    changed = [*controls.followed, *direction.tracked, direction.loss]
    output.click(follow, None, changed, **PRIVATE)
    return TopicPanel(column, controls, output)


def place_of(event: gr.EventData, dimensions: int) -> list[int]:
    """The place of the cell that was clicked on; 0 for what an outsider's request lacks."""
    sent_place = sent(event).get("place")
    numbers = sent_place if isinstance(sent_place, list) else []
    place = [number if type(number) is int and number >= 0 else 0 for number in numbers]
    return (place + [0] * dimensions)[:dimensions]
