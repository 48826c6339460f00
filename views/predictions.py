"""The Predict tab's results -> HTML: softmax as arithmetic, models side by side, words left out,
changed pairs, guesses, a file's answers. Nothing here imports gradio.

    >>> points(0.2249), points(-0.001)
    ('+22', '0')
"""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from languages import _, ngettext
from pipeline.explain.confusion import Confusion
from pipeline.explain.probing import (
    LeftOut,
    Mattered,
    Record,
    Stressed,
    followed,
    judges_meaning,
)
from pipeline.export.csv_answers import Answered, Scores, labels_of, notes_of, scores_of
from pipeline.hub.sources import Origin
from pipeline.metrics import metrics_in
from pipeline.prediction import Prediction, SoftmaxSteps, softmax_steps, written
from pipeline.settings import LABELS
from views.confusion import matrices
from views.markup import made_of, origin_line, sentences
from views.numbers import percent
from views.render import macro, render

EQUIVALENT = LABELS[1]
PREVIEW_ROWS = 10  # of a file


def points(change: float) -> str:
    """A change of a probability in whole percentage points, with its sign."""
    rounded = round(100 * change)
    return f"{rounded:+d}" if rounded else "0"


def listed(names: Iterable[object]) -> str:
    """Names in a row, with the comma of the reader's language."""
    return _(", ").join(map(str, names))


@dataclass(frozen=True)
class Share:
    """A share as text and as the width of a bar."""

    text: str
    width: str

    @classmethod
    def of(cls, share: float) -> "Share":
        """A share from 0 to 1; one that is NaN or infinite has no bar."""
        return cls(percent(share), f"{share if math.isfinite(share) else 0:.4f}")


@dataclass(frozen=True)
class Answer:
    """A Prediction in text."""

    label: str
    share: Share  # of the positive label
    logits: tuple[str, ...]
    positive: str = EQUIVALENT  # label 1 of two, the label itself of more

    @classmethod
    def of(cls, prediction: Prediction | None) -> "Answer | None":
        """None for None."""
        if prediction is None:
            return None
        logits = tuple(written(value) for value in prediction.logits.values())
        positive = followed(prediction)
        share = Share.of(prediction.probabilities[positive])
        return cls(prediction.label, share, logits, positive)


def _cut(prediction: Prediction) -> list[tuple[int, str]]:
    """[(1 or 2, what truncation cut from that sentence)], where it cut anything."""
    return [(which, part) for which, part in enumerate(prediction.truncated, 1) if part]


# ---------------------------------------------------------------- one answer


def answer_view(
    prediction: Prediction,
    pair: Sequence[str | None],
    origin: Origin,
    notes: Sequence[str] = (),
    record: Record | None = None,
) -> Markup:
    """A pair's answer: label, bars, the arithmetic, and how far to believe it.

    pair: as the model was asked; of one sentence the other is None. notes: why it may mean less
    than it seems. record: what the model was measured at.
    """
    is_pair = pair[1] is not None
    question = _("What does the model predict?")
    if is_pair and judges_meaning(prediction):
        question = _("Do the two sentences mean the same?")
    logits = " · ".join(
        f"{value:.2f}".replace("-", "−") if abs(value) < 1e6 else written(value)
        for value in prediction.logits.values()
    )
    return render(
        "answer.html",
        question=question,
        is_pair=is_pair,
        made_of=made_of(pair[0] or "", pair[1]),
        bars=probability_bars(prediction),
        notes=notes,
        arithmetic=arithmetic(softmax_steps(prediction.logits), prediction.logits),
        record=record_line(record) if record else "",
        origin=origin_line(origin, origin.stands_in),
        stands_in=origin.stands_in,
        answered=f"{prediction.label} · {percent(prediction.probabilities[prediction.label])}",
        logits=_("logits {logits}", logits=logits),
    )


def probability_bars(prediction: Prediction) -> Markup:
    """The label, both probabilities as bars with their logits, and what the model never saw."""
    rows = [
        {
            "label": label,
            "share": Share.of(share),
            "logit": written(prediction.logits[label]),
            "chosen": label == prediction.label,
        }
        for label, share in prediction.probabilities.items()
    ]
    return render(
        "probabilities.html",
        label=prediction.label,
        tokens=prediction.tokens,
        rows=rows,
        cut=_cut(prediction),
    )


def arithmetic(steps: SoftmaxSteps, logits: Mapping[str, float]) -> Markup:
    """From the logits of two labels or more to the answer, in four lines to check with a
    calculator.
    """
    moved = f" - {_decimals(steps.shift)}" if steps.shift else ""
    total = _decimals(steps.total)
    exps = {label: _decimals(value) for label, value in steps.exps.items()}
    shares = {label: _decimals(share) for label, share in steps.probabilities.items()}
    high, low, *others = sorted(steps.probabilities.values(), reverse=True)
    wins = _(
        "{high} {sign} {low}, so the prediction is {label}",
        high=_decimals(high),
        sign=">" if high > low else "=",
        low=", ".join(map(_decimals, (low, *others))),
        label=steps.label,
    )
    lines = [
        (
            _("exp of each logit"),
            [f"exp({_decimals(logits[label])}{moved}) = {exp}" for label, exp in exps.items()],
        ),
        (_("their sum"), [f"{' + '.join(exps.values())} = {total}"]),
        (
            _("each divided by the sum"),
            [f"{label}: {exp} / {total} = {shares[label]}" for label, exp in exps.items()],
        ),
        (_("the largest one wins") if others else _("the larger one wins"), [wins]),
    ]
    return render("arithmetic.html", steps=lines, shifted=bool(steps.shift))


def _decimals(number: float) -> str:
    """Four decimals, or four digits where those would say nothing."""
    return f"{number:.4f}" if number == 0 or 1e-3 <= abs(number) < 1e5 else f"{number:.4g}"


def record_line(record: Record) -> Markup:
    """How often the model is right, and which changes it overlooks: its answer may be wrong."""
    figures = {
        "accuracy": record.accuracy,
        "label": record.majority_label,
        "majority": record.majority,
        "wrong": record.one_wrong_in,
    }
    if record.run_pairs:
        measured = _(
            "This model is right on {accuracy:.1%} of the {pairs:,} validation pairs of its run; "
            "always predicting “{label}” is right on {majority:.1%}. So it gets about one in "
            "{wrong} of such pairs wrong.",
            pairs=record.run_pairs,
            **figures,
        )
        if not record.may_be_stressed:
            return macro("paragraph", "quiet", measured)
        unknown = _(
            "Nobody has measured yet which changes it overlooks. Try “What does it overlook?” "
            "below."
        )
        return macro("paragraph", "quiet", sentences(measured, unknown))
    text = _(
        "This model is right on {accuracy:.1%} of MRPC's test pairs; always predicting “{label}” "
        "is right on {majority:.1%}. So it gets about one in {wrong} of such pairs wrong.",
        **figures,
    )
    overlooked = [change for change, share in record.noticed.items() if share < 0.5]
    if overlooked:
        text = sentences(
            text,
            _(
                "It mostly overlooks these changes: {overlooked}. See “What does it overlook?” "
                "below.",
                overlooked=listed(overlooked),
            ),
        )
    return macro("paragraph", "quiet", text)


# ---------------------------------------------------------------- models side by side


def models_table(answers: Iterable[tuple[str, Prediction | None, str]]) -> Markup:
    """One row a model: its name, its answer or None, and where it came from or why it has none.

    Models with the same labels share the columns of their probabilities and logits; where the
    labels differ, each row names its own.
    """
    told = list(answers)
    predictions = [prediction for _name, prediction, _about in told if prediction]
    kinds = {tuple(prediction.probabilities): None for prediction in predictions} or {LABELS: None}
    labels = next(iter(kinds))
    if len(kinds) > 1:
        columns = [_("its probability"), _("logits")]
    elif len(labels) == 2:
        columns = [f"P({labels[1]})", *(_("logit of {name}", name=label) for label in labels)]
    else:
        columns = [_("its probability"), *(_("logit of {name}", name=label) for label in labels)]
    rows = [
        {
            "name": name,
            "answer": Answer.of(prediction),
            "logits": _logits_of(prediction, apart=len(kinds) > 1),
            "about": about,
            "share": Share.of(prediction.probabilities[prediction.label])
            if prediction and len(kinds) > 1
            else None,
        }
        for name, prediction, about in told
    ]
    heads = (_("model"), _("prediction"), *columns, _("source"))
    return render("models.html", said=_agreement(predictions), heads=heads, rows=rows)


def _logits_of(prediction: Prediction | None, *, apart: bool) -> list[str]:
    """A cell for each logit; one for all, with the labels' names, where rows have other labels."""
    if prediction is None:
        return []
    if not apart:
        return [written(value) for value in prediction.logits.values()]
    return [listed(f"{label} {written(value)}" for label, value in prediction.logits.items())]


def _agreement(predictions: Sequence[Prediction]) -> str:
    """Whether the models that answered agree; "" for fewer than two."""
    if len(predictions) < 2:
        return ""
    if len({frozenset(prediction.probabilities) for prediction in predictions}) > 1:
        return _("The models have different labels, so there is nothing to agree on.")
    labels = [prediction.label for prediction in predictions]
    counts = {label: labels.count(label) for label in predictions[0].probabilities}
    if max(counts.values()) == len(labels):
        return _("All {count} models predict {label}.", count=len(labels), label=labels[0])
    said = listed(
        f"{count} {label}" for label, count in counts.items() if count or len(counts) == 2
    )
    return _("The models disagree: {answers}.", answers=said)


# ---------------------------------------------------------------- words left out


@dataclass(frozen=True)
class Word:
    """A word of a sentence, with what leaving it out changes."""

    text: str
    points: str = "–"
    tip: str = ""
    direction: str = ""  # "down" or "up": how the probability moves without it; "" where it stays
    depth: str = ""  # of the colour, 0 to 1
    flips: bool = False  # whether the answer without it is the other one


def words_left_out(found: Mattered) -> Markup:
    """Both sentences with each word's change under it, and the same as a table, largest first."""
    return render(
        "words.html",
        answer=Answer.of(found.prediction),
        sentences=[
            _with_words(sentence, which, found)
            for which, sentence in enumerate((found.sentence1, found.sentence2), 1)
            if sentence is not None
        ],
        label=found.label,
        is_binary=len(found.prediction.probabilities) == 2,
        cut=_cut(found.prediction),
        heads=(
            _("word left out"),
            _("sentence"),
            _("P({label}) without it", label=found.label),
            _("change in percentage points"),
            _("prediction without it"),
        ),
        rows=[
            _word_row(word, found)
            for word in sorted(found.words, key=lambda word: -abs(word.change or 0))
        ],
    )


def _with_words(sentence: str, which: int, found: Mattered) -> list[str | Word]:
    """The sentence in parts: its words, and the text between them."""
    parts: list[str | Word] = []
    end = 0
    for word in found.words:
        if word.sentence == which:
            parts += [sentence[end : word.start], _word(word, found)]
            end = word.end
    return [*parts, sentence[end:]]


def _word(word: LeftOut, found: Mattered) -> Word:
    if word.prediction is None or word.change is None:
        return Word(word.word, tip=_("the only word"))
    moved = points(word.change)
    tip = _(
        "without “{word}”: {before} → {after}, {change:+.1f} percentage points",
        word=word.word,
        before=percent(found.prediction.probabilities[found.label]),
        after=percent(word.prediction.probabilities[found.label]),
        change=100 * word.change,
    )
    direction = "" if moved == "0" else "up" if word.change > 0 else "down"
    # A floor of five points: where no word changes much, none should look as if it did
    depth = abs(word.change) / max(found.biggest, 0.05)
    return Word(word.word, moved, tip, direction, f"{depth:.3f}", _flips(word, found))


def _flips(word: LeftOut, found: Mattered) -> bool:
    return word.prediction is not None and word.prediction.label != found.prediction.label


def _word_row(word: LeftOut, found: Mattered) -> dict:
    row = {"word": word.word, "sentence": word.sentence, "label": None}
    if word.prediction is None or word.change is None:
        return row
    return {
        **row,
        "label": word.prediction.label,
        "share": percent(word.prediction.probabilities[found.label]),
        "change": f"{100 * word.change:+.1f}",
        "flips": _flips(word, found),
    }


# ---------------------------------------------------------------- changed pairs


def stress_table(rows: Sequence[Stressed], record: Record | None = None) -> Markup:
    """What was changed, what the answer should be, what the model says; what it failed at first.

    rows: the pair as it is, then its changes. record: how often this model fails at them.
    """
    known = [row for row in rows if row.right is not None]
    failed = [row.change for row in known if not row.right]
    right, count = len(known) - len(failed), len(known)
    summary = ngettext(
        "Right on {right} of {count} pair whose answer is known.",
        "Right on {right} of {count} pairs whose answer is known.",
        count,
        right=right,
    )
    if failed:
        summary = ngettext(
            "Right on {right} of {count} pair whose answer is known. Wrong on: {failed}.",
            "Right on {right} of {count} pairs whose answer is known. Wrong on: {failed}.",
            count,
            right=right,
            failed=listed(failed),
        )
    caution = _(
        "A change is made only if the result is surely good English with another meaning. "
        "Otherwise its row says so."
    )
    if record and {str(change) for change in failed} & {str(change) for change in record.noticed}:
        caution = sentences(_usual_failures(record), caution)
    return render(
        "stress.html",
        summary=summary,
        failed=failed,
        caution=caution,
        rows=[_stress_row(row, rows[0]) for row in rows],
    )


def _usual_failures(record: Record) -> str:
    noticed = [f"{change} {share:.1%}" for change, share in record.noticed.items()]
    return _(
        "One sentence was changed in MRPC's test pairs that this model rightly calls equivalent. "
        "It noticed these shares of the changes: {noticed}. It relies on the words that the two "
        "sentences share. Its starting checkpoint did too, before it saw any label, except that "
        "it noticed more of the changed names. MRPC, where hardly a pair differs in one word, "
        "cured none of this.",
        noticed=listed(noticed),
    )


def _stress_row(row: Stressed, plain: Stressed) -> dict:
    if row.prediction is None:
        why = sentences(_("Not possible here."), row.why)
        return {"change": row.change, "answer": None, "why": why}
    return {
        "change": row.change,
        "answer": Answer.of(row.prediction),
        "right": row.right,
        "should": row.should or _("open"),
        "sentence1": marked_changes(row.sentence1, plain),
        "sentence2": marked_changes(row.sentence2, plain),
        "why": row.why,
    }


def marked_changes(sentence: str, plain: Stressed) -> list[tuple[str, bool]]:
    """[(word or blank, whether neither sentence of the plain pair has it there), …].

    >>> plain = Stressed("as it is", "A cat sat.", "A dog ran.", "equivalent", "")
    >>> [word for word, is_new in marked_changes("A cat not sat.", plain) if is_new]
    ['not']
    """
    if sentence in (plain.sentence1, plain.sentence2):
        return [(sentence, False)]
    words = re.split(r"(\s+)", sentence)
    matches = [
        difflib.SequenceMatcher(None, re.split(r"(\s+)", other), words, autojunk=False)
        for other in (plain.sentence1, plain.sentence2)
    ]
    nearest = max(matches, key=lambda match: match.ratio())
    return [
        (word, operation != "equal" and bool(word.strip()))
        for operation, _start, _end, start, end in nearest.get_opcodes()
        for word in words[start:end]
    ]


# ---------------------------------------------------------------- guesses


def guess_pair(row: Mapping[str, str], where: str) -> Markup:
    """A row of the data set, without its label, and from where it is."""
    return render(
        "guess_pair.html", sentence1=row["sentence1"], sentence2=row["sentence2"], where=where
    )


def guess_result(
    guess: str, gold: str, prediction: Prediction, model: str, record: Record | None = None
) -> Markup:
    """Who was right: the visitor, the model, the label in the data.

    record: of the model, which is shown where it was wrong.
    """
    answer = Answer.of(prediction)
    table = render("guess_result.html", guess=guess, gold=gold, answer=answer, model=model)
    return table + record_line(record) if record and prediction.label != gold else table


def score_line(score: Mapping[str, int]) -> Markup:
    """The score of both so far, beside what always saying "equivalent" would have."""
    return render("score.html", label=EQUIVALENT, **score)


# ---------------------------------------------------------------- a file


def answers_table(answers: list[Answered], notes: Sequence[str] = ()) -> Markup:
    """How many of a file's rows were answered how, how many rightly, and the first of them.

    notes: what to know of the file as a whole.
    """
    labels = [answer.prediction.label for answer in answers if answer.prediction]
    failed = len(answers) - len(labels)
    if failed:
        without = ngettext(
            "{count:,} row without a prediction; the column “error” says why.",
            "{count:,} rows without a prediction; the column “error” says why.",
            failed,
        )
        notes = [*notes, without]
    scores = scores_of(answers)
    names = labels_of(answers)
    caption = ngettext("The only row", "All {count} rows", len(answers))
    if len(answers) > PREVIEW_ROWS:
        caption = _("The first {shown} of {rows:,} rows", shown=PREVIEW_ROWS, rows=len(answers))
    return render(
        "answered_file.html",
        summary=ngettext(
            "{count:,} pair predicted: {answers}.",
            "{count:,} pairs predicted: {answers}.",
            len(labels),
            answers=listed(f"{labels.count(label):,} {label}" for label in names),
        ),
        notes=notes,
        scores=scores,
        figures=figures_said(scores.figures) if scores else "",
        majority=figures_said(scores.majority) if scores else "",
        labels=names,
        matrices=_matrix(scores) if scores else "",
        caption=caption,
        heads=(
            _("line"),
            _("prediction"),
            f"P({names[1]})" if len(names) == 2 else _("its probability"),
            _("pair, or its error"),
        ),
        rows=[_answer_row(answer) for answer in answers[:PREVIEW_ROWS]],
    )


def _matrix(scores: Scores) -> Markup:
    """The confusion matrix of a file's own labels and the answers."""
    places = {label: place for place, label in enumerate(scores.labels)}
    counts = {(places[gold], places[said]): n for (gold, said), n in scores.confusion.items()}
    caption, label = _("The file's labels and the predictions"), _("Confusion matrix")
    return matrices([(caption, label, Confusion.of(counts))], scores.labels)


def figures_said(figures: Mapping[str, float]) -> str:
    """The metrics among these figures, in a row."""
    measured = metrics_in(figures)
    return listed(f"{metric.label} {metric.written(figures[metric.name])}" for metric in measured)


def _answer_row(answer: Answered) -> dict:
    row = answer.row
    return {
        "line": row.line,
        "answer": Answer.of(answer.prediction),
        "error": row.error,
        "sentence1": row.sentence1,
        "sentence2": row.sentence2,
        "notes": notes_of(answer),
    }
