"""The head of the page: its title, what leads elsewhere, and the rail, by which one gets about."""

import gradio as gr

from languages import LANGUAGES, language, say
from pipeline.config import TrainingConfig
from views.forecast import planned
from views.render import render

# The way of a pair: (station, its name, the tab where it is, what of the tab is brought into sight)
STATIONS = (
    ("pair", say("Pair"), "tokenize", ".page-pair"),
    ("tokenizer", say("Tokenizer"), "tokenize", "#tokens"),
    ("collator", say("Collator"), "tokenize", "#batch"),
    ("model", say("Model"), "predict", "#arithmetic"),
    ("trainer", say("Trainer"), "fine-tune", ""),
    ("prediction", say("Prediction"), "predict", ""),
)


def build_header() -> None:
    """One line of title, and the rail below it. Its live lines are filled in by static/rail.js."""
    # What a tab's station says before the tab is opened
    lines = {"trainer": planned(TrainingConfig().max_steps)}
    links = {name: called for name, called in LANGUAGES.items() if name != language()}
    gr.Navbar(visible=False)  # those links are it
    gr.HTML(
        render("header.html", links=links, stations=STATIONS, lines=lines),
        js_on_load="page.rail.listen(element); page.language.listen(element)",
        elem_id="head",
    )
