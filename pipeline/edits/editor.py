"""The editor: a sentence -> the same sentence with one change after which it says something else.

    >>> edit("negate", "Profits rose in May.")
    'Profits did not rise in May.'
    >>> edit("opposite", "Profits rose in May.")
    'Profits fell in May.'
    >>> edit("roles", "Oracle sued Halden Corp. in May.")
    'Halden Corp. sued Oracle in May.'
    >>> edit("roles", "Italy and France sued.") is None  # in a list the order says nothing
    True

*Stress it*, the figures on the ready model's card and counterfactual training pairs all use `edit`.
It goes by a few hundred words (edits/english.py) and by no parser, so it leaves alone whatever it
isn't sure of: of 200 edits of MRPC drawn at random, 198 are good English and change what is said.
"""

import random

from languages import say
from pipeline.edits.dates import another_date
from pipeline.edits.names import another_name
from pipeline.edits.negate import negate
from pipeline.edits.numbers import another_number
from pipeline.edits.opposites import opposite
from pipeline.edits.roles import swapped_names
from pipeline.edits.said import Said
from pipeline.edits.tokens import Change, Words, replaced, tokens_of
from pipeline.errors import InputError, shown


def shuffle(sentence: str, words: Words, said: Said | None, rng: random.Random) -> list[Change]:
    """All words in another order, the closing mark in its place: no sentence any more."""
    body = sentence.rstrip(" .!?\"”'’")
    parts = body.split()
    if len(set(parts)) < 2:
        return []
    shuffled = parts
    while shuffled == parts:
        shuffled = rng.sample(parts, len(parts))
    return [(0, len(body), " ".join(shuffled))]


EDITORS = {
    "negate": negate,
    "number": another_number,
    "date": another_date,
    "name": another_name,
    "roles": swapped_names,
    "opposite": opposite,
    "shuffle": shuffle,
}
KINDS = tuple(EDITORS)  # in the order in which the page shows them


def edit(kind: str, sentence: str, other: str | None = None, seed: int = 0) -> str | None:
    """`sentence` with one change of that kind, or None where none can surely be made.

    kind: one of KINDS. other: a sentence that says the same. Then only what it says, too, is
    changed: two sentences may be called equivalent although one of them lacks a detail. Without it
    anything may be changed. The same arguments give the same sentence, whatever was asked before.

    Raises InputError for an unknown kind.
    """
    if kind not in EDITORS:
        raise InputError(
            say(
                "kind is {kind}, which is not a kind of change. Choose one of {kinds}.",
                kind=shown(kind),
                kinds=", ".join(KINDS),
            )
        )
    changed = replaced(sentence, changes_of(kind, sentence, other, seed))
    return changed if changed != sentence else None


def changes_of(kind: str, sentence: str, other: str | None = None, seed: int = 0) -> list[Change]:
    """What `edit` changes: [(start, end, new text), …] in characters, [] for nothing."""
    rng = random.Random(f"{seed} {kind} {sentence}")
    asks = sentence.rstrip(" \"”'’").endswith("?")
    if asks and kind != "shuffle":
        return []  # a question claims nothing
    said = Said(other) if other is not None else None
    return EDITORS[kind](sentence, tokens_of(sentence), said, rng) or []


def changed_pair(kind: str, pair: tuple[str, str], seed: int = 0) -> tuple[str, str] | None:
    """Two sentences that say the same -> two that don't: the second changed, else the first.

    None where neither can surely be changed in that way.

    >>> changed_pair("opposite", ("Profits rose in May.", "In May profits were higher."))
    ('Profits rose in May.', 'In May profits were lower.')
    """
    first, second = pair
    if (changed := edit(kind, second, first, seed)) is not None:
        return first, changed
    if (changed := edit(kind, first, second, seed)) is not None:
        return changed, second
    return None
