"""The app through gradio's own client: its public endpoints, real answers, clear refusals."""

import time

import gradio as gr
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from app import build_app, prerender
from languages import speaking
from pipeline.runs.progress import ENDED
from pipeline.runs.queue import read_run
from pipeline.settings import Settings

PAIR = {"sentence1": "Hi there.", "sentence2": "Hello there."}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    settings = Settings(
        runs_folder=tmp_path_factory.mktemp("runs"), data="embedded", mrpc_folder=None
    )
    demo = build_app(settings)
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield Client(address, verbose=False), settings, demo
    demo.close()


def test_only_the_named_endpoints_are_public(served):
    client, _, demo = served
    public = {
        function.api_name for function in demo.fns.values() if function.api_visibility == "public"
    }
    assert public == {"tokenize", "predict", "fine_tune", "run_status", "stop_run", "claim"}
    described = client.view_api(return_format="dict")["named_endpoints"]
    assert {name.strip("/") for name in described} == public
    assert all(
        parameter["parameter_name"]
        for endpoint in described.values()
        for parameter in endpoint["parameters"]
    )


def test_tokenize_gives_the_real_ids(served):
    answer = served[0].predict(**PAIR, api_name="/tokenize")
    assert [token["id"] for token in answer["tokens"]] == [
        101,
        7632,
        2045,
        1012,
        102,
        7592,
        2045,
        1012,
        102,
    ]
    assert answer["origin"]["place"] == "embedded"


def test_predict_gives_probabilities_of_its_logits(served):
    answer = served[0].predict(**PAIR, api_name="/predict")
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["label"] == max(answer["logits"], key=answer["logits"].get)


def test_a_fine_tune_ends_in_a_model_that_predicts(served):
    client, settings, _ = served
    started = client.predict(
        train_pairs=16, eval_pairs=8, max_steps=2, eval_steps=1, api_name="/fine_tune"
    )
    for _ in range(240):
        told = client.predict(run=started["run"], api_name="/run_status")
        if told["state"] in ENDED:
            break
        time.sleep(0.5)
    assert told["state"] == "done" and (told["step"], told["total_steps"]) == (2, 2), told
    assert (
        told["model"] == started["model"]
        and told["after"] == read_run(started["run"], settings).events[-1]["after"]
    )
    answer = client.predict(**PAIR, model=started["model"], api_name="/predict")
    assert answer["origin"]["place"] == "run"


def test_only_its_secret_stops_a_run(served):
    client, settings, _ = served
    started = client.predict(
        train_pairs=64,
        eval_pairs=8,
        max_steps=300,
        epochs=5,
        batch_size=1,
        lr_scheduler_type="cosine",
        train_sampling_strategy="random",
        eval_strategy="no",
        api_name="/fine_tune",
    )
    config = read_run(started["run"], settings).config
    assert config["lr_scheduler_type"] == "cosine" and config["train_sampling_strategy"] == "random"
    with pytest.raises(AppError, match="Only the visitor who started"):
        client.predict(run=started["run"], secret="x", api_name="/stop_run")
    told = client.predict(run=started["run"], secret=started["secret"], api_name="/stop_run")
    again = client.predict(run=started["run"], secret=started["secret"], api_name="/stop_run")
    assert told["state"] == again["state"] == "stopping", (
        "a second call at once doesn't end it hard"
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sentence1": " "}, "sentence1 is only white space"),
        ({"sentence1": "a" * 2001}, "2,001 characters"),
        ({"max_length": 3}, "3, but 8 to 512"),
        ({"checkpoint": "../../etc/passwd"}, "is not a checkpoint id"),
        ({"checkpoint": "<b>x</b>"}, "&lt;b&gt;"),
    ],
)
def test_bad_input_is_named_with_its_remedy(served, values, said):
    with pytest.raises(AppError, match=said):
        served[0].predict(**{**PAIR, **values}, api_name="/tokenize")


def test_a_run_out_of_bounds_is_refused_before_it_starts(served):
    with pytest.raises(AppError, match="max_steps is 100000, but 1 to 300"):
        served[0].predict(max_steps=100_000, api_name="/fine_tune")


def test_building_the_app_loads_nothing():
    """No checkpoint, no data set, no network before the first visitor."""
    import subprocess
    import sys

    code = (
        "import sys, app; app.build_app(app.page_settings()); "
        "bad = {'torch', 'transformers', 'datasets'} & set(sys.modules); print(*bad); sys.exit(len(bad))"
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code.split("; "))], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert gr.__version__ == (line := _front_matter("sdk_version")), line


def _front_matter(name):
    from pathlib import Path

    lines = (Path(__file__).parent.parent.parent / "README.md").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{name}:"))


def test_a_tab_that_opens_takes_no_explanation_away(settings):
    """Its first grids stand in the page, and a cell of them may have been asked about before the tab's own answer comes."""
    for pair, batch in build_app(settings).openings.values():
        answers = [
            opening.handler(*(part.value for part in opening.inputs)) for opening in (pair, batch)
        ]
        assert [list(answer) for answer in answers] == [pair.outputs, batch.outputs]
        assert "token-grid" in answers[0][pair.outputs[0]]
        assert "batch-grid" in answers[1][batch.outputs[0]]
        assert 'class="because"' not in str([list(answer.values()) for answer in answers])
        assert len(pair.outputs) == 1 and len(batch.outputs) == 4


def test_what_the_first_tab_opens_with_stands_in_the_page_in_its_language(settings):
    demo = build_app(settings)
    assert "ahead" not in str(demo.config)
    prerender(demo)
    values = {part["id"]: part["props"].get("value") for part in demo.config["components"]}
    grids = {}
    for language, (pair, _batch) in demo.openings.items():
        grids[language] = values[pair.outputs[0]._id]
        with speaking(language):
            drawn = pair.handler(*(part.value for part in pair.inputs))[pair.outputs[0]]
            assert grids[language] == f'<div class="prerendered">{drawn}</div>'
        assert 'class="token-grid"' in grids[language]
    assert "sentence 1" in grids["en"] and "sentence 1" not in grids["zh"]
