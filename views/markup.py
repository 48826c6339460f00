"""What all views share. Nothing here imports gradio.

>>> text("<b>")
'&lt;b&gt;'
>>> print(notice("<b>"))
<p class="notice info" role="note">&lt;b&gt;</p>

`notice` and `origin_line` are Markup: added to a plain string with `+`, they would escape it. The
other functions return plain strings, for the views that aren't templates yet; a template has the
macros of `_macros.html` instead.
"""

from collections.abc import Sequence

from markupsafe import Markup, escape

import languages
from languages import _
from views.render import element, macro, visible


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


def two_lines(sentence1: str, sentence2: str) -> Markup:
    """A pair in one cell."""
    return Markup("{}<br>{}").format(element("bdi", sentence1), element("bdi", sentence2))


# ---------------------------------------------------------------- for what isn't a template yet


def text(value: object) -> str:
    """A visitor's text, HTML escaped, with nothing invisible in it."""
    return str(escape(visible(value)))


def bdi(value: object) -> str:
    """Text whose writing direction stays its own."""
    return f"<bdi>{text(value)}</bdi>"


def captioned(name: str, caption: object, rows: str, role: str = "") -> str:
    """A table with its caption; the caption's text stays in sight while the frame scrolls."""
    role = f' role="{role}"' if role else ""
    return (
        f'<table class="{name}"{role}><caption><span>{text(caption)}</span></caption>{rows}</table>'
    )


def framed(table: str, label: object) -> str:
    """A frame that scrolls by itself, also from the keyboard: the page never scrolls sideways."""
    return f'<div class="frame" tabindex="0" role="region" aria-label="{text(label)}">{table}</div>'
