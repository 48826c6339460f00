"""A sentence -> the same with another number: believable, and not the old one rounded."""

import random
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pipeline.edits import english
from pipeline.edits.english import word_set
from pipeline.edits.tokens import (
    APOSTROPHES,
    Change,
    Words,
    is_capital,
    is_name_word,
    like,
    low_at,
    lows_in,
    text_at,
)

if TYPE_CHECKING:
    from pipeline.edits.said import Said

PLAIN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
ORDINAL = re.compile(r"(\d+)(st|nd|rd|th)")
MEASURED = re.compile(
    r"(\d+)(-(?:year-old|day|month|year|mile|point|member|page|foot|minute|inch|acre|count|week|"
    r"hour|person).*)"
)
CLOCK = re.compile(r"(\d{1,2})(:\d\d)")
YEAR = re.compile(r"1\d\d\d|20\d\d")
COUNTS = "zero one two three four five six seven eight nine ten eleven twelve".split()
SCALES = word_set("percent % million billion trillion pct points")
DASHES = {"-", "–", "/", ":"}

# "page 3", "chapter 11": a number that is a name
NAMED_BY_NUMBER = word_set("""
    chapter page section title number no route flight channel room version level article type
    phase size grade interstate highway act part appendix windows series model point
""")
# 24 hours a day, 52 weeks, 911: another number would be no error but nonsense
FIXED = {
    "7": {"days"},
    "12": {"months"},
    "24": {"hours", "hour"},
    "50": {"states"},
    "52": {"weeks", "week"},
    "60": {"seconds", "minutes"},
    "100": {"senators"},
    "365": {"days"},
}
CODES = {"360", "401", "911"}
# September 11 and July 4 are more than days
KNOWN_DAYS = {("sep", 11), ("jul", 4)}
YEAR_AFTER = {month.lower() for month in english.MONTHS} | word_set("""
    in since by until from to during early late mid before after between and fiscal spring
    summer fall winter of through the , ( .
""")
AHEAD = word_set("""
    will would until expected plans forecast can cannot if could should may might
""")
# No count in words after or before one of these: in two, one of two, two or three, two thirds
NO_COUNT_AFTER = word_set("""
    between these those or other and to no in both of - by group at last first all into
""")
NO_COUNT_BEFORE = word_set("or and to by thirds sides others hundred at in on quarters fifths")
# "two were held, one in Oslo": what follows counts them again
COUNTED_AGAIN = word_set("one -- - – both other others :")


def numbers_in(words: Words) -> list[tuple[int, float]]:
    """[(place, value), …] of all numbers, in digits or, up to twelve, in words."""
    found = []
    for i, word in enumerate(words):
        text = word.low.rstrip("%")
        head = text.split("-")[0]
        if PLAIN.fullmatch(text):
            values = [float(text.replace(",", ""))]
        elif re.match(r"\d", text):
            values = [float(part) for part in re.findall(r"\d+", text)]
            if MEASURED.fullmatch(text) or CLOCK.fullmatch(text):
                values = values[:1]
        else:
            values = [float(COUNTS.index(head))] if head in COUNTS[1:] else []
        found += [(i, value) for value in values]
    return found


def another_number(
    sentence: str, words: Words, said: "Said | None", rng: random.Random
) -> list[Change]:
    """One number that stands once in the sentence, on the same side of each other one as before."""
    places = numbers_in(words)
    values = [value for _place, value in places]
    rng.shuffle(places)
    for i, value in places:
        if values.count(value) > 1 or (said and value not in said.numbers):
            continue
        others = [other for other in values if other != value]
        if new := _new_number(words, i, value, others, rng):
            return [(words[i].start, words[i].end, new)]
    return []


def _new_number(
    words: Words, i: int, value: float, others: list[float], rng: random.Random
) -> str | None:
    """The new text for the number at i; None where it may be part of a name, or can't be told."""
    text, low = words[i].text, words[i].low
    month = _month_of(words, i)
    if low in COUNTS:
        return _another_count(words, i, int(value), others, rng)
    if not month and (_is_part_of_name(words, i) or _is_fixed(words, i)):
        return None
    if found := CLOCK.fullmatch(low):
        hour = _drawn(value, _hours(value), others, rng)
        return hour and hour + found.group(2)
    if found := MEASURED.fullmatch(low):
        unchanged = low.startswith(("24-hour", "52-week", "1-"))
        new = None if unchanged else _fitting(words, i, value, others, rng, age="year-old" in low)
        return new and new + text[found.end(1) :]
    if ORDINAL.fullmatch(low):
        day = _day(month, value, others, rng) if month else None
        return day and day + _ordinal_ending(int(day))
    if not PLAIN.fullmatch(low.rstrip("%")):
        return None
    return _new_plain_number(words, i, value, others, rng)


def _new_plain_number(
    words: Words, i: int, value: float, others: list[float], rng: random.Random
) -> str | None:
    """The new text for digits alone: a day, an hour, a year, an age, a share or an amount."""
    text, before, after = words[i].text, low_at(words, i - 1), low_at(words, i + 1)
    month = _month_of(words, i)
    if month and value <= 31 and "." not in text:
        of_range = after in DASHES | APOSTROPHES | {"to", "and"}
        return None if of_range else _day(month, value, others, rng)
    if re.match(r"[ap]\.?m\b", after):
        return _drawn(value, _hours(value), others, rng) if "." not in text else None
    if YEAR.fullmatch(text) and before != "$" and after not in SCALES:
        return _another_year(words, i, int(value), others, rng)
    named = before == after == "," and is_capital(text_at(words, i - 2))
    age = before in {"aged", "age"} or (named and 14 < value < 95)
    per_cent = (after, low_at(words, i + 2)) == ("per", "cent")
    percent = text.endswith("%") or after in {"percent", "%", "pct", "percentage"} or per_cent
    new = _fitting(words, i, value, others, rng, age, percent)
    return new and new + "%" * text.endswith("%")


# ---------------------------------------------------------------- what kind of number it is


def _month_of(words: Words, i: int) -> str:
    """The month, by three letters, whose day or year the number at i is; "" where it has none."""
    name = text_at(words, i - 2 if text_at(words, i - 1) == "." else i - 1)
    return name[:3].lower() if name in english.MONTHS + english.SHORT_MONTHS else ""


def _is_part_of_name(words: Words, i: int) -> bool:
    """Windows 2000, the 500 Index, chapter 11, 5 - 4, the Group of 7."""
    before, after = text_at(words, i - 1), text_at(words, i + 1)
    if before in DASHES | APOSTROPHES | {*"#.&@_"} or after in DASHES | APOSTROPHES:
        return True
    if before.lower() in NAMED_BY_NUMBER or is_name_word(before):
        return before not in english.DAYS
    if before in {"of", "s"} and is_capital(text_at(words, i - 2 if before == "of" else i - 3)):
        return True  # Standard & Poor 's 500
    return is_capital(after) and after not in english.DAYS


def _is_fixed(words: Words, i: int) -> bool:
    return words[i].text in CODES or low_at(words, i + 1) in FIXED.get(words[i].text, ())


# ---------------------------------------------------------------- another one of its kind


def _hours(hour: float) -> Sequence[int]:
    """Hours of a clock within four of this one; none for 13 and more."""
    return range(max(1, int(hour) - 4), min(12, int(hour) + 4) + 1) if hour <= 12 else ()


def _day(month: str, day: float, others: list[float], rng: random.Random) -> str | None:
    """Another day that every month has."""
    days = [other for other in range(1, 29) if (month, other) not in KNOWN_DAYS]
    return None if (month, day) in KNOWN_DAYS else _drawn(day, days, others, rng)


def _another_year(
    words: Words, i: int, year: int, others: list[float], rng: random.Random
) -> str | None:
    """Up to nine years off: earlier for what has been, later for what is to come."""
    before, after = low_at(words, i - 1), low_at(words, i + 1)
    plainly = before in YEAR_AFTER and (not after[:1].isalpha() or after in english.FUNCTION_WORDS)
    near = words[max(0, i - 3) : i] + words[i + 1 : i + 4]
    if not plainly or any(YEAR.fullmatch(word.text) for word in near):
        return None
    ahead = before == "by" or lows_in(words[:i]) & AHEAD
    years = range(year + 2, year + 10) if ahead else range(year - 9, year - 1)
    return _drawn(year, years, others, rng)


def _another_count(
    words: Words, i: int, value: int, others: list[float], rng: random.Random
) -> str | None:
    """two -> six, in words."""
    before, after = low_at(words, i - 1), low_at(words, i + 1)
    if value < 2 or not after.isalpha() or is_capital(text_at(words, i + 1)):
        return None
    if before in NO_COUNT_AFTER or after in NO_COUNT_BEFORE or (i and is_capital(words[i].text)):
        return None
    if low_at(words, i + 2) == "or" or low_at(words, i - 2) == "between":
        return None
    if lows_in(words[i + 1 :]) & COUNTED_AGAIN:
        return None
    new = _drawn(value, range(2, 13 if value > 9 else 10), others, rng)
    return new and like(COUNTS[int(new)], words[i].text)


def _drawn(
    value: float, choices: Iterable[int], others: list[float], rng: random.Random
) -> str | None:
    """One of the choices, at least 2 off and on value's side of the others; None without one."""
    choices = [*choices]
    near = [other for other in others if other in choices]
    fits = [new for new in choices if abs(new - value) >= 2 and _same_side(new, value, near)]
    return str(rng.choice(fits)) if fits else None


def _fitting(
    words: Words,
    i: int,
    value: float,
    others: list[float],
    rng: random.Random,
    age: bool = False,
    percent: bool = False,
) -> str | None:
    """Another number with as many digits, decimals and closing zeros, after the same article."""
    shape = "".join(re.findall(r"^[\d,.]+", words[i].text)).rstrip(".,")
    whole, _point, decimals = shape.partition(".")
    if value == 0 or value > 1e12 or re.match(r"0\d", whole):
        return None
    if value == 1 and not (percent or low_at(words, i + 1) in SCALES):
        return None  # "1 boat" has no plural
    zeros = 0 if decimals or age else len(whole) - len(whole.rstrip("0"))
    low, high = _believable(value, age, percent)
    for _try in range(300):
        new = round(rng.uniform(low, high) / 10**zeros, len(decimals)) * 10**zeros
        shown = f"{new:{',' if ',' in whole else ''}.{len(decimals)}f}"
        rounder = not decimals and not age and not zeros and len(whole) > 1 and shown[-1] == "0"
        sized = age or len(shown) == len(shape)
        fits = sized and not rounder and _same_article(words, i, shown)
        if fits and new >= (0.1 if decimals else 2) and _clearly_other(value, new, decimals):
            if _same_side(new, value, others):
                return shown
    return None


def _believable(value: float, age: bool, percent: bool) -> tuple[float, float]:
    """From what to what another number could be meant in this one's place."""
    if age:
        return (max(18, value - 20), min(85, value + 20)) if value >= 18 else (2, 17)
    high = 2.9 * value
    return 0.35 * value, min(high, 99) if percent and value <= 100 else high


def _clearly_other(value: float, new: float, decimals: str) -> bool:
    """Whether nobody could take new for value rounded."""
    apart = abs(new - value)
    return apart >= 0.25 * max(value, new) and (bool(decimals) or apart >= 2)


def _same_side(new: float, value: float, others: list[float]) -> bool:
    """Whether new is above the others that value is above, and below the rest.

    Then ranges stay ranges, and a part stays below its whole: of 5 to 9, 12 of the 15.
    """
    return all(new != other and (new > other) == (value > other) for other in others)


def _same_article(words: Words, i: int, shown: str) -> bool:
    """After "an" only what sounds like 8, 11 or 18, after "a" nothing of that."""
    before = low_at(words, i - 1)
    vowel = re.match(r"8|1[18](?:$|\D|\d{3}$)", shown.replace(",", ""))
    return before not in {"a", "an"} or (before == "an") == bool(vowel)


def _ordinal_ending(number: int) -> str:
    """
    >>> [_ordinal_ending(n) for n in (1, 2, 3, 4, 11, 21, 22)]
    ['st', 'nd', 'rd', 'th', 'th', 'st', 'nd']
    """
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
