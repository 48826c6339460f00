"""Runs by each method side by side: the numbers are those of the runs."""

import re
from dataclasses import asdict, replace

import gradio as gr
import pytest

from pipeline.config import TrainingConfig
from pipeline.explain.evaluations import evaluations_of
from pipeline.explain.methods_compared import METHODS, by_each_method, what_lora_costs
from pipeline.runs.progress import Run
from pipeline.settings import Settings
from tabs.fine_tune import seeds as seeds_section
from tabs.fine_tune.methods import build_methods, compared_methods
from tabs.fine_tune.owned_runs import BROWSER
from tabs.fine_tune.run_panel import RunPanel
from tests.model.test_fine_tune_tab import text
from tests.model.test_save import finished_run

IDS = {method: f"{number:032x}" for number, method in enumerate(METHODS, 1)}
QUERY = "bert.encoder.layer.1.attention.self.query"


@pytest.fixture(scope="module")
def settings(small_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return Settings(mrpc_folder=small_folder, runs_folder=folder, data="folder")


@pytest.fixture(scope="module")
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=48,
        eval_pairs=12,
        batch_size=8,
        max_steps=6,
        frozen_layers=1,
        learning_rate=1e-2,
        precision="fp32",
    )


@pytest.fixture(scope="module")
def runs(config, settings):
    """{method: its run}."""
    return {
        method: finished_run(replace(config, method=method), settings, IDS[method])
        for method in METHODS
    }


def cells_of(drawn):
    rows = re.findall(r"<tr>(.*?)</tr>", str(drawn), re.S)
    return [[text(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)] for row in rows]


def test_the_table_has_a_row_for_each_method_with_the_runs_own_figures(runs):
    assert [one.method for one in by_each_method(TrainingConfig(method="lora"))] == [
        "lora",
        "full",
        "frozen",
        "head",
    ]
    drawn = compared_methods(list(runs.values())[::-1])
    rows = cells_of(drawn)
    assert [row[0].strip() for row in rows] == list(METHODS)
    trained = []
    for row, run in zip(rows, runs.values(), strict=True):
        start, end = run.first("start"), run.first("done")
        count, all_of_them = start["trained_parameters"], start["parameters"]
        trained.append(count)
        said = re.search(r"([\d,]+) \(([\d.]+)%\)", row[1])
        assert said[1] == f"{count:,}" and said[2] != "0.0"
        assert float(said[2]) == pytest.approx(100 * count / all_of_them, abs=0.05)
        assert f"{end['peak_bytes'] / 1e6:.0f} MB" in row[2] or " GB" in row[2]
        assert f"{end['seconds']:.0f} s" in row[3] and "s a step" in row[3]
        accuracy = end["after"]["accuracy"]
        error = 100 * (accuracy * (1 - accuracy) / 12) ** 0.5
        assert f"{accuracy:.1%} ± {error:.1f}" in row[4]
    full, lora, frozen, head = trained
    assert head < frozen < lora and frozen < full


def test_a_run_that_goes_on_shows_its_state_and_what_it_has_told(runs):
    began = runs["lora"]
    going = replace(began, state="running", events=began.events[:1])
    queued = Run(IDS["head"], "queued", runs["head"].config)
    rows = cells_of(compared_methods([runs["full"], going, queued]))
    assert [row[1].strip() for row in rows] == ["Done", "Running", "Queued"]
    assert f"{began.first('start')['trained_parameters']:,}" in rows[1][2]
    assert rows[1][5].strip() == "–" and rows[2][2].strip() == "–"
    assert what_lora_costs([runs["full"], going]) == []


def test_lora_is_said_to_differ_only_where_chance_does_not(runs):
    lora, full = runs["lora"], runs["full"]
    said = " ".join(map(str, what_lora_costs([lora, full])))
    counts = [run.first("start")["trained_parameters"] for run in (full, lora)]
    assert f"lora trains {counts[0] / counts[1]:.0f} times fewer numbers than full" in said
    assert f"take {12 * counts[1] / 1e6:.1f} MB, not {12 * counts[0] / 1e6:.1f} MB" in said
    one, other = (evaluations_of(run)[-1] for run in (lora, full))
    assert f"{abs(one.right - other.right)} pair" in said
    # Of eleven pairs on which the two differ, LoRA's is right on all
    start = {**full.first("start"), "labels": [1] * 12, "eval_pairs": 12}

    def with_shares(run, right):
        shares = [0.9] * right + [0.1] * (12 - right)
        event = {**run.of("evaluation")[-1], "eval_accuracy": right / 12}
        told = {**event, "shares": shares, "right": right}
        return replace(run, events=[start, told, run.events[-1]])

    clear = " ".join(map(str, what_lora_costs([with_shares(lora, 12), with_shares(full, 1)])))
    assert "right on 11 pairs more than full's, of 12; chance brings up to 7" in clear
    assert "is a clear difference" in clear
    near = " ".join(map(str, what_lora_costs([with_shares(lora, 3), with_shares(full, 5)])))
    assert "right on 2 pairs fewer than full's, of 12" in near and "no clear difference" in near


@pytest.fixture
def page(config, settings, monkeypatch):
    """(the page's part, what it started): nothing trains."""
    started = []

    def start(configs, _settings, browser, address, own_pair, joining):
        started.extend(configs)
        return [(f"{90 + number:032x}", "secret") for number in range(len(configs))]

    monkeypatch.setattr(seeds_section, "start_runs", start)
    with gr.Blocks() as blocks:
        controls = {name: gr.Textbox() for name in asdict(config)}
        panel = RunPanel(settings)
        section = build_methods(settings, controls, panel)
    return section, started, blocks


def test_one_press_starts_the_methods_that_are_not_there(page, runs, config):
    section, started, _blocks = page
    drawn = section.start(None, {runs["full"].id: "secret"}, *asdict(config).values())
    assert [one.method for one in started] == ["lora", "frozen", "head"]
    assert {replace(one, method="full") for one in started} == {config}
    assert drawn[section.panel.run_id] == runs["full"].id
    started.clear()
    section.start(None, {}, *asdict(replace(config, method="lora", seed=9)).values())
    assert [one.method for one in started] == ["lora", "full", "frozen", "head"]
    owned = {BROWSER: "b", **{run.id: "secret" for run in runs.values()}}
    table = section.draw(runs["head"].id, owned)[section.table]
    assert [row[0].strip() for row in cells_of(table)] == list(METHODS)


def test_the_matrices_of_the_lora_run_are_offered_whichever_run_is_shown(page, runs):
    section, _started, blocks = page
    owned = {BROWSER: "b", **{run.id: "secret" for run in runs.values()}}
    [lora] = [part for part in section.views if isinstance(part, gr.State)]
    assert section.draw(runs["full"].id, owned)[lora] == runs["lora"].id
    listed = next(fn.fn for fn in blocks.fns.values() if fn.name == "list_matrices")
    drawn = {
        part.elem_id or type(part).__name__: value
        for part, value in listed(runs["lora"].id).items()
    }
    names = [name for _label, name in drawn["lora-matrix"].choices]
    assert drawn["lora-matrix"].value == QUERY and QUERY in names and len(names) == 12
    assert "ΔW" in str(drawn["HTML"])
    for shown in (runs["full"].id, ""):
        assert section.draw(shown, {runs["full"].id: "secret"})[lora] == ""
