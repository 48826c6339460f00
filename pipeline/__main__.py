"""python -m pipeline pairs | tokenize | inside | train | grid | evaluate | predict: the page's calls,
top to bottom, in a terminal.

Exit codes: 0 done, 1 the run failed, 2 bad input (one line says which value and what to do), 130
interrupted.
"""

import json
import logging
import math
import os
import secrets
import signal
import sys
import time
import warnings
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from languages import say_plural
from pipeline.collation import BatchView, batch_view
from pipeline.config import RUN_SETTINGS, TrainingConfig, config_from, flag_of
from pipeline.dataset import SOURCES, either, load_raw_datasets, parse_rows, rows_at
from pipeline.errors import InputError
from pipeline.explain.probing import followed, run_of, takes_pair
from pipeline.export.csv_answers import (
    Answered,
    PairFile,
    PairRow,
    Scores,
    answer_rows,
    content_of,
    labels_of,
    read_pairs,
    relabelled,
    scores_of,
    write_answers,
)
from pipeline.hub.sources import comes_with_the_app
from pipeline.inside.attention import Choice, Head, one_head
from pipeline.inside.layer_answers import LayerAnswers, layer_answers
from pipeline.inside.way_through import NAMES, Part, WayThrough, way_through
from pipeline.metrics import metrics_in
from pipeline.own_pairs import store
from pipeline.own_pairs.columns import Columns, columns_named, guess_columns
from pipeline.own_pairs.pairs import OwnPairs, own_pairs
from pipeline.own_pairs.read import Table, read_table
from pipeline.prediction import Prediction, written
from pipeline.presets import PRESETS, preset_named
from pipeline.runs.names import written_value
from pipeline.settings import (
    EMBEDDED_CHECKPOINT,
    LABELS,
    READY,
    Settings,
    is_unlaunched,
    launch,
    whole_number,
)
from pipeline.task import MRPC, SPLITS, TASKS, Task, task_named
from pipeline.tokenization import (
    TokenView,
    checked_length,
    checked_pair,
    token_view,
    tokenizer_for,
)

if TYPE_CHECKING:
    from pipeline.explain.grid import GridCell, GridResult

Commands = Any  # argparse's subparsers, whose type it doesn't name

MODELS = (
    "adapter:paraphrase, adapter:pair-warmed, run:<id> or an id of the Hub (default: %(default)s)"
)


FILES = "a CSV, TSV, JSON lines or parquet file"
COLUMNS_HELP = (
    "its columns with sentence1, sentence2, label and split, such as premise,hypothesis,gold or "
    "review,,stars (default: guessed)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = parse(arguments)
    quieten(options.verbose)
    try:
        with own_pairs_kept(options):
            return options.run(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def quieten(verbose: bool) -> None:
    """Library chatter off unless asked for; errors stay."""
    if not verbose:
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


# ---------------------------------------------------------------- pairs of one's own


def pairs(options: Namespace) -> int:
    """What is read of a file of your own pairs: its columns, labels and splits, and each row that
    is left out."""
    table, own = own_pairs_in(options.file, options)
    print_own_pairs(table, own)
    return 2 if own.left_out else 0


def own_pairs_in(path: str, options: Namespace) -> tuple[Table, OwnPairs]:
    """A file's table and its pairs, by --columns or by those that are guessed."""
    table = read_table(content_of(Path(path), path), path, settings_for_files(options))
    columns = columns_named(options.columns) if options.columns else guess_columns(table)
    given = getattr(options, "seed", None) or options.settings.seed
    seed = whole_number("seed", given, 0, options.settings.largest_seed)
    return table, own_pairs(table, columns, seed, settings=options.settings)


def settings_for_files(options: Namespace) -> Settings:
    """The settings with room for any file: it is the user's own."""
    return replace(options.settings, max_csv_bytes=2**30, max_own_pairs=10**6)


def chooser(options: Namespace) -> Callable[[Table], Columns] | None:
    """What chooses the columns of a file: --columns, else a guess; None for --csv, which names
    them itself.
    """
    if options.csv:
        return None
    if options.columns:
        chosen = columns_named(options.columns)
        return lambda table: chosen
    return guess_columns


@contextmanager
def own_pairs_kept(options: Namespace) -> Iterator[None]:
    """Within this block the pairs of --pairs are the task. A run keeps them, as on the page."""
    path = getattr(options, "pairs", None)
    if not path or options.run is predict:
        yield
        return
    keeps = options.run in (train, grid)
    task = options.task_name if keeps else options.task
    if task not in (None, MRPC.name):
        raise InputError("--pairs and --task name two sets of pairs. Give one of them.")
    _table, own = own_pairs_in(path, options)
    for line, why in own.left_out:
        tell(f"note: line {line} is left out: {why}")
    if own.refused:
        tell(f"note: {own.refused}")
    reference = store.keep(own, settings_for_files(options))
    options.task = options.task_name = reference
    try:
        yield
    finally:
        if not keeps:
            store.forget(reference, options.settings)


def print_own_pairs(table: Table, own: OwnPairs) -> None:
    """What was read: columns, lengths, labels, splits, and why rows are left out."""
    print(f"{table.form}, {_rows(own.rows)}, columns {', '.join(map(shown, table.columns))}")
    for note in own.notes:
        print(f"note: {note}")
    for which, lengths in own.lengths.items():
        name = shown(getattr(own.columns, which))
        print(
            f"{which:16}{name:20}{lengths.shortest} to {lengths.longest} characters, median "
            f"{lengths.median}"
        )
    counts = ", ".join(f"{shown(label)} {count}" for label, count in own.counts.items())
    unlabelled = f"{own.unlabelled} without" if own.unlabelled else ""
    print(
        f"{'label':16}{shown(own.columns.label) or '-':20}{', '.join(filter(None, [counts, unlabelled]))}"
    )
    sizes = ", ".join(f"{split} {len(rows)}" for split, rows in own.splits.items())
    print(f"{'split':16}{shown(own.columns.split) or '-':20}{sizes}")
    print(own.how_split)
    if own.refused:
        print(own.refused)
    print(f"{'duplicates':16}{own.duplicates}, of which {own.contradictions} with another label")
    lines = ", ".join(f"{one} and {other}" for one, other in own.in_two_splits)
    print(f"{'in two splits':16}{f'lines {lines}' if lines else 0}")
    print(f"{'left out':16}{len(own.left_out)}")
    for line, why in own.left_out:
        print(f"  line {line}: {why}")


def _rows(count: int) -> str:
    return say_plural("{count} row", "{count} rows", count)


# ---------------------------------------------------------------- the other commands


def tokenize(options: Namespace) -> int:
    """One pair token by token, or dataset rows as a padded batch."""
    tokenizer, origin = tokenizer_for(
        checkpoint_named(options.checkpoint, options.settings), settings_of(options)
    )
    max_length = checked_length(options.max_length, tokenizer, options.settings)
    tell(f"checkpoint: {origin}")
    if pair := given_pair(options):
        view = token_view(tokenizer, *pair, max_length, not options.no_truncation)
        print_tokens(view)
        return 0
    task = task_named(options.task, options.settings)
    split = split_of(task, options.split)
    raw_datasets, data_origin = load_raw_datasets(options.source, options.settings, task)
    tell(f"data: {data_origin}")
    rows = rows_at(raw_datasets[split], parse_rows(options.rows, options.settings))
    print_batch(batch_view(tokenizer, rows, max_length, not options.no_truncation))
    return 0


def inside(options: Namespace) -> int:
    """What happens in the model: a pair's way from its ids to its logits, part by part."""
    settings = settings_of(options)
    if options.head is not None and options.layer is None:
        raise InputError("--head is one of a layer's. Name the layer with --layer.")
    checkpoint = checkpoint_named(options.checkpoint, settings)
    sentence1, sentence2 = options.pair
    pair = checked_pair(sentence1, sentence2, settings)
    way = way_through(checkpoint, pair, options.max_length, options.layer, settings=settings)
    head = None
    if options.head is not None:
        which = Choice(way.layer, whole_number("head", options.head, 1, way.heads))
        head = one_head(checkpoint, pair, which, options.max_length, settings=settings)
    tell(f"checkpoint: {way.origin}")
    print_way(way)
    if options.layer is None:
        swapped = pair[1], pair[0]
        print_layer_answers(
            layer_answers(checkpoint, pair, swapped, options.max_length, settings=settings)
        )
    else:
        for part in way.parts:
            print_steps(part, way)
    if head:
        print_head_of(head)
    return 0


def given_pair(options: Namespace) -> tuple[str, str | None] | None:
    """The sentences of --pair or --sentence, checked; None where neither is given."""
    if options.pair:
        sentence1, sentence2 = options.pair
        return checked_pair(sentence1, sentence2, options.settings)
    if options.sentence is not None:
        return checked_pair(options.sentence, None, options.settings)
    return None


def split_of(task: Task, split: str) -> str:
    """The split itself if the task has it with labels; else an InputError."""
    if split not in task.splits:
        raise InputError(
            f"{task.title} has no labelled split {split}. Choose {either(task.splits)}."
        )
    return split


def train(options: Namespace) -> int:
    """Fine-tune; the folder keeps config, events and model."""
    from pipeline.runs import worker
    from pipeline.runs.folder import write_whole
    from pipeline.runs.liveness import claim, is_alive
    from pipeline.training import fine_tune

    config = chosen_config(options).checked(options.settings)
    folder = Path(options.output or options.settings.runs_folder / secrets.token_hex(16))
    if not launch().is_main:
        # It trains along; telling, printing and saving are the main process's
        return worker.exit_code(list(fine_tune(config, folder, settings_of(options)))[-1])
    if is_unlaunched():
        tell(LONELY)
    fresh_folder(folder)
    if not is_alive(folder):  # a server claims the folder for the worker that it starts
        claim(folder)
    own = folder / "config.json"
    if not options.config or Path(options.config).resolve() != own.resolve():
        write_whole(own, json.dumps(asdict(config)))
    first_interrupt_stops(folder / "stop")
    bar = None

    def report(event):
        nonlocal bar
        bar = print_event(event, bar)

    event = worker.train(config, folder, settings_of(options), report)
    if event["event"] != "failed":
        print(f"model: {checkpoint_named(str(folder / 'model'), options.settings)}")
    return worker.exit_code(event)


def chosen_config(options: Namespace) -> TrainingConfig:
    """The TrainingConfig of the file in --config or of --preset, or else the default one, with the
    flags that were given.
    """
    from pipeline.runs.worker import read_run_config

    if options.config and options.preset:
        raise InputError("--config and --preset both name settings. Give one of them.")
    config = preset_named(options.preset).config() if options.preset else TrainingConfig()
    if options.config:
        config = read_run_config(Path(options.config))
    given = {name: getattr(options, name) for name in RUN_SETTINGS}
    return replace(config, **{name: value for name, value in given.items() if value is not None})


def grid(options: Namespace) -> int:
    """Two settings, some values of each: a short run for each pair of values, and how much of the
    differences is chance. A run that is in the folder of runs already is not run again.
    """
    from pipeline.explain.grid import read_grid
    from pipeline.runs.executors import executor_of
    from pipeline.runs.grid import STEPS, grid_plan, start_grid, stop_grid
    from pipeline.runs.supervisor import advance

    config = chosen_config(options)
    if not (options.max_steps or options.config or options.preset):
        config = replace(config, max_steps=STEPS)
    vary = dict(varied(one) for one in options.vary)
    plan, settings = grid_plan(config, vary, options.settings), settings_of(options)
    me, done = secrets.token_hex(16), 0
    executor_of(settings).keep_ready()
    start_grid(plan, settings, me)
    advance(settings)  # also where all runs of the grid wait already
    try:
        while not (found := read_grid(plan, settings)).is_over:
            over = sum(one.state == "done" for one in found.runs)
            if over > done:
                tell(f"{over} of {len(found.runs)} runs are done")
            done = over
            time.sleep(GRID_LOOK_SECONDS)
    except KeyboardInterrupt:
        stop_grid(me, settings)
        raise
    print_grid(found)
    return 0 if all(one.state == "done" for one in found.runs) else 1


GRID_LOOK_SECONDS = 1.0


def varied(written: str) -> tuple[str, str]:
    """(setting, its values) of one --vary; an InputError says how to write it."""
    name, sign, values = written.partition("=")
    if not sign:
        raise InputError(
            f"--vary {written} names no values. Write a setting and its values, such as "
            f"batch_size=8,16."
        )
    return name.strip().replace("-", "_"), values


LONELY = (
    "note: accelerate launch --cpu starts one process, whatever --num_processes says, unless MPI "
    "starts the others. For several on CPU cores: accelerate launch --multi_gpu --num_processes 2 "
    "-m pipeline train (despite its name)."
)


def fresh_folder(output: str | Path) -> Path:
    """The run's folder, in which there is no run but one that failed. A page has put config.json
    there, perhaps a stop.
    """
    from pipeline.runs.folder import last_event

    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        story = folder / "events.jsonl"
        failed = (last_event(story) or {}).get("event") == "failed"
        if (
            (folder / "model").exists()
            or (folder / "ended").exists()
            or (story.exists() and not failed)
        ):
            raise InputError(
                f"{output} holds a run already, which would be lost. Name another folder with "
                f"--output."
            )
        if failed:
            # A stop without a story is for this run: it was asked for while this worker was still
            # starting
            (folder / "stop").unlink(missing_ok=True)
            story.unlink()
    except OSError as error:
        raise InputError(
            f"{output} can't be a run's folder: {error.strerror}. Name another with --output."
        ) from None
    return folder


def first_interrupt_stops(stop: Path) -> None:
    """Ctrl-C once keeps the model so far; a second time it ends the process."""

    def ask(number, frame):
        print("\nstopping after this step; once more to end at once", file=sys.stderr)
        stop.touch()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)


def evaluate(options: Namespace) -> int:
    """A checkpoint's accuracy and F1 on a split, beside the majority's."""
    from pipeline.training import evaluate_checkpoint

    checkpoint = checkpoint_named(options.checkpoint, options.settings)
    task = task_to_evaluate(checkpoint, options)
    result = evaluate_checkpoint(
        checkpoint,
        options.source,
        split_of(task, options.split),
        options.first,
        settings=settings_of(options),
        task=task,
    )
    for origin in result["origins"]:
        tell(origin)
    head, majority, own = columns(result["majority"], result)
    print(f"{'':12}{head}{'loss':>8}   ({_pairs(result['pairs'])} of {options.split})")
    print(f"{'majority':12}{majority}")
    print(f"{'checkpoint':12}{own}{result['loss']:>8.4f}")
    return 0


def task_to_evaluate(checkpoint: str, options: Namespace) -> Task:
    """The task that was asked for; of a run's model, by default that of the run."""
    if options.task:
        return task_named(options.task, options.settings)
    run = run_of(checkpoint, options.settings)
    name = run.config.get("task_name", MRPC.name) if run else MRPC.name
    return task_named(name, options.settings)


def check_sentences(checkpoint: str, options: Namespace) -> None:
    """Raises InputError for --pair where the model reads one sentence, and the other way round."""
    if options.csv:
        return
    if options.pair and not takes_pair(checkpoint, options.settings):
        raise InputError(f"{checkpoint} reads one sentence. Give it with --sentence.")
    if options.sentence is not None and comes_with_the_app(checkpoint):
        if checkpoint != EMBEDDED_CHECKPOINT and takes_pair(checkpoint, options.settings):
            raise InputError(f"{checkpoint} compares two sentences. Give them with --pair.")


def predict(options: Namespace) -> int:
    """Label, probabilities and logits of one pair or sentence, or of a file of pairs."""
    from tqdm import tqdm

    checkpoint = checkpoint_named(options.checkpoint, options.settings)
    check_sentences(checkpoint, options)
    has_pair = takes_pair(checkpoint, options.settings)
    how: dict[str, Any] = {"has_pair": has_pair, "choose": chooser(options)}
    path = options.csv or options.pairs
    if pair := given_pair(options):
        pairs = PairFile([PairRow(0, *pair)])
    else:
        pairs = read_pairs(path, settings_for_files(options), **how)
    for note in pairs.notes:
        tell(f"note: {note}")
    rows, answered, told, headed = pairs.rows, [], None, False
    with tqdm(total=len(rows), disable=len(rows) <= 32, unit="pair", file=sys.stderr) as bar:
        settings = settings_of(options)
        for answers, origin in answer_rows(
            checkpoint,
            rows,
            options.max_length,
            settings=settings,
        ):
            if origin and not told:
                told = origin
                tell(f"checkpoint: {origin}")
            for answer in answers:
                if answer.prediction and not headed:
                    headed = True
                    print_head(answer.prediction)
                print_answer(answer)
            answered += answers
            bar.update(len(answers))
    if path and labels_of(answered) != LABELS:
        names = labels_of(answered)
        again = read_pairs(path, settings_for_files(options), labels=names, **how)
        answered = relabelled(answered, again.rows)
    if scores := scores_of(answered):
        print_scores(scores)
    if options.output:
        save_answers(answered, options.output, pairs.columns)
    # The good rows are answered, but whoever reads exit codes should know of the others
    return 2 if any(answer.row.error for answer in answered) else 0


def save_answers(answered: Iterable[Answered], output: str, columns: Sequence[str]) -> None:
    """The rows of a file with their answers as a CSV; an InputError where it can't be written."""
    try:
        with open(output, "w", newline="", encoding="utf-8-sig") as file:
            write_answers(answered, file, columns)
    except OSError as error:
        raise InputError(
            f"{output} can't be written: {error.strerror}. Name another with --output."
        ) from None
    tell(f"predictions: {output}")


def settings_of(options: Namespace) -> Settings:
    """The settings of one command: no other checkpoint stands in for the one that was asked for,
    unless it may.
    """
    return replace(options.settings, allow_stand_in=options.allow_stand_in)


def checkpoint_named(name: str, settings: Settings) -> str:
    """A run's folder on the command line becomes `run:<id>`; everything else stays."""
    path, runs = Path(name), settings.runs_folder.resolve()
    if path.name == "model" and path.parent.parent.resolve() == runs:
        return f"run:{path.parent.name}"
    return name


# ---------------------------------------------------------------- printing


def tell(line: object) -> None:
    """Where things come from goes to stderr: stdout is the table, to be piped on."""
    print(line, file=sys.stderr)


def shown(text: str) -> str:
    """Text on one line of a terminal, its control characters spelled out."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def print_way(way: WayThrough) -> None:
    """A line for each part: its shape, its parameters and their share, its first numbers."""
    print(f"{'part':20}{'shape':18}{'parameters':>12}{'share':>8}  first numbers")
    for part in way.parts:
        numbers = "".join(f"{value:>9.4g}" for value in part.numbers[:4])
        shape = str(part.shape) if part.shape else ""
        print(
            f"{part_named(part, way):20}{shape:18}{part.parameters:>12,}"
            f"{part.parameters / way.parameters:>8.1%}{numbers}"
        )
    print(f"{'all':20}{'':18}{way.parameters:>12,}{1:>8.1%}")
    for name, logits in (("logits", way.logits), ("predict", way.predicted)):
        kind = "bfloat16" if way.in_bf16 and name == "predict" else "float32"
        values = ", ".join(f"{shown(label)} {value:.4f}" for label, value in logits.items())
        print(f"{name:20}{values}  ({kind})")
    print(
        f"computed again from the weights: {'the same' if way.agrees else 'NOT the same'}, the "
        f"largest difference is {way.difference:.1e}"
    )


def part_named(part: Part, way: WayThrough) -> str:
    """A part's name; of the layers with their number."""
    return f"{way.layers} x layer" if part.name == "layers" else str(NAMES[part.name])


def print_steps(part: Part, way: WayThrough) -> None:
    """How the first number of each step comes about; of the layers, of the chosen one."""
    if not part.steps:
        return
    which = f"layer {way.layer}" if part.name == "layers" else part_named(part, way)
    print(f"\n{which}, token {way.token} {shown(way.pieces[way.token])}")
    for step in part.steps:
        print(f"{shown(step.name)}  {step.shape}\n    {step.worked}".rstrip())
    for name in part.unexplained:
        print(f"what happens before {name} is not worked out")


def print_head_of(head: Head) -> None:
    """The tokens at which each token looks most in one head."""
    print(f"\nlayer {head.layer}, head {head.head}: where each token looks most")
    for position in head.rows:
        most = ", ".join(
            f"{shown(head.pieces[at])} [{at}] {weight:.0%}" for at, weight in head.most(position, 3)
        )
        print(f"{position:>4} {shown(head.pieces[position]):20}{most}")


def print_layer_answers(found: LayerAnswers) -> None:
    """What the head, which was trained for the last layer, answers after each."""
    labels = list(found.answers[0].logits)
    heads = "".join(f"{shown(label):>18}" for label in labels)
    print(f"\n{'the head after':20}{heads}  cosine with the pair swapped")
    for answer in found.answers:
        name = f"layer {answer.layer}" if answer.layer else "the embeddings"
        shares = "".join(f"{answer.probabilities[label]:>18.1%}" for label in labels)
        print(f"{name:20}{shares}{answer.cosine:>12.4f}")


def print_tokens(view: TokenView) -> None:
    """A line for each token: its piece, ids, mask and place in its sentence."""
    print(
        f"{'':>4} {'piece':20}{'input_ids':>10}{'token_type_ids':>16}{'attention_mask':>16}  "
        f"characters"
    )
    for token in view.tokens:
        type_id = "-" if token.type_id is None else token.type_id
        where = (
            ""
            if token.sentence is None
            else f"sentence{token.sentence}[{token.start}:{token.end}] {shown(token.text)}"
        )
        print(
            f"{token.position:>4} "
            f"{shown(token.piece):20}{token.id:>10}{type_id:>16}{token.mask:>16}  {where}".rstrip()
        )
    for which, text in enumerate(view.cut, 1):
        if text:
            print(f"cut from sentence{which}: {shown(text)}")
    for note in view.notes:
        print(f"note: {note}")


def print_batch(view: BatchView) -> None:
    """What becomes of each column, the shapes, the padding, and a line of pieces for each row."""
    for column in view.columns:
        print(f"{column.name:16}{column.fate:10}{column.becomes:16}{column.why}")
    print(f"lengths: {view.lengths}")
    for name, shape in view.shapes.items():
        print(f"{name:16}{list(shape)}")
    print(
        f"padding: {view.padding_cells} of {view.cells} cells "
        f"({view.padding_cells / view.cells:.1%})"
    )
    for pieces in view.pieces:
        print(" ".join(shown(piece) for piece in pieces))


def print_event(event: dict[str, Any], bar: Any) -> Any:
    """One event as a line; the steps as a progress bar."""
    from tqdm import tqdm

    kind = event["event"]
    if kind == "start":
        for part in ("model", "data", "metric"):
            tell(
                f"{part}: {event[part]['loaded']} ({event[part]['place']}): {event[part]['reason']}"
            )
        majority = event["majority"]
        if event["world_size"] > 1:
            print(
                f"{event['world_size']} processes, {_pairs(event['pairs_a_process'])} each: "
                f"{_pairs(config_from(event['config']).effective_batch_size)} in one update"
            )
        print(f"majority: {figures_said(majority)}")
        tqdm.monitor_interval = 0  # no thread of its own, whose start can hang without memory
        return tqdm(total=event["total_steps"], unit="step", file=sys.stderr, mininterval=1)
    if kind == "log":
        bar.update(event["step"] - bar.n)
        bar.set_postfix(loss=f"{event['loss']:.3f}")
    elif kind == "evaluation":
        measured = {name.removeprefix("eval_"): value for name, value in event.items()}
        figures = f"{figures_said(measured)}, loss {event['eval_loss']:.4f}"
        if not math.isfinite(event["eval_loss"]):
            figures = "the loss is NaN or infinite, so the model has no answers to evaluate"
        tqdm.write(f"step {event['step']:>4}: {figures}", file=sys.stdout)
    else:
        if bar:
            bar.close()
        name = "error:" if event.get("bad_input") else kind
        print(
            f"{name} {event.get('message') or event.get('reason') or ''}".rstrip(),
            file=sys.stderr if kind == "failed" else sys.stdout,
        )
    return bar


def figures_said(figures: dict) -> str:
    """The metrics among these figures, in a row."""
    said = (f"{one.label} {one.written(figures[one.name])}" for one in metrics_in(figures))
    return ", ".join(said)


def columns(*rows: dict) -> list[str]:
    """A line of the metrics' names, and one of their figures for each of `rows`."""
    lines = [""] * (1 + len(rows))
    for one in metrics_in(rows[0]):
        cells = [str(one.label), *(one.written(row[one.name]) for row in rows)]
        width = max(8, len(cells[0]) + 2)
        lines = [f"{line}{cell:>{width}}" for line, cell in zip(lines, cells, strict=True)]
    return lines


def print_grid(found: "GridResult") -> None:
    """Accuracy and F1 of each cell, and how much of it is chance."""
    plan, alike = found.plan, found.alike()
    rows = [["", *(written_value(plan.x, x) for x in plan.xs)]]
    for y in plan.ys:
        marks = {(x, y): " best" if (x, y) == found.best else "" for x in plan.xs}
        marks |= {at: " ≈" for at in alike if at[1] == y}
        cells = [f"{_figure(found.cells[at])}{mark}" for at, mark in marks.items()]
        rows.append([written_value(plan.y, y), *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"{plan.x} across, {plan.y} down; accuracy / F1 on the validation pairs, in percent")
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
    if found.seed_error is None:
        return
    seeds = [one for one in found.seeds if one.is_known]
    print(
        f"seeds {', '.join(str(one.config.seed) for one in seeds)} of {plan.x} "
        f"{written_value(plan.x, plan.centre[0])}, {plan.y} "
        f"{written_value(plan.y, plan.centre[1])}: "
        f"{', '.join(f'{one.accuracy:.1%}' for one in seeds)}, a standard deviation of "
        f"{100 * found.seed_error:.1f} percentage points"
    )
    print(
        "≈: within two standard errors of the best, of the seed and of the judged pairs, so chance "
        "alone may have put it below"
    )


def _figure(cell: "GridCell") -> str:
    if not cell.is_known:
        return "NaN" if cell.state == "done" else cell.state or "-"
    return f"{100 * cell.accuracy:.1f} / {100 * cell.f1:.1f}"


def print_answer(answer: Answered) -> None:
    """A row's prediction on stdout, or its error on stderr."""
    if answer.prediction:
        print_prediction((answer.row.sentence1, answer.row.sentence2), answer.prediction)
        if answer.row.note:
            print(f"  note: line {answer.row.line}: {answer.row.note}")
    else:
        tell(f"error: line {answer.row.line}: {answer.row.error}")


def print_head(prediction: Prediction) -> None:
    """The names of print_prediction's columns: of two labels P(label 1), of more P(the answer)."""
    names = list(prediction.probabilities)
    share = f"P({shown(followed(prediction))})" if len(names) == 2 else "P(label)"
    width, wide = _widths(prediction)
    print(f"{'label':{width}}{share:>{max(14, len(share) + 1)}}{'logits':>{wide}}  tokens  pair")


def print_prediction(pair: Sequence[str | None], prediction: Prediction) -> None:
    """A line with label, probability and logits, and one for all that there is to know of it."""
    names = list(prediction.probabilities)
    logits = ", ".join(map(written, prediction.logits.values()))
    text = " | ".join(shown(sentence) for sentence in pair if sentence is not None)
    share = prediction.probabilities[followed(prediction)]
    column = max(14, len(f"P({shown(names[1])})") + 1 if len(names) == 2 else 14)
    width, wide = _widths(prediction)
    label = shown(prediction.label)
    print(f"{label:{width}}{share:>{column}.4f}{logits:>{wide}}{prediction.tokens:>8}  {text}")
    for which, cut in enumerate(prediction.truncated, 1):
        if cut:
            print(f"  cut from sentence{which}, never seen by the model: {shown(cut)}")
    for note in prediction.notes:
        print(f"  note: {note}")


def _widths(prediction: Prediction) -> tuple[int, int]:
    """(of the column of labels, of that of logits) for a model with these labels."""
    names = prediction.probabilities
    return max(16, *(len(shown(name)) + 2 for name in names)), 10 * len(names)


def print_scores(scores: Scores) -> None:
    """The answers against the file's own labels."""
    pairs = say_plural(
        "{count} labelled pair",
        "{count} labelled pairs",
        scores.pairs,
    )
    head, majority, own = columns(scores.majority, scores.figures)
    print(f"\n{'':16}{head}   ({pairs})")
    print(f"{'majority':16}{majority}")
    print(f"{'predictions':16}{own}")
    width = max(16, *(len(shown(label)) + 2 for label in scores.labels))
    wide = width + 10
    heads = (f"{'predicted ' + shown(answer):>{wide}}" for answer in scores.labels)
    print(f"{'label':{width}}" + "".join(heads))
    for gold in scores.labels:
        counts = (f"{scores.confusion[gold, answer]:>{wide}}" for answer in scores.labels)
        print(f"{shown(gold):{width}}" + "".join(counts))


def _pairs(count: int) -> str:
    return say_plural("{count} pair", "{count} pairs", count)


# ---------------------------------------------------------------- the command line itself


def parse(arguments: Sequence[str] | None) -> Namespace:
    """The options of one command: `run` is its function, `settings` are the environment's."""
    settings = Settings()
    parser = ArgumentParser(prog="python -m pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true", help="let the libraries speak too")
    commands = parser.add_subparsers(
        required=True, metavar="pairs | tokenize | inside | train | grid | evaluate | predict"
    )
    for add in (
        add_pairs,
        add_tokenize,
        add_inside,
        add_train,
        add_grid,
        add_evaluate,
        add_predict,
    ):
        add(commands, settings)
    return parser.parse_args(arguments, Namespace(settings=settings))


def command(commands: Commands, function: Callable[[Namespace], int]) -> ArgumentParser:
    """A subcommand named and described by its function."""
    parser = commands.add_parser(
        function.__name__, help=function.__doc__, description=function.__doc__
    )
    parser.set_defaults(run=function)
    return parser


def add_pairs(commands: Commands, settings: Settings) -> None:
    """The options of `pairs`."""
    parser = command(commands, pairs)
    parser.add_argument("file", metavar="FILE", help=FILES)
    parser.add_argument("--columns", metavar="A,B,LABEL", help=COLUMNS_HELP)


def add_own_pairs(parser: ArgumentParser, pairs: Any = None) -> None:
    """The options by which a file of one's own takes the place of a task. pairs: of which group
    --pairs is one.
    """
    (pairs or parser).add_argument("--pairs", metavar="FILE", help=f"your own pairs: {FILES}")
    parser.add_argument("--columns", metavar="A,B,LABEL", help=COLUMNS_HELP)


def add_tokenize(commands: Commands, settings: Settings) -> None:
    """The options of `tokenize`."""
    parser = command(commands, tokenize)
    add_own_pairs(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--pair", nargs=2, metavar=("SENTENCE1", "SENTENCE2"), help="your own pair instead of rows"
    )
    what.add_argument("--sentence", help="one sentence instead of rows")
    parser.add_argument("--task", default=MRPC.name, help=f"one of {', '.join(TASKS)}")
    parser.add_argument(
        "--rows", default="0-7", help="rows of the split, such as 0-7 or 3,5 (default: %(default)s)"
    )
    parser.add_argument("--split", default="train", choices=SPLITS)
    parser.add_argument("--source", default="auto", choices=SOURCES)
    parser.add_argument("--checkpoint", default=EMBEDDED_CHECKPOINT)
    parser.add_argument("--max-length", default=settings.max_length)
    parser.add_argument("--no-truncation", action="store_true")
    add_stand_in(parser)


def add_inside(commands: Commands, settings: Settings) -> None:
    """The options of `inside`."""
    parser = command(commands, inside)
    parser.add_argument("--pair", nargs=2, required=True, metavar=("SENTENCE1", "SENTENCE2"))
    parser.add_argument("--checkpoint", default=READY, help=MODELS)
    parser.add_argument("--layer", help="show each step of this layer, from 1")
    parser.add_argument("--head", help="show where this head of --layer looks, from 1")
    parser.add_argument("--max-length", default=settings.max_length)
    add_stand_in(parser)


def add_stand_in(parser: ArgumentParser) -> None:
    """The option by which another checkpoint may answer."""
    parser.add_argument(
        "--allow-stand-in",
        action="store_true",
        help=f"go on with {EMBEDDED_CHECKPOINT} where the checkpoint can't be had",
    )


def add_train(commands: Commands, settings: Settings) -> None:
    """The options of `train`: a run's settings as they are declared."""
    parser = command(commands, train)
    add_run_settings(parser, settings)
    parser.add_argument(
        "--output",
        help=f"folder for events and model (default: a new one in {settings.runs_folder})",
    )


def add_grid(commands: Commands, settings: Settings) -> None:
    """The options of `grid`."""
    parser = command(commands, grid)
    parser.add_argument(
        "--vary",
        metavar="NAME=V1,V2",
        action="append",
        default=[],
        help=f"a setting and up to {settings.max_grid_values} values of it; twice: the first across "
        "the table, the second down",
    )
    add_run_settings(parser, settings)


def add_run_settings(parser: ArgumentParser, settings: Settings) -> None:
    """The options that say what a run is: all its settings, where they are from, its pairs."""
    add_stand_in(parser)
    add_own_pairs(parser)
    parser.add_argument(
        "--config", help="a run's config.json: its settings, but for those named here"
    )
    known = "; ".join(f"{one.name}: {one.title}" for one in PRESETS.values())
    parser.add_argument("--preset", metavar="NAME", help=f"settings that show something. {known}")
    for name, one in RUN_SETTINGS.items():
        told = f"{one.help} ({one.allowed(settings) or 'text'}; default: {one.default})"
        told = told.replace("%", "%%")
        more = {"action": BooleanOptionalAction} if one.kind is bool else {"metavar": "X"}
        # Checked by TrainingConfig, with the same words as on the page
        flags = ["--task"] if name == "task_name" else []
        parser.add_argument(*flags, flag_of(name), default=None, dest=name, help=told, **more)


def add_evaluate(commands: Commands, settings: Settings) -> None:
    """The options of `evaluate`."""
    parser = command(commands, evaluate)
    parser.add_argument("--checkpoint", default=READY, help=MODELS)
    parser.add_argument(
        "--task", help=f"one of {', '.join(TASKS)} (default: a run's own, else {MRPC.name})"
    )
    parser.add_argument("--source", default="auto", choices=SOURCES)
    parser.add_argument("--split", default="validation", choices=SPLITS)
    add_stand_in(parser)
    add_own_pairs(parser)
    parser.add_argument("--first", type=int, help="only the first so many pairs (default: all)")


def add_predict(commands: Commands, settings: Settings) -> None:
    """The options of `predict`."""
    parser = command(commands, predict)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--pair", nargs=2, metavar=("SENTENCE1", "SENTENCE2"))
    what.add_argument("--sentence", help="for a model of one sentence")
    what.add_argument("--csv", help="a file with the columns sentence1 and sentence2")
    add_own_pairs(parser, what)
    parser.add_argument(
        "--output", help="a CSV with the file's columns and the answers, beside what is printed"
    )
    parser.add_argument("--checkpoint", default=READY, help=MODELS)
    parser.add_argument("--max-length", default=settings.max_length)
    add_stand_in(parser)


if __name__ == "__main__":
    sys.exit(main())
