"""Plain data -> HTML, by a template of views/templates with autoescape on.

    >>> print(macro("notice", "<b>"))
    <p class="notice info" role="note">&lt;b&gt;</p>

A visitor's text can't be forgotten to be escaped: what isn't Markup already is escaped, and made
visible where it holds control characters, direction marks or lone surrogates.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from languages import Said, _, between_sentences, ngettext, say, say_plural, sentences

TEMPLATES = Path(__file__).parent / "templates"
CONTROL_PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 127: "\u2421"}
# What a tokenizer puts before a piece to say where a word begins or goes on: WordPiece, byte-level
# BPE, SentencePiece
WORD_MARKS = ("##", "Ġ", "▁")


def render(template: str, /, **data: Any) -> Markup:
    """The template `template` of views/templates, filled with `data`."""
    return Markup(_environment().get_template(template).render(data))


def macro(name: str, /, *arguments: Any) -> Markup:
    """The macro `name` of `_macros.html`, called with these arguments."""
    return getattr(_environment().get_template("_macros.html").module, name)(*arguments)


def element(name: str, value: object) -> Markup:
    """One tag around a text.

    >>> print(element("strong", "<b>"))
    <strong>&lt;b&gt;</strong>
    """
    return Markup("<{0}>{1}</{0}>").format(name, _shown(value))


def rich(said: Said) -> Markup:
    """A text whose sentence holds tags, as Markup: its values are escaped.

    >>> print(rich(say("<strong>{name}</strong> is here.", name="<b>")))
    <strong>&lt;b&gt;</strong> is here.
    """
    values = {
        name: _shown(value) if isinstance(value, str) else value
        for name, value in said.values.items()
    }
    forms = (said.message,) if isinstance(said.message, str) else said.message
    return Markup(str(Said(*forms, **values)))


def visible(value: object) -> str:
    """A text with nothing invisible in it: control characters as pictures, others by their number.

    >>> visible("a\\x00b\\u202e")
    'a␀b⟨U+202E⟩'
    """
    text = str(value)
    return text if text.isascii() and text.isprintable() else "".join(map(_picture, text))


def _picture(character: str) -> str:
    if ord(character) in CONTROL_PICTURES:
        return CONTROL_PICTURES[ord(character)]
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    # Direction overrides and zero-width characters change what other text looks like. A joiner
    # only joins emoji.
    if unicodedata.category(character) in ("Cf", "Cc", "Zl", "Zp") and character != "\u200d":
        return f"⟨U+{ord(character):04X}⟩"
    return character


def bdi(value: object) -> Markup:
    """A text whose writing direction stays its own."""
    return Markup("<bdi>{}</bdi>").format(_shown(value))


def piece(value: str) -> Markup:
    """A token's piece; what marks its place in the word stands outside its writing direction.

    >>> print(piece("##ing"))
    <span class="joint">##</span><bdi>ing</bdi>
    """
    for mark in WORD_MARKS:
        if value.startswith(mark) and value != mark:
            return Markup('<span class="joint">{}</span>').format(mark) + bdi(value[len(mark) :])
    return bdi(value)


def _shown(value: object) -> Any:
    """How `{{ value }}` is written: Markup as it is, any other text visible and escaped."""
    return value if hasattr(value, "__html__") else escape(visible(value))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        auto_reload=False,
    )
    environment.globals.update(
        _=_,
        ngettext=ngettext,
        say=say,
        say_plural=say_plural,
        sentences=sentences,
        between_sentences=between_sentences,
    )
    environment.filters.update(bdi=bdi, piece=piece, rich=rich)
    return environment
