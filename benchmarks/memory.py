"""python -m benchmarks.memory [--runs 50] [--predictions 500]: a server's memory after many runs
and predictions.

The runs are tiny, as what they learn doesn't matter here: each leaves a model that predictions are
then asked of, in turn with the ready one. "The first few" are those after which the server keeps as
many models as it may.
"""

import argparse
import asyncio
import os
import time

import httpx
import psutil

from benchmarks.load import ask
from dev.server import running_app
from pipeline.settings import READY, Settings

TINY = {"max_steps": 1, "train_pairs": 8, "eval_pairs": 2, "batch_size": 8, "eval_strategy": "no"}
TINY |= {"again": True}  # the same settings each time, and each trains


def resident():
    """Bytes of the server that this process started."""
    [server] = [child for child in psutil.Process().children() if "app.py" in child.cmdline()]
    return server.memory_info().rss


async def tiny_run(client, folder):
    """The name of the model that a run left."""
    described = (await client.get("/gradio_api/info")).json()["named_endpoints"]["/fine_tune"][
        "parameters"
    ]
    usual = {each["parameter_name"]: each.get("parameter_default") for each in described}
    told = await ask(client, "fine_tune", [TINY.get(name, value) for name, value in usual.items()])
    events, until = folder / told["run"] / "events.jsonl", time.monotonic() + 300
    while not (events.exists() and '"event": "done"' in events.read_text()):
        assert time.monotonic() < until, f"run {told['run']} didn't end"
        await asyncio.sleep(0.2)
    return told["model"]


async def levels(address, folder, runs, predictions):
    """Bytes after each run and its share of the predictions."""
    seen = []
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        for _ in range(runs):
            model = await tiny_run(client, folder)
            for number in range(predictions // runs):
                words = "A cat sat on the mat. " * (1 + number % 10)
                await ask(
                    client,
                    "predict",
                    [words, "A cat was sitting.", (model, READY)[number % 2], 128],
                )
            seen.append(resident())
    return seen


def rows(runs=50, predictions=500):
    """(what, measured, target) for the table."""
    first = Settings.max_models_in_memory
    assert runs > first, f"more than {first} runs are needed, as many models stay in memory"
    with running_app({"PAIRS": "embedded", "HF_HUB_OFFLINE": "1"}) as (address, folder):
        time.sleep(20)  # models warm, the spare worker ready
        seen = asyncio.run(levels(address, folder, runs, predictions))
    few, end = max(seen[:first]), max(seen[-first:])
    what = f"memory after {runs} runs, {predictions} predictions"
    yield what, f"{end / few:.2f} times", f"that after {first}, at most 1.1"
    megabytes = ", ".join(f"{level / 1e6:.0f}" for level in (few, seen[runs // 2], end))
    yield f"memory after {first}, {runs // 2}, {runs} runs", f"{megabytes} MB", ""


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--predictions", type=int, default=500)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for row in rows(options.runs, options.predictions):
        print(*row, sep="   ")


if __name__ == "__main__":
    main()
