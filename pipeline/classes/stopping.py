"""The teacher's stop: of a run that a pupil of the class has started, and of no other."""

from typing import Any

from languages import say
from pipeline.classes.store import check_teacher, pupils_of
from pipeline.errors import InputError
from pipeline.runs.supervisor import stop_for_another
from pipeline.settings import Settings


def stop_run_of_pupil(code: Any, teacher_key: Any, run_id: Any, settings: Settings) -> None:
    """Stop a run as its owner could: after its next step, with its model; asked twice, at once.
    One that waits leaves the queue.

    Raises InputError for a stranger's key, and for a run that no pupil of this class started: who
    joined somebody else's run hands nobody the right to stop it.
    """
    check_teacher(code, teacher_key, settings)
    pupils = pupils_of(code, settings) if isinstance(run_id, str) else []
    if not any(pupil.runs.get(run_id) for pupil in pupils):
        raise InputError(say("Only runs that pupils of this class started can be stopped here."))
    stop_for_another(run_id, settings)
