"""A grid: two settings, some values of each, and a short run for each pair of values, as one job.

    >>> plan = grid_plan(TrainingConfig(), {"learning_rate": "5e-5, 2e-4", "batch_size": "8, 16"},
    ...                  Settings())
    >>> plan.centre, len(plan.cells), len(plan.runs)
    ((0.0002, 16), 4, 6)

How much of a difference is chance? The cell in the centre runs with other seeds, too. A run that is
here already isn't run again, so a grid is read from the folders of its runs, whoever started them.
The folder of each run that a grid asked for keeps the grid: such runs wait behind all single ones.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from languages import say
from pipeline.config import RUN_SETTINGS, TrainingConfig, config_from, flag_of
from pipeline.errors import InputError, shown
from pipeline.runs.folder import parsed, read_text
from pipeline.runs.pace import work
from pipeline.runs.progress import Run, list_runs
from pipeline.runs.queue import GRID_FILE, digest, is_of_grid, visitor_of
from pipeline.runs.same import JOINED_FIRST, alike
from pipeline.runs.supervisor import start_runs, stop_run
from pipeline.settings import Settings

SEEDS = 3
# With another value of these, other pairs are judged or learned; the seed is what noise is made of
NOT_VARIED = ("task_name", "source", "eval_pairs", "seed")
VARIED = tuple(name for name in RUN_SETTINGS if name not in NOT_VARIED)
STEPS = 60  # of each run, unless said otherwise
SEPARATOR = re.compile(r"[,，、;；\s]+")
MOST_WRITTEN = 400  # characters of a list of values
MOST_KEPT = 10_000  # bytes of a plan
# Which of several runs of one config a cell shows
SHOWN_FIRST = ("done", "running", "stopping", "queued", "failed", "stopped")

At = tuple[Any, Any]  # a cell: (value across, value down)


@dataclass(frozen=True)
class GridPlan:
    """What a grid runs. base: the checked config that all its runs share but for x, the setting
    across, and y, the setting down; xs, ys: their values, in the order in which they were given.
    """

    base: TrainingConfig
    x: str
    xs: tuple[Any, ...]
    y: str
    ys: tuple[Any, ...]

    @property
    def cells(self) -> dict[At, TrainingConfig]:
        """{cell: its config}, row by row."""
        return {
            (x, y): replace(self.base, **{self.x: x, self.y: y}) for y in self.ys for x in self.xs
        }

    @property
    def centre(self) -> At:
        """The cell that runs with other seeds, too: the base's own values where they are among
        those of the grid, else the middle ones.
        """
        across, down = getattr(self.base, self.x), getattr(self.base, self.y)
        return (
            across if across in self.xs else self.xs[len(self.xs) // 2],
            down if down in self.ys else self.ys[len(self.ys) // 2],
        )

    @property
    def seeds(self) -> list[TrainingConfig]:
        """The config of the centre with three seeds; the first is the cell itself."""
        return with_seeds(self.cells[self.centre])

    @property
    def runs(self) -> list[TrainingConfig]:
        """All configs in the order in which they run: the noise is known first."""
        cells = self.cells
        others = [config for at, config in cells.items() if at != self.centre]
        return [*self.seeds, *others]


def with_seeds(config: TrainingConfig) -> list[TrainingConfig]:
    """The config with its seed, and with the next ones: three in all."""
    count = Settings.largest_seed + 1
    return [replace(config, seed=(config.seed + number) % count) for number in range(SEEDS)]


# ---------------------------------------------------------------- from what was typed


def grid_plan(config: TrainingConfig, vary: Mapping[str, str], settings: Settings) -> GridPlan:
    """A config and {setting: its values, with commas between} of two settings -> the plan.

    Raises InputError, which names what can't be used: a setting, a value, or the whole, where it is
    more work than one grid may be.
    """
    config = config.checked(settings)
    if len(vary) != 2:
        raise InputError(
            say(
                "A grid varies two settings, and {count} given. Name two different ones.",
                count=say("one was") if len(vary) == 1 else say("{count} were", count=len(vary)),
            )
        )
    (x, xs), (y, ys) = ((name, _values(name, text, settings)) for name, text in vary.items())
    if len(xs) * len(ys) < 2:
        raise InputError(
            say("A grid of one cell has nothing to compare. Give one of the settings more values.")
        )
    plan = GridPlan(config, x, xs, y, ys)
    for one in plan.runs:
        one.checked(settings)
    pairs = sum(map(work, plan.runs))
    if pairs > settings.max_grid_pairs:
        raise InputError(
            say(
                "The {count} runs of this grid are too much work for one: {pairs:,.0f} pairs to "
                "learn from and judge, and {most:,} is the limit. Choose fewer values, fewer steps "
                "or a smaller batch_size.",
                count=len(plan.runs),
                pairs=pairs,
                most=settings.max_grid_pairs,
            )
        )
    return plan


def _values(name: str, text: object, settings: Settings) -> tuple[Any, ...]:
    """The values of one setting, checked as those of a run."""
    if name not in VARIED:
        raise InputError(
            say(
                "A grid can't vary {name}. Choose one of {names}.",
                name=shown(name),
                names=", ".join(VARIED),
            )
        )
    written = [part for part in SEPARATOR.split(str(text)[: MOST_WRITTEN + 1]) if part]
    most = settings.max_grid_values
    if len(str(text)) > MOST_WRITTEN or not 1 <= len(written) <= most:
        raise InputError(
            say(
                "{name} has {text}. Give one to {most} values with commas between them, such as "
                "{example}.",
                name=name,
                text=shown(text) if written else say("no value"),
                most=most,
                example=RUN_SETTINGS[name].default,
            )
        )
    values = [RUN_SETTINGS[name].checked(part, settings) for part in written]
    for value in values:
        if values.count(value) > 1:
            raise InputError(
                say("{name} has the value {value} twice. Give each once.", name=name, value=value)
            )
    return tuple(values)


# ---------------------------------------------------------------- a plan as text


def kept_plan(plan: GridPlan) -> str:
    """The plan as a folder keeps it."""
    return json.dumps(asdict(plan))


def plan_in(text: str, settings: Settings) -> GridPlan | None:
    """The plan that `kept_plan` wrote; None for a text that isn't one."""
    kept = parsed(text[:MOST_KEPT])
    try:
        vary = {kept["x"]: kept["xs"], kept["y"]: kept["ys"]}
        written = {name: ",".join(map(str, values)) for name, values in vary.items()}
        return grid_plan(config_from(kept["base"]), written, settings)
    except (InputError, TypeError, KeyError, AttributeError):
        return None


def grid_command(plan: GridPlan) -> list[str]:
    """What comes after `python` in the command that runs the grid and prints its table."""
    vary = {plan.x: plan.xs, plan.y: plan.ys}
    command = ["-m", "pipeline", "grid"]
    for name, values in vary.items():
        command += ["--vary", f"{name}={','.join(map(str, values))}"]
    for name, one in RUN_SETTINGS.items():
        value = getattr(plan.base, name)
        if value != (STEPS if name == "max_steps" else one.default):
            command += [flag_of(name), str(value)]
    return command


# ---------------------------------------------------------------- its runs


def start_grid(
    plan: GridPlan, settings: Settings, browser: str, address: str = ""
) -> list[tuple[str, str]]:
    """Ask for all runs of the grid that aren't here already. [(id, secret, "" for a run that is
    here), …] of all. browser: not "".

    Raises InputError where a grid of this visitor hasn't ended, or there is no room for this one.
    """
    runs = list_runs(settings)
    found = {config: run_of(config, runs, settings) for config in plan.runs}
    here = {config: run.id for config, run in found.items() if run and run.state in JOINED_FIRST}
    missing = [config for config in plan.runs if config not in here]
    joined = [(run_id, "") for run_id in here.values()]
    if not missing:
        return joined
    kept = kept_plan(plan), grid_secret(browser)
    return [*joined, *start_runs(missing, settings, browser, address, joining={}, grid=kept)]


def stop_grid(browser: str, settings: Settings) -> None:
    """Stop the visitor's grid: what waits leaves the queue, what trains stops after its step."""
    runs = [run for run in _runs_of(browser, settings) if run.state in ("queued", "running")]
    for run in sorted(runs, key=lambda run: run.state != "queued"):  # else the next one would start
        stop_run(run.id, grid_secret(browser), settings)


def grid_secret(browser: str) -> str:
    """What may stop the runs of this browser's grids, so that it need not remember each of them.
    browser: its name, which nobody else knows.
    """
    return digest(f"grid {browser}") if browser else ""


def has_unfinished_grid(browser: str, settings: Settings) -> bool:
    """Whether a grid of this visitor waits or runs."""
    return any(not run.ended for run in _runs_of(browser, settings))


def last_plan(browser: str, settings: Settings) -> GridPlan | None:
    """The plan of this visitor's newest grid, while a run of it is kept; None where none is."""
    runs = _runs_of(browser, settings)
    if not runs:
        return None
    return plan_in(read_text(settings.runs_folder / runs[-1].id / GRID_FILE), settings)


def run_of(config: TrainingConfig, runs: list[Run], settings: Settings) -> Run | None:
    """The run of a cell among `runs`, which list_runs gives: one that is done, else one that comes
    closest to it.
    """
    found = [run for run in alike(config, runs, settings) if run.state in SHOWN_FIRST]
    return min(found, key=lambda run: SHOWN_FIRST.index(run.state)) if found else None


def _runs_of(browser: str, settings: Settings) -> list[Run]:
    """The runs that this visitor's grids have asked for, oldest first."""
    folder, visitor = settings.runs_folder, digest(browser)
    if not browser:
        return []
    return [
        run
        for run in list_runs(settings)
        if is_of_grid(folder / run.id) and visitor_of(folder / run.id) == visitor
    ]
