"""Clients of a Hub on loopback: real ones, in an interpreter that began with this Hub's address."""

import json
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.warm_interpreter import run_python

ROOT = Path(__file__).parent.parent.parent
HUB = Path(__file__).with_name("loopback_hub.py")
PREAMBLE = """
import json, time
def timed(function, *args, **kwargs):
    began = time.monotonic()
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        result = error
    return result, time.monotonic() - began
"""


def port_of_ones_own() -> int:
    """A free port below those that outgoing connections are given: it can be bound again later."""
    while True:
        with socket.socket() as found:
            try:
                port = random.SystemRandom().randrange(20_000, 32_000)
                found.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Client:
    """One address for a Hub, one cache, and programs that know no other."""

    def __init__(self, home: Path):
        self.port, self.home = port_of_ones_own(), home
        self.environment = {
            "HF_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def serve(self, *flags: object) -> subprocess.Popen:
        """A Hub with these flags at this address, once it serves; the cache is empty again."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        command = [sys.executable, HUB, "--port", str(self.port), *map(str, flags)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert "serving" in server.stdout.readline()
        return server

    def ask(self, code: str, **environment: str) -> object:
        """The JSON that `code` prints last.

        It may use `timed(f, *args)` -> (result or error, seconds).
        """
        return json.loads(self.run(PREAMBLE + code, ROOT, **environment).splitlines()[-1])

    def run(self, code: str, folder: Path, **environment: str) -> str:
        """What `code` prints in `folder`; see run_python."""
        return run_python(code, folder, **self.environment, **environment)
