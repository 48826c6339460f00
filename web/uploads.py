"""The folder of visitors' files: how much goes into it, for how long, and how much of that is one
address's.

It is Gradio's own (GRADIO_TEMP_DIR) and lies beside the runs' folder, never in it: a full one
refuses the next file, and takes no run from anybody.
"""

import functools
import os
import threading
import time
from pathlib import Path

from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from languages import say
from pipeline.errors import InputError
from pipeline.runs.cleanup import bytes_of
from web.gate import UPLOAD, refusal, route_path

AROUND = 2**16  # bytes that a form has around its file, and the least that a file counts for
SWEEP_SECONDS = 60


def room_of(settings):
    """The Room that this server's pages share."""
    return _room(
        Path(get_upload_folder()), settings.max_upload_folder_bytes, settings.max_upload_seconds
    )


@functools.cache
def _room(folder, most, seconds):
    return Room(folder, most, seconds)


class Room:
    """At most `most` bytes of files in `folder`, each for `seconds`; an address may take as much as
    it leaves free.
    """

    def __init__(self, folder: Path, most: int, seconds: float):
        self.folder, self.most, self.seconds = folder, most, seconds
        self.taken = [
            [time.time(), None, bytes_of(folder)]
        ]  # [when, whose, bytes]; what a server before this one left
        self.swept, self.lock = 0.0, threading.Lock()

    def take(self, address: str, size: int) -> list:
        """Room for `size` bytes, as an entry for `settle`. Raises InputError where there isn't as
        much.
        """
        size = max(size, AROUND)
        with self.lock:
            self._sweep()
            total = sum(entry[2] for entry in self.taken)
            own = sum(entry[2] for entry in self.taken if entry[1] == address)
            if own + size > self.most - total - size:
                raise InputError(
                    say(
                        "This server keeps no more files of visitors for now. Try again in some "
                        "minutes."
                    )
                )
            self.taken.append([time.time(), address, size])
            return self.taken[-1]

    def settle(self, entry: list, size: int):
        """Fewer bytes came than there was room taken for."""
        with self.lock:
            entry[2] = max(size, AROUND)

    def _sweep(self):
        now = time.time()
        self.taken = [
            entry for entry in self.taken if now - entry[0] < self.seconds + SWEEP_SECONDS
        ]
        if now - self.swept < SWEEP_SECONDS:
            return
        self.swept = now
        for where, folders, names in os.walk(self.folder, topdown=False):
            for name in names:
                _remove_old(os.path.join(where, name), now - self.seconds)
            for name in folders:
                _remove_empty(os.path.join(where, name))


def _remove_old(path, oldest):
    try:
        if os.lstat(path).st_mtime < oldest:
            os.unlink(path)
    except OSError:  # gone meanwhile, or another user's
        pass


def _remove_empty(path):
    try:
        os.rmdir(path)
    except OSError:  # something lies in it
        pass


class Uploads:
    """ASGI middleware: an upload of at most `most` bytes in all, into a Room, whatever it says of
    its length.
    """

    def __init__(self, app, room: Room, most: int):
        self.app, self.room, self.most = app, room, most

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["method"] != "POST" or route_path(scope) != UPLOAD:
            return await self.app(scope, receive, send)
        said, client = Headers(scope=scope).get("content-length", ""), scope.get("client")
        size = int(said) if said.isdigit() else self.most + AROUND
        if size > self.most + AROUND:
            return await self._too_large(scope)(scope, receive, send)
        try:
            entry = self.room.take(client[0] if client else "", size)
        except InputError as error:
            return await refusal(scope, error.args[0], 429, as_json=False)(scope, receive, send)
        came = 0

        async def counted():
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self.most + AROUND:
                raise MultiPartException(
                    "maximum allowed size"
                )  # Gradio then removes what it has written
            return message

        failed = 0

        async def checked(message):
            nonlocal failed
            if message["type"] == "http.response.start" and message["status"] >= 400:
                failed = message["status"]
            if not failed:
                await send(message)

        try:
            await self.app(scope, counted, checked)
        finally:
            self.room.settle(entry, came)
        if failed == 413:
            await self._too_large(scope)(scope, receive, send)
        elif failed:
            message = say("This upload can't be read. Choose the file again.")
            await refusal(scope, message, failed, as_json=False)(scope, receive, send)

    def _too_large(self, scope):
        message = say(
            "This file is larger than {most:.3g} MiB, which is the most here. Split it.",
            most=self.most / 2**20,
        )
        answer = refusal(scope, message, 413, as_json=False)
        answer.headers["Connection"] = "close"
        return answer
