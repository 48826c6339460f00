"""What the other sentence of a pair says: only what both of them say is changed."""

import re

from pipeline.edits.numbers import numbers_in
from pipeline.edits.tokens import denies, lows_in, tokens_of


class Said:
    """The other sentence, as far as an edit asks what it says."""

    def __init__(self, sentence: str):
        words = tokens_of(sentence)
        self.sentence = sentence
        self.lows = lows_in(words)
        self.numbers = {value for _place, value in numbers_in(words)}
        self.denies = denies(sentence, words)

    def has_stem(self, word: str) -> bool:
        """Whether a word begins like this one: arrested, arrests, arresting."""
        stem = word.lower()[: max(4, len(word) - 4)]
        return any(low.startswith(stem) for low in self.lows)

    def has(self, text: str) -> bool:
        """Whether this text stands in it as whole words, with the same capitals."""
        return re.search(rf"\b{re.escape(text)}\b", self.sentence) is not None

    def matches(self, pattern: str) -> bool:
        """Whether a regular expression finds whole words in it, whatever their capitals."""
        return re.search(rf"\b(?:{pattern})\b", self.sentence, re.IGNORECASE) is not None
