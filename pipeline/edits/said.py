"""What the other sentence of a pair says: only what both of them say is changed."""

import re

from pipeline.edits import english
from pipeline.edits.numbers import numbers_in
from pipeline.edits.tokens import denies, lows_in, tokens_of


class Said:
    """The other sentence, as far as an edit asks what it says."""

    def __init__(self, sentence: str) -> None:
        words = tokens_of(sentence)
        self.sentence = sentence
        self.lows = lows_in(words)
        self.numbers = {value for _place, value in numbers_in(words)}
        self.denies = denies(sentence, words)

    def says(self, word: str) -> bool:
        """Whether it has this word, another form of it, or one for the same direction.

        arrested, arresting; sat, sitting; rose, up.
        """
        stem = word[: max(4, len(word) - 4)]
        if any(low.startswith(stem) for low in self.lows):
            return True
        base = english.BASE_OF.get(word)
        if base and any(english.BASE_OF.get(low) == base for low in self.lows):
            return True
        return any(word in way and self.lows & way for way in (english.UP, english.DOWN))

    def has(self, text: str) -> bool:
        """Whether this text stands in it as whole words, with the same capitals."""
        return re.search(rf"\b{re.escape(text)}\b", self.sentence) is not None

    def matches(self, pattern: str) -> bool:
        """Whether a regular expression finds whole words in it, whatever their capitals."""
        return re.search(rf"\b(?:{pattern})\b", self.sentence, re.IGNORECASE) is not None
