"""Events that show no progress cost the page what they fill, and no more.

Gradio 6.31: a page tells each component that was ever an output how far its event is, at each step
of each event (`update_loading_stati_state`): it looks for every one from the top of its tree, and
below each container among them it goes through all that there is. An event without outputs to show
progress on adds none.
"""

from gradio import Blocks


def show_no_progress(demo: Blocks) -> None:
    """Take what is told of their progress from all events that show none."""
    for function in demo.fns.values():
        if function.show_progress == "hidden":
            function.show_progress_on = []
