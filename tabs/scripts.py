"""A Python script on the page: shown, copied, downloaded. (Gradio's own gr.Code brings an editor,
which every visit loads.)
"""

import functools

import gradio as gr

from views import code as code_drawing

# Where a page may not use the clipboard (plain http on another machine, a frame), what is selected
# can still be copied.
TAKE = """element.addEventListener("click", async (event) => {
  const take = event.target.closest("[data-take]")?.dataset.take; if (!take) return;
  const code = element.querySelector("code"), said = element.querySelector("[role=status]");
  if (take !== "text") {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([code.textContent], {type: "text/x-python"}));
    link.download = take;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    return;
  }
  const selected = () => { getSelection().selectAllChildren(code); return document.execCommand("copy"); };
  const copied = await navigator.clipboard?.writeText(code.textContent).then(() => true, () => false) || selected();
  said.textContent = "";  // so that a second time is heard as well
  setTimeout(() => { said.textContent = copied ? said.dataset.copied : said.dataset.selected; }, 50);
  clearTimeout(element.hush);
  element.hush = setTimeout(() => { said.textContent = ""; }, 6000);
});"""


def script_block(source, name, whole=True):
    """The place of a script; `source` stands there first: it, lines of it that don't run alone, or
    a comment that says when it comes.
    """
    return gr.HTML(
        code_drawing.script(source, name) if whole else code_drawing.code(source), js_on_load=TAKE
    )


def in_block(handler, name):
    """A handler that returns a script's source -> the one that draws it."""

    @functools.wraps(handler)
    def block(*values):
        return code_drawing.script(handler(*values), name)

    return block
