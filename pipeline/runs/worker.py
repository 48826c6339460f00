"""What runs inside the process that trains. `python -m pipeline.runs.worker` is a spare: it
imports, waits for a run's folder, and trains that run as `python -m pipeline train` does.
"""

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from languages import say
from pipeline.config import TrainingConfig, config_from, flags_of
from pipeline.errors import InputError
from pipeline.isolation.priority import import_in_background
from pipeline.runs.folder import append_event, parsed, read_text
from pipeline.runs.own_pair import read_pair
from pipeline.settings import Settings
from pipeline.training import fine_tune

LEASHED = "--leashed"
# What a run imports, down to what the libraries put off until they need it. Only imports: a spare
# that had loaded or computed anything would start a run from another state than a fresh process
# does.
IMPORTS = (
    "torch",
    "torch._dynamo",
    "torch.distributed.tensor",
    "transformers.trainer",
    "transformers.models.auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "transformers.data",
    "datasets",
    "datasets.packaged_modules.csv.csv",
    "datasets.packaged_modules.parquet.parquet",
    "pandas",
    "pyarrow",
    "evaluate",
    "sklearn.metrics",
    "scipy.io",
    "scipy.stats",
    "accelerate",
    "safetensors.torch",
    "peft",
)


def train(
    config: TrainingConfig,
    folder: Path,
    settings: Settings,
    report: Callable[[dict], None] = lambda event: None,
) -> dict:
    """Train, write each event into the folder and `report` it; the last event. Raises InputError
    before the first event for a config out of bounds.
    """
    event: dict = {}
    stop = folder / "stop"
    own_pair = read_pair(folder)
    for event in fine_tune(config, folder, settings, should_stop=stop.exists, own_pair=own_pair):
        append_event(folder, event)
        report(event)
    return event


def train_command(config: TrainingConfig, output: str) -> list[str]:
    """What comes after `python` in the command that trains this config, each setting named: the one
    that the page shows. A server's worker reads the same settings from its folder's config.json.
    """
    return ["-m", "pipeline", "train", *flags_of(config), "--allow-stand-in", "--output", output]


def exit_code(event: dict) -> int:
    """What a run's last event means to whoever started it: 0 done or stopped, 1 failed, 2 bad
    input.
    """
    if event["event"] != "failed":
        return 0
    return 2 if event.get("bad_input") else 1


def train_folder(folder: Path) -> int:
    """Train the run of a folder that holds its config.json; the exit code."""
    try:
        config = read_run_config(folder / "config.json")
        return exit_code(train(config, folder, Settings()))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def read_run_config(path: Path) -> TrainingConfig:
    """The config in a file. Raises InputError for one that is none."""
    values = parsed(read_text(path))
    if values is None:
        raise InputError(
            say(
                "{path} has no settings of a run. Give the path of a run's config.json.",
                path=str(path),
            )
        )
    return config_from(values)


# ---------------------------------------------------------------- the spare


def main(leashed: bool = False) -> int:
    """Import, wait for one order, become its worker. The exit code; 0 where no order came.

    leashed: the order is there already, so nothing is imported in the background; and the process
    ends once its stdin does.
    """
    if not leashed:
        import_in_background(IMPORTS)
    try:
        os.write(1, b"ready\n")
    except BrokenPipeError:  # the order has come before, and nobody waits to hear this
        pass
    line = sys.stdin.readline()
    if not line.strip():
        return 0
    order = json.loads(line)
    for name, value in order["environment"].items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    folder = Path(order["folder"])
    if leashed:
        _end_with_stdin(folder.parent)
    _write_to(folder / "worker.log")
    return train_folder(folder)


def _end_with_stdin(folder: Path) -> None:
    """End this process, and remove `folder`, once stdin ends: with whoever holds its other end,
    also where that one is killed.
    """
    leash = os.dup(0)

    def watch() -> None:
        while os.read(leash, 1):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="leash").start()


def _write_to(log: Path) -> None:
    """Output goes to `log` from now on, and no input comes any more."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for descriptor, number in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(descriptor, number)
    os.close(nothing)
    os.close(file)


if __name__ == "__main__":
    sys.exit(main(leashed=LEASHED in sys.argv))
