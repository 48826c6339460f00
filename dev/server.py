"""`python app.py` as a person would start it, for what looks at it from outside: tests, benchmarks,
screenshots.

with running_app({"PAIRS": "embedded"}) as (address, runs_folder):
    ...
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def running_app(environment=None, script="app.py", seconds=120):
    """Yields (address, folder of its runs) once it answers; ends it afterwards. RuntimeError with
    its log where it doesn't.

    environment: variables on top of this process's own.
    """
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="app-"))
    environment = {
        **os.environ,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "RUNS_DIR": str(folder / "runs"),
        **(environment or {}),
    }
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, script], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, server, folder / "server.log", seconds)
        yield address, folder / "runs"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(address, server, log, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(address, timeout=30).read()
            return
        except OSError:
            if server.poll() is not None:
                raise RuntimeError(f"the app ended before it answered: {log.read_text()}") from None
            time.sleep(0.02)
    raise RuntimeError(f"no answer within {seconds} s: {log.read_text()}")


def chromium():
    """Path of the browser that drives the page; None leaves the choice to Playwright's own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
