"""A prediction -> why: each word left out in turn, changes after which the right answer is known, a
model's record.

>>> pair = ("Profits rose.", "Profits fell.")
>>> mattered = leave_one_out("adapter:pair-warmed", *pair, settings=Settings())
>>> [word.word for word in mattered.words]
['Profits', 'rose', 'Profits', 'fell']
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache

from languages import say
from pipeline.edits.editor import changed_pair
from pipeline.errors import InputError, shown
from pipeline.hub.sources import EMBEDDED_ADAPTERS, RUN_PREFIX, Origin
from pipeline.prediction import Prediction, predict
from pipeline.runs.progress import Run, outline
from pipeline.sentence import is_blank
from pipeline.settings import ADAPTERS, LABELS, Settings
from pipeline.tokenization import checked_pair

NOT_EQUIVALENT, EQUIVALENT = LABELS
Pair = tuple[str, str | None]  # None: a model of one sentence


# ---------------------------------------------------------------- what a model is asked


def run_of(model: str, settings: Settings) -> Run | None:
    """The run that left a model, without its log; None for any other model."""
    if not isinstance(model, str) or not model.startswith(RUN_PREFIX):
        return None
    try:
        return outline(model.removeprefix(RUN_PREFIX), settings)
    except InputError:  # no run's id
        return None


def asked_pair(
    model: str, sentence1: str, sentence2: str | None, settings: Settings
) -> tuple[str, str | None]:
    """The sentences that a model is asked about: a run's of one sentence reads the first alone."""
    return sentence1, sentence2 if takes_pair(model, settings) else None


def takes_pair(model: str, settings: Settings) -> bool:
    """Whether a model is asked with two sentences: all are, but those of a run of a task of one.

    >>> takes_pair("adapter:paraphrase", Settings())
    True
    """
    run = run_of(model, settings)
    return run is None or run.has_pair


def followed(prediction: Prediction) -> str:
    """The label whose probability is told of an answer: label 1 of two, the answer of more."""
    names = list(prediction.probabilities)
    return names[1] if len(names) == 2 else prediction.label


def judges_meaning(prediction: Prediction) -> bool:
    """Whether a model answers with LABELS: what a changed pair should be called follows then."""
    return set(prediction.probabilities) == set(LABELS)


def check_judges_meaning(prediction: Prediction) -> None:
    """Raise InputError for a model with other labels than LABELS."""
    if judges_meaning(prediction):
        return
    raise InputError(
        say(
            "The answers that this card expects are {ours}. This model answers with its own "
            "labels: {theirs}. Choose a model of {ours}.",
            ours=", ".join(LABELS),
            theirs=", ".join(prediction.probabilities)[:200],
        )
    )


def check_takes_pair(model: str, settings: Settings) -> None:
    """Raise InputError for a model that reads one sentence."""
    if not takes_pair(model, settings):
        raise InputError(
            say(
                "This card is about two sentences, and this model reads one. Choose a model of "
                "pairs."
            )
        )


# ---------------------------------------------------------------- what mattered

# Letters and digits, with what holds them together inside a word: company's, third-quarter, 3.5,
# U.S
WORD = re.compile(r"\w+(?:['’.,-]\w+)*")


@dataclass(frozen=True)
class LeftOut:
    """One word and the answer without it. `change` is the probability of the followed label without
    the word minus that with it.
    """

    sentence: int  # 1 or 2
    start: int  # word == that sentence[start:end], in characters
    end: int
    word: str
    prediction: Prediction | None = None  # None: without it nothing would be left of the sentence
    change: float | None = None


@dataclass(frozen=True)
class Mattered:
    """A pair's answer, and each word's share in it. `biggest` is the largest absolute change, 0 to
    1. label: the one whose probability is followed.
    """

    sentence1: str
    sentence2: str | None  # None for a model of one sentence
    prediction: Prediction
    words: list[LeftOut]
    biggest: float
    origin: Origin

    @property
    def label(self) -> str:
        """The label whose probability is followed, as `followed` chooses it."""
        return followed(self.prediction)


def words_of(sentence: str, which: int) -> list[LeftOut]:
    """
    >>> [(word.word, word.start) for word in words_of("The company's profits rose 3.5%.", 1)]
    [('The', 0), ("company's", 4), ('profits', 14), ('rose', 22), ('3.5', 27)]
    """
    return [
        LeftOut(which, found.start(), found.end(), found.group())
        for found in WORD.finditer(sentence)
    ]


def without(sentence: str, word: LeftOut) -> str:
    """The sentence without one of its words and without the blank that led to it.

    >>> without("A cat sat.", words_of("A cat sat.", 1)[1])
    'A sat.'
    """
    before, after = sentence[: word.start], sentence[word.end :]
    return before.rstrip() + after if before.strip() else after.lstrip()


def leave_one_out(
    checkpoint: str, sentence1: str, sentence2: str, max_length: int = 128, *, settings: Settings
) -> Mattered:
    """Mattered: the pair's answer and the answers without each of its words, from one forward pass
    over all of them.

    These pairs are nearly of one length, so that little is padded: 21 took 95 ms together and 210
    ms one by one, on two cores. In bfloat16 the last digits are the batch's own (0.005 of a
    probability there), but the same for all in it.

    Raises InputError for more than `max_words_left_out` words together, and for whatever `predict`
    raises it.
    """
    pair = checked_pair(*asked_pair(checkpoint, sentence1, sentence2, settings), settings)
    words = words_to_leave_out(pair, settings)
    shorter = [shortened(pair, word) for word in words]
    possible = [
        number
        for number, changed in enumerate(shorter)
        if not any(is_blank(sentence) for sentence in changed if sentence is not None)
    ]
    asked = [pair, *(shorter[number] for number in possible)]
    (whole, *answers), origin = predict(
        checkpoint, asked, max_length, settings=settings, batch_size=len(asked)
    )
    label = followed(whole)
    for number, answer in zip(possible, answers, strict=True):
        change = answer.probabilities[label] - whole.probabilities[label]
        words[number] = replace(words[number], prediction=answer, change=change)
    biggest = max((abs(word.change) for word in words if word.change is not None), default=0.0)
    return Mattered(*pair, whole, words, biggest, origin)


def words_to_leave_out(pair: Pair, settings: Settings) -> list[LeftOut]:
    """The words of both sentences. Raises InputError for more than `max_words_left_out`."""
    words = [
        word
        for which, sentence in enumerate(pair, 1)
        if sentence is not None
        for word in words_of(sentence, which)
    ]
    if len(words) > settings.max_words_left_out:
        raise InputError(
            say(
                "The two sentences have {count} words, and each word costs one call of the "
                "model. The limit here is {max_words_left_out} words. Shorten the sentences.",
                count=len(words),
                max_words_left_out=settings.max_words_left_out,
            )
        )
    return words


def shortened(pair: Pair, word: LeftOut) -> Pair:
    """The pair without one of its words.

    >>> shortened(("A cat sat.", "A dog."), words_of("A dog.", 2)[1])
    ('A cat sat.', 'A.')
    """
    first, second = pair
    if word.sentence == 1:
        return without(first, word), second
    return first, None if second is None else without(second, word)


# ---------------------------------------------------------------- stress it


@dataclass(frozen=True)
class Stressed:
    """A changed pair, what the answer to it should be, and what the model says."""

    change: str
    sentence1: str
    sentence2: str
    should: str | None  # a label; None: only a reader could tell
    why: str  # why it should be that, or why the change can't be made
    prediction: Prediction | None = None  # None: the change can't be made

    @property
    def right(self) -> bool | None:
        """Whether the model is right; None where there is no answer or no telling."""
        return self.prediction.label == self.should if self.prediction and self.should else None


# What is done to a sentence, the editor's kind, why the pair then says two things, and why it may
# not be possible
CHANGES = (
    (
        say("insert “not”"),
        "negate",
        say("one sentence now denies the original statement"),
        say(
            "Neither sentence has a verb that “not” clearly negates and that the other sentence "
            "also contains."
        ),
    ),
    (
        say("change a number"),
        "number",
        say("a different number is a different fact"),
        say("The two sentences share no number that can safely be changed."),
    ),
    (
        say("change a day or a month"),
        "date",
        say("it is now about a different time"),
        say("The two sentences share no day of the week, month or quarter."),
    ),
    (
        say("change a name"),
        "name",
        say("it is now about somebody or something else"),
        say(
            "The two sentences share no name that is clearly a person's, a company's or a place's."
        ),
    ),
    (
        say("swap two names"),
        "roles",
        say("who did it to whom has changed"),
        say(
            "Neither sentence has two names with clearly different roles; in a list the order "
            "doesn't matter."
        ),
    ),
    (
        say("use the opposite word"),
        "opposite",
        say("one sentence now says the opposite"),
        say(
            "The two sentences share no word, such as rose, more than or before, whose opposite "
            "clearly fits."
        ),
    ),
    (
        say("shuffle the words"),
        "shuffle",
        say(
            "the same words, but no longer a sentence; counting this as not_equivalent is a "
            "convention"
        ),
        say("Neither sentence has two different words."),
    ),
)
OPEN = say("a change may happen to make two different sentences agree; only a reader can tell")


def stress(
    checkpoint: str,
    sentence1: str,
    sentence2: str,
    truth: str = EQUIVALENT,
    max_length: int = 128,
    *,
    settings: Settings,
) -> tuple[list[Stressed], Origin]:
    """([Stressed, …], Origin of the model): the pair as it is, then changed in each way, from one
    call of the model.

    `truth` is the pair's own label, as a reader sees it: what the answer should be follows from it.
    The same pair is changed in the same way each time. Raises InputError for an unknown label, for
    a model of one sentence or of other labels, and for whatever `predict` raises it.
    """
    if truth not in LABELS:
        raise InputError(
            say(
                "truth is {truth}, which is not a label. Choose one of {labels}.",
                truth=shown(truth),
                labels=", ".join(LABELS),
            )
        )
    check_takes_pair(checkpoint, settings)
    pair = checked_pair(sentence1, sentence2, settings)
    rows = [_checked(row, settings) for row in _stressed(pair, truth, settings.seed)]
    possible = [number for number, row in enumerate(rows) if not _impossible(row)]
    predictions, origin = predict(
        checkpoint,
        [(rows[n].sentence1, rows[n].sentence2) for n in possible],
        max_length,
        settings=settings,
    )
    check_judges_meaning(predictions[0])
    for number, prediction in zip(possible, predictions, strict=True):
        rows[number] = replace(rows[number], prediction=prediction)
    return rows, origin


def _stressed(pair, truth, seed):
    yield Stressed(say("as it is"), *pair, truth, say("the label that you chose"))
    yield Stressed(
        say("swap the sentences"),
        *pair[::-1],
        truth,
        say("the order of the two sentences doesn't matter"),
    )
    yield Stressed(
        say("the same sentence twice"),
        pair[0],
        pair[0],
        EQUIVALENT,
        say("a sentence means the same as itself"),
    )
    for change, kind, why, missing in CHANGES:
        changed = changed_pair(kind, pair, seed)
        if changed is None:
            yield Stressed(change, "", "", None, missing)
        elif truth == EQUIVALENT:
            yield Stressed(change, *changed, NOT_EQUIVALENT, why)
        else:
            yield Stressed(change, *changed, None, OPEN)


def _checked(row, settings):
    """The row, unless its change made a sentence too long: then the row says so."""
    if _impossible(row):
        return row
    try:
        checked_pair(row.sentence1, row.sentence2, settings)
    except InputError as error:
        return Stressed(row.change, "", "", None, error.args[0])
    return row


def _impossible(row):
    return not row.sentence1


# ---------------------------------------------------------------- what is known of a model

FEWEST = 30  # a share of fewer pairs than these says too little


@dataclass(frozen=True)
class Record:
    """What a model was measured at, all shares from 0 to 1."""

    accuracy: float
    majority: float  # of always giving the commoner answer there
    # By change, where enough pairs were measured: of the equivalent ones that it recognises, those
    # it no longer calls so
    noticed: dict[str, float]
    # How many validation pairs of its own run it was measured on; None: on MRPC's test pairs
    run_pairs: int | None = None
    majority_label: str = EQUIVALENT
    may_be_stressed: bool = True  # it says of two sentences whether they mean the same

    @property
    def one_wrong_in(self) -> int:
        """About every how manieth answer is wrong."""
        return round(1 / max(1 - self.accuracy, 1e-3))


@cache
def record_of(model: str) -> Record | None:
    """The Record of an adapter, from record.json beside its card; None for any other model, and for
    one that was never measured.
    """
    path = EMBEDDED_ADAPTERS / model.removeprefix("adapter:") / "record.json"
    if model not in ADAPTERS or not path.is_file():
        return None
    figures = json.loads(path.read_text(encoding="utf-8"))
    counts = {change: figures["noticed"][kind] for change, kind, *_rest in CHANGES}
    noticed: dict[str, float] = {
        change: part / whole for change, (part, whole) in counts.items() if whole >= FEWEST
    }
    test = figures["test"]
    return Record(test["adapter"]["accuracy"], test["majority"]["accuracy"], noticed)


def record_for(model: str, settings: Settings) -> Record | None:
    """The Record of an adapter, or of a run's model by the figures of its last evaluation; None for
    any other model, and for a run whose figures are gone.
    """
    if not model.startswith(RUN_PREFIX):
        return record_of(model)
    run = run_of(model, settings)
    if run is None:
        return None
    start = run.first("start")
    if not run.answers or not start or not start.get("eval_pairs"):
        return None
    majority, accuracy = start["majority"], run.events[-1]["after"]["accuracy"]
    label = run.labels[majority.get("label", 1)]  # an old run may not tell it
    is_ours = run.has_pair and run.labels == LABELS
    return Record(accuracy, majority["accuracy"], {}, start["eval_pairs"], label, is_ours)
