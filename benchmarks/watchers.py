"""python -m benchmarks.watchers [--watchers 1000] [--seconds 20]: so many pages watch one run.

A run's folder is written as a worker does, a step every 0.4 s and an evaluation of 408 pairs every
25 steps. The watchers ask over HTTP as static/watch.js does, each on a connection of its own. What
counts is the processor time of the server's process. Beside it: what one look at the folder costs,
and one look of the page by Gradio's events, which each page made every second before. `--app` names
another version's app.py, whose page is looked at by Gradio's events alone.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import httpx

from dev.server import running_app
from pipeline.config import TrainingConfig
from pipeline.runs.liveness import claim
from pipeline.runs.progress import read_folder

PAIRS, STEPS, STEP_SECONDS, EVALUATED = 408, 125, 0.4, 25
RUN = "a" * 32
LOOKS, PAGES = 200, 20


def events() -> list[dict]:
    """The events of a default run, without the end."""
    drawn = random.Random(1)
    told: list[dict] = [
        {
            "event": "start",
            "seconds": 1.0,
            "total_steps": STEPS,
            "steps_per_epoch": STEPS,
            "eval_pairs": PAIRS,
            "train_pairs": 2000,
            "labels": [1] * PAIRS,
            "majority": {"accuracy": 0.684, "f1": 0.812, "label": 1},
            "task": {"labels": ["not_equivalent", "equivalent"]},
        }
    ]
    for step in range(STEPS + 1):
        seconds = 1.0 + step * STEP_SECONDS
        if step:
            values = {"loss": drawn.uniform(0.4, 0.7), "learning_rate": 2e-4, "grad_norm": 1.0}
            told.append({"event": "log", "seconds": seconds, "step": step, **values})
        if step % EVALUATED == 0:
            figures = {"eval_loss": 0.5, "eval_accuracy": 0.7, "eval_f1": 0.8, "right": 285}
            shares = [round(drawn.random(), 4) for _pair in range(PAIRS)]
            told.append(
                {"event": "evaluation", "seconds": seconds, "step": step, **figures}
                | {"shares": shares}
            )
    return told


@contextmanager
def training(runs_folder: Path) -> Iterator[Path]:
    """A run's folder; its events are written while the block lasts, and again from the start."""
    folder = runs_folder / RUN
    folder.mkdir(parents=True)
    (folder / "owner").write_text("nobody")
    (folder / "config.json").write_text(json.dumps(asdict(TrainingConfig())))
    claim(folder)
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            (folder / "events.jsonl").write_text("")
            for event in events():
                with open(folder / "events.jsonl", "a") as file:
                    file.write(json.dumps(event) + "\n")
                if event["event"] == "log" and over.wait(STEP_SECONDS):
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield folder
    finally:
        over.set()
        writer.join()


def look_seconds() -> float:
    """Processor seconds of one look at the folder of a default run near its end."""
    folder = Path(tempfile.mkdtemp()) / RUN
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(asdict(TrainingConfig())))
    (folder / "owner").write_text("nobody")
    claim(folder)
    lines = [json.dumps(event) + "\n" for event in events()]
    (folder / "events.jsonl").write_text("".join(lines))
    began = time.process_time()
    for _look in range(LOOKS):
        read_folder(folder)
    return (time.process_time() - began) / LOOKS


def server_process() -> int:
    """The server that this process has started."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return int(children[-1])


def used_seconds(process: int) -> float:
    """Processor seconds that a process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---------------------------------------------------------------- Gradio's events


async def page_looks(address: str, seconds: float, pages: int) -> int:
    """Looks of the page by Gradio's events that `pages` made in so many seconds, one a second
    each.
    """
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        config = (await client.get("/config")).json()
        looks = [
            each
            for each in config["dependencies"]
            if any(event in ("tick", "submit") for _id, event in each["targets"])
        ]
        look = max(looks, key=lambda each: len(each["outputs"]))
        counts = await asyncio.gather(
            *(_looks_of_a_page(client, look["id"], seconds) for _page in range(pages))
        )
    return sum(counts)


async def _looks_of_a_page(client: httpx.AsyncClient, number: int, seconds: float) -> int:
    session, made = secrets.token_hex(8), 0
    await asyncio.sleep(random.random())
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        body = {"data": [RUN, {}], "fn_index": number, "session_hash": session}
        (await client.post("/gradio_api/queue/join", json=body)).raise_for_status()
        where = f"/gradio_api/queue/data?session_hash={session}"
        async with client.stream("GET", where) as stream:
            async for line in stream.aiter_lines():
                if "process_completed" in line:
                    assert json.loads(line.removeprefix("data: "))["success"], line
                    break
        made += 1
        await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
    return made


# ---------------------------------------------------------------- the page's script


async def watchers(address: str, count: int, seconds: float) -> tuple[int, int, int]:
    """(questions, answers that brought something new, bytes) of so many pages."""
    host, _, port = address.removeprefix("http://").partition(":")
    told = [0, 0, 0]

    async def watch() -> None:
        await asyncio.sleep(random.random())
        reader, writer = await asyncio.open_connection(host, int(port))
        etag, seen = "", -1
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            question = (
                f"GET /gradio_api/runs/{RUN}/watched?lang=en&behind=&seen={seen}&log= HTTP/1.1\r\n"
                f"Host: {host}:{port}\r\nAccept-Encoding: gzip\r\n"
                f"If-None-Match: {etag}\r\n\r\n"
            )
            try:
                writer.write(question.encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            except (asyncio.IncompleteReadError, ConnectionError):
                # uvicorn ends a connection that was idle for 5 s; a browser opens another
                reader, writer = await asyncio.open_connection(host, int(port))
                continue
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            assert head.split(" ")[1] in ("200", "304"), head
            length = 0 if " 304" in head[:14] else int(fields.get("content-length", 0))
            body = await reader.readexactly(length)
            told[0] += 1
            told[1] += bool(body)
            told[2] += len(head) + len(body)
            etag = fields["etag"]
            seen = 0 if seen < 0 else seen
            again = float(fields["x-again"])
            await asyncio.sleep(max(0.0, again - (time.monotonic() - began)))
        writer.close()

    await asyncio.gather(*(watch() for _page in range(count)))
    return told[0], told[1], told[2]


def rows(
    count: int = 1000, seconds: float = 20.0, script: str = "app.py"
) -> Iterator[tuple[str, str, str]]:
    """(what, measured, target) for the table."""
    look = look_seconds()
    yield "a look at the folder of a default run", f"{1000 * look:.2f} ms", ""
    with running_app(script=script) as (address, folder):
        time.sleep(30)  # models warm, the spare worker ready
        process = server_process()
        with training(folder):
            before, began = used_seconds(process), time.monotonic()
            time.sleep(5.0)
            idle = (used_seconds(process) - before) / (time.monotonic() - began)
            yield "the server with nobody there", f"{idle:.3f} s a second", ""
            before, began = used_seconds(process), time.monotonic()
            made = asyncio.run(page_looks(address, seconds, PAGES))
            used = used_seconds(process) - before - idle * (time.monotonic() - began)
            yield f"a look by Gradio's events ({made})", f"{1000 * used / made:.1f} ms", ""
            yield f"{count} pages, one such look a second", f"{count * used / made:.2f} s", ""
            if script != "app.py":
                return
            before, began = used_seconds(process), time.monotonic()
            asked, new, size = asyncio.run(watchers(address, count, seconds))
            passed = time.monotonic() - began
            used = used_seconds(process) - before - idle * passed
            yield (
                f"{count} watchers, processor time a second",
                f"{used / passed:.2f} s",
                f"under {count * look:.2f} s: a look each",
            )
            yield (
                "their questions a second, with something new",
                f"{asked / passed:.0f}, {new / passed:.0f}",
                f"{1000 * used / asked:.2f} ms each",
            )
            yield "bytes sent", f"{size / passed / 2**20:.1f} MiB a second", ""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.watchers", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--app", default="app.py")
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for what, figure, target in rows(options.watchers, options.seconds, options.app):
        print(f"{what:44}{figure:>26}   {target}", flush=True)


if __name__ == "__main__":
    main()
