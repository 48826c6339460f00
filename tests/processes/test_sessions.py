"""A visitor costs the server next to nothing, and still has a state of their own."""

import tracemalloc

import gradio as gr
from gradio import state_holder
from gradio.blocks import BlocksConfig
from gradio_client import Client

from app import build_app
from pipeline.settings import Settings
from web.plain_errors import AppBlocks
from web.sessions import LightSession, use_light_sessions


def test_a_visitor_costs_a_tenth_of_what_gradio_takes(tmp_path):
    demo = build_app(Settings(runs_folder=tmp_path, data="embedded", mrpc_folder=None))
    heavy = LightSession.__mro__[1]

    def bytes_of(kind):
        tracemalloc.start()
        kept = [kind(demo) for _ in range(5)]
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size / len(kept)

    assert bytes_of(LightSession) < 0.1 * bytes_of(heavy)


def test_each_visitor_keeps_a_state_and_a_changed_component():
    with gr.Blocks() as demo:
        count, slider = gr.State(0), gr.Slider(0, 10, 5)
        count.change(lambda number: gr.Slider(maximum=number), count, slider, api_name="widen")
        gr.Button().click(
            lambda number: (number + 1, number + 1), count, [count, gr.Number()], api_name="add"
        )
    use_light_sessions()
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        one, other = Client(address, verbose=False), Client(address, verbose=False)
        assert [one.predict(api_name="/add") for _ in range(3)] == [1, 2, 3]
        assert other.predict(api_name="/add") == 1
        kept = demo.state_holder.session_data.values()
        # What was given and answered is kept for deep links alone
        assert all(set(session.config_values) <= {count._id} for session in kept)
        assert state_holder.SessionState is LightSession
        assert all(
            isinstance(kept, LightSession) for kept in demo.state_holder.session_data.values()
        )
    finally:
        demo.close()


def test_a_call_of_a_batch_copies_no_component_either(monkeypatch):
    """Predict's calls took 40 ms of the server's one loop each: a class of thirty waited for them."""
    with AppBlocks() as demo:
        others = {gr.Markdown(f"{row}")._id for row in range(20)}
        number = gr.Number()
        gr.Button().click(
            lambda numbers: ([2 * one for one in numbers],),
            number,
            number,
            batch=True,
            max_batch_size=4,
            api_name="double",
        )
    use_light_sessions()
    demo.queue()
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    visitor = Client(address, verbose=False)
    copied, copy = [], BlocksConfig.config_for_block
    monkeypatch.setattr(
        BlocksConfig,
        "config_for_block",
        staticmethod(lambda block_id, *given: copied.append(block_id) or copy(block_id, *given)),
    )
    try:
        assert visitor.predict(21, api_name="/double") == 42 and not others & set(copied)
    finally:
        demo.close()
