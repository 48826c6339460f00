"""Look for the shortcut: what a model learns from pairs that give their label away."""

import gradio as gr

from languages import _
from pipeline.explain.shortcut import identical_sentences, report
from pipeline.hub.sources import RUN_PREFIX
from pipeline.settings import Settings
from tabs.errors import notice_on_error
from views.markup import notice
from views.shortcut import sentence_and_itself, shortcut_rules

SOURCES = ("shortcut", "embedded")  # where the lesson comes from, and what took its place


def build_shortcut(settings: Settings, ended: gr.State) -> gr.Button:
    """The section; returns its button that starts a run. `ended` holds the id of an ended run."""
    title = _("Can it be right for the wrong reason?")
    with gr.Accordion(title, open=False, elem_id="open-shortcut") as section:
        gr.Markdown(
            _(
                "This app's first 480 pairs had a flaw: **almost the same words** was a sign of "
                "`not_equivalent`. The paraphrases were carefully reworded, while most other "
                "pairs differed in one word. A rule that only compares letters is right on four "
                "pairs in five. A model learns such a rule too, and its accuracy looks like "
                "success. Researchers call this an annotation artefact."
            )
        )
        rules = gr.HTML(min_height=120)
        gr.Markdown(
            _(
                "Try it: fine-tune on the old pairs, wait for the curve, then ask that model "
                "about a sentence and itself. Do the same with `embedded`, and compare."
            )
        )
        with gr.Row():
            start = gr.Button(_("Fine-tune on the pairs with the shortcut"))
            ask = gr.Button(_("Ask the run's model about a sentence and itself"))
        answer = gr.HTML()

    def measured() -> str:
        return shortcut_rules(*map(report, SOURCES))

    def asked(run_id: str) -> str:
        if not run_id:
            return notice(_("There is no finished run to ask. Start one first."))
        return sentence_and_itself(identical_sentences(f"{RUN_PREFIX}{run_id}", settings))

    section.expand(notice_on_error(measured), None, rules, api_visibility="private")
    ask.click(notice_on_error(asked), ended, answer, api_visibility="private")
    return start
