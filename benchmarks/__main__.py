"""python -m benchmarks [start | tokenize | serving | live | ...]: a table of ratios, each from one
side-by-side run.

Both sides of a ratio are measured in turns, so that a noisy machine is noisy for both.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from dev.server import running_app
from pipeline.settings import Settings, has_gpu
from pipeline.tokenization import load_tokenizer

BARE_APP = """
import gradio as gr
with gr.Blocks() as demo:
    for name in ("one", "two", "three"):
        with gr.Tab(name):
            given, made = gr.Textbox(), gr.Textbox()
            gr.Button().click(lambda text: text, given, made)
demo.launch()
"""


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[*BENCHMARKS, []], help="default: all")
    parser.add_argument(
        "--pairs", type=int, default=640, help="pairs of an epoch in `padding` (3668: all of MRPC)"
    )
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    print(f"computed on: {device()}")
    print(f"{'what':44}{'measured':>26}   target")
    for name in options.which or BENCHMARKS:
        for what, measured, target in BENCHMARKS[name](options):
            print(f"{what:44}{measured:>26}   {target}", flush=True)


def device():
    """The name of what computes here: the GPU's, or the CPU."""
    import torch

    return torch.cuda.get_device_name() if has_gpu() else "the CPU"


# ---------------------------------------------------------------- start


def start(options):
    """Seconds from launch to the first answered request, ours against a bare app of three tabs."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as bare:
        bare.write(BARE_APP)
        bare.flush()
        timed = [(seconds_to_answer("app.py"), seconds_to_answer(bare.name)) for _ in range(5)]
    ratio = statistics.median(ours for ours, _ in timed) / statistics.median(
        theirs for _, theirs in timed
    )
    yield "start to first answer, against bare gradio", f"{ratio:.2f} times", "at most 1.3"


def seconds_to_answer(script):
    began = time.monotonic()
    with running_app(script=script):
        return time.monotonic() - began


# ---------------------------------------------------------------- tokenize


def tokenize(options):
    """The Tokenize tab's batch handler, warm, 8 rows."""
    from app import page_settings
    from pipeline.settings import EMBEDDED_CHECKPOINT
    from tabs.tokenize.batch import draw_batch
    from tabs.tokenize.inputs import BatchInputs

    settings = page_settings()
    inputs = BatchInputs("0-7", "train", EMBEDDED_CHECKPOINT, 128, True)
    milliseconds = []
    for _ in range(60):
        began = time.perf_counter()
        drawn = draw_batch(settings, inputs)
        milliseconds.append(1000 * (time.perf_counter() - began))
    assert "batch-grid" in drawn.grid, drawn
    yield (
        "tokenize handler, warm, 8 rows, p50",
        f"{statistics.median(milliseconds[10:]):.1f} ms",
        "under 50 ms",
    )


# ---------------------------------------------------------------- padding


def padding(options):
    """One epoch's cells and seconds of training, by padding strategy, against dynamic padding."""
    from pipeline.collation import STRATEGIES, padding_cost
    from pipeline.model import load_model
    from pipeline.settings import EMBEDDED_CHECKPOINT

    lengths = train_lengths(options.pairs)
    model, _ = load_model(EMBEDDED_CHECKPOINT, settings=Settings())
    costs = {strategy: padding_cost(lengths, 16, strategy) for strategy in STRATEGIES}
    seconds = dict.fromkeys(STRATEGIES, 0.0)
    train_step(model, 16, 64)
    # In turns, one batch of each strategy at a time
    for batches in zip(*(cost["batches"] for cost in costs.values()), strict=True):
        for strategy, (rows, seq_len) in zip(STRATEGIES, batches, strict=True):
            seconds[strategy] += train_step(model, rows, seq_len)
    for strategy, cost in costs.items():
        cells = cost["cells"] / costs["dynamic"]["cells"]
        took = seconds[strategy] / seconds["dynamic"]
        measured = f"{cells:.2f} cells, {took:.2f} s"
        yield f"padding, {strategy} ({cost['share']:.0%} padding)", measured, "dynamic = 1.00"


def train_lengths(pairs):
    from pipeline.dataset import load_raw_datasets
    from pipeline.settings import EMBEDDED_CHECKPOINT
    from pipeline.tokenization import tokenize_datasets, tokenizer_for

    raw_datasets, origin = load_raw_datasets("auto", Settings())
    print(f"data: {origin}", file=sys.stderr)
    tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT, settings=Settings())
    return [len(ids) for ids in tokenize_datasets(raw_datasets, tokenizer)["train"]["input_ids"]][
        :pairs
    ]


def train_step(model, rows, seq_len):
    """Seconds of forward and backward over a batch of that shape; its numbers don't change the
    time.
    """
    import torch

    ids = torch.randint(1000, 20_000, (rows, seq_len))  # (batch, seq_len)
    began = time.perf_counter()
    model(input_ids=ids, labels=torch.zeros(rows, dtype=torch.long)).loss.backward()
    took = time.perf_counter() - began
    model.zero_grad()
    return took


# ---------------------------------------------------------------- Trainer against a bare loop


def trainer(options):
    """Steps a second of Trainer as configured here, against a bare PyTorch loop on the same
    batches.
    """
    ratios = [bare_seconds() / trainer_seconds() for _ in range(3)]
    yield (
        "Trainer's steps a second, against a bare loop",
        f"{statistics.median(ratios):.2f} times",
        "at least 0.95",
    )


STEPS = 20


def prepared():
    from pipeline.config import TrainingConfig
    from pipeline.training import prepare

    config = TrainingConfig(max_steps=STEPS, epochs=1, eval_strategy="no")
    return prepare(config, tempfile.mkdtemp(), Settings())[0]


def trainer_seconds():
    from transformers import PrinterCallback

    made = prepared()
    made.remove_callback(PrinterCallback)
    made.args.max_steps = STEPS
    return made.train().metrics["train_runtime"]


def bare_seconds():
    """The course's own training loop: the same batches, optimizer, schedule and clipping."""
    import torch
    from transformers import get_scheduler

    made = prepared()
    model, batches = made.model.train(), made.get_train_dataloader()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        learning, lr=made.args.learning_rate, weight_decay=0.01, fused=True
    )
    schedule = get_scheduler("linear", optimizer, num_warmup_steps=2, num_training_steps=STEPS)
    began = time.perf_counter()
    for _, batch in zip(range(STEPS), batches, strict=False):
        with torch.autocast(model.device.type, torch.bfloat16, enabled=made.args.bf16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return time.perf_counter() - began


# ---------------------------------------------------------------- serving


def serving(options):
    """One pair in the Predict tab's handler against `transformers.pipeline`; 32 visitors at once
    against one by one.
    """
    from transformers import pipeline

    from app import page_settings
    from pipeline.dataset import load_raw_datasets
    from pipeline.model import load_model
    from pipeline.settings import READY
    from tabs.predict.answer import Answers

    page, rows = (
        Answers(page_settings()),
        load_raw_datasets("auto", Settings())[0]["validation"][:64],
    )
    pairs = list(zip(rows["sentence1"], rows["sentence2"], strict=True))
    classify = pipeline(
        "text-classification",
        model=load_model(READY, settings=Settings())[0],
        tokenizer=load_tokenizer(READY, settings=Settings())[0],
    )
    sides = {
        "ours": lambda first, second: page.answer(first, second, READY),
        "pipeline": lambda first, second: classify({"text": first, "text_pair": second}),
    }
    took = {side: [] for side in sides}
    for repeat in range(3):
        for pair in pairs:
            for side, answer in sides.items():  # in turns: a noisy moment hits both
                began = time.perf_counter()
                answer(*pair)
                if repeat:
                    took[side].append(time.perf_counter() - began)
    ratio = statistics.median(took["ours"]) / statistics.median(took["pipeline"])
    yield "one prediction in the handler, against pipeline", f"{ratio:.2f} times", "at most 0.6"
    alone, together = visitors_seconds(pairs[:32])
    yield (
        "32 visitors at once, against one after another",
        f"{together / alone:.2f} times",
        "at most 0.25",
    )


def visitors_seconds(pairs):
    """Seconds for a server to answer these pairs, (asked one after another, asked all at once),
    over HTTP.
    """
    import asyncio

    import httpx

    from benchmarks.load import buttons, press, serving_app

    async def measure(address):
        async with httpx.AsyncClient(
            base_url=address, timeout=120, limits=httpx.Limits(max_connections=None)
        ) as client:
            number, rest = (await buttons(client))["predict"]
            sessions = [f"visitor{place}" for place in range(len(pairs))]
            for session in sessions:
                await press(client, number, [*pairs[0], *rest], session)
            best = [float("inf"), float("inf")]
            for _ in range(3):
                began = time.perf_counter()
                for pair, session in zip(pairs, sessions, strict=True):
                    await press(client, number, [*pair, *rest], session)
                between = time.perf_counter()
                await asyncio.gather(
                    *(
                        press(client, number, [*pair, *rest], session)
                        for pair, session in zip(pairs, sessions, strict=True)
                    )
                )
                best = [min(best[0], between - began), min(best[1], time.perf_counter() - between)]
            return best

    with serving_app() as (address, _):
        return asyncio.run(measure(address))


# ---------------------------------------------------------------- models


def quality(options):
    """What comes with the app, on MRPC and on the embedded pairs; what serving costs; where the
    ready model fails.
    """
    from benchmarks.quality import accuracy, accuracy_in_float32, stress
    from pipeline.settings import READY, WARMED
    from pipeline.training import evaluate_checkpoint

    goals = {(READY, "auto", "validation"): "84.0 / 88.5", (READY, "auto", "test"): "83.0 / 87.5"}
    for source, split in (("auto", "validation"), ("auto", "test"), ("embedded", "test")):
        results = {
            model: evaluate_checkpoint(model, source, split, settings=Settings())
            for model in (WARMED, READY)
        }
        pairs = "embedded" if results[READY]["origins"][0].place == "embedded" else "MRPC"
        yield (
            f"majority, {pairs} {split}, accuracy / F1",
            in_percent(results[READY]["majority"]),
            "",
        )
        for model, result in results.items():
            what = f"{model.partition(':')[2]}, {pairs} {split}, accuracy / F1"
            yield what, in_percent(result), goals.get((model, source, split), "")
    for split in ("validation", "test"):
        served, whole = accuracy(READY, split), accuracy_in_float32(READY, split)
        yield (
            f"served, {split}, accuracy against float32",
            f"{100 * (served - whole):+.2f} points",
            "within 0.3",
        )
    for what, figure in stress(READY):
        yield f"ready: {what}", figure, ""


def in_percent(figures):
    return f"{100 * figures['accuracy']:.1f} / {100 * figures['f1']:.1f}"


def load(options):
    """A classroom on one server, without and with runs; see benchmarks/load.py."""
    from benchmarks.load import rows

    return rows()


def queue(options):
    """Thirty who press Start at once; see benchmarks/queue.py."""
    from benchmarks.queue import rows

    return rows()


def cluster(options):
    """Thirty short runs on one and on two nodes of a Ray cluster; see benchmarks/cluster.py."""
    from benchmarks.cluster import rows

    return rows()


def watchers(options):
    """A thousand pages that watch one run; see benchmarks/watchers.py."""
    from benchmarks.watchers import rows

    return rows()


def memory(options):
    """A server's memory after many runs and predictions; see benchmarks/memory.py."""
    from benchmarks.memory import rows

    return rows()


def first_visit(options):
    """A first visitor in Chromium; see benchmarks/first_visit.py."""
    from benchmarks.first_visit import rows

    return rows()


def typing(options):
    """The tokens that follow the typing; see benchmarks/typing.py."""
    from benchmarks.typing import rows

    return rows()


def live(options):
    """The default fine-tune as a click starts it, three seeds: seconds to the first step and to the
    result, the curve.
    """
    from dataclasses import replace

    from pipeline.config import TrainingConfig
    from pipeline.runs.progress import ENDED
    from pipeline.runs.queue import read_run
    from pipeline.runs.supervisor import start_run, start_supervisor
    from pipeline.settings import Settings

    settings = replace(Settings(), runs_folder=Path(tempfile.mkdtemp()))
    start_supervisor(settings)
    time.sleep(30)  # the spare worker warms up
    took, scores, gains = [], [], []
    for seed, source in ((42, "auto"), (1, "auto"), (2, "auto"), (42, "embedded")):
        began = time.monotonic()
        run_id, _ = start_run(replace(TrainingConfig(), seed=seed, source=source), settings)
        first = None
        while (run := read_run(run_id, settings)).state not in ENDED:
            first = first or (time.monotonic() - began if run.of("log") else None)
            time.sleep(0.1)
        assert run.state == "done", run.events[-1]
        before, after = run.events[-1]["before"], run.events[-1]["after"]
        if source == "embedded":
            yield (
                "default run on the embedded pairs",
                f"{in_percent(before)} -> {in_percent(after)}",
                "a visible gain",
            )
            continue
        took.append((time.monotonic() - began, first))
        scores.append(after)
        early = [
            event for event in run.of("evaluation") if event["step"] and event["seconds"] <= 20
        ]
        gains.append(early[-1]["eval_accuracy"] - before["accuracy"] if early else 0.0)
        time.sleep(5)
    middle = {
        name: statistics.median(score[name] for score in scores) for name in ("accuracy", "f1")
    }
    yield (
        "default run, three seeds, median",
        f"{100 * middle['accuracy']:.1f} / {100 * middle['f1']:.1f}",
        "at least 78 / 85",
    )
    yield (
        "default run, from click to result",
        f"{statistics.median(whole for whole, _ in took):.0f} s",
        "at most 60 s",
    )
    yield (
        "default run, from click to first step",
        f"{statistics.median(first for _, first in took):.1f} s",
        "at most 5 s",
    )
    yield (
        "default run, gain within 20 s",
        f"{100 * statistics.median(gains):+.1f} points",
        "above 0",
    )


BENCHMARKS = {
    "start": start,
    "tokenize": tokenize,
    "padding": padding,
    "trainer": trainer,
    "serving": serving,
    "quality": quality,
    "live": live,
    "load": load,
    "queue": queue,
    "cluster": cluster,
    "watchers": watchers,
    "memory": memory,
    "first_visit": first_visit,
    "typing": typing,
}

if __name__ == "__main__":
    main()
