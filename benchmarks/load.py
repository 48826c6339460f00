"""python -m benchmarks.load [--learners 30 100 300] [--seconds 120] [--starts 30]: a class on one
server.

Each simulated learner presses Tokenize every 2 s and Predict every 4 s, over HTTP as a browser
would. All join one class, fifteen a second, and look at its board every 5 s; each thirty share a
network address, as a room of pupils does; `--starts` of them press Start when they come, each with
another seed, and watch their run as a page does. Prints requests, errors, percentiles of the time
from request to answer, the server's memory and processor time. The learners wait for an answer
before they ask again, and a request that is late is not sent twice. Learners and server share the
cores: the learners' own time is told, too.
"""

import argparse
import asyncio
import json
import os
import random
import re
import secrets
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.watchers import server_process, used_seconds
from dev.server import running_app
from pipeline.classes.store import create_class
from pipeline.dataset import load_raw_datasets
from pipeline.settings import Settings

EVERY = {"tokenize": 2.0, "predict": 4.0}  # seconds between two requests of one learner
TARGETS = {"tokenize": 1.0, "predict": 2.5}  # p95, seconds
BOARD_SECONDS, WATCH_SECONDS = 5.0, 1.0
COME_A_SECOND = 15  # learners who open the page and join
ROOM = 30  # learners behind one network address
STEPS = 60  # of a run that a learner starts
LONGEST_SECONDS = 60.0  # an answer that takes longer is an error


# ---------------------------------------------------------------- what other benchmarks ask


async def ask(client, endpoint, values):
    """One call of a public endpoint: its result; RuntimeError with the server's message for an
    error.
    """
    answer = await client.post(f"/gradio_api/call/{endpoint}", json={"data": values})
    answer.raise_for_status()
    async with client.stream(
        "GET", f"/gradio_api/call/{endpoint}/{answer.json()['event_id']}"
    ) as stream:
        kind = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "complete":
                return json.loads(line.removeprefix("data: "))[0]
            elif line.startswith("data: ") and kind == "error":
                raise RuntimeError(line.removeprefix("data: "))
    raise RuntimeError("the stream ended without an answer")


async def defaults(client, endpoint, **changes):
    """The values of an endpoint's parameters, as gradio's own client fills them in."""
    described = (await client.get("/gradio_api/info")).json()["named_endpoints"][f"/{endpoint}"]
    return [
        changes.get(parameter["parameter_name"], parameter.get("parameter_default"))
        for parameter in described["parameters"]
    ]


async def buttons(client):
    """{endpoint: (number of the page's function, its inputs after the pair)} of the Tokenize and
    the Predict button.
    """
    form = Form.read((await client.get("/config")).json())
    found = {what: button(form, what) for what in EVERY}
    return {what: (function["id"], rest) for what, (function, rest) in found.items()}


async def press(client, number, values, session):
    """Press a button as the page does: join the queue, wait for the answer's HTML. `session`: one a
    visitor.
    """
    body = {
        "data": values,
        "fn_index": number,
        "session_hash": session,
        "event_data": None,
        "trigger_id": None,
    }
    (await client.post("/gradio_api/queue/join", json=body)).raise_for_status()
    async with client.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as stream:
        async for line in stream.aiter_lines():
            if (
                line.startswith("data: ")
                and (told := json.loads(line.removeprefix("data: ")))["msg"] == "process_completed"
            ):
                assert told["success"] and "<table" in told["output"]["data"][0], told
                return told["output"]["data"][0]
    raise RuntimeError("the stream ended without an answer")


@contextmanager
def serving_app():
    """(address, folder of its runs) of a server of its own, warm."""
    with running_app() as served:
        time.sleep(30)  # models warm, the spare worker ready
        yield served


# ---------------------------------------------------------------- a browser, as far as it costs


@dataclass
class Answer:
    """An HTTP answer: its status, its fields in small letters, its body."""

    status: int
    fields: dict[str, str]
    body: bytes


class Browser:
    """A visitor's connections. httpx takes a millisecond for a request; three hundred learners on
    the server's own cores would measure that. source: the visitor's own address.
    """

    def __init__(self, address: str, source: str = "127.0.0.1") -> None:
        self.host, _, port = address.removeprefix("http://").partition(":")
        self.port, self.source = int(port), source
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(
        self, method: str, path: str, body: object = None, fields: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, on a connection that is idle where there is one."""
        while True:
            is_old = bool(self._idle)
            reader, writer = self._idle.pop() if is_old else await self._opened()
            try:
                await self._send(writer, method, path, body, fields)
                answer = await _head(reader)
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                if not is_old:  # the server ends one that was idle for 5 s
                    raise
        length = 0 if answer.status == 304 else int(answer.fields.get("content-length", 0))
        answer.body = await reader.readexactly(length)
        self._idle.append((reader, writer))
        return answer

    async def completed(self, session: str) -> dict[str, Any]:
        """What Gradio's stream of a session tells when its call is over."""
        reader, writer = await self._opened()
        try:
            path = f"/gradio_api/queue/data?session_hash={session}"
            await self._send(writer, "GET", path, None, None)
            while line := await reader.readline():
                if line.startswith(b"data: ") and b'"process_completed"' in line:
                    return json.loads(line.removeprefix(b"data: "))
        finally:
            writer.close()
        raise RuntimeError("the stream ended without an answer")

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            self.host, self.port, limit=2**24, local_addr=(self.source, 0)
        )

    async def _send(
        self,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        body: object,
        fields: Mapping[str, str] | None,
    ) -> None:
        sent = b"" if body is None else json.dumps(body).encode()
        told = {"Host": f"{self.host}:{self.port}", "Accept-Encoding": "gzip", **(fields or {})}
        if sent:
            told |= {"Content-Type": "application/json", "Content-Length": str(len(sent))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + sent)
        await writer.drain()


async def _head(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines if line)
    return Answer(int(first.split(" ")[1]), {name.lower(): said for name, said in pairs}, b"")


@dataclass
class Form:
    """The page's functions and the values that its components have at first."""

    components: dict[int, dict[str, Any]]
    dependencies: list[dict[str, Any]]

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> "Form":
        """Of what the server tells every page at /config."""
        components = {one["id"]: one["props"] for one in config["components"]}
        return cls(components, config["dependencies"])

    def on_click(self, **props: str) -> dict[str, Any] | None:
        """The function of the first button that has these properties; None where there is none."""
        buttons = [
            number
            for number, has in self.components.items()
            if all(has.get(name) == value for name, value in props.items())
        ]
        for each in self.dependencies:
            if each["backend_fn"] and any([one, "click"] in each["targets"] for one in buttons):
                return each
        return None

    def values(self, function: Mapping[str, Any], **by_elem_id: object) -> list[object]:
        """The values of its inputs, as they stand at first but for those named by elem_id (with _
        for -).
        """
        told = []
        for number in function["inputs"]:
            props = self.components.get(number, {})
            name = (props.get("elem_id") or "").replace("-", "_")
            told.append(by_elem_id.get(name, props.get("value")))
        return told


PLAIN = {"Accept-Encoding": "identity"}


async def call(
    browser: Browser, function: Mapping[str, Any], values: list[object], session: str
) -> list[Any]:
    """Press a button as the page does: join the queue, wait for the answer. Its outputs' values."""
    body = {
        "data": values,
        "fn_index": function["id"],
        "session_hash": session,
        "event_data": None,
        "trigger_id": None,
    }
    joined = await browser.ask("POST", "/gradio_api/queue/join", body)
    if joined.status != 200:
        raise RuntimeError(f"{joined.status} {joined.body.decode()[:200]}")
    told = await browser.completed(session)
    if not told["success"]:
        raise RuntimeError(str(told["output"])[:200])
    return told["output"]["data"]


# ---------------------------------------------------------------- a class


@dataclass
class Class:
    """What happens in one: code "" where the page has no class to join."""

    form: Form
    pairs: list[tuple[str, str]]
    until: float
    learners: int
    code: str = ""
    took: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long the block takes, or its error."""
        began = time.monotonic()
        try:
            yield
            self.took.setdefault(what, []).append(time.monotonic() - began)
        except Exception as error:
            self.errors.append(f"{what}: {type(error).__name__} {error}")


class Learner:
    """One learner: a browser, and who it is in the class."""

    def __init__(self, number: int, address: str, room: Class) -> None:
        self.number, self.room = number, room
        self.browser = Browser(address, f"127.0.0.{2 + number // ROOM}")
        self.rng = random.Random(number)
        self.kept = ""  # what the browser keeps of the class

    async def come(self, is_starting: bool) -> None:
        """Join the class, then do all that a learner does until the lesson is over."""
        room = self.room
        await asyncio.sleep(self.rng.uniform(0, room.learners / COME_A_SECOND))
        if room.code:
            with room.timed("join"):
                await self.join()
        doing = [self.press("tokenize"), self.press("predict")]
        if room.code:
            doing.append(self.look_at_board())
        if is_starting:
            doing.append(self.start())
        await asyncio.gather(*doing)

    async def join(self) -> None:
        """Press Join, under a drawn name."""
        function = self.room.form.on_click(value="Join")
        assert function
        data = [self.room.code, "", ""]
        told = await call(self.browser, function, data, secrets.token_hex(8))
        self.kept = next(one for one in told if isinstance(one, str) and '"pupil"' in one)

    async def look_at_board(self) -> None:
        """Ask for the board as its script does."""
        etag = ""
        await asyncio.sleep(self.rng.uniform(0, BOARD_SECONDS))
        while time.monotonic() < self.room.until:
            with self.room.timed("board"):
                path = f"/gradio_api/classes/{self.room.code}/board"
                answer = await asyncio.wait_for(
                    self.browser.ask("GET", path, fields={"If-None-Match": etag}), LONGEST_SECONDS
                )
                if answer.status == 404:  # this version has no board
                    return
                if answer.status not in (200, 304):
                    raise RuntimeError(f"{answer.status} {answer.body.decode()[:100]}")
                etag = answer.fields.get("etag", etag)
            await asyncio.sleep(BOARD_SECONDS)

    async def press(self, what: str) -> None:
        """Press a button every so many seconds, each learner at another moment."""
        function, rest = button(self.room.form, what)
        session = secrets.token_hex(8)
        await asyncio.sleep(self.rng.uniform(0, EVERY[what]))
        while (began := time.monotonic()) < self.room.until:
            with self.room.timed(what):
                values = [*self.rng.choice(self.room.pairs), *rest]
                asked = call(self.browser, function, values, session)
                told = await asyncio.wait_for(asked, LONGEST_SECONDS)
                assert "<table" in told[0], told
            await asyncio.sleep(max(0.0, EVERY[what] - (time.monotonic() - began)))

    async def start(self) -> None:
        """Press Start with another seed than all others, then watch that run."""
        function = self.room.form.on_click(elem_id="press-start")
        assert function
        settings = {"setting_seed": self.number, "setting_max_steps": STEPS}
        found: list[str] = []
        with self.room.timed("start"):
            values = self._in_class(function, self.room.form.values(function, **settings))
            told = await asyncio.wait_for(
                call(self.browser, function, values, secrets.token_hex(8)), LONGEST_SECONDS
            )
            found = [one for one in told if isinstance(one, str) and RUN.fullmatch(one)]
            assert found, told
            self.room.runs.append(found[0])
        if found:
            await self._watch(found[0])

    def _in_class(self, function: Mapping[str, Any], values: list[object]) -> list[object]:
        """The values with who the learner is, where Start takes that."""
        join = self.room.form.on_click(value="Join")
        if not join:
            return values
        told = dict(zip(join["inputs"], [self.room.code, self.kept], strict=False))
        return [
            told.get(number, value)
            for number, value in zip(function["inputs"], values, strict=True)
        ]

    async def _watch(self, run_id: str) -> None:
        etag = ""
        while time.monotonic() < self.room.until:
            with self.room.timed("watch"):
                path = f"/gradio_api/runs/{run_id}/watched?lang=en&seen=0&behind=&log="
                answer = await self.browser.ask("GET", path, fields={"If-None-Match": etag})
                if answer.status not in (200, 304):
                    raise RuntimeError(f"{answer.status} {answer.body.decode()[:100]}")
                etag = answer.fields.get("etag", etag)
            await asyncio.sleep(float(answer.fields.get("x-again", WATCH_SECONDS)))


def button(form: Form, what: str) -> tuple[dict[str, Any], list[object]]:
    """The function of the button Tokenize or Predict, and its inputs after the pair."""
    function = form.on_click(elem_id=f"press-{what}")
    assert function, what
    return function, form.values(function)[2:]


RUN = re.compile("[0-9a-f]{32}")


async def classroom(
    address: str, folder: Path, learners: int, seconds: float, starts: int
) -> Class:
    """A lesson of so many learners, of whom `starts` press Start. folder: the server's runs."""
    rows = load_raw_datasets("auto", Settings())[0]["validation"][:]
    pairs = list(zip(rows["sentence1"], rows["sentence2"], strict=True))
    browser = Browser(address)
    form = Form.read(json.loads((await browser.ask("GET", "/config", fields=PLAIN)).body))
    for what in EVERY:  # a class starts on a server that is warm
        function, rest = button(form, what)
        await call(browser, function, [*pairs[0], *rest], "first")
    code = ""
    if form.on_click(value="Join"):
        code, _teacher_key = create_class("", "", {}, Settings(runs_folder=folder))
    room = Class(form, pairs, time.monotonic() + seconds, learners, code)
    await asyncio.gather(
        *(Learner(number, address, room).come(number < starts) for number in range(learners))
    )
    return room


def memory_of(process: int) -> tuple[float, float]:
    """(resident memory of a process now, the most that it was), in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    now, most = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def percentile(values: list[float], share: float) -> float:
    """Of two values or more, the one below which that share of them is."""
    return statistics.quantiles(values, n=100)[round(100 * share) - 1]


def rows(
    learners: tuple[int, ...] = (30,), seconds: float = 120, starts: int = 30
) -> Iterator[tuple[str, str, str]]:
    """(what, measured, target) for the table: a server of its own for each size of the class."""
    for count in learners:
        with serving_app() as (address, folder):
            process = server_process()
            begun, _most = memory_of(process)
            used, own, began = used_seconds(process), time.process_time(), time.monotonic()
            room = asyncio.run(classroom(address, folder, count, seconds, min(starts, count)))
            passed = time.monotonic() - began
            used, own = used_seconds(process) - used, time.process_time() - own
            now, most = memory_of(process)
            states = [path.read_text().splitlines()[-1] for path in folder.glob("*/events.jsonl")]
        asked = sum(map(len, room.took.values())) + len(room.errors)
        yield (
            f"{count} learners, {seconds:g} s, {min(starts, count)} press Start",
            f"{len(room.errors)} errors of {asked}",
            "0",
        )
        for error in sorted(set(room.errors))[:5]:
            yield "an error", error[:160], ""
        for what, values in room.took.items():
            target = f"p95 at most {TARGETS[what]:g} s" if what in TARGETS else ""
            p50, p95 = (
                percentile(values, share) if values[1:] else values[0] for share in (0.5, 0.95)
            )
            yield (
                f"{what}, p50 and p95 of {len(values)} answers",
                f"{p50:.2f} s, {p95:.2f} s",
                target,
            )
        ended = [json.loads(state)["event"] for state in states]
        yield "runs asked for, done by the end", f"{len(room.runs)}, {ended.count('done')}", ""
        yield (
            "the server's memory, before / after / most",
            f"{begun:.0f} / {now:.0f} / {most:.0f} MiB",
            "",
        )
        yield (
            "processor time a second, server and learners",
            f"{used / passed:.2f} s, {own / passed:.2f} s",
            f"load {os.getloadavg()[0]:.1f}",
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--learners", type=int, nargs="+", default=[30])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--starts", type=int, default=30)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for what, figure, target in rows(tuple(options.learners), options.seconds, options.starts):
        print(f"{what:44}{figure:>26}   {target}", flush=True)


if __name__ == "__main__":
    main()
