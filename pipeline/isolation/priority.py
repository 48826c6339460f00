"""Who waits where cores or memory are short: never the page's process, but what it has started."""

import importlib
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

# A worker shares its cores with the page. A thread that spins while it waits for the other core
# slows both down: on two busy cores a step took 1.9 s instead of 3.
PASSIVE_WAIT = {"OMP_WAIT_POLICY": "PASSIVE"}
# A process of this niceness gets a tenth of a core that a run wants, and all of one that it doesn't
BACKGROUND_NICENESS = 10
# A run gets a quarter of a core that the page wants, too. With 15 it got nothing beside a browser
# that draws without a GPU; with 0 a hundred learners waited three times as long for Predict
RUN_NICENESS = 5
# Where memory runs out, Linux ends the process of the highest score, and not the server with
# everybody's page: a process that opens a stranger's checkpoint goes before a worker.
WORKER_OOM_SCORE, STRANGERS_OOM_SCORE = 500, 900


def set_oom_score(pid: int, score: int) -> None:
    """How readily Linux ends this process where memory runs out: 0 like any, 1000 first of all."""
    try:
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(score))
    except OSError:  # no Linux, or it has ended
        pass


def put_in_background(pid: int, niceness: int = BACKGROUND_NICENESS) -> None:
    """Leave the cores to whoever else wants them. On Linux `pid` may be a thread's, too.

    Linux may share the cores by session first, and look at niceness inside of one alone
    ("autogroup", sched(7)): a process with a session of its own would get as much as the others,
    whatever its niceness. There the session gets the niceness, too.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
    except (OSError, AttributeError):  # it has ended, or this isn't POSIX, or not Linux
        pass


def import_in_background(names: Sequence[str]) -> None:
    """Import these modules while others have the cores first; what isn't there is left out.

    In a thread: Linux gives each one a niceness of its own, and nobody but root may take one back.
    """

    def work() -> None:
        if sys.platform == "linux":
            put_in_background(threading.get_native_id())
        for name in names:
            try:
                importlib.import_module(name)
            # another version of a library keeps it elsewhere; who needs it will find it
            except ImportError:
                pass

    importing = threading.Thread(target=work)
    importing.start()
    importing.join()
