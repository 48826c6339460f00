"""Attention: all heads as pictures, one on the token cards, their habits, padding, and what it
doesn't prove.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain.probing import asked_pair
from pipeline.inside.attention import (
    HABIT_PAIRS,
    HABIT_SECONDS,
    Choice,
    all_heads,
    habits,
    one_head,
    padding,
)
from pipeline.inside.forward import Pair
from pipeline.settings import Settings
from pipeline.task import task_named
from tabs.errors import error_notice, notice_on_error, sent
from tabs.tokenize.inputs import load_split
from tabs.tokenize.why import inputs_of
from views.inside_attention import (
    habits_table,
    head_cards,
    heads_picture,
    looks_table,
    padding_shown,
)
from views.markup import of_pair, origin_line
from views.render import element

PRIVATE = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "always_last"}
# Pressed where the section is open when the pair was looked at anew
OF_THE_LOOK = {"size": "md", "elem_classes": "of-the-look"}
MEAN = "mean"


class Asked(NamedTuple):
    """What the pictures are made of."""

    sentence1: str
    sentence2: str
    model: str


@dataclass(frozen=True)
class Attention:
    """The components that the handlers fill, and the handlers."""

    settings: Settings
    heads: gr.HTML
    head: gr.HTML
    looks: gr.HTML
    beside: gr.Column  # of the pictures; holds the head, and room for what else is to be seen there

    @property
    def outputs(self) -> list[Component]:
        """What `draw` fills."""
        return [self.heads, self.head, self.looks]

    def draw(self, *values: str) -> dict[Component, Any]:
        """values: Asked. The pictures, and the head that tells most."""
        asked = Asked(*values)
        try:
            heads, head = all_heads(asked.model, self._pair(asked), settings=self.settings)
            inputs = asked._asdict()
            drawn = heads_picture(heads, inputs)
            if heads.origin.stands_in:
                drawn = origin_line(heads.origin, True) + drawn
            beside = {self.head: head_cards(head, inputs), self.looks: looks_table(heads, inputs)}
            return {self.heads: drawn, **beside}
        except Exception as error:
            wrong = of_pair((asked.sentence1, asked.sentence2), error_notice(error))
            return {self.heads: wrong, self.head: "", self.looks: ""}

    def choose(self, event: gr.EventData) -> Markup:
        """The head and the token that were chosen."""
        return choose_head(self.settings, sent(event))

    def _pair(self, asked: Asked) -> Pair:
        return asked_pair(asked.model, asked.sentence1, asked.sentence2, self.settings)


def build_attention(settings: Settings) -> Attention:
    """The pictures and what belongs to them, in three columns of the row that is open: on a wide
    screen the third stands under the first (static/attention.css).
    """
    with gr.Column(elem_classes="sheet attention-left"):
        heads = gr.HTML(js_on_load="page.attention.listen(element, trigger, watch)")
    with gr.Column(elem_classes="sheet attention-beside") as beside:
        head = gr.HTML(js_on_load="page.attention.listenToHead(element, watch)")
    with gr.Column(elem_classes="sheet attention-left"):
        looks = gr.HTML(js_on_load="page.attention.listenToLooks(element, watch)")
    attention = Attention(settings, heads, head, looks, beside)
    heads.click(attention.choose, None, head, **{**PRIVATE, "show_progress": "hidden"})
    return attention


@notice_on_error
def choose_head(settings: Settings, cell: dict) -> Markup:
    """The cards of one head. cell: {"inputs": Asked as JSON, "layer", "head": a number or "mean",
    "token": a position or None}, which nobody vouches for.
    """
    asked = inputs_of(cell, Asked)
    head = cell.get("head")
    choice = Choice(cell.get("layer"), None if head == MEAN else head, cell.get("token"))
    pair = asked_pair(asked.model, asked.sentence1, asked.sentence2, settings)
    shown = one_head(asked.model, pair, choice, settings=settings)
    return head_cards(shown, asked._asdict())


# ---------------------------------------------------------------- questions


def build_attention_questions(
    settings: Settings, inputs: Sequence[Component], choice: Component
) -> None:
    """The two sections under the pictures. inputs: of Asked; choice: of the page's pairs."""
    with gr.Accordion(
        _("Do these heads always look there?"), open=False, elem_id="open-habits"
    ) as section:
        gr.Markdown(
            _(
                "What a head does on one pair may be chance. Here the first {count} validation "
                "rows of the pairs that are chosen under “Collator” go through the model one by "
                "one: a few seconds, {most:.0f} at most.",
                count=HABIT_PAIRS,
                most=HABIT_SECONDS,
            ),
            elem_classes="quiet",
        )
        again = gr.Button(_("Measure"), **OF_THE_LOOK)
        _asked_by(section, again, partial(draw_habits, settings), [*inputs, choice])
        gr.HTML(element("strong", _("Does a look at a word prove that it mattered?")))
        gr.Markdown(
            _(
                "No. A weight says how much of one token's values goes into another's, in one "
                "head of one layer. It doesn't say what the layers above make of them. "
                "[Jain and Wallace (2019)](https://arxiv.org/abs/1902.10186) found other weights, "
                "far from the trained ones, that gave the same answers. "
                "[Wiegreffe and Pinter (2019)](https://arxiv.org/abs/1908.04626) replied that "
                "trained weights do carry information, and that it depends on what you want to "
                "have explained. Many heads give most of their attention to [CLS] or [SEP]: "
                "[Clark et al. (2019)](https://arxiv.org/abs/1906.04341) read that as doing "
                "nothing. To learn what a word is worth to the answer, change the input: "
                "*Which words carried the answer?* in Predict leaves each word out."
            )
        )
    with gr.Accordion(
        _("Does anyone look at padding?"), open=False, elem_id="open-padding-looks"
    ) as section:
        gr.Markdown(
            _(
                "The collator pads a pair beside a longer one. Here the longer one is your own, "
                "each sentence said twice. The batch goes through the model with its "
                "attention_mask, and with a mask of ones."
            ),
            elem_classes="quiet",
        )
        again = gr.Button(_("Look again"), **OF_THE_LOOK)
        _asked_by(section, again, partial(draw_padding, settings), inputs)


def _asked_by(section: gr.Accordion, again: gr.Button, handler: Any, inputs: Any) -> None:
    """A section is worked out when it is opened, and by its button."""
    gr.on([section.expand, again.click], handler, list(inputs), gr.HTML(min_height=120), **PRIVATE)


@notice_on_error
def draw_habits(
    settings: Settings, sentence1: str, sentence2: str, model: str, task_name: str
) -> Markup:
    """Which heads look at what over many rows of the task, a visitor's own pairs among them."""
    pair = asked_pair(model, sentence1, sentence2, settings)
    heads, _head = all_heads(model, pair, settings=settings)
    # A visitor's own pairs that are too few or have no labels may lack the split
    splits = task_named(task_name, settings).splits
    split = "validation" if "validation" in splits else splits[0]
    dataset, origin, task = load_split(split, task_name, settings)
    rows = dataset[:HABIT_PAIRS]
    firsts = rows["sentence1"]
    is_paired = task.has_pair and pair[1] is not None
    seconds = rows["sentence2"] if is_paired else [None] * len(firsts)
    found = habits(model, list(zip(firsts, seconds, strict=True)), settings=settings)
    drawn = habits_table(found, heads, f"{origin.loaded}, {split}")
    if origin.stands_in:
        drawn = origin_line(origin, True) + drawn
    return of_pair(pair, drawn)


@notice_on_error
def draw_padding(settings: Settings, sentence1: str, sentence2: str, model: str) -> Markup:
    """What the pair's tokens give to padding."""
    pair = asked_pair(model, sentence1, sentence2, settings)
    return of_pair(pair, padding_shown(padding(model, pair, settings=settings)))
