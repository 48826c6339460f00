"""What the app says, in the language of whoever reads it. The English text in the code is the key.

    >>> said = say("No row {row} in {split}.", row=9, split="train")
    >>> said
    'No row 9 in train.'
    >>> said.message
    'No row {row} in {split}.'
    >>> say_plural("{count} row of {split}", "{count} rows of {split}", 1, split="train")
    '1 row of train'

`say` and `say_plural` are for the machine: the result is the English text, and turns into the
reader's language only where a reader sees it, so that it can be kept, raised and cached in between.
`_` and `ngettext` are for what is drawn at once. `python -m dev.catalogue` finds all four by their
names when it checks the catalogues, so their texts are literals.

A catalogue is a file of gettext, `languages/<code>/LC_MESSAGES/messages.po`. It is read at first
use, which takes Babel 50 ms; a compiled .mo beside it would be one more thing to keep in step.
"""

import functools
import gettext
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
DEFAULT_LANGUAGE = "en"

Message = str | tuple[str, str]  # a sentence, or the (singular, plural) of one

_spoken = ContextVar("language", default=DEFAULT_LANGUAGE)


class Said(str):
    """An English text that remembers its message and values; str() and f-strings translate it.

    With a plural, `values["count"]` is the whole number that decides between the forms; anything
    else there raises TypeError.
    """

    message: Message
    values: dict[str, Any]

    def __new__(cls, sentence: str, plural: str | None = None, /, **values: Any) -> "Said":
        """A sentence, or one with its plural, and its values."""
        values = {name: _kept(value) for name, value in values.items()}
        if plural is not None:
            values["count"] = operator.index(values["count"])
        text = sentence if plural is None or values["count"] == 1 else plural
        # Saids among the values are English here, whoever speaks now: this text may be kept and
        # read by another.
        with speaking(DEFAULT_LANGUAGE):
            said = super().__new__(cls, text.format(**values) if values else text)
        said.message = sentence if plural is None else (sentence, plural)
        said.values = values
        return said

    @property
    def english(self) -> str:
        """The English text, whoever reads it."""
        return str.__str__(self)

    def __str__(self) -> str:
        if language() == DEFAULT_LANGUAGE:
            return self.english
        text = _translated(language(), self.message, self.values.get("count"))
        return text.format(**self.values) if self.values else text

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __reduce__(self) -> tuple:
        return _again, (self.message, self.values)


def _kept(value: Any) -> Any:
    """A value that can be kept: an error is what it says."""
    if isinstance(value, BaseException):
        return value.args[0] if value.args and isinstance(value.args[0], str) else str(value)
    return value


def _again(message: Message, values: dict[str, Any]) -> Said:
    return Said(*_forms(message), **values)


def _forms(message: Message) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else message


def say(sentence: str, /, **values: Any) -> Said:
    """A Said: English now, the reader's language later. `values` may be Saids themselves."""
    return Said(sentence, **values)


def say_plural(singular: str, plural: str, /, count: int, **values: Any) -> Said:
    """A Said in the form for `count`, a whole number, which both forms may hold as {count}."""
    return Said(singular, plural, count=count, **values)


def _(sentence: str, /, **values: Any) -> str:
    """The sentence in the reader's language, as plain text."""
    return str(Said(sentence, **values))


def ngettext(singular: str, plural: str, /, count: int, **values: Any) -> str:
    """The form for `count` in the reader's language, as plain text."""
    return str(Said(singular, plural, count=count, **values))


def sentences(*said: Any) -> str:
    """Sentences one after another, as a Said; empty ones are left out.

    Chinese has no blank after its full stop, so joining them by " " is a matter of the language.
    """
    kept = [sentence for sentence in said if sentence]
    return functools.reduce(_two_sentences, kept) if kept else ""


def _two_sentences(first: Any, second: Any) -> Said:
    return say("{first} {second}", first=first, second=second)


def between_sentences() -> str:
    """A blank, or nothing, for a template that puts one sentence after another."""
    return str(_two_sentences("", ""))


def told(text: str) -> str:
    """A text of data rather than of a call (a claim), in the reader's language."""
    return _translated(language(), text)


def language() -> str:
    """The language spoken here: that of the page whose handler runs, English elsewhere."""
    return _spoken.get()


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Within this block, this thread speaks that language."""
    token = _spoken.set(name)
    try:
        yield
    finally:
        _spoken.reset(token)


def path_of(name: str) -> Path:
    """Where the catalogue of a language is."""
    return Path(__file__).resolve().parent / name / "LC_MESSAGES" / "messages.po"


@functools.cache
def catalogue(name: str) -> dict[Message, Any]:
    """{message: its translation}, a plural's as a tuple of forms; empty for English.

    Raises ValueError for a language that isn't there.
    """
    if name not in LANGUAGES:
        languages = ", ".join(LANGUAGES)
        raise ValueError(f"{name[:20]!r} is no language of this app. Choose one of {languages}.")
    return {} if name == DEFAULT_LANGUAGE else read_catalogue(name)[0]


@functools.cache
def read_catalogue(name: str) -> tuple[dict[Message, Any], Callable[[int], int]]:
    """The catalogue, and the function from a count to the place of its form."""
    from babel.messages.pofile import read_po

    with path_of(name).open("rb") as file:
        catalog = read_po(file)
    done: dict[Message, Any] = {}
    for each in catalog:
        forms: Any = each.string  # a text, or a tuple of the plural's forms
        if each.id and not each.fuzzy and forms and all(_forms(forms)):
            done[each.id if isinstance(each.id, str) else (each.id[0], each.id[1])] = forms
    return done, gettext.c2py(catalog.plural_expr)


def _translated(name: str, message: Message, count: Any = None) -> str:
    """The template in that language. What its catalogue lacks stays English; a test finds that."""
    text = catalogue(name).get(message)
    if isinstance(message, str):
        return message if text is None else text
    return message[count != 1] if text is None else text[read_catalogue(name)[1](count)]


def as_data(said: Any) -> list | None:
    """A Said as JSON can hold it: [sentence, values] or [singular, values, plural].

    None for any other text.
    """
    if not isinstance(said, Said):
        return None
    plain = (str, int, float, bool, type(None))
    values = {
        name: as_data(value) or (value if isinstance(value, plain) else str(value))
        for name, value in said.values.items()
    }
    sentence, *plural = _forms(said.message)
    return [sentence, values, *plural]


def from_data(data: Any, text: str) -> str:
    """What as_data wrote -> the Said; `text` where it wasn't written by this app.

    A stored message counts only if a catalogue has it: a template of somebody else's is never
    formatted.
    """
    try:
        sentence, values, *plural = data
        message = (sentence, *plural) if plural else sentence
        if not any(message in catalogue(name) for name in LANGUAGES):
            return text
        values = {
            name: from_data(value, str(value)) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return Said(*_forms(message), **values)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        return text
