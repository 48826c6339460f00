"""What runs on a node of a Ray cluster: a run, in a process of its own as on this machine.

The process is confined where it opens a stranger's checkpoint, has none of Ray's connections, and
ends with the Ray worker that started it.
"""

import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.hub.sources import RUN_ID
from pipeline.isolation.confine import clean_environment
from pipeline.isolation.priority import PASSIVE_WAIT, WORKER_OOM_SCORE, set_oom_score
from pipeline.runs.executors.local import QUIET, ROOT, SPARE_COMMAND, environment_of
from pipeline.runs.folder import event_in, modified, read_text
from pipeline.runs.parcel import Files, parts, unpack
from pipeline.runs.progress import ENDED
from pipeline.runs.worker import LEASHED
from pipeline.settings import Settings

SECONDS_BETWEEN_LOOKS = 0.1
MOST_OF_A_LOG = 2**14
PREFIX = "paraphrase-run-"  # of a run's folder among a node's temporary files
# What comes back: a line of events.jsonl, the next bytes of a file, or the process's last words
Told = tuple[str, str, bytes]  # ("line", line, b""), ("part", name, bytes), ("log", text, b"")


class Trainer:
    """One run. Ray calls `train`, and `stop` beside it."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def stop(self) -> None:
        """Stop after the next step, and keep the model."""
        self._stop.set()

    def train(
        self, run_id: str, task_name: str, files: Files, settings: Settings
    ) -> Iterator[Told]:
        """The run's lines as they are written; its files, and then its last line. An empty line
        comes first: a node has the run.
        """
        assert RUN_ID.fullmatch(run_id)
        yield "line", "", b""
        remove_left_behind(2 * (settings.max_run_seconds + settings.max_overtime_seconds))
        with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as place:
            root = Path(place)
            settings = unpack(files, root, task_name, settings)
            process = start_leashed(root / run_id, settings)
            try:
                end = ""
                for line in self._lines(root / run_id, process):
                    if end:
                        yield "line", end, b""
                    event = event_in(line)
                    end = line if event and event["event"] in ENDED else ""
                    if not end:
                        yield "line", line, b""
                for name, part in parts(root, run_id, files):
                    yield "part", name, part
                yield "log", read_text(root / run_id / "worker.log", MOST_OF_A_LOG), b""
                if end:
                    yield "line", end, b""
            finally:
                process.kill()
                process.wait()

    def _lines(self, folder: Path, process: subprocess.Popen) -> Iterator[str]:
        """Whole lines of events.jsonl until the process has ended."""
        story, read = folder / "events.jsonl", 0
        while True:
            has_ended = process.poll() is not None  # first: what it wrote last is read then
            if self._stop.is_set():
                (folder / "stop").touch()
            if story.exists():
                with open(story, "rb") as file:
                    file.seek(read)
                    lines = file.read().split(b"\n")[:-1]
                read += sum(len(line) + 1 for line in lines)
                yield from (line.decode(errors="replace") for line in lines)
            if has_ended:
                return
            time.sleep(SECONDS_BETWEEN_LOOKS)


def remove_left_behind(seconds: float) -> None:
    """The folders, older than that, of runs whose node was lost while its disk was not."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if time.time() - modified(path) > seconds:
            shutil.rmtree(path, ignore_errors=True)


def start_leashed(folder: Path, settings: Settings) -> subprocess.Popen:
    """The process that trains the run of a folder, and ends with this one however that ends."""
    process = subprocess.Popen(
        [*SPARE_COMMAND, LEASHED],
        cwd=ROOT,
        env={**PASSIVE_WAIT, **QUIET, **clean_environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    set_oom_score(process.pid, WORKER_OOM_SCORE)
    order = {"folder": str(folder), "environment": environment_of(settings)}
    assert process.stdin
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    return process
