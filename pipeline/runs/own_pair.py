"""The visitor's own pair of a run: the page's two sentences when Start was pressed. The run judges
them at each evaluation, and only the browser that owns the run is shown what came of it.

They stand in a file of the run's folder that goes with the folder, and nowhere else: in no event,
no log, no link, no export.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import InputError
from pipeline.runs.folder import parsed, read_text
from pipeline.settings import Settings
from pipeline.task import task_named
from pipeline.tokenization import checked_pair

PAIR_FILE = "pair.json"
OwnPair = tuple[str, str | None]  # None: the run's task has one sentence


def pair_to_keep(pair: Sequence[object], task_name: str, settings: Settings) -> OwnPair | None:
    """The two sentences as a run judges them; None where they are no pair (none given, empty, too
    long): a run can be started without one. Of a task of one sentence the second is None.
    """
    if len(pair) != 2:
        return None
    sentence1, sentence2 = pair
    try:
        has_pair = task_named(task_name, settings).has_pair
        return checked_pair(sentence1, (sentence2 or "") if has_pair else None, settings)
    except InputError:
        return None


def write_pair(folder: Path, pair: OwnPair) -> None:
    """Keep it in a run's folder, for this server's user alone. Raises OSError."""
    descriptor = os.open(folder / PAIR_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        json.dump(pair, file)


def read_pair(folder: Path) -> OwnPair | None:
    """The pair of a run's folder; None where it has none, or what is there is none."""
    values = parsed(read_text(folder / PAIR_FILE))
    if not isinstance(values, list) or len(values) != 2:
        return None
    sentence1, sentence2 = values
    if not isinstance(sentence1, str) or not isinstance(sentence2, str | None):
        return None
    return sentence1, sentence2
