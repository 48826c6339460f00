"""The section of a grid: what it draws, starts, stops and finds again after a reload."""

import html
import re
import shlex
from dataclasses import asdict, replace
from types import SimpleNamespace

import gradio as gr
import pytest

from pipeline.config import TrainingConfig
from pipeline.explain.grid import GridCell, GridResult
from pipeline.runs.folder import write_whole
from pipeline.runs.grid import grid_plan, grid_secret
from pipeline.runs.pace import TURNOVER_SECONDS, expected_pace, run_seconds
from pipeline.runs.progress import list_runs
from pipeline.runs.same import curve_of
from pipeline.settings import Settings
from tabs.fine_tune.owned_runs import BROWSER
from tabs.fine_tune.tab import build_tab
from tests.support.run_folders import FIGURES, write_run
from tests.unit.test_drawing import Outline
from views.grid import grid_map, heat_table, noise_scale, said_of
from views.numbers import duration

VARY = {"learning_rate": "1e-5,2e-4", "batch_size": "8,16"}
REQUEST = SimpleNamespace(client=SimpleNamespace(host="192.0.2.7"))
ANN = {BROWSER: "ann"}


@pytest.fixture
def settings(tmp_path):
    return Settings(runs_folder=tmp_path, max_runs_at_once=0, data="embedded")


@pytest.fixture
def tab(settings):
    with gr.Blocks():
        return build_tab(settings)


@pytest.fixture
def section(tab):
    return tab.grid


def values(section, **changes):
    """The form's values, then those of the section: as it stands, but for these."""
    fields = {**section.controls, **section.fields}
    given = {"grid_xs": "1e-5, 2e-4", "grid_ys": "8, 16", **changes}
    return [given.get(name, field.value) for name, field in fields.items()]


def text(drawn):
    Outline(str(drawn))
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", str(drawn))))


def finish(settings, config, accuracy, number):
    """A run of this config that is done."""
    run_id = write_run(settings, number, after={**FIGURES, "accuracy": accuracy}, **asdict(config))
    write_whole(settings.runs_folder / run_id / "curve", curve_of(config, settings))
    return run_id


# ---------------------------------------------------------------- what it does


def test_one_press_asks_for_all_runs_and_a_reload_finds_them(section, settings):
    started = section.start(REQUEST, [], ANN, *values(section))
    assert len(list_runs(settings)) == 6 and started[section.stop].visible
    assert started[section.timer].active and "0 of 6 runs are done" in text(started[section.status])
    assert len(re.findall("data-run=", str(started[section.drawn]))) == 4
    assert [one for one in started[section.panel.owned] if one != BROWSER] == []
    # Another page of this browser, with another form
    again = section.look("", [], ANN, *values(section, grid_xs="1e-3"))
    assert again[section.shown] == started[section.shown] and again[section.stop].visible
    # Somebody else with the same form sees it, and can't stop it
    other = section.look("", [], {BROWSER: "bob"}, *values(section))
    assert other[section.shown] == started[section.shown] and not other[section.stop].visible
    section.ask_to_stop(other[section.shown], [], {BROWSER: "bob"}, *values(section))
    assert {run.state for run in list_runs(settings)} == {"queued"}
    left = section.ask_to_stop(started[section.shown], [], ANN, *values(section))
    assert {run.state for run in list_runs(settings)} == {"stopped"}
    assert not left[section.stop].visible and not left[section.timer].active


def test_nothing_is_drawn_where_nothing_was_asked_for(section):
    assert section.drawn not in section.look("", [], ANN, *values(section))
    assert section.drawn not in section.look("no plan", [], None, *values(section, grid_x=[]))


def test_the_line_says_what_a_press_would_start(section, settings):
    form = values(section)
    plan = grid_plan(TrainingConfig(max_steps=60), VARY, settings)
    runs = sum(run_seconds(one, expected_pace(one, [], settings)) for one in plan.runs)
    said = text(section.forecast(*form))
    assert "6 runs: 4 cells, and 2 more seeds of one cell" in said and "already" not in said
    assert f"about {duration(runs + 6 * TURNOVER_SECONDS)} of this machine" in said
    finish(settings, plan.runs[0], 0.8, 99)
    assert "1 is here already · about" in text(section.forecast(*form))
    for number, config in enumerate(plan.runs[1:]):
        finish(settings, config, 0.8, number)
    said = text(section.forecast(*form))
    assert "6 are here already" in said and "about" not in said
    assert "can't vary" in text(section.forecast(*values(section, grid_x="seed")))


def test_a_grid_is_refused_where_a_link_or_a_class_has_locked_its_settings(section, settings):
    for locked in (["batch_size"], ["max_steps", "seed"]):
        refused = section.start(REQUEST, locked, ANN, *values(section))
        assert f"This page has {locked[0]} fixed" in text(refused[section.status])
    at_locked_steps = values(section, max_steps=60)
    assert section.shown in section.start(REQUEST, ["max_steps"], ANN, *at_locked_steps)


def test_where_all_is_here_nothing_is_asked_and_nothing_started(section, settings):
    assert section.start(REQUEST, [], ANN, *values(section), may_start=False) is None
    plan = grid_plan(TrainingConfig(max_steps=60), VARY, settings)
    for number, config in enumerate(plan.runs):
        finish(settings, config, 0.8, number)
    shown = section.start(REQUEST, [], ANN, *values(section), may_start=False)
    assert "6 of 6 runs are done" in text(shown[section.status]) and len(list_runs(settings)) == 6


def test_a_cell_opens_its_run_which_is_then_its_browsers_own(section, settings):
    section.start(REQUEST, [], ANN, *values(section))
    run_id = list_runs(settings)[0].id
    panel = section.panel

    def press(owned):
        return section.open(owned, SimpleNamespace(_data={"run": run_id}))

    opened = press(ANN)
    assert opened == {panel.run_id: run_id, panel.owned: {**ANN, run_id: grid_secret("ann")}}
    assert press({BROWSER: "bob"})[panel.owned] == {BROWSER: "bob"}
    for data in ({}, {"run": "../x"}, None, {"run": 7}):
        assert section.status in section.open(ANN, SimpleNamespace(_data=data))


def test_the_address_has_the_grid_and_a_class_has_none_of_it(tab):
    assert list(tab.shared.fields)[-5:] == ["grid_x", "grid_xs", "grid_y", "grid_ys", "grid_steps"]


# ---------------------------------------------------------------- what it draws


@pytest.fixture
def plan(settings):
    return grid_plan(TrainingConfig(max_steps=60), VARY, settings)


def read(plan, accuracies, seeds=(0.81, 0.79), states=None):
    cells = {
        at: GridCell(config, f"{number:032x}", "done", accuracy, 0.85, 400)
        for number, ((at, config), accuracy) in enumerate(
            zip(plan.cells.items(), accuracies, strict=True)
        )
    }
    others = [
        GridCell(config, "f" * 32, "done", accuracy, 0.85, 400)
        for config, accuracy in zip(plan.seeds[1:], seeds, strict=True)
    ]
    return GridResult(plan, cells, [cells[plan.centre], *others])


def test_the_map_marks_the_best_and_what_is_as_good(plan):
    found = read(plan, (0.60, 0.78, 0.79, 0.80))
    table = heat_table(found)
    assert table.xs == ["1e-5", "2e-4"] and [head for head, _ in table.rows] == ["8", "16"]
    cells = [cell for _head, row in table.rows for cell in row]
    assert [cell.text for cell in cells] == ["60.0%", "78.0% ≈", "79.0% ≈", "80.0% best"]
    assert [cell.kind for cell in cells] == ["", "alike", "alike", "best"]
    # The scale goes from the least cell to the best seed, 81%
    assert [cell.full for cell in cells] == [0, 86, 90, 95]
    said = said_of(found)
    assert said.startswith("Best: learning_rate 2e-4, batch_size 16 with 80.0%. 2 other cells (≈)")
    assert "standard deviation of 1.0 percentage points, known from 3 runs alone" in said
    assert "best of 4 cells" in said
    scale = noise_scale(found)
    assert (scale.low, scale.high, scale.seeds) == ("60.0%", "81.0%", (95, 100, 90))
    # One standard error of 0.8 on 400 pairs is 2 points of the 21 that the scale has
    assert (scale.error_from, scale.error_to) == (
        86,
        100,
    ) and "2.0 percentage points" in scale.of_pairs
    drawn = str(grid_map(found))
    assert 'aria-label="learning_rate 2e-4, batch_size 16: 80.0% best. Open the run' in drawn
    assert "max_steps" not in text(drawn).partition("--vary")[0]


def test_a_grid_that_goes_on_says_so_and_marks_nothing_too_early(plan):
    waiting = read(plan, (0.60, 0.78, 0.79, 0.80), seeds=(float("nan"), float("nan")))
    cells = dict(waiting.cells)
    cells[1e-5, 8] = GridCell(plan.cells[1e-5, 8], "a" * 32, "running")
    cells[2e-4, 8] = GridCell(plan.cells[2e-4, 8])
    cells[1e-5, 16] = replace(cells[1e-5, 16], accuracy=float("nan"))
    waiting = replace(waiting, cells=cells)
    found = [cell for _head, row in heat_table(waiting).rows for cell in row]
    assert [cell and cell.text for cell in found] == ["Running", None, "NaN", "80.0% best"]
    assert "Best so far" in said_of(waiting) and "once two seeds have ended" in said_of(waiting)
    assert noise_scale(waiting) is None and "It fills as runs end" in said_of(
        replace(waiting, cells={(1e-5, 8): cells[1e-5, 8]})
    )


def test_the_command_is_that_of_the_same_plan_and_own_pairs_are_named_to_nobody(plan, settings):
    drawn = str(grid_map(read(plan, (0.6, 0.7, 0.8, 0.9))))
    [command] = re.findall(r'<pre class="command">(.*?)</pre>', drawn)
    assert shlex.split(command)[:4] == ["python", "-m", "pipeline", "grid"]
    own = replace(plan, base=replace(plan.base, task_name="own:" + "0" * 32))
    assert "own:" not in str(grid_map(read(own, (0.6, 0.7, 0.8, 0.9))))
