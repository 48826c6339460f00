"""Look for the shortcut: what a model learns from pairs that give their label away."""

import gradio as gr

from languages import _, say
from pipeline.explain.shortcut import ALIKE, Report, asked_of_itself, report
from pipeline.hub.sources import RUN_PREFIX
from pipeline.settings import LABELS
from tabs.errors import notice_on_error
from views import markup
from views.markup import text
from views.runs import percent, table

# The two sets side by side: where the lesson comes from, and what took its place
SOURCES = ("shortcut", "embedded")
FEATURE_NAMES = {
    "word overlap": say("word overlap"),
    "difflib ratio": say("difflib ratio"),
    "length difference": say("length difference, words"),
    "shared numbers": say("shared numbers"),
}
LEAST_SURE = 5
CLEARLY = 0.08  # what tests allow a rule above the majority class on the embedded pairs
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
    section.expand(notice_on_error(1)(rules_drawn), None, rules, **private)

    def asked(run_id):
        if not run_id:
            return markup.notice(_("There is no finished run to ask. Start one first."))
        return itself_drawn(asked_of_itself(f"{RUN_PREFIX}{run_id}", settings))

    ask.click(notice_on_error(1)(asked), ended, answer, **private)
    return start


def rules_drawn() -> str:
    """Both sets' cheap rules, how the most alike pairs are labelled, and some of the old ones."""
    old, new = reports = [report(source) for source in SOURCES]
    return _rules_table(reports) + _alike_line(old) + _alike_line(new) + _examples(old)


def _rules_table(reports: list[Report]) -> str:
    """A row for each feature, with the rule fitted on train and its accuracy on test."""
    rows = [
        (
            _("always the majority class"),
            *(cell for one in reports for cell in ("–", percent(one.majority["test"]))),
        )
    ]
    for feature, name in FEATURE_NAMES.items():
        cells = [cell for one in reports for cell in (_rule(one, feature), _accuracy(one, feature))]
        rows.append((text(name), *cells))
    head = [
        "",
        *(
            cell
            for one in reports
            for cell in (_("the rule, {source} pairs", source=one.source), _("right on test"))
        ),
    ]
    caption = _(
        "One cheap feature, one threshold, fitted on the train split (bold: over {margin:.0f} "
        "points above the "
        "majority class)",
        margin=100 * CLEARLY,
    )
    return table("shortcut-rules", caption, head, rows)


def _rule(one: Report, feature: str) -> str:
    rule = one.rules[feature]
    if one.accuracy[feature]["train"] <= one.majority["train"]:
        return _("none is better")
    label = text(LABELS[rule.above])
    return _("{label} from {threshold:.2f} up", label=label, threshold=rule.threshold)


def _accuracy(one: Report, feature: str) -> str:
    """Bold where the rule beats the majority class clearly."""
    accuracy = one.accuracy[feature]["test"]
    clearly = accuracy > one.majority["test"] + CLEARLY
    return f"<strong>{percent(accuracy)}</strong>" if clearly else percent(accuracy)


def _alike_line(one: Report) -> str:
    no, yes = one.alike
    said = _(
        "Of the {count} most alike of the {pairs} {source} pairs (difflib ratio above {ratio}), "
        "{no} are "
        "not_equivalent and {yes} equivalent.",
        count=no + yes,
        pairs=one.pairs,
        source=one.source,
        ratio=ALIKE,
        no=f"<strong>{no}</strong>",
        yes=f"<strong>{yes}</strong>",
    )
    return f'<p class="sum">{said}</p>'


def _examples(old: Report) -> str:
    rows = [
        (
            f"{ratio:.2f}",
            f"<bdi>{text(first)}</bdi><br><bdi>{text(second)}</bdi>",
            text(LABELS[label]),
        )
        for ratio, first, second, label in old.examples
    ]
    head = (_("difflib ratio"), _("sentences"), _("gold label"))
    return table("pairs", _("The most alike pairs of the old set"), head, rows)


def itself_drawn(answers: list[tuple[str, float]]) -> str:
    """[(sentence, P(equivalent) of it and itself), …], the least sure first."""
    equivalent = sum(share >= 0.5 for _sentence, share in answers)
    mean = sum(share for _sentence, share in answers) / len(answers)
    said = _(
        "A sentence and itself: equivalent for {equivalent} of {count} sentences, with "
        "P(equivalent) {mean} on average.",
        equivalent=f"<strong>{equivalent}</strong>",
        count=len(answers),
        mean=percent(mean),
    )
    rows = [
        (percent(share), f"<bdi>{text(sentence)}</bdi>") for sentence, share in answers[:LEAST_SURE]
    ]
    shown = table("pairs", _("The least sure"), ("P(equivalent)", _("sentence")), rows)
    return f'<p class="sum">{said}</p>{shown}'
