"""Each task from a Hub on loopback: a few invented rows under the real names of columns and labels."""

import json
import re
import shutil
from dataclasses import replace

import pytest

import pipeline.__main__ as command_line
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError, SourceError
from pipeline.explain.why_cell import why_label, why_token
from pipeline.export.scripts import own_files, train_script
from pipeline.metrics import EMBEDDED_METRIC
from pipeline.own_pairs import store
from pipeline.own_pairs.columns import guess_columns
from pipeline.own_pairs.pairs import own_pairs
from pipeline.own_pairs.read import read_table
from pipeline.settings import READY, WARMED, Settings
from pipeline.task import (
    AFQMC,
    CSV,
    MNLI,
    MRPC,
    PAWS,
    PAWS_X_ZH,
    QQP,
    RTE,
    SST2,
    TASKS,
    task_named,
)
from pipeline.tokenization import token_view
from pipeline.training import fine_tune
from tests.conftest import tiny_checkpoint

HUB_TASKS = [task for task in TASKS.values() if task.repository and task is not MRPC]
# As the files name their labels, where those aren't the task's own words
NUMBERED = {PAWS.name, PAWS_X_ZH.name, AFQMC.name}
ROWS = 24
ENGLISH = ("The boat left at {}.", "At {} the boat had left.", "No boat left before {}.")
CHINESE = ("船在{}点离开。", "{}点时船已经离开。", "{}点之前没有船离开。")


def invented(task, count, first=0, label=None):
    """Rows under the names of the task's own files; label: the same for all, as in a test split."""
    from datasets import ClassLabel, Dataset, Features, Value

    texts = CHINESE if task.language == "zh" else ENGLISH
    labels = [number % len(task.labels) for number in range(count)]
    columns = {
        "sentence1": [texts[0].format(first + number) for number in range(count)],
        "sentence2": [texts[1 + label % 2].format(first + n) for n, label in enumerate(labels)],
        "label": labels if label is None else [label] * count,
        "idx": list(range(count)),
    }
    names = [str(n) for n in range(len(task.labels))] if task.name in NUMBERED else [*task.labels]
    kinds = {"label": ClassLabel(names=names), "idx": Value("int32")}
    own = {theirs: columns[ours] for ours, theirs in task.columns.items()}
    features = {theirs: kinds.get(ours, Value("string")) for ours, theirs in task.columns.items()}
    return Dataset.from_dict(own, features=Features(features))


def repository_of(tasks, folder):
    """The tasks of one repository, as the Hub has them: a folder each, a README that lists them."""
    about = []
    for task in tasks:
        names = {split: task.split_names.get(split, split) for split in task.splits}
        unlabelled = [] if "test" in task.splits else ["test"]
        for number, split in enumerate([*names.values(), *unlabelled]):
            label = -1 if split in unlabelled else None
            rows = invented(task, ROWS, 100 * number, label)
            (folder / task.config).mkdir(parents=True, exist_ok=True)
            rows.to_parquet(folder / task.config / f"{split}-00000-of-00001.parquet")
        files = "\n".join(
            f"  - split: {split}\n    path: {task.config}/{split}-*"
            for split in [*names.values(), *unlabelled]
        )
        about.append(f"- config_name: {task.config}\n  data_files:\n{files}")
    (folder / "README.md").write_text("---\nconfigs:\n" + "\n".join(about) + "\n---\n")
    return folder


@pytest.fixture(scope="module")
def hub_flags(tmp_path_factory):
    """--dataset for each repository of a task, and --model for a tiny BERT."""
    root, flags = tmp_path_factory.mktemp("tasks"), []
    for name in dict.fromkeys(task.repository for task in HUB_TASKS):
        tasks = [task for task in HUB_TASKS if task.repository == name]
        folder = repository_of(tasks, root / name.replace("/", "-"))
        flags += ["--dataset", f"{name}={folder}"]
    tiny_checkpoint(root / "bert", head=False)
    return [*flags, "--model", f"tiny/bert={root / 'bert'}"]


WALK = """
from pathlib import Path
from pipeline.collation import batch_view
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets, planned_pairs
from pipeline.prediction import labels_answered, predict
from pipeline.explain.probing import takes_pair
from pipeline.explain.why_cell import why_label, why_token
from pipeline.settings import Settings
from pipeline.tokenization import token_view
from pipeline.task import task_named
from pipeline.tokenization import load_tokenizer
from pipeline.training import evaluate_checkpoint, fine_tune
import datasets, evaluate, huggingface_hub.hf_api

settings = Settings(mrpc_folder=None, data="auto", runs_folder=Path(RUNS))
task = task_named(NAME, settings)
planned, _, size = planned_pairs("auto", settings, task)
raw_datasets, origin = load_raw_datasets("auto", settings, task)
tokenizer, _ = load_tokenizer("tiny/bert", settings)
batch = batch_view(tokenizer, [raw_datasets["train"][row] for row in range(4)], 32)
run = "a" * 32
config = TrainingConfig(checkpoint="tiny/bert", task_name=NAME, train_pairs=16, eval_pairs=12, batch_size=8,
                        max_steps=2, frozen_layers=0, precision="fp32")
folder = settings.runs_folder / run
folder.mkdir(parents=True)
from dataclasses import asdict
(folder / "config.json").write_text(json.dumps(asdict(config)))
from pipeline.runs import worker
events = []
worker.train(config, folder, settings, events.append)
pair = (raw_datasets["train"][0]["sentence1"], raw_datasets["train"][0].get("sentence2"))
model = f"run:{run}"
answer = predict(model, [pair], settings=settings)[0][0]
figures = evaluate_checkpoint(model, settings=settings, task=task)
from pipeline.export.model import model_card
from pipeline.export.scripts import run_script
from pipeline.runs.queue import read_run
done = read_run(run, settings)
print(json.dumps({
    "asked": list(labels_answered(model, settings)),
    "script": run_script(done), "card": model_card(done, "mine"),
    "losses": [event["loss"] for event in events if event["event"] == "log"],
    "origin": vars(origin), "columns": raw_datasets["train"].column_names, "size": size, "planned": planned,
    "rows": {split: len(rows) for split, rows in raw_datasets.items()},
    "first": raw_datasets["train"][0], "labels": list(raw_datasets["train"].features["label"].names),
    "types": batch.tensors["token_type_ids"], "batch_labels": batch.tensors["labels"],
    "events": [event["event"] for event in events], "start": events[0], "end": {k: str(v) for k, v in events[-1].items()},
    "answer": answer.probabilities, "logits": answer.logits, "notes": [str(note) for note in answer.notes],
    "takes_pair": takes_pair(model, settings), "figures": {k: v for k, v in figures.items() if k != "origins"},
}, default=str))
"""


@pytest.mark.parametrize("task", HUB_TASKS, ids=lambda task: task.name)
def test_each_task_is_loaded_tokenized_learned_evaluated_and_asked(
    loopback, hub_flags, task, tmp_path
):
    client = loopback(*hub_flags)
    told = client.ask(
        WALK.replace("NAME", repr(task.name)).replace("RUNS", repr(str(tmp_path / "runs")))
    )
    assert told["origin"]["place"] == "hub" and not told["origin"]["stands_in"], told["origin"]
    assert told["rows"] == dict.fromkeys(task.splits, ROWS)  # the test split without labels is left
    assert list(told["planned"]) == list(task.splits) and told["size"] > 0
    expected = [*task.sentences, "label", "idx"]
    assert told["columns"] == expected and told["labels"] == list(task.labels)
    texts = CHINESE if task.language == "zh" else ENGLISH
    assert told["first"]["sentence1"] == texts[0].format(0) and told["first"]["idx"] == 0
    types = {number for row in told["types"] for number in row}
    assert types == ({0, 1} if task.has_pair else {0})
    assert told["batch_labels"] == [number % len(task.labels) for number in range(4)]
    assert told["events"][0] == "start" and told["events"][-1] == "done", told["end"]
    assert told["start"]["task"]["labels"] == list(task.labels)
    assert list(told["answer"]) == list(told["logits"]) == list(task.labels)
    assert told["asked"] == list(task.labels)
    assert sum(told["answer"].values()) == pytest.approx(1)
    assert told["takes_pair"] is task.has_pair
    assert not any("label" in note or "head" in note for note in told["notes"])
    assert set(task.metrics) < set(told["figures"]) and told["figures"]["pairs"] == ROWS
    assert f"{task.repository}" in told["card"] and f"language: {task.language}" in told["card"]
    assert all(f"`{label}`" in told["card"] for label in task.labels)
    share = told["figures"]["majority"]["accuracy"]
    assert share == pytest.approx(1 / len(task.labels), abs=0.05)
    assert losses_of(told["script"], client, tmp_path) == pytest.approx(told["losses"], abs=1e-5)


def losses_of(script, client, folder):
    """The loss of each step that a script prints, run as it is beside GLUE's metric alone."""
    (folder / "glue").mkdir()  # evaluate.load("glue", "mrpc") takes a folder of that name
    shutil.copy(next(EMBEDDED_METRIC.glob("*.py")), folder / "glue" / "glue.py")
    (folder / "train.py").write_text(script)
    said = client.run("import runpy; runpy.run_path('train.py', run_name='__main__')", folder)
    return [float(loss) for loss in re.findall(r"^step \d+ loss ([-\d.e]+)$", said, re.M)]


LOAD = """
from pipeline.dataset import load_raw_datasets
from pipeline.settings import Settings
from pipeline.task import task_named
import datasets, huggingface_hub.hf_api
settings = Settings(mrpc_folder=None, data="auto", max_split_rows=MOST, hub_decision_seconds=SECONDS)
(loaded, seconds) = timed(load_raw_datasets, "auto", settings, task_named(NAME, settings))
if isinstance(loaded, Exception):
    print(json.dumps({"error": str(loaded), "kind": type(loaded).__name__}))
else:
    raw_datasets, origin = loaded
    print(json.dumps({"place": origin.place, "reason": str(origin.reason), "stands_in": origin.stands_in,
        "rows": {split: len(rows) for split, rows in raw_datasets.items()},
        "labels": list(raw_datasets["train"].features["label"].names),
        "idx": raw_datasets["train"]["idx"][:], "columns": raw_datasets["train"].column_names}))
"""


def load_code(task, most=10_000, seconds=5.0):
    code = LOAD.replace("NAME", repr(task.name)).replace("MOST", str(most))
    return code.replace("SECONDS", str(seconds))


def test_a_large_split_is_bounded_and_said_and_the_cache_answers_without_a_hub(loopback, hub_flags):
    client = loopback(*hub_flags)
    told = client.ask(load_code(MNLI, most=10))
    assert told["rows"] == {"train": 10, "validation": 10} and told["idx"] == list(range(10))
    assert "of train the first 10 of 24 rows" in told["reason"]
    assert 'load_dataset("nyu-mll/glue", "mnli")' in told["reason"]
    loopback.stop()
    again = client.ask(load_code(MNLI, most=10))
    assert (again["place"], again["rows"]) == ("hub cache", told["rows"])


def test_rows_without_a_sentence_or_a_label_are_left_out_and_counted(loopback, tmp_path):
    from datasets import Dataset

    folder = repository_of([PAWS_X_ZH], tmp_path)
    file = folder / "zh" / "train-00000-of-00001.parquet"
    whole = Dataset.from_parquet(str(file))
    changed = whole.to_dict()
    changed["sentence2"][3], changed["sentence1"][5], changed["label"][7] = "", None, -1
    Dataset.from_dict(changed, features=whole.features).to_parquet(file)
    told = loopback("--dataset", f"{PAWS_X_ZH.repository}={folder}").ask(load_code(PAWS_X_ZH))
    assert told["idx"] == [number for number in range(ROWS) if number not in (3, 5, 7)]
    assert "3 rows of train have no sentence or no label and are left out" in told["reason"]


@pytest.mark.parametrize("task", HUB_TASKS, ids=lambda task: task.name)
def test_without_a_hub_pairs_of_the_same_kind_stand_in_or_it_is_said_what_to_do(task):
    settings = Settings(data="auto", mrpc_folder=None)
    if not task.stand_in:
        for source in ("auto", "hub", "embedded"):
            with pytest.raises(SourceError, match="MRPC, whose embedded pairs are always here"):
                load_raw_datasets(source, settings, task)
        return
    raw_datasets, origin = load_raw_datasets("auto", settings, task)
    assert origin.stands_in and f"stand in for {task.title}" in str(origin.reason)
    assert raw_datasets["train"].features["label"].names == list(task.labels)
    assert tuple(raw_datasets) == task.splits
    with pytest.raises(SourceError, match="HF_HUB_OFFLINE"):
        load_raw_datasets("hub", settings, task)


def test_a_visitor_is_told_of_no_source_where_the_host_has_chosen_the_embedded_pairs():
    settings = Settings(data="embedded", mrpc_folder=None)
    with pytest.raises(SourceError, match="SST-2 has no embedded ones. Choose MRPC") as refused:
        load_raw_datasets("auto", settings, SST2)
    assert "Choose auto" not in str(refused.value)


def test_no_embedded_pairs_stand_in_where_the_labels_are_of_another_kind():
    assert {task for task in HUB_TASKS if task.stand_in} >= {QQP, PAWS}
    assert not any(task.stand_in for task in (RTE, SST2, MNLI, CSV))


@pytest.mark.parametrize("task", [MRPC, *HUB_TASKS, CSV], ids=lambda task: task.name)
def test_the_script_of_a_run_is_python_and_takes_the_tasks_own_columns(task):
    place = "folder" if task is CSV else "hub"
    script = train_script(TrainingConfig(task_name=task.name), place, False)
    compile(script, "train.py", "exec")
    assert f"num_labels={len(task.labels)}" in script
    assert ('examples["sentence2"]' in script) is task.has_pair
    assert ("f1_score" in script) is (len(task.labels) > 2)


def test_what_the_command_line_refuses(settings, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "Settings", lambda: settings)
    refused = {
        ("tokenize", "--task", "no-such"): "task_name is 'no-such'",
        ("tokenize", "--task", "rte", "--split", "test"): "RTE has no labelled split test",
        ("train", "--task", "own:" + "0" * 32): "Bring the file again",
        ("predict", "--sentence", "A film to see twice."): "Give them with --pair",
        ("evaluate", "--task", "mnli"): "MNLI can't be loaded",
        ("evaluate", "--task", "mnli", "--source", "folder"): "no folder can be set",
    }
    for arguments, says in refused.items():
        assert command_line.main([*arguments]) == 2, arguments
        assert says in capsys.readouterr().err


def test_one_sentence_on_the_command_line(settings, monkeypatch, capsys):
    monkeypatch.setattr(command_line, "Settings", lambda: settings)
    assert command_line.main(["tokenize", "--sentence", "A film."]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[1] for row in rows] == ["[CLS]", "a", "film", ".", "[SEP]"]
    assert {row[3] for row in rows} == {"0"}


def test_a_task_of_own_pairs_is_named_by_its_reference_alone(settings, tmp_path):
    settings = replace(settings, runs_folder=tmp_path)
    for name in ("own:", "own:../x", "own:" + "g" * 32, 7, None):
        with pytest.raises(InputError, match="is not a task"):
            task_named(name, settings)
    with pytest.raises(InputError, match="Bring the file again"):
        task_named("own:" + "a" * 32, settings)
    assert json.dumps([*TASKS]).count("own:") == 0


# ---------------------------------------------------------------- a visitor's own


def kept(settings, header, rows):
    """The reference of the pairs in a CSV of these rows, kept."""
    text = "\n".join([header, *rows])
    table = read_table(text.encode(), "mine.csv", settings)
    own = own_pairs(table, guess_columns(table), settings=settings)
    return store.keep(own, settings)


OWN = {
    "pairs of three labels": (
        "sentence1,sentence2,label",
        [f"The boat left at {n}.,The boat is gone {n}.,{'abc'[n % 3]}" for n in range(48)],
    ),
    "sentences of two": (
        "sentence,label",
        [f"The boat left at {n}.,{('calm', 'rough')[n % 2]}" for n in range(48)],
    ),
}


@pytest.mark.parametrize("file", OWN, ids=OWN)
def test_a_run_learns_a_visitors_own(file, settings, tmp_path):
    settings = replace(settings, runs_folder=tmp_path / "runs")
    reference = kept(settings, *OWN[file])
    task = task_named(reference, settings)
    raw_datasets, origin = load_raw_datasets("auto", settings, task)
    assert origin.place == "own" and task.has_pair is (file == "pairs of three labels")
    assert raw_datasets["train"].column_names == [*task.sentences, "label", "idx"]
    config = TrainingConfig(
        checkpoint=WARMED,
        task_name=reference,
        train_pairs=16,
        eval_pairs=8,
        batch_size=8,
        max_steps=2,
        frozen_layers=6,
    )
    events = list(fine_tune(config, tmp_path / "run", settings))
    assert events[-1]["event"] == "done", events[-1]
    assert events[0]["task"] == {
        "labels": list(task.labels),
        "splits": ["train", "validation", "test"],
        "has_pair": task.has_pair,
    }
    assert set(task.metrics) < set(events[-1]["after"])
    script = train_script(config, "own", False, task=task)
    compile(script, "train.py", "exec")
    assert all(name in script for name in own_files(task).values()) and reference not in script


def test_own_pairs_without_labels_are_tokenized_but_not_learned(settings, tiny, tmp_path):
    settings = replace(settings, runs_folder=tmp_path / "runs")
    rows = [f"The boat left at {n}.,The boat is gone {n}." for n in range(12)]
    reference = kept(settings, "sentence1,sentence2", rows)
    task = task_named(reference, settings)
    raw_datasets, _ = load_raw_datasets("auto", settings, task)
    assert len(raw_datasets["train"]) == 12 and task.refused
    config = TrainingConfig(checkpoint=tiny, task_name=reference)
    (failed,) = fine_tune(config, tmp_path / "run", settings)
    assert failed["event"] == "failed" and failed["message"] == task.refused


def test_a_start_that_has_another_number_of_labels_is_refused(settings, tmp_path):
    config = TrainingConfig(checkpoint=READY, task_name=MNLI.name)
    (failed,) = fine_tune(config, tmp_path / "run", settings)
    assert "classifies into 2 labels, but 3 are needed" in str(failed["message"])


# ---------------------------------------------------------------- one sentence, and why


def test_one_sentence_has_one_segment_and_it_is_said_why(tokenizer):
    view = token_view(tokenizer, "The boat left.", None)
    assert {token.type_id for token in view.tokens} == {0} and view.notes == []
    for position in range(len(view.tokens)):
        says = why_token(view, position, "token_type_ids", tokenizer).says
        assert "one sentence here, and so one segment" in says[0] and "has the type 0" in says[0]
        assert "Type 1 would mark the tokens of a second sentence" in says[1]
    closing = why_token(view, len(view.tokens) - 1, "piece", tokenizer)
    assert closing.says == ("[SEP] closes sentence 1.",)


def test_a_label_is_named_as_its_task_names_it():
    assert why_label(2, MNLI.labels).piece == "contradiction"
    assert "one of 3 labels" in why_label(0, MNLI.labels).says[0]
    with pytest.raises(InputError, match="The labels are 0 to 1"):
        why_label(2)
