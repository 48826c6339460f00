"""A tab's Share panel, which the page's head opens: a link to what is on the screen, the same as an
iframe, a teacher's own.

The links are made in the page (static/share.js).
"""

import json

import gradio as gr

from languages import LANGUAGES, _
from pipeline.settings import Settings
from tabs.address import MOST_TASK, Shared
from tabs.page_data import json_block
from views.markup import quiet
from views.render import render


def share_data(settings: Settings) -> None:
    """Put into the page what a link of each tab needs beside its fields."""
    title = _("From a pair of sentences to a paraphrase classifier")
    json_block("share", {"space": settings.space_id, "languages": list(LANGUAGES), "title": title})


def build_share(settings: Settings, shared: Shared) -> None:
    """The panel of one tab, closed. It adds to `shared.teacher` what a link hands on."""
    named = [
        (component.label or name, name)
        for name, component in shared.fields.items()
        if shared.for_class
    ]
    with gr.Column(elem_id=f"share-{shared.tab}", elem_classes="share-panel"):
        gr.HTML(render("share_head.html"), js_on_load="page.share.listen(element)", padding=False)
        with gr.Row():
            copy_link = gr.Button(_("Copy link"), variant="primary", min_width=160)
            copy_frame = gr.Button(_("Copy the code to embed it"), min_width=160)
        with_run = gr.Checkbox(
            True,
            label=_("with the run that is shown"),
            visible=shared.tab == "fine-tune",
            info=_("without it, the link has only the settings"),
        )
        # Fields and not still texts: on a phone, or where a page may not use the clipboard, it is
        # selected here
        link = gr.Textbox(
            "",
            label=_("Link"),
            interactive=True,
            placeholder=_("“Copy link” puts it here and on the clipboard"),
        )
        frame = gr.Textbox("", label=_("HTML to embed"), interactive=True, lines=2)
        with gr.Accordion(_("For a class: a task, and controls to hide or lock"), open=False):
            said = _(
                "A class meets at one link: pupils see the task, change one setting, and watch "
                "all their runs on a board."
            )
            gr.HTML(quiet(said), padding=False)
            open_class = gr.Button(_("Open a class"), size="sm")
            task = gr.Textbox(
                "",
                label=_("Task"),
                max_length=MOST_TASK,
                info=_("one line of plain text, shown above the page as the teacher's task"),
            )
            hidden = gr.CheckboxGroup(named, label=_("Hide"), visible=bool(named))
            locked = gr.CheckboxGroup(
                named, label=_("Lock"), visible=bool(named), info=_("shown, but can't be changed")
            )
    shared.teacher.update(task=task, hide=hidden, lock=locked)
    open_class.click(None, js="() => page.classRoom.open()", api_visibility="private")
    tab = json.dumps(shared.tab)
    for button, what in ((copy_link, "link"), (copy_frame, "frame")):
        button.click(
            None,
            [*shared.values, task, hidden, locked, with_run],
            [link, frame],
            js=f"(...values) => page.share.copy({json.dumps(what)}, {tab}, values)",
            api_visibility="private",
        )
    # The link in the page's head presses it: a script can press a button, and the event knows the
    # fields
    change = gr.Button("", visible="hidden", elem_id=f"language-of-{shared.tab}")
    change.click(
        None,
        shared.values,
        js=f"(...values) => page.language.change({tab}, values)",
        api_visibility="private",
    )
