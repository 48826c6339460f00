"""A sentence -> the same with another day of the week, month or quarter of a year."""

import random
from typing import TYPE_CHECKING

from pipeline.edits import english
from pipeline.edits.english import word_set
from pipeline.edits.tokens import (
    Change,
    Words,
    is_capital,
    is_name_word,
    like,
    low_at,
    text_at,
)

if TYPE_CHECKING:
    from pipeline.edits.said import Said

ALL_MONTHS = [*english.MONTHS, *english.SHORT_MONTHS]
LONG_MONTHS = word_set("January March May July August October December")
QUARTERS = {f"{quarter}-quarter": quarter for quarter in english.QUARTERS}
# Part of a range or a choice, which another name may turn round or double
JOINERS = word_set("through between to and or - /")
MONTH_AFTER = word_set("in last since until by next this from early late")


def another_date(
    sentence: str, words: Words, said: "Said | None", rng: random.Random
) -> list[Change]:
    """A day, month or quarter that stands once in the sentence becomes another."""
    found = [(i, names) for i in range(len(words)) if (names := _names_of_its_kind(words, i))]
    lows = [word.low for word in words]
    rng.shuffle(found)
    for i, names in found:
        if lows.count(words[i].low) > 1 or (said and not _says_it_too(said, words[i].low)):
            continue
        choices = [name for name in names if name.lower() not in lows]
        if choices:
            return [(words[i].start, words[i].end, like(rng.choice(choices), words[i].text))]
    return []


def _names_of_its_kind(words: Words, i: int) -> list[str]:
    """The names among which the word at i is one; none where it isn't surely a date."""
    text, low = words[i].text, words[i].low
    if text in english.DAYS:
        return _days(words, i)
    if text in ALL_MONTHS:
        return _months(words, i)
    if low in QUARTERS:
        return [*QUARTERS]
    return english.QUARTERS if low in english.QUARTERS and low_at(words, i + 1) == "quarter" else []


def _days(words: Words, i: int) -> list[str]:
    before, after = text_at(words, i - 1), text_at(words, i + 1)
    one_date = after == "," and text_at(words, i + 2) in ALL_MONTHS  # Monday, May 19
    joined = before.lower() == "or" or after in {"or", "and", "to", "through"}
    named = (i > 1 and is_name_word(before)) or (is_capital(after) and after not in ALL_MONTHS)
    if one_date or joined or named:
        return []
    # No court sits and no market opens on a Sunday
    return english.DAYS[:5] if words[i].text in english.DAYS[:5] else english.DAYS


def _months(words: Words, i: int) -> list[str]:
    text, before, after = words[i].text, text_at(words, i - 1), text_at(words, i + 1)
    if before.lower() in JOINERS or after in JOINERS:
        return []
    if before == "," and text_at(words, i - 2) in english.DAYS:
        return []
    day = text_at(words, i + 2) if after == "." else after
    if (text[:3], day) in {("Sep", "11"), ("Jul", "4")}:
        return []
    late = day.isdigit() and 28 < int(day) <= 31
    if text in english.SHORT_MONTHS:
        return english.SHORT_MONTHS if after == "." and day.isdigit() and not late else []
    named = i > 1 and is_name_word(before) and before not in english.DAYS
    loose = before.lower() in MONTH_AFTER and not named and not is_capital(after)
    if not after.isdigit() and not loose:
        return []  # may, march
    return [month for month in english.MONTHS if month in LONG_MONTHS or not late]


def _says_it_too(said: "Said", low: str) -> bool:
    quarter = QUARTERS.get(low, low)
    of_quarter = quarter in english.QUARTERS and said.matches(f"{quarter}[- ]quarter")
    return low in said.lows or of_quarter
