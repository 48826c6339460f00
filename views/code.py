"""Python -> HTML: a line as it stands, a script to copy and to download. Every text is escaped;
nothing here imports gradio.

>>> highlighted("x = 1  # <one>")
'x = <i class="n">1</i>  <i class="c"># &lt;one&gt;</i>'
"""

import functools
import html
import io
import itertools
import keyword
import tokenize

from languages import _
from views.markup import framed, text


def code(source):
    """A few lines, wrapped."""
    return f'<pre class="command">{highlighted(source)}</pre>'


def script(source, name, address=""):
    """A script under its file's name, in a frame that scrolls by itself; where its lines do
    something, they can be taken.

    address: where the server has the file. Without one, the page's own script (tabs/scripts.py)
    makes it of what stands here.
    """
    frame = framed(f"<pre><code>{highlighted(source)}</code></pre>", _("The code of {id}", id=name))
    return (
        f"<section "
        f'class="script"><header><strong>{text(name)}</strong>{_buttons(source, name, address)}</header>'
        f"{frame}</section>"
    )


def _buttons(source, name, address):
    if all(line.startswith("#") or not line.strip() for line in source.splitlines()):
        return ""
    of = f'<span class="unseen"> {text(name)}</span>'  # a page has several scripts
    said = (
        f'<span role="status" data-copied="{_("Copied")}" '
        f'data-selected="{_("Selected: Ctrl+C or ⌘C copies it")}"></span>'
    )
    copy = f'<button type="button" data-take="text">{_("Copy")}{of}</button>'
    label = f"{_('Download')}{of}"
    if address:
        return f'{said}{copy}<a href="{text(address)}" download="{text(name)}">{label}</a>'
    return f'{said}{copy}<button type="button" data-take="{text(name)}">{label}</button>'


@functools.lru_cache(maxsize=512)  # the claims' code; a visitor's script doesn't stay for long
def highlighted(source):
    """Python as HTML, its keywords, names of built-in values, strings, numbers and comments marked."""
    starts = [0, *itertools.accumulate(map(len, io.StringIO(source)))]  # of its lines
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return html.escape(source)
    parts, here = [], 0
    for token in tokens:
        if kind := _token_kind(token):
            begin, end = (starts[line - 1] + column for line, column in (token.start, token.end))
            parts += [
                html.escape(source[here:begin]),
                f'<i class="{kind}">{html.escape(source[begin:end])}</i>',
            ]
            here = end
    return "".join(parts) + html.escape(source[here:])


def _token_kind(token):
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "k"
    return {tokenize.STRING: "s", tokenize.NUMBER: "n", tokenize.COMMENT: "c"}.get(token.type)
