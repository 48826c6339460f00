"""The page's own script and style: static/*.js and static/*.css, written into each page.

Gradio 6.31: what `launch(head=...)` brings is added by Gradio's script, too late for what that
script needs. `launch(css=...)` writes each rule out twice, once with a prefix, drops some kinds of
rules and stands in each page anew. As files of their own they cost a phone 0.5 s at its first
visit: Gradio's modules wait for a script that stands before them, and Chromium fetches that one
last (dev/LOG.md).
"""

import functools
from pathlib import Path

STATIC = Path(__file__).parent.parent / "static"
# Two files may have a function of the same name: each stands in a scope of its own.
IN_A_SCOPE = '// static/{name}\n(() => {{\n"use strict";\n{source}}})();\n'


@functools.cache
def page_script() -> str:
    """All scripts, one after another."""
    return "\n".join(
        IN_A_SCOPE.format(name=path.name, source=path.read_text(encoding="utf-8"))
        for path in sorted(STATIC.glob("*.js"))
    )


@functools.cache
def page_style() -> str:
    """All styles. page.css comes first: the other rooms' rules build on it."""
    styles = sorted(STATIC.glob("*.css"), key=lambda path: (path.name != "page.css", path.name))
    return "\n".join(path.read_text(encoding="utf-8") for path in styles)


def style_tag() -> str:
    """What stands in the page's head."""
    return f"<style>{page_style()}</style>"


def script_tag() -> str:
    """What stands before Gradio's modules and after its config, which it changes (page.js)."""
    return f"<script>{page_script()}</script>"
