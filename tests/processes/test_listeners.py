"""Every listener of the page, through Gradio's own checks, with whatever a stranger's request may hold; and every address.

A page's listeners can be called from outside like an endpoint. Refused by Gradio or by us, never by a handler that broke;
nothing of the stranger's is interpreted, no foreign file opened. Of the inputs of test_bad_input.py, a share each.
"""

from dataclasses import replace
from urllib.parse import urlencode

import gradio as gr
import pytest
from anyio.from_thread import start_blocking_portal
from gradio.events import EventData
from gradio.state_holder import SessionState
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from app import build_app
from pipeline.settings import Settings
from tests.conftest import ROOT
from tests.processes.test_bad_input import JSON, NASTY, harmless, nothing_foreign_opened, share

# Of these one call computes for seconds, or speaks with the Hub; each has bad input in the test of its module.
SLOW = {"run_all", "measured", "map_times", "step", "push_from_here"}


class House:
    """The page, its settings, its listeners by name. A plain class: hypothesis prints a dataclass in full."""

    def __init__(self, demo, settings, listeners, portal):
        self.demo, self.settings, self.listeners = demo, settings, listeners
        self.ask = (
            portal.call
        )  # an event loop in a thread of its own: Playwright may hold this one's


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """The page, and a queue that takes every run and starts none."""
    folder = tmp_path_factory.mktemp("listeners")
    settings = replace(
        Settings(mrpc_folder=None, runs_folder=folder / "runs", data="embedded"),
        max_runs_at_once=0,
        max_runs_waiting=10**6,
        max_first_runs_waiting=10**6,
        max_runs_per_visitor=10**6,
        min_free_bytes=0,
    )
    demo = build_app(settings)
    listeners = {}
    for function in demo.fns.values():
        if function.fn and function.page == "" and function.name not in SLOW:
            where = getattr(function.fn, "__module__", None)
            listeners.setdefault((function.name, where, len(function.inputs)), function)
    with start_blocking_portal() as portal:
        house = House(demo, settings, listeners, portal)
        # What libraries import and cache the first time is opened before anybody watches
        house.refused = {
            name[0]
            for name, function in listeners.items()
            if press(
                house, function, [as_sent(block) for block in function.inputs], {}, "tab=layers"
            )
            is None
        }
        yield house


def as_sent(block):
    """What a page sends for a component that nobody touched."""
    value = getattr(block, "value", None)
    return value() if callable(value) else value


def press(house, function, values, event=None, query=""):
    """The page's answer as a list, or None where the call was refused."""
    request = gr.Request(
        request=Request(
            {
                "type": "http",
                "method": "GET",
                "path": "/",
                "headers": [],
                "client": ("127.0.0.1", 1),
                "query_string": query.encode("utf-8", "surrogatepass"),
            }
        )
    )
    values = [[value] for value in values] if function.batch else list(values)
    data = EventData(None, event) if event is not None else None
    state = SessionState(house.demo)

    async def ask():
        return await house.demo.process_api(
            function,
            values,
            state=state,
            request=[request] if function.batch else request,
            event_data=data,
            session_hash="s",
            event_id="e",
        )

    try:
        return house.ask(ask)["data"]
    except gr.Error as error:
        assert "Traceback" not in str(error.message)
        return None
    except Exception as error:
        assert not _ours(error), f"{function.name} broke"
        return None


def _ours(error):
    """Did it leave Gradio's checks, and come from a handler?"""
    at, files = error.__traceback__, []
    while at:
        files.append(at.tb_frame.f_code.co_filename)
        at = at.tb_next
    return any(
        file.startswith(str(ROOT)) and "/tests/" not in file and "site-packages" not in file
        for file in files
    )


@share(0.6)
@given(st.data())
def test_whatever_is_sent_to_a_listener(house, data):
    name = data.draw(st.sampled_from(list(house.listeners)), label="listener")
    function = house.listeners[name]
    values = [as_sent(block) for block in function.inputs]
    for place in (
        data.draw(st.lists(st.integers(0, len(values) - 1), max_size=2), label="places")
        if values
        else ()
    ):
        values[place] = data.draw(st.one_of(st.sampled_from(NASTY), JSON), label="value")
    event = data.draw(
        st.one_of(
            st.none(),
            st.dictionaries(
                st.sampled_from(
                    [
                        "asked",
                        "row",
                        "position",
                        "line",
                        "claim",
                        "channel",
                        "column",
                        "value",
                        "index",
                    ]
                ),
                JSON,
            ),
        ),
        label="event",
    )
    with nothing_foreign_opened(house.settings):
        answer = press(house, function, values, event)
    drawn(function, answer)


def drawn(function, answer):
    """What the page would interpret as HTML holds no text of the stranger's as a tag."""
    for block, value in zip(function.outputs, answer or []):
        if isinstance(block, (gr.HTML, gr.Markdown)):
            harmless([value])


def test_untouched_every_listener_answers(house):
    """Else the test above would only see refusals."""
    # No claim, no row and no model is named here
    assert house.refused <= {
        "tokenize",
        "predict",
        "fine_tune",
        "run_status",
        "stop_run",
        "claim",
        "load_example",
        "take",
        "answers",
        "download",
    }


TOPICS = ["play", "convolution", "claims", "updater", "conv-sum-or-average", *NASTY]
KEYS = [
    "tab",
    "topic",
    "claim",
    "run",
    "task",
    "hide",
    "lock",
    "lang",
    "walk",
    "sentence1",
    "max_length",
    "seed",
    "checkpoint",
    "<b>",
]


@share(0.05)
@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.one_of(
            st.sampled_from(["tokenize", "fine-tune", "predict", "layers", *TOPICS]),
            st.text(max_size=400),
        ),
    )
)
def test_whatever_the_address_says(house, query):
    written = urlencode(query, errors="replace")
    for (name, *_rest), function in house.listeners.items():
        if name in ("open_address", "load"):
            with nothing_foreign_opened(house.settings):
                answer = press(
                    house, function, [as_sent(block) for block in function.inputs], query=written
                )
            assert answer is not None, "an address is never refused, it is answered"
            drawn(function, answer)
