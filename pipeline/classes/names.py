"""Nicknames of pupils: drawn, or typed and checked.

>>> checked_name("  Ada  Lovelace ", [])
'Ada Lovelace'
>>> checked_name("АDA", ["Ada"])  # doctest: +ELLIPSIS
Traceback (most recent call last):
pipeline.errors.InputError: 'АDA' looks like the name of somebody in this class. ...
"""

import re
import secrets
import unicodedata
from collections.abc import Collection
from typing import Any

from languages import LANGUAGES, say, speaking
from pipeline.errors import InputError, shown
from pipeline.runs.names import NAMES
from pipeline.sentence import INVISIBLE, is_blank

MOST_OF_A_NAME = 24  # characters
MOST_MARKS = 3  # on one letter: Hebrew and Thai need that many, and more cover the lines around
MOST_DRAWS = 40
COLOURS = (
    say("Amber"),
    say("Blue"),
    say("Bronze"),
    say("Coral"),
    say("Crimson"),
    say("Golden"),
    say("Green"),
    say("Indigo"),
    say("Jade"),
    say("Lilac"),
    say("Orange"),
    say("Pink"),
    say("Purple"),
    say("Red"),
    say("Silver"),
    say("Turquoise"),
    say("Violet"),
    say("White"),
    say("Yellow"),
)
# Letters of other scripts, and digits, that are drawn as a Latin letter
DRAWN_ALIKE = str.maketrans(
    {
        **dict(zip("авеіјкмнорсѕтухһԁԛԝ", "abeijkmhopcstyxhdqw", strict=True)),
        **dict(zip("αβεικνορτυχ", "abeiknoptux", strict=True)),
        **dict(zip("01|ı", "olli", strict=True)),
    }
)


def checked_name(name: Any, others: Collection[str]) -> str:
    """The nickname with single blanks, or an InputError that says what is wrong with it.

    others: the names in the class, of which none may look like it.
    """
    if not isinstance(name, str) or len(name) > 4 * MOST_OF_A_NAME or is_blank(name):
        raise InputError(
            say(
                "{name} is no nickname. Type 1 to {most} characters, or leave it empty to draw "
                "one.",
                name=shown(name),
                most=MOST_OF_A_NAME,
            )
        )
    text = unicodedata.normalize("NFC", " ".join(name.split()))
    if len(text) > MOST_OF_A_NAME:
        raise InputError(
            say(
                "A nickname has at most {most} characters, and {name} has {count}. Shorten it.",
                most=MOST_OF_A_NAME,
                name=shown(text),
                count=len(text),
            )
        )
    if not _can_be_read(text):
        raise InputError(
            say(
                "{name} has characters that can't be seen or that cover others. Type letters, "
                "digits or signs.",
                name=shown(text),
            )
        )
    if _is_as_hidden(text):
        raise InputError(
            say(
                "{name} stands in place of a name that the teacher has hidden. Choose another.",
                name=shown(text),
            )
        )
    if likeness(text) in _likenesses(others):
        raise InputError(
            say(
                "{name} looks like the name of somebody in this class. Choose another.",
                name=shown(text),
            )
        )
    return text


def _can_be_read(text: str) -> bool:
    marks = 0
    for character in text:
        kind = unicodedata.category(character)
        if kind[0] == "C" or kind in ("Zl", "Zp") or INVISIBLE.match(character):
            return False
        marks = marks + 1 if kind[0] == "M" else 0
        if marks > MOST_MARKS:
            return False
    return True


def likeness(name: str) -> str:
    """What two names have in common that one takes for each other.

    >>> likeness("Zoё 1"), likeness("ZOEl")
    ('zoel', 'zoel')
    """
    bare = "".join(
        character
        for character in unicodedata.normalize("NFKD", name).casefold()
        if unicodedata.category(character)[0] not in "MZP"
    )
    letters = bare.translate(DRAWN_ALIKE).replace("rn", "m").replace("vv", "w")
    return letters or re.sub(r"\s", "", name)  # only punctuation


def name_of_hidden(number: int) -> str:
    """What the class sees in place of a hidden name. number: 1 for who joined first."""
    return say("pupil {number}", number=number)


def _is_as_hidden(text: str) -> bool:
    """Whether a name looks like what stands in place of somebody's hidden one."""
    patterns = (re.escape(one) for one in _all_likenesses(name_of_hidden(7)))
    digits = "[ol2-9]{1,4}"  # as likeness has them
    return any(re.fullmatch(one.replace("7", digits), likeness(text)) for one in patterns)


def _all_likenesses(name: str) -> set[str]:
    """Of a name in each language: a drawn one is read in the reader's."""
    found = set()
    for language in LANGUAGES:
        with speaking(language):
            found.add(likeness(str(name)))
    return found


def _likenesses(names: Collection[str]) -> set[str]:
    return {one for name in names for one in _all_likenesses(name)}


def drawn_name(others: Collection[str]) -> str:
    """A colour and an animal, which nobody of `others` is called while one is free."""
    taken = _likenesses(others)
    for _draw in range(MOST_DRAWS):
        name = say(
            "{colour} {animal}", colour=secrets.choice(COLOURS), animal=secrets.choice(NAMES)
        )
        if not _all_likenesses(name) & taken:
            break
    return name
