"""The Predict tab's plain data -> HTML: softmax as arithmetic, models side by side, what mattered,
what was stressed.

Every text of a visitor or a model goes through drawing.text; nothing here imports gradio.

    >>> points(0.2249), points(-0.001)
    ('+22', '0')
"""

import difflib
import math
import re

from languages import _, ngettext, say
from pipeline.export.csv_answers import notes_of, scores_of
from pipeline.prediction import written
from pipeline.settings import LABELS
from views.markup import bdi, captioned, framed, notice, sentences, text

EQUIVALENT = LABELS[1]


def _percent(share):
    return f"{share:.1%}" if math.isfinite(share) else "–"


def _value(number):
    """A number of the arithmetic: four decimals, or four digits where those would say nothing."""
    return f"{number:.4f}" if number == 0 or 1e-3 <= abs(number) < 1e5 else f"{number:.4g}"


def points(change):
    """A change of a probability in whole percentage points, with its sign."""
    rounded = round(100 * change)
    return f"{rounded:+d}" if rounded else "0"


def _label(name):
    """A label, which may break after its underscore: on a phone the columns are narrow."""
    return text(name).replace("_", "_<wbr>")


def listed(names):
    """Names in a row, with the comma of the reader's language."""
    return _(", ").join(map(str, names))


def quoted(sentence1, sentence2):
    """Which pair an answer belongs to: the text fields above may hold another one by now."""
    return f'<p class="of-pair"><q>{bdi(sentence1)}</q> · <q>{bdi(sentence2)}</q></p>'


# ---------------------------------------------------------------- from logits to the label


def arithmetic(steps, logits):
    """SoftmaxSteps and the logits -> four lines to check with a calculator."""
    moved = f" - {_value(steps.shift)}" if steps.shift else ""
    exps = [
        f"exp({_value(logits[name])}{moved}) = {_value(value)}"
        for name, value in steps.exps.items()
    ]
    total = " + ".join(map(_value, steps.exps.values())) + f" = {_value(steps.total)}"
    shares = [
        f"{name}: {_value(value)} / {_value(steps.total)} = {_value(steps.probabilities[name])}"
        for name, value in steps.exps.items()
    ]
    high, low = max(steps.probabilities.values()), min(steps.probabilities.values())
    wins = _(
        "{high} {sign} {low}, so the answer is {label}",
        high=_value(high),
        sign=">" if high > low else "=",
        low=_value(low),
        label=steps.label,
    )
    why = (
        _(
            "The largest logit is subtracted first: that changes no probability and keeps exp "
            "within the range of a float."
        )
        if steps.shift
        else ""
    )
    lines = {
        _("exp of each logit"): exps,
        _("their sum"): [total],
        _("each divided by the sum"): shares,
        _("the larger one wins"): [wins],
    }
    body = "".join(
        f"<li><span>{name}</span> {''.join(map(_line, said))}</li>" for name, said in lines.items()
    )
    return (
        f'<h2 class="by-hand">{_("From logits to the answer, by hand")}</h2><ol '
        f'class="sums">{body}</ol>' + (f'<p class="quiet">{why}</p>' if why else "")
    )


def _line(said):
    return f"<code>{text(said)}</code>"


# ---------------------------------------------------------------- models side by side


def models_table(pair, answers):
    """The pair and [(name, Prediction or None, where it came from or why there is none), …] -> one
    row a model.
    """
    columns = (
        _("model"),
        _("answer"),
        f"P({EQUIVALENT})",
        *(_("logit of {name}", name=name) for name in LABELS),
        _("where it is from"),
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "".join(_model_row(*answer) for answer in answers)
    table = captioned(
        "small-table models", _("The same pair, one row a model"), f"<tr>{head}</tr>{body}"
    )
    return quoted(*pair) + framed(table, _("Models side by side"))


def _model_row(name, prediction, about):
    header = f'<th scope="row">{text(name)}</th>'
    if prediction is None:
        return f'<tr class="failed">{header}<td class="why" colspan="5">{text(about)}</td></tr>'
    logits = "".join(f"<td>{written(prediction.logits[label])}</td>" for label in LABELS)
    return (
        f"<tr>{header}<td><strong>{_label(prediction.label)}</strong></td><td>{_bar(prediction)}</td>{logits}"
        f'<td class="why">{text(about)}</td></tr>'
    )


def _bar(prediction):
    share = prediction.probabilities[EQUIVALENT]
    drawn = share if math.isfinite(share) else 0
    return f'<span>{_percent(share)}</span><span class="bar" style="--share:{drawn:.4f}"></span>'


# ---------------------------------------------------------------- what mattered


def mattered(found):
    """Mattered -> both sentences with each word's weight under it, and the same as a table, the
    weightiest first.
    """
    answer = found.prediction
    sentences = "".join(
        _weighed(sentence, which, found)
        for which, sentence in ((1, found.sentence1), (2, found.sentence2))
    )
    whole = _(
        "With all of its words: <strong>{label}</strong>, P({name}) = {share}.",
        label=text(answer.label),
        name=EQUIVALENT,
        share=_percent(answer.probabilities[EQUIVALENT]),
    )
    said = f'<p class="said">{whole}</p>'
    cut = "".join(
        notice(
            _(
                "Cut from sentence {which}, so leaving it out changes nothing: {part}",
                which=which,
                part=part,
            ),
            kind="warning",
        )
        for which, part in enumerate(answer.truncated, 1)
        if part
    )
    return (
        f'{said}<div class="sentences '
        f'weighed">{sentences}</div>{_weight_key()}{cut}{_weight_table(found)}'
    )


def _weight_key():
    """What the looks of a word mean."""
    word = _("word")
    rows = (
        (
            "down",
            "-20",
            _(
                "without it, P(equivalent) falls by 20 percentage points: it speaks for "
                "“equivalent”"
            ),
        ),
        ("up", "+20", _("without it, it rises: it speaks against")),
        ("", "⇄", _("without it, the answer is the other one")),
    )
    items = "".join(
        f'<li><span class="worth {way}" '
        f'style="--share:{0.6 if way else 0}">{word}<small>{sign}</small></span> '
        f"{said}</li>"
        for way, sign, said in rows
    )
    return f'<ul class="weights">{items}</ul>'


def _weighed(sentence, which, found):
    parts, at = [], 0
    for word in found.words:
        if word.sentence == which:
            parts += [text(sentence[at : word.start]), _worth(word, found)]
            at = word.end
    parts.append(text(sentence[at:]))
    return (
        f'<p><span class="tag sentence{which}">{_("sentence {which}", which=which)}</span> '
        f"<bdi>{''.join(parts)}</bdi></p>"
    )


def _flips(word, found):
    return word.prediction is not None and word.prediction.label != found.prediction.label


def _worth(word, found):
    """One word: its direction as colour, kind of line and sign, its weight as depth of colour and
    as a number.
    """
    if word.change is None:
        return (
            f'<span class="worth" '
            f'title="{_("the only word")}">{text(word.word)}<small>–</small></span>'
        )
    said = points(word.change)
    way = "" if said == "0" else "up" if word.change > 0 else "down"
    # A floor of five points: where nothing mattered, nothing should look as if it did
    depth = abs(word.change) / max(found.biggest, 0.05)
    tip = _(
        "without “{word}”: {before} → {after}, {change:+.1f} percentage points",
        word=word.word,
        before=_percent(found.prediction.probabilities[EQUIVALENT]),
        after=_percent(word.prediction.probabilities[EQUIVALENT]),
        change=100 * word.change,
    )
    flips = " ⇄" if _flips(word, found) else ""
    return (
        f'<span class="worth {way}" style="--share:{depth:.3f}" '
        f'title="{text(tip)}">{text(word.word)}'
        f"<small>{said}{flips}</small></span>"
    )


def _weight_table(found):
    columns = (
        _("left out"),
        _("of sentence"),
        _("P({label}) without it", label=EQUIVALENT),
        _("change in percentage points"),
        _("answer without it"),
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    rows = sorted(found.words, key=lambda word: -abs(word.change or 0))
    body = "".join(_weight_row(word, found) for word in rows)
    caption = ngettext(
        "{count} word, the weightiest first", "{count} words, the weightiest first", len(rows)
    )
    table = captioned("small-table weight-table", caption, f"<tr>{head}</tr>{body}")
    summary = _("All words as a table")
    return f"<details><summary>{summary}</summary>{framed(table, _('Words left out'))}</details>"


def _weight_row(word, found):
    header = f'<th scope="row">{bdi(word.word)}</th><td>{word.sentence}</td>'
    if word.change is None:
        return f'<tr>{header}<td colspan="3">{_("nothing would be left of the sentence")}</td></tr>'
    answer = (
        f"<strong>⇄ {text(word.prediction.label)}</strong>"
        if _flips(word, found)
        else text(word.prediction.label)
    )
    return (
        f"<tr>{header}<td>{_percent(word.prediction.probabilities[EQUIVALENT])}</td>"
        f"<td>{100 * word.change:+.1f}</td><td>{answer}</td></tr>"
    )


# ---------------------------------------------------------------- stress it

VERDICTS = {
    True: ("kept", say("✓ right")),
    False: ("wrong", say("✗ wrong")),
    None: ("dropped", say("– open")),
}


def stress_table(rows, record=None):
    """[Stressed, …] -> what was changed, what the answer should be, what the model says.

    What it failed at is named first. `record`: the model's Record, where it has one: how often it
    fails at that.
    """
    known = [row for row in rows if row.right is not None]
    failed = [row.change for row in known if not row.right]
    right, of = len(known) - len(failed), len(known)
    said = (
        ngettext(
            "Right on {right} of {count} pair whose answer is known. Wrong on: {failed}.",
            "Right on {right} of {count} pairs whose answer is known. Wrong on: {failed}.",
            of,
            right=right,
            failed=listed(failed),
        )
        if failed
        else ngettext(
            "Right on {right} of {count} pair whose answer is known.",
            "Right on {right} of {count} pairs whose answer is known.",
            of,
            right=right,
        )
    )
    columns = (
        _("change"),
        _("verdict"),
        _("should be"),
        _("the model says"),
        _("the changed pair"),
        _("why"),
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "".join(_stress_row(row, rows[0]) for row in rows)
    table = captioned("small-table stress", _("The pair, changed"), f"<tr>{head}</tr>{body}")
    told = _(
        "A change is made only where it surely leaves good English that says something else. "
        "Where none is sure, "
        "its row says so."
    )
    if record and {str(change) for change in failed} & {str(change) for change in record.noticed}:
        told = sentences(_usual_failures(record), told)
    verdict = notice(said, kind="warning" if failed else "info")
    return f'{verdict}<p class="quiet">{text(told)}</p>{framed(table, _("Stress"))}'


def _usual_failures(record):
    noticed = [f"{change} {share:.1%}" for change, share in record.noticed.items()]
    return _(
        "Of MRPC's test pairs that this model rightly calls equivalent, it notices so many when "
        "one sentence is changed: "
        "{noticed}. It goes by the words that the two sentences share. So did its start, before "
        "it saw any label, except "
        "that it noticed more of the changed names; and MRPC, where hardly a pair differs in one "
        "word, cured none of it.",
        noticed=listed(noticed),
    )


def record_line(record):
    """How often the model is right, and what it overlooks: a learner who sees a wrong answer should
    know that it may be.
    """
    overlooked = [change for change, share in record.noticed.items() if share < 0.5]
    said = _(
        "This model is right on {accuracy:.1%} of MRPC's test pairs; always saying “{label}” "
        "would be right on "
        "{majority:.1%}. So of such pairs it gets about one in {wrong} wrong.",
        accuracy=record.accuracy,
        label=EQUIVALENT,
        majority=record.majority,
        wrong=record.one_wrong_in,
    )
    if overlooked:
        said = sentences(
            said,
            _(
                "Changes that it mostly overlooks: {overlooked}. See “Stress it” below.",
                overlooked=listed(overlooked),
            ),
        )
    return f'<p class="quiet">{text(said)}</p>'


def _stress_row(row, plain):
    header = f'<th scope="row">{text(row.change)}</th>'
    if row.prediction is None:
        why = sentences(_("Not possible here."), text(row.why))
        return f'<tr>{header}<td class="why" colspan="5"><span>{why}</span></td></tr>'
    kind, verdict = VERDICTS[row.right]
    return (
        f'<tr>{header}<td><span class="fate '
        f'{kind}">{verdict}</span></td><td>{_label(row.should or _("open"))}</td>'
        f"<td>{_label_and_share(row.prediction)}</td>"
        f'<td class="pair">{_changed(row.sentence1, plain)}{_changed(row.sentence2, plain)}</td>'
        f'<td class="why">{text(row.why)}</td></tr>'
    )


def _label_and_share(prediction):
    share = _percent(prediction.probabilities[EQUIVALENT])
    return (
        f"<strong>{_label(prediction.label)}</strong><br><small>P({EQUIVALENT}) = {share}</small>"
    )


def _changed(sentence, plain):
    """A sentence with the words marked that neither of the plain pair's sentences has there; whole
    where it is one of them.
    """
    if sentence in (plain.sentence1, plain.sentence2):
        return f"<p>{bdi(sentence)}</p>"
    words = re.split(r"(\s+)", sentence)
    nearest = max(
        (re.split(r"(\s+)", other) for other in (plain.sentence1, plain.sentence2)),
        key=lambda other: difflib.SequenceMatcher(None, other, words, autojunk=False).ratio(),
    )
    match = difflib.SequenceMatcher(None, nearest, words, autojunk=False)
    parts = []
    for operation, _rest, _rest, start, end in match.get_opcodes():
        parts += [
            text(word) if operation == "equal" or not word.strip() else f"<mark>{text(word)}</mark>"
            for word in words[start:end]
        ]
    return f"<p><bdi>{''.join(parts)}</bdi></p>"


# ---------------------------------------------------------------- you first


def guess_pair(row, where):
    """A row of the data set, without its label, and from where it is."""
    sentences = "".join(
        f'<p><span class="tag sentence{n}">{_("sentence {which}", which=n)}</span> '
        f"{bdi(row[f'sentence{n}'])}</p>"
        for n in (1, 2)
    )
    return f'<div class="sentences">{sentences}</div><p class="origin">{text(where)}</p>'


def reveal(guess, gold, answer, model, record=None):
    """Your guess, the model's answer and the label in the data, and who was right. `record`: the
    model's, where it has one.
    """
    rows = [
        _reveal_row(_("you"), f"<strong>{_label(guess)}</strong>", guess == gold),
        _reveal_row(model, _label_and_share(answer), answer.label == gold),
        _reveal_row(_("the data's label"), f"<strong>{_label(gold)}</strong>"),
    ]
    body = "".join(rows)
    head = "".join(f'<th scope="col">{name}</th>' for name in (_("who"), _("says"), _("that is")))
    table = framed(
        captioned("small-table reveal", _("The answer"), f"<tr>{head}</tr>{body}"), _("The answer")
    )
    return table + (record_line(record) if record and answer.label != gold else "")


def _reveal_row(who, says, right=None):
    kind, verdict = VERDICTS[right]
    mark = "" if right is None else f'<span class="fate {kind}">{verdict}</span>'
    return f'<tr><th scope="row">{text(who)}</th><td>{says}</td><td>{mark}</td></tr>'


def score_line(score):
    """The score of both so far, beside what always saying "equivalent" would have."""
    if not score["of"]:
        return f'<p class="score" aria-live="polite">{_("No guess yet.")}</p>'
    said = _(
        "Right so far: you <strong>{you} of {guesses}</strong> · the models <strong>{model} of "
        "{guesses}</strong> · always “{label}” <strong>{equivalent} of {guesses}</strong>",
        label=EQUIVALENT,
        guesses=score["of"],
        **score,
    )
    return f'<p class="score" aria-live="polite">{said}</p>'


# ---------------------------------------------------------------- a file

PREVIEW_ROWS = 10


def answers_table(answers, origin_line, notes=()):
    """Answered rows of a file -> how many of which, how many are right, and the first rows, each
    with its error or notes.

    notes: what to know of the file as a whole.
    """
    labels = [answer.prediction.label for answer in answers if answer.prediction]
    failed = len(answers) - len(labels)
    counts = listed(f"{labels.count(label):,} {label}" for label in LABELS)
    said = ngettext(
        "{count:,} pair answered: {answers}.",
        "{count:,} pairs answered: {answers}.",
        len(labels),
        answers=counts,
    )
    without = ngettext(
        "{count:,} row without an answer; the column error says why.",
        "{count:,} rows without an answer; the column error says why.",
        failed,
    )
    warnings = [*notes, *([without] if failed else [])]
    bad = "".join(notice(warning, kind="warning") for warning in warnings)
    columns = (_("line"), _("answer"), f"P({EQUIVALENT})", _("pair, or its error"))
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "".join(map(_answer_row, answers[:PREVIEW_ROWS]))
    caption = _("The first {shown} of {rows:,} rows", shown=PREVIEW_ROWS, rows=len(answers))
    if len(answers) <= PREVIEW_ROWS:
        caption = ngettext("The only row", "All {count} rows", len(answers))
    return f'{origin_line}<p class="said">{said}</p>{bad}{_scores(scores_of(answers))}' + framed(
        captioned("small-table stress answered", caption, f"<tr>{head}</tr>{body}"), _("Answers")
    )


def _scores(scores):
    """Accuracy, F1 and the confusion matrix against the file's own labels; nothing where it has
    none.
    """
    if scores is None:
        return ""
    said = ngettext(
        "Of {count:,} with a label of its own: accuracy <strong>{accuracy:.1%}</strong>, F1 "
        "<strong>{f1:.1%}</strong>; "
        "always saying “{label}” would have {majority:.1%} and {majority_f1:.1%}.",
        "Of {count:,} with a label of their own: accuracy <strong>{accuracy:.1%}</strong>, F1 "
        "<strong>{f1:.1%}</strong>; "
        "always saying “{label}” would have {majority:.1%} and {majority_f1:.1%}.",
        scores.pairs,
        accuracy=scores.figures["accuracy"],
        f1=scores.figures["f1"],
        label=LABELS[scores.majority["label"]],
        majority=scores.majority["accuracy"],
        majority_f1=scores.majority["f1"],
    )
    most = max(scores.confusion.values())
    body = "".join(
        f"<tr><th "
        f'scope="row">{_label(gold)}</th>{"".join(_count(scores, gold, says, most) for says in LABELS)}</tr>'
        for gold in LABELS
    )
    says = "".join(
        f'<th scope="col">{_("predicted {label}", label=_label(label))}</th>' for label in LABELS
    )
    head = f'<tr><th scope="col">{_("gold label")}</th>{says}</tr>'
    table = captioned("small-table matrix", _("The file's labels and the answers"), head + body)
    return f'<p class="said">{said}</p>{framed(table, _("Confusion matrix"))}'


def _count(scores, gold, says, most):
    pairs, right = scores.confusion[gold, says], gold == says
    return (
        f'<td class="{"right" if right else "wrong"}" style="--v:{pairs / most:.3f}">{pairs}'
        f"<small>{'✓' if right else '✕'}</small></td>"
    )


def _answer_row(answer):
    row, told = answer.row, answer.prediction
    header = f'<th scope="row">{row.line}</th>'
    if told is None:
        return (
            f'<tr class="failed">{header}<td>{_("no answer")}</td><td></td><td '
            f'class="why">{text(row.error)}</td></tr>'
        )
    noted = "".join(f'<p class="quiet">{text(note)}</p>' for note in notes_of(answer))
    pair = f"<p>{bdi(row.sentence1)}</p><p>{bdi(row.sentence2)}</p>{noted}"
    return (
        f"<tr>{header}<td><strong>{_label(told.label)}</strong></td><td>{_percent(told.probabilities[EQUIVALENT])}</td>"
        f'<td class="pair">{pair}</td></tr>'
    )
