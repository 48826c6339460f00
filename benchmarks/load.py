"""python -m benchmarks.load [--learners 30] [--seconds 120] [--runs 3]: a classroom on one server.

Each simulated learner presses Tokenize every 2 s and Predict every 4 s, over HTTP as a browser
would; `--runs` of them also start the default fine-tune. Prints requests, errors and percentiles of
the time from request to answer. The learners wait for an answer before they ask again, and a
request that is late is not sent twice.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import statistics
import time
from contextlib import contextmanager

import httpx

from dev.server import running_app
from pipeline.dataset import load_raw_datasets
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, Settings

EVERY = {"tokenize": 2.0, "predict": 4.0}  # seconds between two requests of one learner
TARGETS = {"tokenize": 1.0, "predict": 2.5}  # p95, seconds, while a run trains


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


async def learner(client, endpoint, button, pairs, until, took, errors):
    """Press a button every so many seconds, each learner at another moment."""
    number, rest = button
    rng, session = random.Random(), secrets.token_hex(8)
    await asyncio.sleep(rng.uniform(0, EVERY[endpoint]))
    while (began := time.monotonic()) < until:
        try:
            await press(client, number, [*rng.choice(pairs), *rest], session)
            took[endpoint].append(time.monotonic() - began)
        except Exception as error:
            errors.append(f"{endpoint}: {type(error).__name__} {error}")
        await asyncio.sleep(max(0.0, EVERY[endpoint] - (time.monotonic() - began)))


async def classroom(address, learners, seconds, runs):
    """(seconds by endpoint, errors, how many runs had ended)."""
    rows = load_raw_datasets("auto", Settings())[0]["validation"][:]
    pairs = list(zip(rows["sentence1"], rows["sentence2"], strict=True))
    took, errors = {endpoint: [] for endpoint in EVERY}, []
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        pressed = await buttons(client)
        for number, rest in pressed.values():
            await press(
                client, number, [*pairs[0], *rest], "first"
            )  # a class starts on a server that is warm
        until = time.monotonic() + seconds
        usual = await defaults(client, "fine_tune", again=True)  # three runs, not one
        started = [ask(client, "fine_tune", usual) for _ in range(runs)]
        asking = [
            learner(client, name, pressed[name], pairs, until, took, errors)
            for name in EVERY
            for _ in range(learners)
        ]
        begun, *_ = await asyncio.gather(asyncio.gather(*started, return_exceptions=True), *asking)
        errors += [f"fine_tune: {answer}" for answer in begun if isinstance(answer, Exception)]
    return took, errors


async def buttons(client):
    """{endpoint: (number of the page's function, its inputs after the pair)} of the Tokenize and
    the Predict button.
    """
    dependencies = (await client.get("/config")).json()["dependencies"]
    tokenize = next(each["id"] for each in dependencies if each["api_name"] == "pair")
    predict = next(each["id"] for each in dependencies if each.get("batch"))
    return {
        "tokenize": (tokenize, (EMBEDDED_CHECKPOINT, 128, True)),
        "predict": (predict, (READY,)),
    }


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


def measured(learners, seconds, runs):
    """Start a server, hold a class on it, stop it."""
    with serving_app() as (address, folder):
        took, errors = asyncio.run(classroom(address, learners, seconds, runs))
        states = [story.read_text().splitlines()[-1] for story in folder.glob("*/events.jsonl")]
    return took, errors, [json.loads(state)["event"] for state in states]


def percentile(values, share):
    return statistics.quantiles(values, n=100)[round(100 * share) - 1]


def rows(learners=30, seconds=120, runs=3):
    """(what, measured, target) for the table: a quiet server, then one on which `runs` train."""
    seen = {}
    for training in (0, runs):
        took, errors, states = measured(learners, seconds, training)
        asked = sum(map(len, took.values())) + len(errors)
        yield (
            f"{learners} learners, {seconds:g} s, {training} runs",
            f"{len(errors)} errors of {asked}",
            "0",
        )
        for error in sorted(set(errors))[:3]:
            yield "an error", error[:60], ""
        if training:
            yield "the runs, last told", ", ".join(states) or "none", ""
        for endpoint, values in took.items():
            seen[endpoint, training] = percentile(values, 0.95)
            figures = f"{percentile(values, 0.5):.2f} s, {percentile(values, 0.95):.2f} s"
            yield (
                f"{endpoint}, p50 and p95 of {len(values)} answers",
                figures,
                f"p95 at most {TARGETS[endpoint]:g} s",
            )
    for endpoint in EVERY:
        ratio = seen[endpoint, runs] / seen[endpoint, 0]
        yield f"{endpoint}, p95 while runs train", f"{ratio:.1f} times", "that of a quiet server"


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for what, figure, target in rows(options.learners, options.seconds, options.runs):
        print(f"{what:44}{figure:>26}   {target}", flush=True)


if __name__ == "__main__":
    main()
