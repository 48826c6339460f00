"""What the server keeps of each visitor: as little as it can."""

from types import SimpleNamespace

import gradio.blocks
import gradio.route_utils
from gradio import state_holder


class LightSession(state_holder.SessionState):
    """A visitor's session without a copy of every component's configuration.

    Gradio 6.31: it makes that copy for deep links, which this app doesn't have (its links say in
    the address what is on the page). With the components of two pages it takes 40 ms of a server's
    thread and 1.1 MB for each visitor.
    """

    def __init__(self, blocks):
        # No component of Gradio's loop is found in here, so there is nothing to copy; what a
        # handler changes is kept as ever
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))

    def _update_config(self, key):
        """Gradio 6.31: it notes for deep links what each call was given and answered. A visitor's
        answers would stay in memory, a grid and a chart each.
        """

    def _update_value_in_config(self, key, value):
        """Likewise."""


def use_light_sessions():
    """From now on, new sessions of this process are light."""
    # A call of a batch has no visitor's session: each of its steps makes one, of the class that its
    # module has imported
    for module in (state_holder, gradio.blocks, gradio.route_utils):
        module.SessionState = LightSession
