"""An address is input like any other: what fits is taken, what doesn't is said, and nothing of it is interpreted."""

import json

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import build_app
from pipeline.errors import InputError
from pipeline.settings import Settings
from tabs.address import MOST_TASK, Shared, opened, read_left, read_value


@pytest.fixture(scope="module")
def parts():
    with gr.Blocks():
        return [
            Shared(
                "tokenize",
                {
                    "sentence1": gr.Textbox("Hi.", max_length=50),
                    "max_length": gr.Slider(8, 512, 128, step=1),
                    "truncation": gr.Checkbox(True),
                    "split": gr.Radio(["train", "test"], value="train"),
                    "checkpoint": gr.Dropdown(["a/b"], value="a/b", allow_custom_value=True),
                },
            ),
            Shared(
                "predict",
                {
                    "sentence1": gr.Textbox("Hi."),
                    "models": gr.CheckboxGroup(["a", "b"], value=["a", "b"]),
                },
                {gr.Button("Fill it"): ("sentence1",)},
                gr.State([]),
                {name: gr.Textbox() for name in ("task", "hide", "lock")},
            ),
            Shared(
                "fine-tune", {"learning_rate": gr.Number(2e-4), "seed": gr.Number(42, precision=0)}
            ),
            Shared("layers"),
        ]


def of(parts, query):
    """(selected tab, HTML above, {field: what is changed of it})."""
    address = opened(query, parts)
    changed = {}
    for part in parts:
        names = {component: name for name, component in part.fields.items()}
        names |= dict.fromkeys(part.fills, "fills")
        names |= {part.fixed: "fixed"} if part.fixed else {}
        names |= {component: name for name, component in part.teacher.items()}
        assert list(names) == part.outputs
        for component in address.changes.keys() & names.keys():
            update, name = address.changes[component], names[component]
            update = (
                {key: value for key, value in update.items() if key != "__type__"}
                if isinstance(update, dict)
                else update
            )
            if update not in ({}, []):
                assert part.tab == address.tab or name == "task"
                changed[name] = update
    assert set(address.changes) <= {one for part in parts for one in part.outputs}
    return address.tab, address.above(), changed


def test_an_address_fills_the_tab_that_it_names(parts):
    query = {
        "tab": "tokenize",
        "sentence1": "<b>Hello</b>",
        "max_length": "64",
        "truncation": "false",
        "split": "test",
        "checkpoint": "c/d",
        "seed": "7",
    }
    assert of(parts, query) == (
        "tokenize",
        "",
        {
            "sentence1": {"value": "<b>Hello</b>"},
            "max_length": {"value": 64},
            "truncation": {"value": False},
            "split": {"value": "test"},
            "checkpoint": {"value": "c/d"},
        },
    )


def test_an_empty_address_changes_nothing(parts):
    assert of(parts, {}) == (None, "", {}) == of(parts, {"lang": "zh", "__theme": "dark"})


def test_a_run_opens_its_tab(parts):
    assert of(parts, {"run": "abc"})[0] == "fine-tune"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"tab": "nowhere"}, "asks for the tab &#39;nowhere&#39;, which doesn"),
        (
            {"tab": "tokenize", "split": "dev"},
            "split = &#39;dev&#39;, which isn&#39;t an option here. Choose one of train, test.",
        ),
        ({"tab": "tokenize", "truncation": "maybe"}, "Choose one of true, false."),
        ({"tab": "tokenize", "max_length": "7"}, "Write a whole number from 8 to 512 there."),
        ({"tab": "tokenize", "max_length": "64.5"}, "Write a whole number from 8 to 512 there."),
        ({"tab": "tokenize", "max_length": "nan"}, "max_length = &#39;nan&#39;"),
        ({"tab": "fine-tune", "learning_rate": "inf"}, "Write a number there."),
        ({"tab": "fine-tune", "seed": "1" * 400}, "Write a whole number there."),
        (
            {"tab": "tokenize", "sentence1": "x" * 51},
            "sentence1 in the address has 51 characters; the limit is 50.",
        ),
        (
            {"tab": "tokenize", "checkpoint": "x" * 201},
            "checkpoint in the address has 201 characters; the limit is 200.",
        ),
        ({"tab": "tokenize", "lock": "nothing"}, "asks to lock &#39;nothing&#39;, which isn"),
        (
            {"task": "x" * (MOST_TASK + 1)},
            "task in the address has 301 characters; the limit is 300.",
        ),
    ],
)
def test_what_does_not_fit_is_said_and_the_default_stays(parts, query, said):
    _, above, changed = of(parts, query)
    assert said in above and 'role="alert"' in above and changed == {}


def test_one_wrong_value_spoils_no_other(parts):
    _, above, changed = of(parts, {"tab": "fine-tune", "learning_rate": "fast", "seed": "7"})
    assert "learning_rate" in above and changed == {"seed": {"value": 7}}


def test_a_teacher_hides_locks_and_sets_a_task(parts):
    tab, above, changed = of(
        parts,
        {
            "tab": "tokenize",
            "hide": "split",
            "lock": "max_length,truncation",
            "max_length": "32",
            "task": "<i>Which token</i> is 102?",
        },
    )
    assert changed == {
        "split": {"visible": False},
        "truncation": {"interactive": False},
        "max_length": {"value": 32, "interactive": False},
        "task": "<i>Which token</i> is 102?",
    }
    assert "teacher" in above and "&lt;i&gt;Which token&lt;/i&gt; is 102?" in above


def test_a_lock_takes_away_what_would_write_there_and_is_handed_on(parts):
    _, _, changed = of(parts, {"tab": "predict", "lock": "sentence1", "task": "Guess"})
    assert changed == {
        "sentence1": {"interactive": False},
        "fills": {"visible": False},
        "fixed": ["sentence1"],
        "task": "Guess",
        "lock": ["sentence1"],
    }
    assert "fills" not in of(parts, {"tab": "predict", "hide": "models"})[2], "nothing writes there"
    assert of(parts, {"tab": "fine-tune", "task": "Guess"})[2] == {"task": "Guess"}, (
        "the task stays in every tab's link"
    )


def test_what_the_address_said_of_a_tab_that_was_left_holds_there_and_is_checked_likewise(parts):
    query, kept = (
        {"tab": "fine-tune", "seed": "7", "lock": "seed"},
        [["sentence1", "Cats."], ["lock", "sentence1,nothing"]],
    )
    left = read_left(
        json.dumps({"predict": kept, "fine-tune": [["seed", "8"]], "nowhere": [["lock", "x"]]})
    )
    address, theirs = opened(query, parts, left), parts[1]
    above = address.above()
    assert (
        address.tab == "fine-tune"
        and "asks to lock &#39;nothing&#39;" in above
        and "nowhere" not in above
    )
    first = address.changes[theirs.fields["sentence1"]]
    [fills] = (address.changes[component] for component in theirs.fills)
    fixed = address.changes[theirs.fixed]
    assert (first["value"], first["interactive"], fills["visible"], fixed) == (
        "Cats.",
        False,
        False,
        ["sentence1"],
    )
    assert address.changes[theirs.teacher["lock"]] == ["sentence1"], "and is handed on"
    seed = address.changes[parts[2].fields["seed"]]
    assert (seed["value"], seed["interactive"]) == (7, False), "the address itself is newer"


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "{",
        "7",
        "null",
        "[]",
        '{"predict": 7}',
        '{"predict": [["lock"]]}',
        '{"predict": ["ab", 7]}',
        "[" * 100_000,
        '{"predict": [["lock", "' + "sentence1," * 20_000 + '"]]}',
        "1" * 5_000,
    ],
)
def test_what_a_script_did_not_keep_is_nothing(written):
    assert read_left(written) == {}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["tokenize", "predict", "lock", "sentence1"]), inner, max_size=3
            )
        ),
    )
)
def test_whatever_a_page_hands_over_of_the_tabs_that_were_left(parts, kept):
    left = read_left(json.dumps(kept))
    assert all(
        isinstance(text, str) for said in left.values() for pair in said.items() for text in pair
    )
    address = opened({"tab": "layers"}, parts, left)
    assert address.tab == "layers" and address.above() is not None
    assert set(address.changes) <= {one for part in parts for one in part.outputs}


@pytest.mark.parametrize(
    ("written", "value"), [("0.00001", 1e-5), ("1", 1.0), ("0.1", 0.1), ("1e-05", 1e-5)]
)
def test_a_number_to_choose_is_read_as_a_page_writes_it(written, value):
    chosen = gr.Radio([1e-5, 0.1, 1.0], value=1e-5)
    assert read_value("eps", written, chosen) == value
    with pytest.raises(InputError, match="isn't an option here"):
        read_value("eps", "0.2", chosen)


def test_several_of_a_list(parts):
    assert of(parts, {"tab": "predict", "models": "b"})[2] == {"models": {"value": ["b"]}}
    assert of(parts, {"tab": "predict", "models": ""})[2] == {"models": {"value": []}}
    assert of(parts, {"tab": "predict", "models": "a,run:0123"})[2] == {
        "models": {"value": ["a"]}
    }, "a sender's own run"
    _, above, changed = of(parts, {"tab": "predict", "models": "a,c"})
    assert "models = &#39;c&#39;" in above and changed == {}


def test_three_hundred_names_that_are_not_there_are_one_message(parts):
    _, above, _ = of(
        parts, {"tab": "tokenize", "hide": ",".join(f"x{number}" for number in range(300))}
    )
    assert above.count('role="alert"') == 1 and "&#39;x2&#39;, …" in above and "x3" not in above


names = st.sampled_from(
    [
        "tab",
        "sentence1",
        "max_length",
        "truncation",
        "split",
        "checkpoint",
        "learning_rate",
        "seed",
        "run",
        "hide",
        "lock",
        "task",
        "lang",
    ]
)
texts = st.one_of(
    st.text(max_size=400),
    st.sampled_from(["tokenize", "fine-tune", "layers", "1e999", "-1", "٣", "\x00", "<img src=x>"]),
)


@given(st.dictionaries(names, texts))
def test_whatever_an_address_holds(parts, query):
    _, above, changed = of(parts, query)
    assert "<img" not in above and "Traceback" not in above
    for name, change in changed.items():
        if isinstance(change, dict) and "value" in change:
            component = next(part.fields[name] for part in parts if name in part.fields)
            assert (
                read_value(
                    name,
                    str(change["value"]).lower()
                    if isinstance(change["value"], bool)
                    else str(change["value"]),
                    component,
                )
                == change["value"]
            )


def test_the_fields_of_the_real_page_can_all_be_read_back(tmp_path):
    """The default of each, written as the page's script writes it, is taken without a word."""
    demo = build_app(Settings(runs_folder=tmp_path, data="embedded", mrpc_folder=None))
    [reader] = [
        function
        for function in demo.fns.values()
        if function.name == "open_address" and function.page == ""
    ]
    fields = [block for block in reader.outputs if isinstance(block, gr.components.FormComponent)]
    assert len(fields) >= 25
    for component in fields:
        if component.value is None:  # nothing is written of it
            continue
        written = (
            str(component.value).lower()
            if isinstance(component.value, bool)
            else str(component.value)
        )
        if isinstance(component.value, list):
            written = ",".join(component.value)
        try:
            assert read_value(component.label, written, component) == component.value
        except InputError as error:
            raise AssertionError(component.label) from error
