"""Look for the shortcut: what a model learns from pairs that give their label away."""

import gradio as gr

from languages import _, say
from pipeline.explain.shortcut import asked_of_itself, report
from pipeline.hub.sources import RUN_PREFIX
from tabs.errors import notice_on_error
from views import markup
from views.shortcut import sentence_and_itself, shortcut_rules

SOURCES = ("shortcut", "embedded")  # where the lesson comes from, and what took its place
GIVEN_AWAY = say(
    "These pairs give their label away, so this curve doesn't show that the model compares "
    "meanings. "
    'Open "Look for the shortcut" below, and ask the model about a sentence and itself.'
)


def build_shortcut(settings, ended):
    """The section. `ended`: the state with the id of the ended run. Returns the button that starts
    a run.
    """
    title = _(
        "Look for the shortcut: what does a model learn from pairs that give their label away?"
    )
    with gr.Accordion(title, open=False, elem_id="shortcut") as section:
        gr.Markdown(
            _(
                "This app's first 480 pairs had a flaw. Their paraphrases were reworded with "
                "care, and most of "
                "the other pairs differed in one word, so that **almost the same words** was a "
                "sign of "
                "`not_equivalent`. A rule that compares letters and understands nothing is right "
                "on four pairs "
                "of five. A model learns such a rule, too, and its accuracy looks like success. "
                "Researchers "
                "call it an annotation artefact."
            )
        )
        rules = gr.HTML(min_height=120)
        gr.Markdown(
            _(
                "Try it: fine-tune on the old pairs, wait for the curve, then ask that model "
                "about a sentence "
                "and itself. Do the same with `embedded`, and compare."
            )
        )
        with gr.Row():
            start = gr.Button(_("Fine-tune on the pairs with the shortcut"))
            ask = gr.Button(_("Ask the run's model about a sentence and itself"))
        answer = gr.HTML()
    private = {"api_visibility": "private"}

    def measured():
        return shortcut_rules(*map(report, SOURCES))

    section.expand(notice_on_error(1)(measured), None, rules, **private)

    def asked(run_id):
        if not run_id:
            return markup.notice(_("There is no finished run to ask. Start one first."))
        return sentence_and_itself(asked_of_itself(f"{RUN_PREFIX}{run_id}", settings))

    ask.click(notice_on_error(1)(asked), ended, answer, **private)
    return start
