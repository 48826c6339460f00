"""A run's model -> the task that it learned.

>>> model_takes_pair("sentence-transformers/all-MiniLM-L6-v2", Settings())
True
"""

from pipeline.hub.sources import RUN_ID, RUN_PREFIX
from pipeline.runs.folder import read_config, read_events
from pipeline.settings import Settings
from pipeline.task import MRPC, Task, task_told


def task_of_run(run_id: str, settings: Settings) -> Task:
    """The task of a run as the run itself tells it: of a visitor's own pairs, too, that are gone.
    MRPC where it tells none.
    """
    folder = settings.runs_folder / run_id
    config = read_config(folder) or {}
    events = read_events(folder / "events.jsonl")
    start = next((event for event in events if event["event"] == "start"), {})
    return task_told(config.get("task_name", MRPC.name), start.get("task"))


def model_takes_pair(name: str, settings: Settings) -> bool:
    """Whether a model is asked with two sentences: all are, but those of a run of a task of one."""
    run_id = name.removeprefix(RUN_PREFIX)
    if not name.startswith(RUN_PREFIX) or not RUN_ID.fullmatch(run_id):
        return True
    return task_of_run(run_id, settings).has_pair
