"""A sentence -> the same, denied: "not" after be, a modal or have, "did not" before other verbs."""

import random
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.edits import english
from pipeline.edits.english import word_set
from pipeline.edits.tokens import (
    APOSTROPHES,
    BREAKS,
    QUOTES,
    Change,
    Words,
    clause_start,
    denies,
    is_capital,
    low_at,
    lows_in,
    text_at,
)

if TYPE_CHECKING:
    from pipeline.edits.said import Said

BE = word_set("is are was were")
MODALS = word_set("will would can could should must")
HAVE = {"has": "does not have", "have": "do not have", "had": "did not have"}
# After these "has" is no auxiliary: has a plan, had to go
POSSESSED = word_set("a an the his her its their our my to enough plans")
# After these a finite verb has no subject, or has it behind it
NO_SUBJECT = (
    english.DETERMINERS
    | english.PREPOSITIONS
    | english.NO_NOT_BEFORE
    | english.SUBORDINATE
    | MODALS
    | BE
    | HAVE.keys()
    | word_set("be been being do does did to or there what not let may might help helped 's")
)
# With these in the sentence, "not" would deny more or less than the claim, or read oddly
NO_CLAIM_WITH = {"some", "unless", "only", "but"}
SHORT = re.compile(r"\b(?:I|[Ww]e|[Tt]hey|[Yy]ou)(\s?['’]\s?(m|re|ve|ll))(?=\s)")

# A change, and the word that carries what it denies: the other sentence must have it, too
Denial = tuple[Change, str]


def negate(sentence: str, words: Words, said: "Said | None", rng: random.Random) -> list[Change]:
    """A finite verb that can surely be denied; none where something is denied already."""
    if denies(sentence, words) or (said and said.denies):
        return []
    found = [*_short_forms(sentence, words)]
    for i in range(1, len(words)):
        if _in_claim(words, i) and (denial := _denied(words, i)):
            found.append(denial)
    # Rather what is said than that somebody said it
    for change, content in sorted(found, key=lambda one: (one[1] in english.SPEECH, one[0])):
        if said is None or said.says(content):
            return [change]
    return []


# ---------------------------------------------------------------- where a verb claims something


def _in_claim(words: Words, i: int) -> bool:
    """Whether a finite verb at i would be that of a claim: no condition, comparison, question."""
    start = clause_start(words, i)
    if start == i and not _after_apposition(words, i):
        return False
    before, head, rest = low_at(words, i - 1), lows_in(words[start:i]), lows_in(words[i + 1 :])
    if head & english.SUBORDINATE or before in NO_SUBJECT or (head | rest) & NO_CLAIM_WITH:
        return False
    if re.search(r"\band [\d,]+ \w+ed\b", " ".join(word.low for word in words[i:])):
        return False  # "four were killed and 50 injured": the verb is another's, too
    if low_at(words, start) in {"also", "adding", "helping", "hurting", "including"}:
        return False  # "Also hurting was news": the subject comes after the verb
    # "the best result we have seen": what is denied there isn't claimed
    return before not in english.SUBJECTS or _opens_clause(words, i - 1)


def _opens_clause(words: Words, i: int) -> bool:
    """Whether the pronoun at i is the subject of a claim."""
    before = low_at(words, i - 1)
    if words[i].low == "who":  # "who did it is not known" asks, "Smith, who did it," claims
        return before not in {"", "and", "or", "of", "on", "about", "by"} | english.BASES
    return before in {"", ".", "that", "and", "but", "said", "says", "now", "today"} | BREAKS


def _after_apposition(words: Words, i: int) -> bool:
    """Whether the verb at i comes after "Subject, in other words,": two commas and no verb yet."""
    if text_at(words, i - 1) != ",":
        return False
    first = next((at for at in range(i - 2, -1, -1) if words[at].text in BREAKS), 0)
    if first == 0 or words[first].text != ",":
        return False
    before = [word.low for word in words[: i - 1]]
    verbs = BE | MODALS | HAVE.keys() | english.BASE_OF_PAST.keys()
    openers = english.PREPOSITIONS | english.SUBORDINATE
    openers |= {"still", "meanwhile", "also", "however", "but", "and"}
    return before[0] not in openers and not {*before} & (verbs | QUOTES)


# ---------------------------------------------------------------- how it is denied


def _denied(words: Words, i: int) -> Denial | None:
    """The word at i with its denial, if it is a finite verb that surely takes one."""
    word = words[i]
    if word.text != word.low or low_at(words, i + 1) == "not":
        return None
    if _takes_not(words, i):
        new = "cannot" if word.low == "can" else f"{word.low} not"
        return (word.start, word.end, new), _content(words, i + 1)
    if _possesses(words, i):
        return (word.start, word.end, HAVE[word.low]), _content(words, i + 1)
    if found := _with_do(words, i):
        do, base = found
        return (word.start, word.end, f"{do} not {base}"), base
    return None


def _takes_not(words: Words, i: int) -> bool:
    """Whether the word at i is be, a modal or have as an auxiliary, with what "not" may precede."""
    low, after = words[i].low, low_at(words, i + 1)
    if not _may_follow_not(words, i + 1):
        return False
    if low in BE:
        return after not in BE | MODALS | HAVE.keys()
    if low in MODALS:  # and not the noun: a will, a can
        noun = text_at(words, i - 1) in {"'s", "s", "free", "political"}
        return after in english.BASES | {"be", "have"} and not noun
    if low not in HAVE:
        return False
    if after in english.PARTICIPLES:
        return True
    # "had closed the shop" and not "had closed shops", where closed may say which shops
    things = low_at(words, i + 2).endswith(("ies", "ness", "ment", "tion"))
    return after.endswith("ed") and after not in english.ADJECTIVES_IN_ED and not things


def _may_follow_not(words: Words, i: int) -> bool:
    low = low_at(words, i)
    if not low or low in BREAKS | APOSTROPHES | english.NO_NOT_BEFORE | english.PRONOUNS:
        return False
    if low == "at" and low_at(words, i + 1) in {"least", "most", "last", "first"}:
        return False
    if low.endswith("ly") and low not in {"likely", "early", "family", "friendly"}:
        return False
    return low not in word_set(". and or but what how why where when whether because if that who")


def _possesses(words: Words, i: int) -> bool:
    """has a plan, had to go: "has" as the verb itself."""
    low, before, after = words[i].low, words[i - 1].low, low_at(words, i + 1)
    if low not in HAVE or not (after in POSSESSED or after.isdigit()):
        return False
    return low != "have" or before in {"they", "we", "you", "i", "who"}


def _with_do(words: Words, i: int) -> tuple[str, str] | None:
    """(did, rise) for rose, (does, say) for he says, (do, plan) for they plan."""
    low, before, after = words[i].low, words[i - 1].low, low_at(words, i + 1)
    if not _may_follow_verb(words, i + 1) or not _ends_a_subject(words, i - 1):
        return None
    found = None
    if low in english.FINITE or low in english.INTRANSITIVE:
        found = "did", english.BASE_OF_PAST[low]
    elif low in english.BASE_OF_PAST and low not in english.BASES | HAVE.keys():
        # "the man arrested on Friday": elsewhere it may be a participle
        it = before == "it" and low_at(words, i - 2) in {"", "that", "and", "but", "said"}
        named = _opens_with_name(words, i) and after not in english.PREPOSITIONS
        if it or named or before in english.SUBJECTS or low in {"said", "told"}:
            found = "did", english.BASE_OF_PAST[low]
    elif low in english.THIRD_PERSON and (before in {"he", "she"} or low == "says"):
        found = "does", english.THIRD_PERSON[low]
    elif low in english.BASES and before in {"they", "we"}:
        if low_at(words, i - 2) not in MODALS | {"did", "do", "if"}:
            found = "do", low
    if found and found[1] in english.SPEECH and not _opens_speech(words, i):
        return None
    return found


def _may_follow_verb(words: Words, i: int) -> bool:
    low = low_at(words, i)
    if low == "as":
        return True
    return bool(low) and low not in BREAKS | english.NO_NOT_BEFORE | {".", "and", "or"}


def _ends_a_subject(words: Words, i: int) -> bool:
    text, low, before = text_at(words, i), low_at(words, i), text_at(words, i - 1)
    if text == "." and before in english.COMPANY_ENDINGS:
        return True
    shortened = APOSTROPHES & {*text} or before in APOSTROPHES and low in word_set("ve ll m re d")
    if shortened or not text[:1].isalpha() or low.endswith("ly"):
        return False
    return low == "that" or low not in NO_SUBJECT | {"and", "but"}


def _opens_with_name(words: Words, i: int) -> bool:
    """Whether a sentence runs "Name verb": nothing but words with a capital before i."""
    names = all(is_capital(word.text) or word.text == "." for word in words[:i])
    return i <= 4 and names and words[0].low not in english.FUNCTION_WORDS


def _opens_speech(words: Words, i: int) -> bool:
    """Whether "said" comes first, as in "Police said …".

    After what was said, or beside a quotation, nobody would deny it.
    """
    before, everywhere = {word.text for word in words[:i]}, {word.text for word in words}
    return not before & (BREAKS - {"-"}) and not everywhere & (QUOTES | {":"})


def _short_forms(sentence: str, words: Words) -> Iterator[Denial]:
    """I'm -> I'm not; they've gone -> they have not gone; we'll go -> we will not go."""
    for found in SHORT.finditer(sentence):
        pronoun = next(at for at, word in enumerate(words) if word.end > found.start())
        after = next((at for at, word in enumerate(words) if word.start >= found.end()), len(words))
        if not _may_follow_not(words, after) or not _opens_clause(words, pronoun):
            continue
        if found.group(2) == "ve" and low_at(words, after) not in english.PARTICIPLES:
            continue
        long = {"ve": " have not", "ll": " will not"}.get(found.group(2), found.group(1) + " not")
        yield (found.start(1), found.end(1), long), _content(words, after)


def _content(words: Words, i: int) -> str:
    """The first word from i on that says something; the last resort is the word at i."""
    idle = english.DETERMINERS | english.PREPOSITIONS | word_set("be been have being more most $")
    for word in words[i : i + 5]:
        if word.low not in idle and word.text[:1].isalnum():
            return word.low
    return low_at(words, i)
