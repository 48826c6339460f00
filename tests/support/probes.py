"""What a confined process is asked to try; imported in there, so with nothing but the standard library."""

import os
import subprocess


def read(_name, path, settings):
    with open(path, "rb") as file:
        return len(file.read(100))


def read_natively(_name, path, settings):
    """As the tokenizers' Rust does it: no audit hook of Python's hears of it."""
    from tokenizers.models import WordPiece

    return len(WordPiece.read_file(path))


def connect(_name, port, settings):
    import socket

    socket.create_connection(("127.0.0.1", port), 2)


def start_a_process(_name, settings):
    return subprocess.run(["true"]).returncode


def kill(_name, pid, settings):
    """Signal 0 asks whether it might; as native code does, of which no audit hook hears."""
    import ctypes

    if ctypes.CDLL(None).kill(pid, 0):
        raise PermissionError("no signal")


def environment(_name, settings):
    return dict(os.environ)


def take_memory(_name, settings):
    return len(bytes(16 * 2**30))


def never_end(_name, settings):
    import re

    re.match(r"(a+)+$", "a" * 60 + "!")


def end(_name, settings):
    os._exit(1)


def panic(*_arguments, **_keywords):
    class Panic(BaseException):
        pass

    raise Panic("thread '<unnamed>' panicked at /root/.cargo/registry")
