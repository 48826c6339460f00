"""Which pairs the page works on: a dropdown in each tab that works on some, the same in all."""

import json
import re
from collections.abc import Mapping
from typing import Any

import gradio as gr

from languages import _, say
from pipeline.own_pairs.store import reference_of
from pipeline.settings import Settings
from pipeline.task import CSV, TASKS, Task

# What an address says for a visitor's own pairs: nothing of them stands in one
OWN_IN_ADDRESS = "own"
OWN_TITLE = say("your own pairs")
# What a browser keeps of its visitor's own pairs: the right to them (pipeline/own_pairs/store.py).
# The reference, which stands in a run's config, is made of it and opens nothing on a page.
KEY_PREFIX = "own-key:"
KEY = re.compile(KEY_PREFIX + "[0-9a-f]{64}")


def _preprocess(self: gr.Dropdown, payload: Any) -> Any:
    """As a dropdown's, for all but a key: a handler gets the name of its task, `own:…`.

    Each visitor has another list, so that what Gradio knows of the choices can't check a key: who
    asks `task_named` hears whether there are pairs.
    """
    return task_of_key(payload) or gr.Dropdown.preprocess(self, payload)


def _warn(self: gr.Dropdown, value: Any) -> None:
    """Gradio 6.31: the warning would write a key into the server's log."""
    if not task_of_key(value):
        gr.Dropdown._warn_if_invalid_choice(self, value)


# A dropdown of tasks, and of a visitor's own pairs, of which the page sends the key. Not by a class
# statement: Gradio 6.31 writes a stub beside the module of each class of components. A template is
# drawn as its base is.
PairsChoice = type.__new__(
    type(gr.Dropdown),
    "PairsChoice",
    (gr.Dropdown,),
    {
        "__module__": __name__,
        "is_template": True,
        "preprocess": _preprocess,
        "_warn_if_invalid_choice": _warn,
    },
)


def task_of_key(key: object) -> str:
    """The name of the task that a key opens, "" for what is no key."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        return ""
    return reference_of(key.removeprefix(KEY_PREFIX))


def choices_of(settings: Settings, own: str = "") -> list[tuple[str, str]]:
    """(what is read, name) of each task. own: the key to the visitor's own pairs, or ""."""
    offered = [(str(task.title), name) for name, task in TASKS.items() if _is_there(task, settings)]
    return offered + ([(str(OWN_TITLE), own)] if own else [])


def _is_there(task: Task, settings: Settings) -> bool:
    return task is not CSV or task.folder_in(settings) is not None


def build_choice(settings: Settings, value: str, **about: Any) -> tuple[gr.Dropdown, gr.Button]:
    """The dropdown, where a tab shows it, and beside it the button that opens the panel for a
    visitor's own pairs.
    """
    about = {"label": _("Pairs"), "elem_classes": "which-pairs", "min_width": 120, **about}
    with gr.Row(elem_classes="pairs-line"):
        choice = PairsChoice(choices_of(settings), value=value, **about)
        bring = gr.Button(_("Bring your own"), size="sm", min_width=0, elem_classes="bring-pairs")
    return choice, bring


def keep_choices_equal(choices: Mapping[str, gr.Dropdown]) -> None:
    """What the open tab's dropdown says, the other's says, too. In the browser alone.

    choices: those of two tabs, by the tabs' names.
    """
    for tab, choice in choices.items():
        gr.on(
            # A change waits for what the tab itself draws of it; a run that is started meanwhile
            # in the other tab would learn the pairs of before
            [choice.input, choice.change],
            None,
            choice,
            [other for other in choices.values() if other is not choice],
            js=f"(value) => page.ofOpenTab({json.dumps(tab)}, value)",
            api_visibility="private",
            show_progress="hidden",
        )
