"""A grid whose runs train for real, asked for on the command line: its table, and the same from the folders."""

import re

import pytest

from pipeline.__main__ import grid, parse
from pipeline.config import TrainingConfig
from pipeline.explain.grid import read_grid
from pipeline.runs.grid import grid_plan, start_grid, stop_grid
from pipeline.runs.progress import list_runs
from pipeline.runs.queue import is_of_grid, read_run
from pipeline.settings import Settings
from tests.processes.test_runs import until
from tests.support.in_process import InProcess, trained

ROW = re.compile(r"\d+\.\d / \d+\.\d(?: best| ≈)?")


@pytest.fixture(scope="module")
def served(small_folder, tmp_path_factory):
    """Settings under which runs train in threads."""
    return InProcess(trained).serves(
        Settings(
            mrpc_folder=small_folder, runs_folder=tmp_path_factory.mktemp("runs"), data="folder"
        )
    )


def test_a_grid_of_four_cells_trains_prints_its_table_and_is_not_trained_twice(
    tiny, served, one_thread, capsys
):
    run = {"checkpoint": tiny, "source": "folder", "train_pairs": 32, "eval_pairs": 16}
    run |= {"frozen_layers": 0, "max_steps": 2, "precision": "fp32"}
    vary = {"learning_rate": "1e-3,1e-2", "batch_size": "8,16"}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in run.items()]
    varied = [part for item in vary.items() for part in ("--vary", "=".join(item))]

    def printed():
        options = parse(["grid", *varied, *flags])
        options.settings = served
        assert grid(options) == 0
        return capsys.readouterr().out

    table = printed()
    runs = list_runs(served)
    assert len(runs) == 6 and all(is_of_grid(served.runs_folder / one.id) for one in runs)
    plan = grid_plan(TrainingConfig(**run), vary, served)
    found = read_grid(plan, served)
    assert found.is_over and found.best and found.seed_error is not None
    cells = [ROW.findall(line) for line in table.splitlines()[2:4]]
    shown = [f"{100 * one.accuracy:.1f} / {100 * one.f1:.1f}" for one in found.cells.values()]
    assert [cell.removesuffix(" best").removesuffix(" ≈") for row in cells for cell in row] == shown
    assert sum("best" in cell for row in cells for cell in row) == 1
    assert sum("≈" in cell for row in cells for cell in row) == len(found.alike())
    assert "seeds 42, 43, 44 of learning_rate 1e-2, batch_size 16" in table
    for one in found.runs:  # what the runs themselves told, pair by pair
        told = read_run(one.run_id, served)
        assert told.first("start")["total_steps"] == 2 and one.pairs == len(one.right) == 16
        assert sum(one.right) / 16 == one.accuracy == told.of("evaluation")[-1]["eval_accuracy"]
    assert printed() == table and len(list_runs(served)) == 6


def test_stop_ends_the_run_that_trains_and_starts_none_of_those_that_wait(settings):
    executor = InProcess()
    settings = executor.serves(settings)
    config = TrainingConfig(source="folder", max_steps=250, train_pairs=2400, batch_size=8)
    vary = {"learning_rate": "1e-3,1e-2", "batch_size": "4,8"}
    plan = grid_plan(config, vary, settings)
    first = start_grid(plan, settings, "ann")[0][0]
    until(lambda: read_run(first, settings).of("log"))
    stop_grid("ann", settings)
    until(lambda: read_grid(plan, settings).is_over)
    states = {run.id: run.state for run in list_runs(settings)}
    assert executor.started == [first] and set(states.values()) == {"stopped"} and len(states) == 6
    told = read_run(first, settings)
    assert 0 < len(told.of("log")) < 250 and told.has_model
    cell = read_grid(plan, settings).cells[plan.centre]
    assert cell.state == "stopped" and not cell.is_known, "fewer steps are no result of the grid"
