"""What mattered, word by word: the pair without each of its words in turn."""

from functools import partial

import gradio as gr
from gradio.components import Component
from markupsafe import Markup

from languages import _
from pipeline.explain.probing import leave_one_out
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from tabs.predict.listeners import OF_THE_ANSWER, PRIVATE
from views.markup import of_pair, origin_line
from views.predictions import words_left_out


def build_what_mattered(settings: Settings, inputs: list[Component]) -> None:
    """The section. inputs: both sentences and the model."""
    # Open from the start: it is what one asks next, and costs half as much as the answer itself
    with gr.Accordion(_("Which words carried the answer?"), elem_id="open-words") as section:
        found = gr.HTML(min_height=260)
        gr.Markdown(
            _(
                "Each word is left out in turn and the model predicts again, all in one batch "
                "(which may change the last digits). The limit is {most} words in both sentences "
                "together.",
                most=settings.max_words_left_out,
            ),
            elem_classes="quiet",
        )
        again = gr.Button(_("Leave each word out"), **OF_THE_ANSWER)
        gr.on(
            [section.expand, again.click],
            partial(leave_words_out, settings),
            inputs,
            found,
            **PRIVATE,
        )


@notice_on_error
def leave_words_out(settings: Settings, sentence1: str, sentence2: str, model: str) -> Markup:
    """Each word, with what leaving it out changes."""
    found = leave_one_out(model, sentence1, sentence2, settings.max_length, settings=settings)
    drawn = words_left_out(found)
    if found.origin.stands_in:
        drawn = origin_line(found.origin, True) + drawn
    return of_pair((found.sentence1, found.sentence2), drawn)
