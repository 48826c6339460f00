"""The head of the page: its title, what leads elsewhere, and the rail, by which one gets about."""

import gradio as gr

from languages import LANGUAGES, language, say
from pipeline.config import TrainingConfig
from views.forecast import planned
from views.render import render

# The way of a pair: (station, its name, what it does, the tab where it is, what of the tab is
# brought into sight)
STATIONS = (
    ("pair", say("Pair"), say("two sentences"), "tokenize", ".page-pair"),
    ("tokenizer", say("Tokenizer"), say("text to numbers"), "tokenize", "#tokens"),
    ("collator", say("Collator"), say("pads a batch"), "tokenize", "#batch"),
    ("model", say("Model"), say("numbers to logits"), "model", ""),
    ("trainer", say("Trainer"), say("fine-tunes the model"), "fine-tune", ""),
    ("prediction", say("Prediction"), say("the same meaning?"), "predict", ""),
)


def build_header() -> None:
    """One line of title, and the rail below it. static/rail.js replaces what a station does by the
    live line of this visitor's own.
    """
    lines = {"trainer": planned(TrainingConfig().max_steps)}
    links = {name: called for name, called in LANGUAGES.items() if name != language()}
    gr.Navbar(visible=False)  # those links are it
    gr.HTML(
        render("header.html", links=links, stations=STATIONS, lines=lines),
        js_on_load="page.rail.listen(element); page.language.listen(element)",
        elem_id="head",
    )
