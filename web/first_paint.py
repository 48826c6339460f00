"""What a tab draws when it is first seen, and what of it stands in the page before that.

Gradio 6.31: a page is built once, with its components' values as they are then; get_config_file()
puts later ones into it.
"""

import json
from dataclasses import dataclass

from languages import speaking


@dataclass(frozen=True)
class Opening:
    """One call with which a tab draws itself when it is first seen.

    handler: returns {component: value}.
    progress: "minimal" shows that it works, on `progress_on` alone where that is given. ahead: its
    answer, as HTML, is drawn into the page itself. follow: wires what is to happen after it, given
    its event. again: where a field has changed before its answer comes, it asks once more, for
    it may have drawn over what the visitor has asked for meanwhile.
    """

    handler: object
    inputs: object
    outputs: list
    progress_on: object = None
    prerender: bool = False
    follow: object = None
    again: bool = False

    def after(self, seen):
        """Wire it; seen: a hidden text, whose changes ask for it."""
        name = json.dumps(f"opening{self.outputs[0]._id}")
        # What was drawn ahead stays as it is meanwhile
        drawn = seen.change(
            self.handler,
            self.inputs,
            self.outputs,
            js=f"(...values) => page.address.keepAsked({name}, values)" if self.again else None,
            api_visibility="private",
            show_progress="hidden" if self.prerender else "minimal",
            show_progress_on=self.progress_on,
        )
        if self.again:
            drawn.then(
                None,
                [seen, *self.inputs],
                seen,
                js=f"(seen, ...values) => page.address.markAgain({name}, seen, values)",
                api_visibility="private",
            )
        if self.follow:
            self.follow(drawn)


def prerender(demo):
    """What the first tab opens with goes into the page itself: a visitor sees it before the page
    has asked for anything.

    It asks all the same, for the pairs or the checkpoint may be others by then. demo.openings:
    {language: [Opening, ...]}.
    """
    for language, calls in demo.openings.items():
        with speaking(language):
            for call in calls:
                drawn = call.handler(*(component.value for component in call.inputs))
                for component, value in drawn.items():
                    # hidden where the address fills in something else
                    component.value = f'<div class="prerendered">{value}</div>'
    demo.config = demo.get_config_file()
