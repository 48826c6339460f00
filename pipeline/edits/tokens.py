"""A sentence as words and marks, with their places in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.edits import english

# Abbreviations (U.S.), quotation marks as newswires write them, words and numbers with what holds
# them together (30-day, 3.5, 9:30, didn't), and any other mark alone
TOKEN = re.compile(r"(?:[A-Z]\.){2,}|``|''|--|\w+(?:[-.,'’/:&]\w+)*%?|[^\w\s]")
QUOTES = {'"', "“", "”", "`", "``", "''"}
BREAKS = {*",;:()-–—[]!?", "--", *QUOTES}  # a clause can't run on over these
APOSTROPHES = {"'", "’"}


@dataclass(frozen=True)
class Token:
    """One word or mark: text == sentence[start:end]."""

    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        """The word in lower case."""
        return self.text.lower()


Words = list[Token]
Change = tuple[int, int, str]  # (start, end, new text), in characters


def tokens_of(sentence: str) -> Words:
    """
    >>> [token.text for token in tokens_of("U.S. profits rose 3.5%, didn't they?")]
    ['U.S.', 'profits', 'rose', '3.5%', ',', "didn't", 'they', '?']
    """
    return [Token(found.group(), found.start(), found.end()) for found in TOKEN.finditer(sentence)]


def replaced(sentence: str, changes: Iterable[Change]) -> str:
    """The sentence with all of these changes made."""
    for start, end, new in sorted(changes, reverse=True):
        sentence = sentence[:start] + new + sentence[end:]
    return sentence


def text_at(words: Words, i: int) -> str:
    """The text of the word at i; "" before the first and after the last."""
    return words[i].text if 0 <= i < len(words) else ""


def low_at(words: Words, i: int) -> str:
    """The word at `i` in lower case; "" where there is none."""
    return text_at(words, i).lower()


def lows_in(words: Words) -> set[str]:
    """All of the words in lower case, each once."""
    return {word.low for word in words}


def is_capital(text: str) -> bool:
    """Whether a text begins with a capital letter."""
    return text[:1].isupper()


def is_name_word(text: str) -> bool:
    """Whether a word has a capital that a word like "The" or "After" wouldn't explain."""
    return is_capital(text) and text.lower() not in english.FUNCTION_WORDS


def like(text: str, model: str) -> str:
    """The text with a capital where the model has one."""
    return text[:1].upper() + text[1:] if is_capital(model) else text


def clause_start(words: Words, i: int) -> int:
    """The place of the first word after the last mark before i."""
    return next((at + 1 for at in range(i - 1, -1, -1) if words[at].text in BREAKS), 0)


def denies(sentence: str, words: Words) -> bool:
    """Whether a sentence has a negative word in it; "No. 2" is none."""
    if re.search(r"n\s?['’]\s?t\b", sentence, re.IGNORECASE):
        return True
    numbered = {
        i for i, word in enumerate(words) if word.low == "no" and text_at(words, i + 1) == "."
    }
    return any(word.low in english.NEGATIVE and i not in numbered for i, word in enumerate(words))
