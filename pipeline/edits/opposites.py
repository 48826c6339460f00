"""A sentence -> the same with its one word of direction, order or stance turned round."""

import random
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.edits import english
from pipeline.edits.english import word_set
from pipeline.edits.negate import MODALS
from pipeline.edits.numbers import COUNTS
from pipeline.edits.tokens import Change, Words, denies, like

if TYPE_CHECKING:
    from pipeline.edits.said import Said

COUNTED = "|".join(COUNTS[1:])
NUMBER = r"(?:\$ ?)?\d[\d.,]*"
ABOUT = "about|nearly|almost|more than|some|as much as|a"
AMOUNT = rf"(?:(?:{ABOUT}) )?(?:{NUMBER}|{COUNTED}|half)"
THE = r"(?:the|a|an|his|her|its|their)\b"

# ---------------------------------------------------------------- up and down

HAD = "(?:(?<=has )|(?<=have )|(?<=had ))"
TO = "(?:(?<= to )|(?<=will )|(?<=would )|(?<=could )|(?<=should ))"
CLOSED = (
    "(?:(?<=was )|(?<=were )|(?<=is )|(?<=are )|(?<=, )|(?<=closed )|(?<=ended )|(?<=finished ))"
)
NET = "(?:(?<=net )|(?<=quarterly )|(?<=annual )|(?<=operating ))"
BY = rf"(?= (?:by )?{AMOUNT})"
CHANGE_OF = f"(?= (?:in|of|to|from|by|the|its|his|their|{AMOUNT}))"
# A word, with what must stand beside it for it to be sure, and its opposite
MOVES = [
    ("rose(?= )", "fell"),
    (f"fell(?= (?:by |to |from |in |on |sharply|slightly|{AMOUNT}))", "rose"),
    (f"{HAD}risen", "fallen"),
    (f"{HAD}fallen(?= (?:by |to |from |sharply|slightly|{AMOUNT}))", "risen"),
    (f"{TO}rise(?= (?:by|to|from|in|on|as|this|next|{AMOUNT}))", "fall"),
    (f"{TO}fall(?= (?:by|to|from|this|next|{AMOUNT}))", "rise"),
    ("increased", "decreased"),
    ("decreased", "increased"),
    (f"increase{CHANGE_OF}", "decrease"),
    (f"increases{CHANGE_OF}", "decreases"),
    (f"decrease{CHANGE_OF}", "increase"),
    (f"decreases{CHANGE_OF}", "increases"),
    ("increasing", "decreasing"),
    (f"climbed(?= {AMOUNT})", "dropped"),
    (f"dropped{BY}", "climbed"),
    (f"jumped(?= {AMOUNT})", "plunged"),
    (f"plunged(?= {AMOUNT})", "jumped"),
    (f"surged(?= {AMOUNT})", "plunged"),
    (f"gained(?= {AMOUNT})", "lost"),
    (f"lost(?= {AMOUNT} (?:percent|%|cents|points))", "gained"),
    (f"declined{BY}", "climbed"),
    (f"slipped(?= {AMOUNT})", "climbed"),
    (f"tumbled(?= {AMOUNT})", "climbed"),
    (f"{CLOSED}up{BY}", "down"),
    (f"{CLOSED}down{BY}", "up"),
    ("(?<!no )higher(?! education| court| ground| level)", "lower"),
    ("lower(?! house| court| Manhattan| body| back)", "higher"),
    (f"{NET}loss(?= of)", "profit"),
    (f"{NET}profit(?= of)", "loss"),
    (r"(?<!be )(?<!been )(?<!an )improved(?! [a-z]+s\b)", "worsened"),
    ("worsened", "improved"),
    ("stronger", "weaker"),
    ("weaker", "stronger"),
    ("better(?= than)", "worse"),
    ("worse(?= than)", "better"),
    ("better-than-expected", "worse-than-expected"),
    ("worse-than-expected", "better-than-expected"),
    ("stronger-than-expected", "weaker-than-expected"),
]
# to lower the risk
LOWER_IS_A_VERB = MODALS | word_set("to may might they we and not ll 'll")
# "fell from 5 to 3": the numbers say it, too
FROM_TO = re.compile(r" from .*\d.* to .*\d| to .*\d.* from .*\d")


def opposite(sentence: str, words: Words, said: "Said | None", rng: random.Random) -> list[Change]:
    """A word of direction, order or stance becomes its opposite, where there is just one."""
    if denies(sentence, words) or (said and said.denies):
        return []
    found = [*_moved(sentence, words, said), *_turned(sentence, said)]
    rng.shuffle(found)
    return _with_article(sentence, *found[0]) if found else []


def _moved(sentence: str, words: Words, said: "Said | None") -> Iterator[Change]:
    """The one word that says up or down, turned round."""
    heads = [word.low.split("-")[0] for word in words]
    told = [head for head in heads if head in english.UP | english.DOWN]
    if len(told) != 1 or FROM_TO.search(sentence):
        return
    way, against = (
        (english.UP, english.DOWN) if told[0] in english.UP else (english.DOWN, english.UP)
    )
    if said:
        agrees = any(low.split("-")[0] in way for low in said.lows)
        if not agrees or said.lows & against:
            return
    for pattern, new in MOVES:
        for match in re.finditer(rf"\b(?:{pattern})\b", sentence):
            before = sentence[: match.start()].lower().split()[-1:]
            if match.group() == "lower" and {*before} & LOWER_IS_A_VERB:
                continue
            if not sentence.startswith((" as high", " as low"), match.end()):
                yield match.start(), match.end(), new


# ---------------------------------------------------------------- other pairs

RACES = "race|election|game|match|title|case|vote|series|seat|nomination|war|primary|championship"
# (a word, its opposite, what must follow it, what must precede it)
PAIRS = [
    ("more than", "less than", rf" (?:\$ ?)?(?:a |\d|half|{COUNTED})", ""),
    ("more than", "fewer than", rf" (?:\d|{COUNTED})", ""),
    ("at least", "at most", rf" (?:\$ ?)?(?:\d|{COUNTED})", ""),
    ("above", "below", rf" (?:(?:the|its|a)\b|{NUMBER})", ""),
    ("highest", "lowest", "", ""),
    ("biggest", "smallest", "", ""),
    ("largest", "smallest", "", ""),
    ("larger", "smaller", "", ""),
    ("faster", "slower", "", ""),
    ("guilty", "innocent", r" (?:to|of|in|on|,|\.|$)", "(?:pleaded|pleads|plead) "),
    ("northern", "southern", " [a-zA-Z]", ""),
    ("eastern", "western", " [a-zA-Z]", ""),
    ("north", "south", " of [A-Zat]", ""),
    ("east", "west", " of [A-Zat]", ""),
    ("northeast", "southwest", " of [A-Zat]", ""),
    ("accepted", "rejected", rf" (?:{THE}|that\b)", ""),
    ("approved", "rejected", rf" (?:{THE}|by\b)", ""),
    ("support", "oppose", rf" (?:{THE}|(?:any|such)\b)", "(?:to|will|would|they|we|who) "),
    ("supports", "opposes", rf" (?:{THE}|(?:any|such)\b)", r"(?:he|she|who|(?!It\b)[A-Z]\w+) "),
    ("supported", "opposed", rf" (?:{THE}|by\b)", ""),
    ("agreed to", "refused to", " [a-z]", ""),
    ("failed to", "managed to", " [a-z]", ""),
    ("fails to", "manages to", " [a-z]", ""),
    ("alive", "dead", "", "(?:found|was|were|is|are|still) "),
    ("win", "lose", rf" {THE}", "(?:to|will|would|could) "),
    ("won", "lost", rf" (?:the|his|her|its|their) (?:\w+ )?(?:{RACES})", ""),
    ("inside", "outside", rf" (?:{THE}|of\b|[A-Z])", ""),
    ("narrowed", "widened", "", ""),
    ("weaken", "strengthen", "", "(?:to|will|would|could) "),
    ("weakened", "strengthened", rf" (?:{THE}|(?:by|against|to|in|from)\b)", ""),
    ("closer to", "farther from", "", ""),
    ("before", "after", "", ""),
    (
        "early",
        "late",
        rf" (?:{'|'.join(english.DAYS + english.MONTHS)}|in the|this|last|next|\d)",
        "",
    ),
]
# How the other sentence may say the same
ALSO_SAID = {
    "more than": "more than|over|exceed",
    "fewer than": "fewer than|less than|under",
    "biggest": "biggest|largest",
    "largest": "biggest|largest",
}
# "in less than 2 hours": what is measured is less, what is counted is fewer
UNITS = word_set("""
    percent years points miles hours days weeks months times minutes seconds cents pounds dollars
    feet tons acres euros degrees
""")


def _turned(sentence: str, said: "Said | None") -> Iterator[Change]:
    """Each word of PAIRS that stands there without its opposite, turned round."""
    for first, second, after, before in PAIRS:
        both = re.findall(rf"(?<![\w-])(?:{first}|{second})(?![\w-])", sentence, re.IGNORECASE)
        for one, other in ((first, second), (second, first)):
            word = rf"(?:{one}|{one.capitalize()})"
            match = re.search(rf"(?<![\w-]){word}(?![\w-])(?={after})", sentence)
            if len(both) != 1 or match is None or other == "fewer than":
                continue
            head = sentence[: match.start()]
            if not re.search(rf"{before}$", head) or re.search(r"\b(?:only|also) $", head):
                continue
            if {one, other} == {"before", "after"} and not _is_of_time(sentence, match.start()):
                continue
            heads = {low.split("-")[0] for low in re.findall("[a-z-]+", sentence.lower())}
            if one in {"highest", "lowest", "above", "below"} and heads & (
                english.UP | english.DOWN
            ) - {one}:
                continue
            same = ALSO_SAID.get(one, one)
            if said and (not said.matches(same) or re.search(rf"\b{other}\b", said.sentence)):
                continue
            new = _less_than(sentence[match.end() :]) if other == "less than" else other
            yield match.start(), match.end(), new


def _less_than(rest: str) -> str:
    """fewer than before " 200 people", less than before " $200" and " 200 miles"."""
    number, *words = (word.strip(".,") for word in re.findall(r"[\w,.$%]+", rest)[:4])
    if not (number[:1].isdigit() or number in COUNTS) or {*words} & UNITS:
        return "less than"
    people = {*words} & {"people", "men", "women", "children"}
    return "fewer than" if people or any(word.endswith("s") for word in words) else "less than"


# ---------------------------------------------------------------- before and after

BEFORE_AFTER = r"""
    named|look\w*|go(?:es|ing)?|went|sought|one|day|year|time|shortly|soon|immediately|long|right|
    just|until|till|ever|even|never|well|come|came|comes|coming|take\w*|modeled|run|ran|chas\w+
"""
AFTER_WHAT = rf"""
    all|hours|having|being|failing|taxes?|losing|winning|\d|a[ ](?:day|week|month|year|decade|
    journey)|{COUNTED}|just|only|about|more|less|nearly|almost
"""
BEFORE_BEFORE = r"""
    appear\w*|went|go|come|came|brought|testif\w+|argu\w+|pending|long|case|cases|shortly|until|
    till|never|ever
"""
BEFORE_WHAT = r"""
    the[ ](?:court|committee|panel|judge|house|senate|board|council|supreme)|
    a[ ](?:judge|court|committee|panel|grand)|congress|taxes?|interest|being|having|they|he|she|it|
    i|we|you|a?n?other|court|magistrates?|then|that|this
"""
# In these "after" and "before" tell no time, or don't change it when they change places
IDIOMS = re.compile(
    rf"""\b(?:{BEFORE_AFTER})[ ]after\b | \bafter[ ](?:{AFTER_WHAT})\b |
         \b(?:{BEFORE_BEFORE})[ ]before\b | \bbefore[ ](?:{BEFORE_WHAT})\b""",
    re.IGNORECASE | re.VERBOSE,
)
EVENTS = word_set("""
    election elections war vote meeting attack attacks trial storm race game match deadline holiday
    close opening end start hearing deal merger invasion launch final fire crash flood strike dawn
    summer winter season
""")
NOW = word_set("is are has have will would can could may might should to")


def _is_of_time(sentence: str, start: int) -> bool:
    """Whether the "before" or "after" at start tells when something past was.

    Only then its opposite leaves the tenses right.
    """
    if IDIOMS.search(sentence):
        return False
    clause = re.split(r"[,;:()\"]", sentence[:start])[-1].lower().split()
    verbs = english.BASE_OF_PAST.keys() | {"was", "were", "had"}
    past = any(word in verbs or word.endswith("ed") for word in clause)
    rest = sentence[start:].lower().split()[1:8]
    if sentence.startswith("before", start) and rest and rest[0] in english.DETERMINERS:
        # "before the building" is a place: a verb or an event must follow
        past = past and bool({*rest[1:]} & (verbs | EVENTS))
    return past and not NOW & {*clause}


def _with_article(sentence: str, start: int, end: int, new: str) -> list[Change]:
    """The change, and "a" or "an" before it as the new word wants it."""
    changes = [(start, end, like(new, sentence[start:end]))]
    if found := re.search(r"\b([Aa])(n?) $", sentence[:start]):
        changes.append((found.start(2), found.end(2), "n" if new[0] in "aeiou" else ""))
    return changes
