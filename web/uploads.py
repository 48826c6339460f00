"""The folder of visitors' files: how much goes into it, for how long, and how much of that is one
address's.

Gradio 6.31: it takes files of any visitor until the disk is full, and removes them when their page
has gone. The folder is its own (GRADIO_TEMP_DIR) and lies beside the runs' folder, never in it: a
full one refuses the next file, and takes no run from anybody.
"""

import functools
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from gradio.utils import get_upload_folder
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException

from languages import say
from pipeline.errors import InputError
from pipeline.runs.cleanup import bytes_of
from web.gate import UPLOAD, refusal, route_path

FORM_OVERHEAD = 2**16  # bytes of a form around its file, and the least that a file counts for
SWEEP_SECONDS = 60


def upload_folder(settings):
    """The UploadFolder that this server's pages share."""
    return _folder(
        Path(get_upload_folder()), settings.max_upload_folder_bytes, settings.max_upload_seconds
    )


@functools.cache
def _folder(path, most, seconds):
    return UploadFolder(path, most, seconds)


@dataclass
class Reservation:
    """Bytes of the folder that are an address's (None: nobody's) since a time.time()."""

    since: float
    address: str | None
    size: int


class UploadFolder:
    """At most `most` bytes of files in `folder`, each for `seconds`; an address may take as much as
    it leaves free.
    """

    def __init__(self, folder: Path, most: int, seconds: float):
        self.folder, self.most, self.seconds = folder, most, seconds
        # What a server before this one left is nobody's
        self.reserved = [Reservation(time.time(), None, bytes_of(folder))]
        self.swept, self.lock = 0.0, threading.Lock()

    def reserve(self, address: str, size: int) -> Reservation:
        """Keep `size` bytes free for a file of `address`. Raises InputError where there is less."""
        size = max(size, FORM_OVERHEAD)
        with self.lock:
            self._sweep()
            total = sum(one.size for one in self.reserved)
            own = sum(one.size for one in self.reserved if one.address == address)
            if own + size > self.most - total - size:
                raise InputError(
                    say("This server can't store more files for now. Try again in a few minutes.")
                )
            self.reserved.append(Reservation(time.time(), address, size))
            return self.reserved[-1]

    def shrink(self, reservation: Reservation, size: int) -> None:
        """Fewer bytes came than were reserved."""
        with self.lock:
            reservation.size = max(size, FORM_OVERHEAD)

    def _sweep(self):
        now = time.time()
        load_cached = self.seconds + SWEEP_SECONDS
        self.reserved = [one for one in self.reserved if now - one.since < load_cached]
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
    """ASGI middleware: an upload of at most `most` bytes in all, into an UploadFolder, whatever it
    says of its length.
    """

    def __init__(self, app, folder: UploadFolder, most: int):
        self.app, self.folder, self.most = app, folder, most

    async def __call__(self, scope, receive, send):
        """Answer a request as ASGI has it, or hand it on."""
        if scope["type"] != "http" or scope["method"] != "POST" or route_path(scope) != UPLOAD:
            return await self.app(scope, receive, send)
        said, client = Headers(scope=scope).get("content-length", ""), scope.get("client")
        size = int(said) if said.isdigit() else self.most + FORM_OVERHEAD
        if size > self.most + FORM_OVERHEAD:
            return await self._too_large(scope)(scope, receive, send)
        try:
            reservation = self.folder.reserve(client[0] if client else "", size)
        except InputError as error:
            return await refusal(scope, error.args[0], 429, as_json=False)(scope, receive, send)
        came = 0

        async def counted():
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self.most + FORM_OVERHEAD:
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
            self.folder.shrink(reservation, came)
        if failed == 413:
            await self._too_large(scope)(scope, receive, send)
        elif failed:
            message = say("This upload can't be read. Choose the file again.")
            await refusal(scope, message, failed, as_json=False)(scope, receive, send)

    def _too_large(self, scope):
        message = say(
            "This file is larger than the limit of {most:.3g} MiB. Split it.",
            most=self.most / 2**20,
        )
        answer = refusal(scope, message, 413, as_json=False)
        answer.headers["Connection"] = "close"
        return answer
