"""The process that trains: a warm one where one waits, else a fresh one.

A fresh `python -m pipeline train` spends seconds on importing torch, transformers and datasets. A
spare is a process that has imported them and waits on its stdin for a run's arguments, which it
hands to the very same
`pipeline.__main__.main`. Its stdin ends with the server, and with that the spare, unless it has
become a run's
worker: that one outlives the server.
"""

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from pipeline.isolation.confine import clean_environment
from pipeline.isolation.priority import (
    PASSIVE_WAIT,
    WORKER_OOM_SCORE,
    import_in_background,
    put_in_background,
    set_oom_score,
)

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "pipeline.runs.worker_process")
# What a run imports, down to what the libraries put off until they need it. Only imports: a spare
# that had loaded or computed anything would start a run from another state than a fresh process
# does.
IMPORTS = (
    "torch", "torch._dynamo", "torch.distributed.tensor", "transformers.trainer", "transformers.models.auto",
    "transformers.models.bert.modeling_bert", "transformers.models.bert.tokenization_bert", "transformers.data",
    "datasets", "datasets.packaged_modules.csv.csv", "datasets.packaged_modules.parquet.parquet", "pandas", "pyarrow",
    "evaluate", "sklearn.metrics", "scipy.io", "scipy.stats", "accelerate", "safetensors.torch", "peft",
    "pipeline.collation", "pipeline.dataset", "pipeline.metrics", "pipeline.runs.supervisor", "pipeline.hub.sources", "pipeline.runs.folder",
    "pipeline.tokenization", "pipeline.training",
)

# A spare that dies at once would do so again
AGAIN_SECONDS = 30

_lock = threading.Lock()
_kept = {"spare": None, "wanted": False, "began": 0.0}


def keep_spare():
    """Have a spare waiting from now on; `renew_spare` starts the next one. Nothing happens where
    pipes aren't POSIX.
    """
    _kept["wanted"] = os.name == "posix"
    renew_spare()


def renew_spare():
    """Start a spare if one is wanted and none is there. It imports for seconds of a core, behind a
    run that trains.
    """
    with _lock:
        spare = _kept["spare"]
        if not _kept["wanted"] or (spare and (spare.poll() is None or time.monotonic() - _kept["began"] < AGAIN_SECONDS)):
            return
        _kept["began"] = time.monotonic()
        _kept["spare"] = subprocess.Popen(
            COMMAND, cwd=ROOT, env={**PASSIVE_WAIT, **clean_environment()}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )
        set_oom_score(_kept["spare"].pid, WORKER_OOM_SCORE)


def spare_is_ready(seconds=0.0):
    """Whether a spare has everything imported, waiting for that at most so many `seconds`."""
    spare = _kept["spare"]
    if not spare or spare.poll() is not None or spare.stdout.closed:
        return False
    return bool(select.select([spare.stdout], [], [], seconds)[0]) and spare.poll() is None


def drop_spare():
    """No spare any more, and no next one."""
    with _lock:
        _kept["wanted"], spare = False, _kept.pop("spare", None)
        _kept["spare"] = None
    if spare:
        spare.stdin.close()
        spare.stdout.close()
        spare.wait()


def start_worker(command, environment, log):
    """Run `command`, a `python -m pipeline …`, in the spare or else in a fresh process; its Popen.

    environment: {variable: value, or None to have it unset}, beyond this process's own. log: what
    it says goes there.
    The worker gets a session of its own: it outlives the server that started it, and Ctrl-C there.
    """
    worker = _from_spare(command[3:], environment, log) or _fresh(command, environment, log)
    set_oom_score(worker.pid, WORKER_OOM_SCORE)
    return worker


def start_in_background(command, environment, log):
    """A fresh process that leaves the cores to whoever else wants them; its Popen. As start_worker,
    for what is no run.
    """
    process = _fresh(command, environment, log)
    put_in_background(process.pid)
    return process


def _fresh(command, environment, log):
    merged = {name: value for name, value in {**PASSIVE_WAIT, **clean_environment(), **environment}.items() if value is not None}
    with open(log, "wb") as file:
        return subprocess.Popen(command, cwd=ROOT, env=merged, stdin=subprocess.DEVNULL, stdout=file,
                                stderr=subprocess.STDOUT, start_new_session=True)


def _from_spare(arguments, environment, log):
    """The spare, now at work, or None where none could take the order. One that still imports
    begins once it has.
    """
    with _lock:
        spare, _kept["spare"] = _kept["spare"], None
    if not spare or spare.poll() is not None:
        return None
    order = {"arguments": arguments, "environment": environment, "log": str(log)}
    try:
        spare.stdin.write(json.dumps(order).encode() + b"\n")
        spare.stdin.close()
        spare.stdout.close()
    except OSError:  # it ended between the look and the write
        return None
    return spare


# ---------------------------------------------------------------- inside the spare


def main():
    """Import, wait for one order, become its worker. The exit code is the command line's; 0 where
    none came.
    """
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
    _speak_into(order["log"])
    sys.argv = ["pipeline", *order["arguments"]]
    # Only now: the command line reads its settings from the environment when it is imported
    from pipeline.__main__ import main as command_line

    return command_line(order["arguments"])


def _speak_into(log):
    nothing, file = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for descriptor, number in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(descriptor, number)
    os.close(nothing)
    os.close(file)


if __name__ == "__main__":
    sys.exit(main())
