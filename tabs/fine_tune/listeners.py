"""How the tab's sections listen: their events are no part of the API, and what they fill doesn't
flicker.

Each event costs the page and the server the same again, whatever it draws. So what follows from one
change is drawn by one call, and what is in a closed fold when that is opened.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
OF_THE_RUN = "of-the-run"  # the class of a fold's hidden button


@dataclass(frozen=True)
class Together:
    """What several sections draw, by one call. parts: (function, its inputs, its outputs); the
    function gives {component: value}.
    """

    parts: list[tuple[Callable[..., dict], list[Component], list[Component]]] = field(
        default_factory=list
    )

    def add(
        self, fn: Callable[..., dict], inputs: Sequence[Component], outputs: Sequence[Component]
    ) -> None:
        """Let this be drawn, too."""
        self.parts.append((fn, list(inputs), list(outputs)))

    def listen(self, triggers: Sequence[Any], **how: Any) -> Dependency:
        """Draw all of it at each of these events. how: more of gr.on."""
        inputs = list(dict.fromkeys(one for _fn, own, _outputs in self.parts for one in own))
        outputs = list(dict.fromkeys(one for *_more, own in self.parts for one in own))

        def draw_all(*values: Any) -> dict:
            given = dict(zip(inputs, values, strict=True))
            drawn = [fn(*(given[one] for one in own)) for fn, own, _outputs in self.parts]
            return {part: value for one in drawn for part, value in one.items()}

        how = {**PRIVATE, "trigger_mode": "always_last", **how}
        return gr.on(list(triggers), draw_all, inputs, outputs, **how)


@contextmanager
def fold_of_the_run(title: str, elem_id: str) -> Iterator[Together]:
    """A closed section. What is added is drawn when it is opened, and while it is open whenever
    follow_the_run says so.
    """
    with gr.Accordion(title, open=False, elem_id=elem_id) as section:
        together = Together()
        yield together
        again = gr.Button(visible="hidden", elem_classes=OF_THE_RUN)
    together.listen([section.expand, again.click])


def press_once(name: str, changes: Sequence[Any], milliseconds: int) -> None:
    """After these events, press the hidden buttons of this class that stand in open folds or in
    none, once for all that come within so many milliseconds.
    """
    js = f"() => page.pressOnce({name!r}, {milliseconds})"
    gr.on(list(changes), None, js=js, api_visibility="private")


def follow_the_run(*changes: Any) -> None:
    """After each of these events, draw the open folds anew. In the browser: a closed one costs no
    event.
    """
    press_once(OF_THE_RUN, changes, 150)
