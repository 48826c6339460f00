"""What moved the answer: tokens as cards coloured by sign and size, words with both methods' bars.

>>> signed(0.25), signed(-1.5), signed(-0.001), signed(None)
('+0.25', '−1.50', '0.00', '–')
"""

from dataclasses import dataclass

from markupsafe import Markup

from languages import _
from pipeline.inside.attributions import NEAR_ENOUGH, Attributions, WordMoved
from views.numbers import percent
from views.render import render

ROLES = {None: "special", 1: "sentence1", 2: "sentence2"}
WELL, SOMEWHAT = 0.7, 0.4  # rank correlations from which two methods agree so


@dataclass(frozen=True)
class Bar:
    """A signed number: its text, its direction, and its size from 0 to 1."""

    text: str
    direction: str  # "for" | "against" | ""
    size: str


@dataclass(frozen=True)
class WordRow:
    """One word with both methods' bars."""

    word: str
    sentence: int
    attribution: Bar
    left_out: Bar


def signed(number: float | None) -> str:
    """A number of logits with its sign; a dash for None."""
    if number is None:
        return "–"
    rounded = round(number, 2)
    return f"{rounded:+.2f}".replace("-", "−") if rounded else "0.00"


def what_moved(found: Attributions) -> Markup:
    """The check, the tokens as cards, and each word with both methods' bars."""
    largest = max((abs(token.attribution) for token in found.tokens), default=0.0)
    both = [number for word in found.words for number in (word.attribution, word.left_out)]
    widest = max((abs(number) for number in both if number is not None), default=0.0)
    return render(
        "what_moved.html",
        found=found,
        score=_logit(found.score),
        baseline_score=_logit(found.baseline_score),
        total=_logit(found.total),
        difference=_logit(found.difference),
        error=percent(found.error),
        allowed=f"{NEAR_ENOUGH:.0%}",
        tokens=[
            (ROLES[token.sentence], token.piece, _bar(token.attribution, largest))
            for token in found.tokens
        ],
        words=[
            WordRow(
                word.word,
                word.sentence,
                _bar(word.attribution, widest),
                _bar(word.left_out, widest),
            )
            for word in sorted(found.words, key=lambda word: -_size(word))
        ],
        agreement=_logit(found.agreement) if found.agreement is not None else "",
        verdict=_verdict(found.agreement),
    )


def _size(word: WordMoved) -> float:
    return max(abs(word.attribution or 0), abs(word.left_out or 0))


def _bar(number: float | None, largest: float) -> Bar:
    text = signed(number)
    size = abs(number or 0.0) / largest if largest else 0.0
    direction = {"+": "for", "−": "against"}.get(text[0], "")
    return Bar(text, direction, f"{size:.3f}")


def _logit(number: float) -> str:
    return f"{number:.2f}".replace("-", "−")


def _verdict(agreement: float | None) -> str:
    if agreement is None:
        return _("There are too few words to compare the two orders.")
    for least, said in (
        (WELL, _("Both methods put the words in nearly the same order.")),
        (SOMEWHAT, _("Both methods agree on part of the order.")),
        (-SOMEWHAT, _("The two methods hardly agree on the order.")),
    ):
        if agreement >= least:
            return said
    return _("The two methods put the words in nearly opposite orders.")
