"""What a script of static/ must know from Python: field names, defaults, texts of the page."""

import json
from typing import Any

import gradio as gr
from markupsafe import Markup


def json_block(name: str, data: Any) -> gr.HTML:
    """Put `data` into the page, where `page.data(name)` finds it (static/page.js).

    A block inside a tab is in the page only once that tab was opened. What other tabs' scripts need
    as well belongs above the tabs.
    """
    return gr.HTML(block_markup(name, data), visible="hidden", js_on_load=None)


def block_markup(name: str, data: Any) -> Markup:
    """`data` as JSON in a `<template>`, which a browser neither draws nor runs.

    Inside one, text is escaped as it is everywhere. (A `<script type="application/json">` would
    need rules of its own for `</script>` and `<!--`. Gradio 6.31: it warns of scripts in a
    gr.HTML.)

    >>> print(block_markup("walk", ["</template>"]))
    <template id="page-data-walk">[&#34;&lt;/template&gt;&#34;]</template>
    """
    return Markup('<template id="page-data-{}">{}</template>').format(name, json.dumps(data))
