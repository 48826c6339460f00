"""A process that has imported what opening a checkpoint needs, and forks one for each checkpoint.

    python -m pipeline.isolation.fork_server DESCRIPTOR

A fork costs 30 ms, a fresh interpreter with torch and transformers seconds. Nothing is loaded or
computed here, so that each fork starts from the same state, and no thread that computes is lost.
`DESCRIPTOR` is one end of a socket pair. A message on it brings a `Start` and the end of another
pair, over which the new process gets its requests; the process's id goes back. The end of the
first pair ends this process, and the end of the other one the process that it belongs to.
"""

import gc
import json
import os
import pickle
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from languages import speaking
from pipeline.errors import InputError, is_out_of_memory
from pipeline.isolation.confine import Limits, confine, limit_cpu, use_for_temporary_files
from pipeline.isolation.messages import packed
from pipeline.isolation.priority import (
    STRANGERS_OOM_SCORE,
    import_in_background,
    set_oom_score,
)

IMPORTS = (
    "torch",
    "transformers.models.auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "transformers.trainer",
    "safetensors.torch",
    "datasets",
    "huggingface_hub.hf_api",
    "pipeline.prediction",
    "pipeline.explain.experiments",
    "pipeline.explain.forecast",
    "pipeline.explain.step_by_hand",
    "pipeline.explain.why_cell",
)
MOST_START_BYTES = 2**16
# What a stranger's checkpoint computes should not keep others waiting for the page itself
BEHIND_THE_PAGE = 5


@dataclass(frozen=True)
class Start:
    """What a new process may reach and use. Paths as texts, as JSON has them.

    private: where its temporary files go; whoever starts it makes that folder and removes it.
    """

    private: str
    readable: list[str]
    writable: list[str]
    memory_bytes: int
    file_bytes: int
    network: bool = False

    def as_json(self) -> bytes:
        """As the fork server reads it."""
        return json.dumps(asdict(self)).encode()


def main() -> None:
    """Import, then fork for each message until the page's process goes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal goes to the whole group
    import_in_background(IMPORTS)
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page that it marks
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(control, MOST_START_BYTES, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            _serve(Start(**json.loads(message)), Connection(descriptors[0]))
        os.close(descriptors[0])
        control.sendall(pid.to_bytes(8, "big"))


def _serve(start: Start, connection: Connection) -> None:
    """Be the new process: confined, then answering one request after the other. Never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        set_oom_score(os.getpid(), STRANGERS_OOM_SCORE)
        os.nice(BEHIND_THE_PAGE)
        _use_one_thread()
        use_for_temporary_files(Path(start.private))
        limits = Limits(start.memory_bytes, start.file_bytes)
        confine(
            map(Path, start.readable),
            map(Path, [*start.writable, start.private]),
            limits,
            start.network,
        )
        while True:
            connection.send_bytes(_answer(connection.recv_bytes()))
    except (EOFError, OSError):  # the page let go of this process
        pass
    finally:
        os._exit(0)


def _use_one_thread() -> None:
    """Compute with one thread, as the page does (app.py): two wait for each other where others want
    the cores.
    """
    import torch

    torch.set_num_threads(1)


def _answer(request: bytes) -> bytes:
    """("made", value), ("refused", an InputError) or ("failed", what a log should have), packed.

    Raises what came of a lack of memory: this process ends, and so the page knows why.
    """
    try:
        function, arguments, keywords, language, cpu = pickle.loads(request)
        limit_cpu(cpu)
        with speaking(language):
            return packed(("made", function(*arguments, **keywords)))
    except InputError as error:
        return packed(("refused", error))
    except BaseException as error:  # a panic of the tokenizers' Rust is no Exception
        if is_out_of_memory(error):
            raise
        return packed(("failed", _line(error)))


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"


def ask(connection: Connection, request: tuple[Any, ...]) -> None:
    """Send (function, arguments, keywords, language, seconds of processor time)."""
    connection.send_bytes(pickle.dumps(request))


if __name__ == "__main__":
    main()
