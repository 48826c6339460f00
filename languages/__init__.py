"""What the app says, in the language of whoever reads it. The English sentence in the code is the key.

    >>> said = say("No row {row} in {split}.", row=9, split="train")
    >>> said
    'No row 9 in train.'
    >>> said.sentence
    'No row {row} in {split}.'

`say` is for the machine: the result is the English text, and turns into the reader's language only where a reader sees
it, so that it can be kept, raised and cached in between. `_` is for what is drawn at once. Both are found by name when
the catalogue is checked (`python -m dev.catalogue`), so their first argument is a literal.
"""

import functools
import json
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}
DEFAULT_LANGUAGE = "en"
CATALOGUES = Path(__file__).resolve().parent

_spoken = ContextVar("language", default=DEFAULT_LANGUAGE)


class Said(str):
    """An English text that remembers its sentence and values; str() and f-strings say it in the reader's language."""

    def __new__(cls, sentence, **values):
        values = {name: _kept(value) for name, value in values.items()}
        # Saids among the values are English here, whoever speaks now: this text may be kept and read by another.
        with speaking(DEFAULT_LANGUAGE):
            said = super().__new__(cls, sentence.format(**values) if values else sentence)
        said.sentence, said.values = sentence, values
        return said

    def __str__(self):
        return _in(language(), self.sentence, self.values) if language() != DEFAULT_LANGUAGE else self.english

    def __format__(self, spec):
        return format(str(self), spec)

    def __reduce__(self):
        return _again, (self.sentence, self.values)

    @property
    def english(self):
        return str.__str__(self)


def _kept(value):
    """A value that can be kept: an error is what it says."""
    if isinstance(value, BaseException):
        return value.args[0] if value.args and isinstance(value.args[0], str) else str(value)
    return value


def _again(sentence, values):
    return Said(sentence, **values)


def say(sentence, /, **values):
    """A Said: English now, the reader's language once a reader is there. `values` may be Saids themselves."""
    return Said(sentence, **values)


def _(sentence, /, **values):
    """The sentence in the reader's language, as plain text."""
    return str(Said(sentence, **values))


def told(text):
    """A text that stands in data rather than in a call (a claim), in the reader's language."""
    return catalogue(language()).get(text, text)


def language():
    """The language spoken here: that of the page whose handler runs, English elsewhere."""
    return _spoken.get()


@contextmanager
def speaking(name):
    """Within this block, this thread speaks that language."""
    token = _spoken.set(name)
    try:
        yield
    finally:
        _spoken.reset(token)


@functools.cache
def catalogue(name):
    """{English sentence: the same in that language}; empty for English. Raises ValueError for a language that isn't there."""
    if name not in LANGUAGES:
        raise ValueError(f"{name[:20]!r} is no language of this app. Choose one of {', '.join(LANGUAGES)}.")
    return {} if name == DEFAULT_LANGUAGE else json.loads((CATALOGUES / f"{name}.json").read_text(encoding="utf-8"))


def _in(name, sentence, values):
    """Values that are Saids follow; what the catalogue lacks stays English, and a test says so."""
    translated = catalogue(name).get(sentence, sentence)
    return translated.format(**values) if values else translated


def as_data(said):
    """A Said as JSON can hold it: [sentence, values]; None for any other text."""
    if not isinstance(said, Said):
        return None
    plain = (str, int, float, bool, type(None))
    return [said.sentence, {name: as_data(value) or (value if isinstance(value, plain) else str(value))
                            for name, value in said.values.items()}]  # fmt: skip


def from_data(data, text):
    """What as_data wrote -> the Said; `text` where it wasn't written by this app.

    A stored sentence counts only if a catalogue has it: a template of somebody else's is never formatted.
    """
    try:
        sentence, values = data
        known = isinstance(sentence, str) and any(sentence in catalogue(name) for name in LANGUAGES)
        if not known or not all(isinstance(name, str) for name in values):
            return text
        return Said(sentence, **{name: from_data(value, str(value)) if isinstance(value, list) else value
                                 for name, value in values.items()})  # fmt: skip
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        return text
