"""A sentence -> the same about another person, company or place."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.edits import english
from pipeline.edits.english import word_set
from pipeline.edits.tokens import (
    APOSTROPHES,
    Change,
    Words,
    is_capital,
    is_name_word,
    low_at,
    text_at,
)

if TYPE_CHECKING:
    from pipeline.edits.roles import Name
    from pipeline.edits.said import Said

FIRST_NAMES = {*english.MEN, *english.WOMEN}
SURNAME = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)?")
NO_SURNAMES = {
    *english.NOT_SURNAMES,
    *english.DAYS,
    *english.MONTHS,
    *english.TITLES,
    *(name for names in english.PLACES for name in names),
}
MONEY = word_set("cents dollars dollar pounds peso pesos currency")
JOINTS = {"-", "&", "/"}


@dataclass(frozen=True)
class Known:
    """A name whose kind is known: words[first:last]."""

    first: int
    last: int
    key: str  # what the other sentence must have of it
    kind: str  # only names of one kind may change places
    new: str  # another name of its kind


def another_name(
    sentence: str, words: Words, said: "Said | None", rng: random.Random
) -> list[Change]:
    """A person, a company or a place, with its whole name, becomes another of its kind."""
    found = known_names(sentence, words, rng)
    rng.shuffle(found)
    for name in found:
        if (said is None or said.has(name.key)) and not named_elsewhere(words, name):
            return [(words[name.first].start, words[name.last - 1].end, name.new)]
    return []


def known_names(sentence: str, words: Words, rng: random.Random) -> list[Known]:
    """The names of which it is sure what they name."""
    persons = _persons(sentence, words, rng)
    return [*persons, *_companies(words, rng), *_places(sentence, words, rng)]


def named_elsewhere(words: Words, name: "Known | Name") -> bool:
    """Whether another word begins like a word of this name: Smith's, Iraqi."""
    stems = {word.low[:4] for word in words[name.first : name.last] if len(word.text) > 2}
    rest = (*words[: name.first], *words[name.last :])
    return any(word.low.startswith((*stems,)) for word in rest if is_capital(word.text))


# ---------------------------------------------------------------- persons


def _persons(sentence: str, words: Words, rng: random.Random) -> Iterator[Known]:
    """Ann B. Smith, by her first name, and Mr. Smith, by his title."""
    for i, word in enumerate(words):
        if word.text in english.TITLES:
            yield from _titled(sentence, words, i, rng)
        elif word.text in FIRST_NAMES and not _continues_a_name(words, i):
            last = _after_initial(words, i + 1)
            if _is_surname(words, last):
                woman = word.text in english.WOMEN
                new = _another_person(woman, words[last].text, rng)
                yield Known(i, last + 1, words[last].text, "woman" if woman else "man", new)


def _continues_a_name(words: Words, i: int) -> bool:
    """Whether the first name at i is no first name: Ira Lee Sorkin, the James Bond film."""
    before = text_at(words, i - 1)
    if before in JOINTS | APOSTROPHES | FIRST_NAMES | {"St", "the", "The"}:
        return True
    return is_name_word(before) and before not in english.OFFICES


def _after_initial(words: Words, i: int) -> int:
    if not re.fullmatch(r"[A-Z]", text_at(words, i)):
        return i
    return i + 2 if text_at(words, i + 1) == "." else i + 1


def _titled(sentence: str, words: Words, i: int, rng: random.Random) -> Iterator[Known]:
    """The name after the title at i: a surname, or a first name that isn't listed with one."""
    title, before = words[i].text, text_at(words, i - 1)
    first = i + 2 if text_at(words, i + 1) == "." else i + 1
    if before in {"&", "the", "of"}:
        return
    if _is_surname(words, first):
        if not is_capital(before) or title in {"President", "Mr", "Judge"}:
            surname = words[first].text
            new = rng.choice([name for name in english.NEW_SURNAMES if name != surname])
            yield Known(first, first + 1, surname, f"{title} surname", new)
        return
    name = text_at(words, first)
    unlisted = is_capital(name) and name.isalpha() and name not in FIRST_NAMES
    if unlisted and title != "Mrs" and _is_surname(words, first + 1):
        woman = title == "Ms" or re.search(r"\b(she|her)\b", sentence) is not None
        surname = words[first + 1].text
        yield Known(first, first + 2, surname, "unknown", _another_person(woman, surname, rng))


def _is_surname(words: Words, i: int) -> bool:
    text, after, next_but_one = (text_at(words, at) for at in (i, i + 1, i + 2))
    if not SURNAME.fullmatch(text) or text in NO_SURNAMES or after in JOINTS:
        return False
    longer = is_capital(after) and after not in english.DAYS
    plural = after in APOSTROPHES and next_but_one not in {"s", ""}
    firm = after == "and" and next_but_one in english.NOT_SURNAMES  # Smith and Co
    return not (longer or plural or firm)


def _another_person(woman: bool, surname: str, rng: random.Random) -> str:
    names = english.NEW_WOMEN if woman else english.NEW_MEN
    return rng.choice([name for name in names if not name.endswith(surname)])


# ---------------------------------------------------------------- companies and places


def _companies(words: Words, rng: random.Random) -> Iterator[Known]:
    """Companies, by what their names end in: Acme Widgets in Acme Widgets Corp."""
    for i, word in enumerate(words):
        if word.text not in english.COMPANY_ENDINGS:
            continue
        first = i
        while first and _is_company_word(text_at(words, first - 1)):
            first -= 1
        before, after = text_at(words, first - 1), text_at(words, i + 1)
        longer = is_capital(after) or (after == "." and is_capital(text_at(words, i + 2)))
        cut_off = before in APOSTROPHES | JOINTS | {"of", "!", ".", "and"}
        if first == i or longer or cut_off or after == "&":
            continue
        key = words[first].text
        if key in english.NATIONS or any(word.text in english.DAYS for word in words[first:i]):
            continue
        new = rng.choice([name for name in english.NEW_COMPANIES if name != key])
        yield Known(first, i, key, "company", new)


def _is_company_word(text: str) -> bool:
    return re.fullmatch(r"[A-Z][\w.-]*", text) is not None and is_name_word(text)


def _places(sentence: str, words: Words, rng: random.Random) -> Iterator[Known]:
    """Places and peoples, where they aren't part of a longer name."""
    i = 0
    while i < len(words):
        length, names = _place_at(words, i)
        place = " ".join(word.text for word in words[i : i + length])
        money = low_at(words, i + length) in MONEY  # Canadian cents
        if length and not money and _stands_alone(words, i, i + length):
            choices = [name for name in names if name != place and name not in sentence]
            if low_at(words, i - 1) in {"a", "an"}:
                choices = [name for name in choices if (name[0] in "AEIO") == (place[0] in "AEIO")]
            if choices:
                yield Known(i, i + length, place, names[0], rng.choice(choices))
        i += max(length, 1)


def _place_at(words: Words, i: int) -> tuple[int, Sequence[str]]:
    """(words of the place that begins at i, the places of its kind), the longest first."""
    for length in (2, 1):
        place = " ".join(text_at(words, at) for at in range(i, i + length))
        for names in english.PLACES:
            if place in names:
                return length, names
    return 0, ()


def _stands_alone(words: Words, first: int, last: int) -> bool:
    """Whether no longer name has these words: the New York Times, the University of Texas."""
    before, after = text_at(words, first - 1), text_at(words, last)
    if before in JOINTS | APOSTROPHES | {"The"} or after in JOINTS:
        return False
    if is_capital(after) and after not in english.DAYS:
        return False
    if is_name_word(before) or (first > 1 and is_capital(before)):
        return False
    head = text_at(words, first - 2)
    if before == "of" and (is_capital(head) or head in {"university", "bank"}):
        return False
    # Boston, Massachusetts
    in_state = after == "," and is_capital(text_at(words, last + 1))
    return not in_state and not (before == "," and is_capital(head))
