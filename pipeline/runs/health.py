"""Whether the server can do its work, for a load balancer's or a container's probe: GET /health.

well, report = health(Settings(runs_folder=folder))
well, report["runs"]    # (True, {'running': 0, 'queued': 0})
"""

import shutil
import tempfile
from typing import Any

from languages import say
from pipeline.runs.progress import list_runs
from pipeline.settings import Settings


def health(settings: Settings) -> tuple[bool, dict]:
    """(whether all is well, a report that JSON can hold). Cheap: nothing is loaded, the Hub isn't
    asked.
    """
    report: dict[str, Any] = {"status": "ok", "runs": {"running": 0, "queued": 0}}
    try:
        settings.runs_folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.runs_folder):
            pass
        for run in list_runs(settings):
            state = {"stopping": "running"}.get(run.state, run.state)
            if state in report["runs"]:
                report["runs"][state] += 1
        report["free_bytes"] = free = shutil.disk_usage(settings.runs_folder).free
        if free < settings.min_free_bytes:  # every run would be refused
            report["status"] = say(
                "the disk of RUNS_DIR is full: it has {free:.1f} GB left, and a run needs up to "
                "{needed:.1f} GB.",
                free=free / 2**30,
                needed=settings.min_free_bytes / 2**30,
            )
    except OSError as error:
        report["status"] = say(
            "runs can't be kept: {reason}. Check the folder in RUNS_DIR.",
            reason=error.strerror,
        )
    return report["status"] == "ok", report
