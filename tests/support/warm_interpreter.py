"""A Python that has imported the libraries, but none of our code, and forks for each question.

What a client of the Hub does depends on variables that are read when its library is imported, so each
question needs an interpreter that began with them. Importing torch, transformers and datasets takes
six seconds of a core; a fork takes none.

    run_python("print(1)", folder, HF_ENDPOINT="http://127.0.0.1:8765")    # "1"
"""

import atexit
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path

LIBRARIES = """
import torch, transformers, datasets, evaluate, peft, sklearn.metrics, huggingface_hub.hf_api
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertModel, Trainer
from transformers import BertForSequenceClassification, BertTokenizerFast, DataCollatorWithPadding
from transformers import RobertaForSequenceClassification, DistilBertForSequenceClassification
"""
# Read when a library is imported: they can't be given to a fork
AT_IMPORT = ("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "PYTHON", "OMP_", "MKL_", "LD_", "CUDA_")


_started = {}


def run_python(code: str, folder: Path, seconds: float = 300, **environment: str) -> str:
    """What `python -c code` prints in this folder, with nothing of ours to import but what lies there.

    It gets these variables, and this process's own but for those of the Hub.
    AssertionError with its traceback where it fails, TimeoutExpired where it takes too long.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    kept.pop("PYTHONPATH", None)
    everything = kept | environment
    at_import = {k: value for k, value in everything.items() if k.startswith(AT_IMPORT)}
    key = tuple(sorted(at_import.items()))
    if key not in _started:
        _started[key] = WarmInterpreter(everything)
    done = _started[key].run(code, folder, everything, seconds)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


class WarmInterpreter:
    """One question at a time. It ends with this process.

    environment: all that it gets, nothing of this process's own.
    """

    def __init__(self, environment: dict[str, str]):
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.end)
        assert self.process.stdout.readline() == "ready\n"

    def run(
        self, code: str, folder: Path, environment: dict[str, str], seconds: float
    ) -> subprocess.CompletedProcess:
        """What a fork with these variables says. TimeoutExpired after `seconds`."""
        with self.lock, tempfile.TemporaryDirectory() as said:
            order = {"code": code, "folder": str(folder), "environment": environment, "said": said}
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            pid = int(self.process.stdout.readline())
            late = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
            late.start()
            status = int(self.process.stdout.readline())
            late.cancel()
            if status == -signal.SIGKILL:
                raise subprocess.TimeoutExpired(code, seconds)
            texts = [(Path(said) / name).read_text() for name in ("stdout", "stderr")]
            return subprocess.CompletedProcess(code, status, *texts)

    def end(self) -> None:
        """End the process. Its forks ended before it."""
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def _answer(order: dict) -> None:
    """In a fork: takes over folder, environment, path and streams as `python -c` has them."""
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path[0] = ""
    sys.argv[:] = ["-c"]
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(order["said"], name), os.O_WRONLY | os.O_CREAT), number)
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        exec(compile(order["code"], "<string>", "exec"), main.__dict__)
    finally:
        atexit._run_exitfuncs()  # a fork of multiprocessing's leaves them out


if __name__ == "__main__":
    exec(LIBRARIES)
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        fork = multiprocessing.get_context("fork").Process(target=_answer, args=(json.loads(line),))
        fork.start()
        print(fork.pid, file=answers, flush=True)
        fork.join()
        print(fork.exitcode, file=answers, flush=True)
