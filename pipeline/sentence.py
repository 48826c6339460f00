"""What a sentence must be: text that can be read, of a bounded length.

>>> from pipeline.settings import Settings
>>> checked_sentence("sentence1", "A cat sat.", Settings())
'A cat sat.'
"""

import re
import unicodedata
from typing import Any

from languages import say
from pipeline.errors import InputError
from pipeline.settings import Settings

# Code points that are drawn as nothing although Unicode counts them as letters, marks or symbols:
# its property Default_Ignorable_Code_Point (DerivedCoreProperties.txt) without what the category
# tells already, the blank of Braille, and the places where no character will ever be.
INVISIBLE = re.compile(
    "[\u115f\u1160\u3164\uffa0\u2065\ufff0-\ufff8\U000e0000-\U000e0fff\u2800\ufdd0-\ufdef"
    + "".join(chr(plane + end) for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF))
    + "]"
)
SURROGATE = re.compile("[\ud800-\udfff]")
# Separators; control, format and private characters; marks, which belong on a letter
UNSEEN = ("Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Mn", "Mc", "Me")


def is_blank(sentence: str) -> bool:
    r"""Whether nothing in a text can be read: it has only blanks, invisible characters, and marks
    without a letter.

    >>> is_blank(" \u200b\u00ad\0"), is_blank("\u0301"), is_blank("e\u0301"), is_blank(".")
    (True, True, False, False)
    """
    return all(
        unicodedata.category(character) in UNSEEN or INVISIBLE.match(character)
        for character in sentence
    )


def _why_blank(which: str, sentence: str) -> str:
    if not sentence:
        return say("{which} is empty. Write a sentence there.", which=which)
    if not sentence.strip():
        return say("{which} is only white space. Write a sentence there.", which=which)
    return say(
        "{which} has no readable character, only invisible ones or marks without a letter "
        "({codes}). Write a sentence there.",
        which=which,
        codes=codes_of(sentence),
    )


def codes_of(sentence: str, most: int = 3) -> str:
    r"""The first few different characters of a text, blanks left out, as code points.

    >>> codes_of(" \u200b\u200b\u00ad")
    'U+200B, U+00AD'
    """
    different = list(dict.fromkeys(character for character in sentence if not character.isspace()))
    codes = ", ".join(f"U+{ord(character):04X}" for character in different[:most])
    return f"{codes}, …" if len(different) > most else codes


def checked_sentence(which: str, sentence: Any, settings: Settings) -> str:
    """The sentence as given, or an InputError that says what is wrong with it and what to do."""
    if not isinstance(sentence, str):
        raise InputError(
            say(
                "{which} is {type}, not text. Give a sentence.",
                which=which,
                type=type(sentence).__name__,
            )
        )
    if is_blank(sentence):
        raise InputError(_why_blank(which, sentence))
    if len(sentence) > settings.max_characters:
        raise InputError(
            say(
                "{which} has {count:,} characters; the limit is {max_characters:,}. Shorten it.",
                which=which,
                count=len(sentence),
                max_characters=settings.max_characters,
            )
        )
    # A lone surrogate is no character and no encoder takes it; browsers and APIs can send one all
    # the same.
    if SURROGATE.search(sentence):
        raise InputError(
            say(
                "{which} contains half of a surrogate pair, which is not a character. Type that "
                "character again.",
                which=which,
            )
        )
    return sentence
