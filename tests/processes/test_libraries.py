"""transformers imports its parts when asked for them: two threads never meet in a half-made one."""

import subprocess
import sys

from tests.conftest import ROOT

FIRST_VISITORS = """
import sys, threading
from pipeline.prediction import predict
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, Settings
from pipeline.tokenization import load_tokenizer

sys.setswitchinterval(1e-5)  # as busy cores do it
settings, errors = Settings(), []
asked = [lambda: predict(READY, [("a", "b")], settings=settings)]
asked += [lambda name=name: load_tokenizer(name, settings) for name in (EMBEDDED_CHECKPOINT, READY)]
at_once = threading.Barrier(len(asked))

def visit(ask):
    at_once.wait()
    try:
        ask()
    except Exception as error:
        errors.append(repr(error))

threads = [threading.Thread(target=visit, args=(ask,)) for ask in asked]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(errors)
"""


def test_the_first_visitors_of_a_server_come_while_it_warms_up():
    command = [sys.executable, "-c", FIRST_VISITORS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
