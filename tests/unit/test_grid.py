"""A grid of two settings: its plan, its turn in the queue, what of its differences is chance."""

import json
import math
from dataclasses import asdict, replace

import pytest

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.explain.grid import GridCell, GridResult, paired_error, read_grid
from pipeline.runs import grid
from pipeline.runs.folder import write_whole
from pipeline.runs.grid import (
    grid_command,
    grid_plan,
    grid_secret,
    has_unfinished_grid,
    kept_plan,
    last_plan,
    plan_in,
    start_grid,
    stop_grid,
)
from pipeline.runs.progress import list_runs
from pipeline.runs.queue import NEXT, in_turn, read_run, waits
from pipeline.runs.same import curve_of
from pipeline.runs.supervisor import may_stop, start_run, stop_run
from pipeline.settings import Settings
from tests.support.run_folders import write_run

BASE = TrainingConfig(max_steps=60, source="embedded")
VARY = {"learning_rate": "1e-5, 2e-4", "batch_size": "8,16"}


@pytest.fixture
def settings(tmp_path):
    """Runs wait for ever: the queue alone, no worker."""
    return Settings(runs_folder=tmp_path, max_runs_at_once=0)


@pytest.fixture
def plan(settings):
    return grid_plan(BASE, VARY, settings)


# ---------------------------------------------------------------- the plan


def test_a_plan_has_a_run_for_each_cell_and_two_more_seeds_of_the_centre(plan):
    assert plan.centre == (2e-4, 16), "the values that the base has"
    assert list(plan.cells) == [(1e-5, 8), (2e-4, 8), (1e-5, 16), (2e-4, 16)]
    assert [one.seed for one in plan.seeds] == [42, 43, 44]
    assert plan.runs[:3] == plan.seeds and len(plan.runs) == len(set(plan.runs)) == 6
    assert set(plan.runs[3:]) == set(plan.cells.values()) - {plan.seeds[0]}
    assert plan.cells[1e-5, 8] == replace(BASE, learning_rate=1e-5, batch_size=8)
    elsewhere = replace(plan, base=replace(BASE, learning_rate=7e-4), xs=(1.0, 2.0, 3.0))
    assert elsewhere.centre == (2.0, 16), "else the middle"
    last = grid.with_seeds(replace(BASE, seed=Settings.largest_seed))
    assert [one.seed for one in last] == [Settings.largest_seed, 0, 1]


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"learning_rate": "1e-5"}, "two settings, and one was given"),
        ({"learning_rate": "1e-5", "batch_size": "8"}, "one cell has nothing to compare"),
        ({"learning_rate": "1e-5,quick", "batch_size": "8"}, "learning_rate is .*quick.*number"),
        ({"learning_rate": "1e-5,7", "batch_size": "8"}, "learning_rate is 7, but 1e-07 to 0.01"),
        ({"learning_rate": "1e-4,0.0001", "batch_size": "8"}, "has the value 0.0001 twice"),
        ({"learning_rate": "1,2,3,4,5", "batch_size": "8"}, "one to 4 values with commas"),
        ({"learning_rate": " , ", "batch_size": "8"}, "learning_rate has no value"),
        ({"learning_rate": "1e-5 " * 400, "batch_size": "8"}, "one to 4 values with commas"),
        ({"seed": "1,2", "batch_size": "8"}, "can't vary 'seed'. Choose one of checkpoint, "),
        ({"eval_strategy": "often,no", "dropout": "0"}, "eval_strategy is 'often'. Choose one of"),
        (
            {"max_steps": "100,200,300", "batch_size": "32,48,64"},
            "11 runs of this grid are too much work",
        ),
    ],
)
def test_what_cant_be_a_grid_is_named_with_its_remedy(vary, said, settings):
    with pytest.raises(InputError, match=said):
        grid_plan(BASE, vary, settings)


def test_values_are_separated_as_people_write_them(settings):
    found = grid_plan(BASE, {"batch_size": "8，16、32;64", "dropout": "0 0.1"}, settings)
    assert (found.xs, found.ys) == ((8, 16, 32, 64), (0.0, 0.1))
    named = grid_plan(BASE, {"lr_scheduler_type": "linear,cosine", "frozen_layers": "2"}, settings)
    assert named.xs == ("linear", "cosine")


def test_a_plan_is_kept_as_text_and_nothing_else_is_taken_for_one(plan, settings):
    assert plan_in(kept_plan(plan), settings) == plan
    values = json.loads(kept_plan(plan))
    for text in ("", "[]", "7", json.dumps({**values, "xs": [1] * 9}), json.dumps({"x": "seed"})):
        assert plan_in(text, settings) is None


def test_the_command_names_the_grid_and_what_isnt_a_default(plan):
    vary = ["--vary", "learning_rate=1e-05,0.0002", "--vary", "batch_size=8,16"]
    assert grid_command(plan) == ["-m", "pipeline", "grid", *vary, "--source", "embedded"]
    longer = replace(plan, base=replace(BASE, max_steps=80, source="auto"))
    assert grid_command(longer)[7:] == ["--max-steps", "80"]


# ---------------------------------------------------------------- its turn


def turns(settings):
    return [run.id for run in in_turn(list_runs(settings), settings)]


def ids_of(started):
    return [run_id for run_id, _secret in started]


def test_a_grid_waits_behind_all_single_runs_and_grids_take_turns(plan, settings):
    mine = ids_of(start_grid(plan, settings, "ann"))
    assert turns(settings) == mine, "the seeds of the centre first"
    hers, _ = start_run(replace(BASE, seed=1, max_steps=300), settings, browser="ann")
    before = waits(list_runs(settings), settings)
    assert list(before)[:2] == [hers, mine[0]]
    assert before[NEXT] == before[mine[0]], "a run that is asked for now overtakes the grid"
    other = grid_plan(replace(BASE, seed=9), VARY, settings)
    bobs = ids_of(start_grid(other, settings, "bob"))
    assert turns(settings) == [
        hers,
        *(one for both in zip(mine, bobs, strict=True) for one in both),
    ]
    late, _ = start_run(replace(BASE, seed=2), settings, browser="cid")
    assert turns(settings)[:2] == [late, hers], "a short first run, and then the long one"
    patient = replace(settings, overtaken_seconds=-1)
    assert turns(patient)[:2] == [hers, late] and turns(patient)[2] == mine[0]


def test_a_grid_takes_no_place_of_single_runs_and_is_one_a_visitor(plan, settings):
    full = replace(settings, max_runs_waiting=3, max_runs_per_visitor=3, places_for_others=0)
    start_grid(plan, full, "ann", "192.0.2.7")
    with pytest.raises(InputError, match="A grid of your browser hasn't ended yet"):
        start_grid(grid_plan(replace(BASE, seed=7), VARY, full), full, "ann")
    for seed in range(3):
        start_run(replace(BASE, seed=seed), full, browser="ann", address="192.0.2.7")
    with pytest.raises(InputError, match="3 runs are waiting already"):
        start_run(replace(BASE, seed=3), full, browser="ann")
    narrow = replace(full, max_grid_runs_waiting=11)
    with pytest.raises(InputError, match="This grid has 6 runs, and .* room for 5. Choose fewer"):
        start_grid(grid_plan(replace(BASE, seed=9), VARY, narrow), narrow, "bob")
    assert len(list_runs(full)) == 9


def test_what_is_here_already_is_joined_and_the_rest_is_of_the_grid(plan, settings):
    shared, _ = start_run(plan.cells[1e-5, 8], settings, browser="cid")
    started = start_grid(plan, settings, "ann")
    assert (shared, "") in started and len(list_runs(settings)) == 6
    assert {secret for _id, secret in started} == {"", grid_secret("ann")}
    read = read_grid(plan, settings)
    assert read.cells[1e-5, 8].run_id == shared and {one.state for one in read.runs} == {"queued"}
    assert last_plan("ann", settings) == plan and last_plan("bob", settings) is None
    # Whoever asks for the same grid is shown this one
    assert {secret for _id, secret in start_grid(plan, settings, "bob")} == {""}
    assert not has_unfinished_grid("bob", settings)


def test_stop_withdraws_the_grid_and_nothing_of_others(plan, settings):
    shared, _ = start_run(plan.cells[1e-5, 8], settings, browser="cid")
    mine = [run_id for run_id, secret in start_grid(plan, settings, "ann") if secret]
    assert may_stop(mine[0], grid_secret("ann"), settings)
    for nobody in ("", "bob"):
        stop_grid(nobody, settings)
        assert has_unfinished_grid("ann", settings)
        with pytest.raises(InputError, match="Only the visitor"):
            stop_run(mine[0], grid_secret(nobody), settings)
    stop_grid("ann", settings)
    assert [read_run(run_id, settings).state for run_id in mine] == ["stopped"] * 5
    assert read_run(shared, settings).state == "queued" and not has_unfinished_grid("ann", settings)
    assert len([one for one in start_grid(plan, settings, "ann") if one[1]]) == 5, "once more"


# ---------------------------------------------------------------- what is chance


def cell(accuracy, pairs=400, right=None, state="done"):
    return GridCell(BASE, "0" * 32, state, accuracy, 0.8, pairs, right)


def result(plan, accuracies, seeds=(0.80, 0.81, 0.79), **more):
    cells = {
        at: cell(accuracy, **more) for at, accuracy in zip(plan.cells, accuracies, strict=True)
    }
    return GridResult(plan, cells, [cells[plan.centre], *(cell(one) for one in seeds[1:])])


def test_the_error_of_a_difference_counts_the_pairs_that_one_alone_has_right():
    one, other = [True] * 90 + [False] * 10, [False] * 4 + [True] * 90 + [False] * 6
    # 4 pairs for one, 4 for the other: a mean of 0, a variance of 8 / 100
    assert paired_error(one, other) == pytest.approx(math.sqrt(0.08 / 100))
    assert paired_error(one, one) == 0.0
    # As statsmodels and the textbooks have it for McNemar's difference: b = 10, c = 0, n = 100
    assert paired_error(one, [True] * 80 + [False] * 20) == pytest.approx(
        math.sqrt(10 - 10**2 / 100) / 100
    )


def test_a_difference_within_two_errors_of_seed_and_pairs_is_marked(plan):
    found = result(plan, (0.70, 0.74, 0.78, 0.80))
    assert found.best == plan.centre and found.seed_error == pytest.approx(0.01)
    independent = math.hypot(math.sqrt(0.8 * 0.2 / 400), math.sqrt(0.74 * 0.26 / 400))
    error = math.hypot(independent, math.sqrt(2) * 0.01)
    best, other = found.cells[2e-4, 16], found.cells[2e-4, 8]
    assert found.error_to(best, other) == pytest.approx(error)
    # Two errors are 6.5 points: 0.74 lies within them, 0.70 doesn't
    assert 0.06 < 2 * error < 0.07 and found.alike() == {(2e-4, 8), (1e-5, 16)}
    # With a seed that decides much, nothing is clear
    assert len(result(plan, (0.70, 0.74, 0.78, 0.80), seeds=(0.8, 0.9, 0.7)).alike()) == 3
    # On many more pairs, all but the nearest one is
    assert result(plan, (0.70, 0.74, 0.78, 0.80), pairs=10**6).alike() == {(1e-5, 16)}


def test_answers_pair_by_pair_make_a_smaller_difference_clear(plan):
    count = 400
    rights = {
        share: tuple(row < share * count for row in range(count)) for share in (0.70, 0.76, 0.80)
    }
    found = result(plan, (0.70, 0.70, 0.76, 0.80), seeds=(0.8, 0.8, 0.8))
    told = {at: replace(one, right=rights[one.accuracy]) for at, one in found.cells.items()}
    found = replace(found, cells=told)
    # 16 pairs for the best, none for the other: 4 points, and an error of 0.98
    assert found.error_to(told[2e-4, 16], told[1e-5, 16]) == pytest.approx(
        math.sqrt(16 - 16**2 / 400) / 400
    )
    assert found.alike() == set()


def test_nothing_is_marked_before_the_noise_is_known(plan):
    one_seed = result(plan, (0.79, 0.79, 0.79, 0.80), seeds=(0.8, math.nan, math.nan))
    assert one_seed.seed_error is None and one_seed.alike() == set()
    broken = result(plan, (math.nan, 0.79, 0.79, 0.80))
    assert (1e-5, 8) not in broken.alike() and broken.best == plan.centre
    none = result(plan, [math.nan] * 4)
    assert none.best is None and none.alike() == set()


def test_a_grid_is_read_from_the_folders_of_its_runs(plan, settings):
    """Done, failed, stopped, waiting; of two with one config the one that is done."""
    done = {**FIGURES, "accuracy": 0.8}
    states = [("done", done), ("failed", None), ("stopped", done), ("queued", None)]
    for number, ((state, after), config) in enumerate(
        zip(states, plan.cells.values(), strict=True)
    ):
        told(settings, number, state, after, config)
    told(settings, 9, "failed", None, plan.cells[1e-5, 8])
    told(settings, 10, "done", done, plan.seeds[1], curve="of other packages")
    read = read_grid(plan, settings)
    assert [one.state for one in read.cells.values()] == ["done", "failed", "stopped", "queued"]
    assert [one.accuracy for one in read.cells.values()][0] == 0.8
    assert all(math.isnan(one.accuracy) for one in list(read.cells.values())[1:])
    assert read.cells[1e-5, 8].pairs == 40 and read.cells[1e-5, 8].right is None
    assert [one.state for one in read.seeds] == ["queued", "", ""] and not read.is_over
    assert read.best == (1e-5, 8)


FIGURES = {"loss": 0.5, "accuracy": 0.75, "f1": 0.8}


def told(settings, number, state, after, config, curve=""):
    run_id = write_run(settings, number, state, after or FIGURES, **asdict(config))
    write_whole(settings.runs_folder / run_id / "curve", curve or curve_of(config, settings))
    return run_id
