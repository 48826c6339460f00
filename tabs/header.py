"""The head of the page: what this is, and links to it in the other languages."""

import gradio as gr
from markupsafe import Markup

from languages import LANGUAGES, _, language
from views.render import render


def build_header() -> None:
    """Title, one sentence, and links to the other languages."""
    intro = _(
        "Follow one pair the whole way, on real parts: <strong>tokenize</strong> it, see the "
        "<strong>padding</strong> of its batch, <strong>fine-tune</strong> a classifier with "
        "<code>Trainer</code>, and ask it for a <strong>prediction</strong>."
    )
    links = {name: called for name, called in LANGUAGES.items() if name != language()}
    gr.Navbar(visible=False)  # those links are it
    gr.HTML(
        render("header.html", links=links, intro=Markup(intro)),
        js_on_load="page.language.listen(element)",
    )
