"""Python -> HTML: lines as they stand, and a script to copy and to download. Nothing here imports
gradio.

>>> print(highlighted("x = 1  # <one>"))
x = <i class="n">1</i>  <i class="c"># &lt;one&gt;</i>
"""

import functools
import io
import itertools
import keyword
import tokenize

from markupsafe import Markup, escape

from views.render import render


def code(source: str) -> Markup:
    """A few lines, wrapped."""
    return Markup('<pre class="command">{}</pre>').format(highlighted(source))


def script(source: str, name: str, address: str = "") -> Markup:
    """A script under its file's name; buttons copy and download it, if it is more than comments.

    address: where the server has the file. Without one, the page's own script makes it of what
    stands here.
    """
    lines = source.splitlines()
    runs = not all(line.startswith("#") or not line.strip() for line in lines)
    return render("script.html", code=highlighted(source), name=name, address=address, runs=runs)


@functools.lru_cache(maxsize=512)  # the claims' code; a visitor's script doesn't stay for long
def highlighted(source: str) -> Markup:
    """Python as HTML: keywords, strings, numbers and comments marked."""
    line_starts = [0, *itertools.accumulate(map(len, io.StringIO(source)))]
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return escape(source)
    parts = []
    end = 0
    for token in tokens:
        if kind := _kind(token):
            parts.append(escape(source[end : line_starts[token.start[0] - 1] + token.start[1]]))
            parts.append(Markup('<i class="{}">{}</i>').format(kind, token.string))
            end = line_starts[token.end[0] - 1] + token.end[1]
    return Markup("").join([*parts, escape(source[end:])])


def _kind(token: tokenize.TokenInfo) -> str | None:
    """The class of a token that is marked; None for others."""
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "k"
    return {tokenize.STRING: "s", tokenize.NUMBER: "n", tokenize.COMMENT: "c"}.get(token.type)
