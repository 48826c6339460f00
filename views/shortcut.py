"""What cheap rules get right on two sets of pairs; a model's answers on a sentence and itself."""

from collections.abc import Sequence

from markupsafe import Markup

from languages import _, say, say_plural
from pipeline.explain.shortcut import ALIKE, Report
from pipeline.settings import LABELS
from views.markup import stacked_table, two_lines
from views.numbers import percent
from views.render import bdi, element, macro, rich

FEATURE_NAMES = {
    "word overlap": say("word overlap"),
    "difflib ratio": say("difflib ratio"),
    "length difference": say("length difference, words"),
    "shared numbers": say("shared numbers"),
}
LEAST_SURE = 5
CLEARLY = 0.08  # what tests allow a rule above the majority class on the embedded pairs


def shortcut_rules(old: Report, new: Report) -> Markup:
    """Both sets' cheap rules, how the most alike pairs are labelled, and some of the old ones."""
    return _rules_table([old, new]) + _alike_line(old) + _alike_line(new) + _examples(old)


def _rules_table(reports: Sequence[Report]) -> Markup:
    """A row for each feature, with the rule fitted on train and its accuracy on test."""
    majority = (cell for report in reports for cell in ("–", percent(report.majority["test"])))
    rows = [(_("always the majority class"), *majority)]
    for feature, name in FEATURE_NAMES.items():
        cells = [
            cell
            for report in reports
            for cell in (_rule(report, feature), _accuracy(report, feature))
        ]
        rows.append((name, *cells))
    heads = [""]
    for report in reports:
        heads += [_("the rule, {source} pairs", source=report.source), _("accuracy on test")]
    caption = _(
        "One cheap feature and one threshold, fitted on the train split (bold: more than "
        "{margin:.0f} percentage points above the majority class)",
        margin=100 * CLEARLY,
    )
    return stacked_table("shortcut-rules", caption, heads, rows)


def _rule(report: Report, feature: str) -> str:
    rule = report.rules[feature]
    if report.accuracy[feature]["train"] <= report.majority["train"]:
        return _("no threshold is better")
    return _("{label} from {threshold:.2f} up", label=LABELS[rule.above], threshold=rule.threshold)


def _accuracy(report: Report, feature: str) -> str | Markup:
    """Bold where the rule beats the majority class clearly."""
    accuracy = report.accuracy[feature]["test"]
    clearly = accuracy > report.majority["test"] + CLEARLY
    return element("strong", percent(accuracy)) if clearly else percent(accuracy)


def _alike_line(report: Report) -> Markup:
    no, yes = report.alike
    said = say_plural(
        "Of the {alike} most similar of the {pairs} {source} pairs (difflib ratio above {ratio}), "
        "<strong>{count}</strong> is not_equivalent and <strong>{equivalent}</strong> equivalent.",
        "Of the {alike} most similar of the {pairs} {source} pairs (difflib ratio above {ratio}), "
        "<strong>{count}</strong> are not_equivalent and <strong>{equivalent}</strong> equivalent.",
        no,
        alike=no + yes,
        pairs=report.pairs,
        source=report.source,
        ratio=ALIKE,
        equivalent=yes,
    )
    return macro("paragraph", "sum", rich(said))


def _examples(old: Report) -> Markup:
    rows = [
        (f"{ratio:.2f}", two_lines(first, second), LABELS[label])
        for ratio, first, second, label in old.examples
    ]
    heads = (_("difflib ratio"), _("sentences"), _("gold label"))
    return stacked_table("pairs", _("The most similar pairs of the old set"), heads, rows)


def sentence_and_itself(answers: Sequence[tuple[str, float]]) -> Markup:
    """[(sentence, P(equivalent) of it and itself), …], the least sure first."""
    shares = [share for _sentence, share in answers]
    equivalent = sum(share >= 0.5 for share in shares)
    said = say(
        "A sentence and itself: equivalent for {equivalent} of {count} sentences, with "
        "P(equivalent) {mean} on average.",
        equivalent=element("strong", equivalent),
        count=len(answers),
        mean=percent(sum(shares) / len(shares)),
    )
    rows = [(percent(share), bdi(sentence)) for sentence, share in answers[:LEAST_SURE]]
    heads = ("P(equivalent)", _("sentence"))
    least_sure = stacked_table("pairs", _("The least certain"), heads, rows)
    return macro("paragraph", "sum", rich(said)) + least_sure
