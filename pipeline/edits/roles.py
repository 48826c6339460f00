"""A sentence -> the same with two names in each other's place, where that changes who did what."""

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.edits import english
from pipeline.edits.english import word_set
from pipeline.edits.names import FIRST_NAMES, JOINTS, known_names, named_elsewhere
from pipeline.edits.negate import BE, HAVE, MODALS
from pipeline.edits.tokens import (
    APOSTROPHES,
    BREAKS,
    QUOTES,
    Change,
    Words,
    clause_start,
    low_at,
    text_at,
)

if TYPE_CHECKING:
    from pipeline.edits.said import Said

NO_NAMES = {
    *english.DAYS,
    *english.MONTHS,
    *english.SHORT_MONTHS,
    *english.NATIONS,
    *english.PEOPLES,
    "I",
}
ABBREVIATED = {*english.TITLES, *word_set("St Jr Corp Inc Co Lt Gen Prof")}
JOINS_NAMES = word_set("of & de van von bin al der")
PASSIVE = word_set("was were been is")
# What may stand between a name and what it did: Oracle has since sued
BEFORE_DEED = PASSIVE | word_set("""
    has had have will would later once also first recently to agreed tried wants plans could can may
""")
NO_DEEDS = word_set("support attack offer backing pay payment wins")
# Before these a name opens a clause; after "the mayor of" it isn't all of who does it
OPENS_CLAUSE = BREAKS | {day.lower() for day in english.DAYS} | {""}
OPENS_CLAUSE |= word_set("and but that said when because if while after before")
# "A met B" says the same as "B met A"
MUTUAL = re.compile(
    "(?:met|meet|marr|wed|merg|agree|play|compet|compar|talk|spoke|speak|tied|tie|join|fought|"
    "fight|differ|negotiat|discuss|between|both|and|or|with|like|as|than|not|divorc|border|"
    "resembl|trad|split|cooperat|collaborat|brother|sister|partner|colleague|husband|wife|friend|"
    "rival|neighbo|teammate|twin|cousin|near|next|mile|kilomet|km|distance|apart|known|formerly|"
    "aka|alias|also|co-|joint|together|other|each|same|along|via)"
)


@dataclass(frozen=True)
class Name:
    """A whole name: words[first:last], with "the" before it where it has one."""

    first: int
    last: int
    text: str


def swapped_names(
    sentence: str, words: Words, said: "Said | None", rng: random.Random
) -> list[Change]:
    """Two names change places, where the sentence says of one what it doesn't say of the other."""
    names = names_of(sentence, words)
    for first, second in zip(names, names[1:], strict=False):
        deed = _deed(words, first, second)
        if deed and (said is None or said.says(deed)):
            if _may_change_places(words, first, second, said):
                return [_put(words, first, second.text), _put(words, second, first.text)]
    return _two_of_a_kind(sentence, words, said, rng)


def names_of(sentence: str, words: Words) -> list[Name]:
    """Whole names, the titles and the "of" between their words included.

    >>> from pipeline.edits.tokens import tokens_of
    >>> sentence = "Last week the Bank of England told Mr. Smith."
    >>> [name.text for name in names_of(sentence, tokens_of(sentence))]
    ['the Bank of England', 'Mr. Smith']
    """
    found, i = [], 0
    while i < len(words):
        last = _end_of_name(words, i)
        if last > i:
            first = i - 1 if low_at(words, i - 1) == "the" else i
            found.append(Name(first, last, sentence[words[first].start : words[last - 1].end]))
        i = max(last, i + 1)
    return found


def _end_of_name(words: Words, i: int) -> int:
    """The place after the name that begins at i; i where none does."""
    last = i
    while _is_of_name(words, last):
        last += 1
        short = text_at(words, last - 1) in ABBREVIATED or len(text_at(words, last - 1)) == 1
        if short and text_at(words, last) == "." and last + 1 < len(words):  # noqa: SIM114
            last += 1
        elif text_at(words, last) in JOINS_NAMES and _is_of_name(words, last + 1):
            last += 1
    return last


def _is_of_name(words: Words, i: int) -> bool:
    text = text_at(words, i)
    plain = text not in NO_NAMES and text.lower() not in english.FUNCTION_WORDS
    return re.match(r"[A-Z]", text) is not None and plain


def _may_change_places(words: Words, first: Name, second: Name, said: "Said | None") -> bool:
    for name in (first, second):
        if not _is_whole(words, name) or named_elsewhere(words, name):
            return False
        if said and not said.has(_last_word(words, name)):
            return False
    return True


def _is_whole(words: Words, name: Name) -> bool:
    """Whether a name is one for sure: a capital that opens a sentence may be any word's."""
    text, before = words[name.first].text, text_at(words, name.first - 1)
    if name.last - name.first == 1 and (name.first == 0 or before in QUOTES):
        people = text.endswith(("ers", "ists", "ies", "ents"))
        return text in FIRST_NAMES or not (people or text.endswith(("ing", "ly", "ed")))
    return before not in JOINTS - {"&"} | APOSTROPHES and text_at(words, name.last) not in JOINTS


def _last_word(words: Words, name: Name) -> str:
    """The word by which the other sentence would have it, too: Smith, and not Corp."""
    texts = [word.text for word in words[name.first : name.last] if word.text[:1].isalpha()]
    return next((text for text in reversed(texts) if text not in english.COMPANY_ENDINGS), "")


def _put(words: Words, place: Name, new: str) -> Change:
    """The change that puts new in a name's place, "the" with a capital where it opens."""
    if re.match(r"[Tt]he ", new):
        new = ("T" if place.first == 0 else "t") + new[1:]
    return words[place.first].start, words[place.last - 1].end, new


# ---------------------------------------------------------------- who does what to whom


def _deed(words: Words, first: Name, second: Name) -> str | None:
    """The word for what one surely does to the other; None where nothing is sure."""
    between = [word.low for word in words[first.last : second.first]]
    if not between or len(between) > 12:
        return None
    if between == ["to"]:
        return _move(words, first)
    if low_at(words, first.first - 1) not in OPENS_CLAUSE:
        return None
    phrase = _ends_a_phrase(words, second.last)
    return (
        _statement(words, first, second, between)
        or (_one_way_verb(between) if phrase else None)
        or _noun_for_deed(between)
        or (_act(first, second, between) if phrase else None)
    )


def _move(words: Words, first: Name) -> str | None:
    """moved from A to B: moved."""
    if low_at(words, first.first - 1) != "from":
        return None
    before = {word.low for word in words[max(0, first.first - 6) : first.first - 1]}
    return min(before & english.MOTION, default=None)


def _statement(words: Words, first: Name, second: Name, between: list[str]) -> str | None:
    """A said B would …: said."""
    says = between in (["said"], ["said", "that"], ["says"], ["says", "that"])
    verbs = BE | MODALS | {"has", "had"} | english.FINITE.keys()
    claims = low_at(words, second.last) in verbs and clause_start(words, first.first) == 0
    return between[0] if says and claims else None


def _one_way_verb(between: list[str]) -> str | None:
    """A has sued B, A was sued by B: sued; A lost to B: lost."""
    if between == ["lost", "to"]:
        return "lost"
    *rest, verb = between[:-1] if between[-1] == "by" and len(between) > 2 else between
    if (between[-1] == "by") != bool(PASSIVE & {*rest}) or not {*rest} <= BEFORE_DEED:
        return None
    stems = {verb, verb.removesuffix("s"), verb.removesuffix("e")}
    stems |= {verb.removesuffix("ed"), verb.removesuffix("es")}
    return verb if verb not in NO_DEEDS and stems & {*english.ONE_WAY} else None


def _noun_for_deed(between: list[str]) -> str | None:
    """A's $7 billion bid for B: bid."""
    if between[0] not in APOSTROPHES | {"'s", "’s"} or len(between) < 3:
        return None
    *rest, noun, preposition = [word for word in between[1:] if word != "the"]
    plain = all(re.match(r"[\w$.]", word) and word not in BREAKS for word in rest)
    sure = plain and not english.PREPOSITIONS & {*rest}
    return noun if (noun, preposition) in english.DEEDS and sure else None


def _act(first: Name, second: Name, between: list[str]) -> str | None:
    """A, which opens the sentence, sold a ship to B, asked B to wait: sold, asked."""
    helped = between[0] in {"has", "had", "will", "would"}
    verb = between[1] if helped and len(between) > 1 else between[0]
    if verb not in english.BASE_OF_PAST.keys() | english.PARTICIPLES:
        if between[0] not in MODALS or verb not in english.BASES:
            return None
    if verb in english.MOTION | {"came", "come", "said", "says"} or first.first > 1:
        return None
    if any(name.text[:4].lower() == "the " for name in (first, second)):
        return None  # the House and a man: what one does the other can't
    clear = all(word[0].isalpha() or word[0] in "_$" for word in between)
    if not clear or any(MUTUAL.match(word) for word in between):
        return None
    if {*between} & (PASSIVE | {"are", "be", "who"}):
        return None
    last = between[-1]
    leads = last in {"to", "from", "by", "for", "against"} or last in english.BASE_OF_PAST
    return verb if leads or (last in english.BASES and "to" in between[-2:]) else None


def _ends_a_phrase(words: Words, i: int) -> bool:
    """Whether a name ends before i for sure: in "asked Congress members" it only says which."""
    low = low_at(words, i)
    small = BREAKS | APOSTROPHES | BE | MODALS | HAVE.keys() | english.DETERMINERS
    small |= english.PREPOSITIONS | english.SUBORDINATE
    small |= word_set(". and or but to that who which $")
    day = text_at(words, i) in english.DAYS
    return not low or low in small or low[0].isdigit() or low.endswith("ly") or day


# ---------------------------------------------------------------- two of a kind


def _two_of_a_kind(
    sentence: str, words: Words, said: "Said | None", rng: random.Random
) -> list[Change]:
    """Two persons, companies or places of one kind, of whom different things are said."""
    names = sorted(known_names(sentence, words, rng), key=lambda name: name.first)
    for first, second in zip(names, names[1:], strict=False):
        no_swap = first.kind in {"unknown", *english.NATIONS, *english.PEOPLES}
        if first.kind != second.kind or no_swap or first.key == second.key:
            continue
        if any(named_elsewhere(words, name) for name in (first, second)):
            continue
        if said and not (said.has(first.key) and said.has(second.key)):
            continue
        if _say_different_things(words, first.first, first.last, second.first):
            (one, one_end), (two, two_end) = (
                (words[name.first].start, words[name.last - 1].end) for name in (first, second)
            )
            return [(one, one_end, sentence[two:two_end]), (two, two_end, sentence[one:one_end])]
    return []


def _say_different_things(words: Words, first: int, end: int, second: int) -> bool:
    """Whether the words between two names give them different parts: no list, nothing mutual."""
    between = [word.low for word in words[end:second]]
    clause = {word.low for word in words[clause_start(words, first) : first]}
    verbs = BE | MODALS | HAVE.keys() | english.BASE_OF_PAST.keys() | english.THIRD_PERSON.keys()
    if any(MUTUAL.match(word) for word in between) or clause & {"between", "both", "with", "from"}:
        return False
    return bool({*between} & verbs) and len(between) < 25
