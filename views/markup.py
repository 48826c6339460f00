"""What all views share. Nothing here imports gradio.

>>> print(notice("<b>"))
<p class="notice info" role="note">&lt;b&gt;</p>

All but `sentences` return Markup: added to a plain string with `+`, they would escape it.
"""

import json
from collections.abc import Sequence

from markupsafe import Markup

import languages
from languages import _
from views.render import element, macro


def notice(message: object, kind: str = "info") -> Markup:
    """A sentence that wants to be read; kind: "info", "warning" or "error"."""
    return macro("notice", message, kind)


def origin_line(message: object, fallback: bool = False) -> Markup:
    """Where something was loaded from; fallback: whether it stands in for what was asked."""
    label = _("Stand-in") if fallback else _("Loaded")
    return macro("origin_line", label, message, fallback)


def sentences(*said: object) -> str:
    """Sentences one after another. Chinese has no blank after its full stop."""
    return str(languages.sentences(*said))


def stacked_table(
    name: str, caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]]
) -> Markup:
    """A table, the first cell of each row its header; on a phone each row is a block of its own."""
    return macro("stacked_table", name, caption, heads, rows)


def quiet(sentence: str) -> Markup:
    """A sentence in a lower voice, also for what has nothing to show yet."""
    return macro("paragraph", "quiet", sentence)


def made_of(sentence1: str, sentence2: str | None) -> Markup:
    """The attribute of what was made of a pair, or of one sentence (None for the other):
    static/pair.js dims it once another is typed.

    >>> print(made_of("A cat.", "A dog."))
     data-pair="[&#34;A cat.&#34;, &#34;A dog.&#34;]"
    """
    return Markup(' data-pair="{}"').format(json.dumps([sentence1, sentence2]))


def of_pair(pair: Sequence[str | None], drawn: Markup) -> Markup:
    """What was made of a pair, as `made_of` marks it."""
    sentence1, sentence2 = pair
    return Markup("<div{}>{}</div>").format(made_of(sentence1 or "", sentence2), drawn)


def two_lines(sentence1: str, sentence2: str | None = None) -> Markup:
    """A pair in one cell, or the one sentence that there is."""
    if sentence2 is None:
        return element("bdi", sentence1)
    return Markup("{}<br>{}").format(element("bdi", sentence1), element("bdi", sentence2))
