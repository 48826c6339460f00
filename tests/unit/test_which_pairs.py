"""The choice of pairs, which is the same in all tabs."""

import gradio as gr

from pipeline.settings import Settings
from tabs.which_pairs import build_choice, keep_choices_equal


def test_a_choice_is_copied_at_once():
    """A change waits until the tab has drawn the batch of the new pairs; the visitor may have
    pressed Start in the other tab by then.
    """
    with gr.Blocks() as page:
        tabs = ("tokenize", "fine-tune")
        choices = {tab: build_choice(Settings(), "mrpc")[0] for tab in tabs}
        keep_choices_equal(choices)
    copies = {
        (target, tuple(one.outputs))
        for one in page.fns.values()
        for target in one.targets
        if one.js and "ofOpenTab" in str(one.js)
    }
    first, second = choices.values()
    for event in ("input", "change"):
        assert ((first._id, event), (second,)) in copies
        assert ((second._id, event), (first,)) in copies
