"""The command line: tables on stdout, sources on stderr, one-line errors, exit codes."""

import json
import os
import signal
import subprocess
import sys

import pytest

import pipeline.__main__ as command_line
from tests.conftest import ROOT


@pytest.fixture
def run(settings, monkeypatch, capsys):
    """run(*arguments) -> (exit code, stdout, stderr), in this process."""
    monkeypatch.setattr(command_line, "Settings", lambda: settings)
    before = signal.getsignal(signal.SIGINT)

    def call(*arguments):
        try:
            code = command_line.main([str(argument) for argument in arguments])
        except SystemExit as ended:  # argparse's own
            code = ended.code
        return code, *capsys.readouterr()

    yield call
    signal.signal(signal.SIGINT, before)


def test_tokenize_a_pair(run):
    code, out, err = run("tokenize", "--pair", "The cat\tsat\x1b[31m.", "Hi.", "--max-length", 8)
    lines = out.splitlines()
    assert (
        code == 0 and "[CLS]" in lines[1] and "101" in lines[1] and "sentence1[0:3] The" in lines[2]
    )
    assert "cut from sentence1" in out and "note: Truncation removed" in out and "\x1b" not in out
    assert (
        err.startswith("checkpoint: sentence-transformers/all-MiniLM-L6-v2 (embedded)")
        and "checkpoint:" not in out
    )


def test_tokenize_rows(run, tiny_distilbert):
    code, out, err = run(
        "tokenize", "--rows", "0-2", "--source", "folder", "--checkpoint", tiny_distilbert
    )
    assert code == 0 and "padding: " in out and "token_type_ids" not in out and "[3, " in out
    assert "data: MRPC (folder)" in err and "tiny/distilbert (hub cache)" in err


def test_the_batch_of_the_notes(run, mrpc_folder, monkeypatch, settings):
    from dataclasses import replace

    monkeypatch.setattr(
        command_line, "Settings", lambda: replace(settings, mrpc_folder=mrpc_folder)
    )
    code, out, _ = run("tokenize")
    assert (
        code == 0
        and "lengths: [50, 59, 47, 67, 59, 50, 62, 32]" in out
        and out.count("[8, 67]") == 3
    )


def train_flags(tiny, folder):
    return (
        "train",
        "--checkpoint",
        tiny,
        "--source",
        "folder",
        "--train-pairs",
        16,
        "--eval-pairs",
        8,
        "--batch-size",
        8,
        "--max-steps",
        2,
        "--output",
        folder,
    )


def test_train_evaluate_predict(run, tiny, settings):
    folder = settings.runs_folder / ("a" * 32)
    code, out, err = run(*train_flags(tiny, folder))
    assert (
        code == 0
        and "majority: accuracy" in out
        and "step    0:" in out
        and f"model: run:{'a' * 32}" in out
    )
    assert "model: tiny/bert (hub cache)" in err and "metric: mrpc_metric (embedded)" in err
    assert "accelerate" not in err, "nobody launched it"
    first = (folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in first][-1] == "done"

    code, out, err = run("evaluate", "--checkpoint", f"run:{'a' * 32}", "--source", "folder")
    assert (
        code == 0
        and "(16 pairs of validation)" in out
        and "majority" in out
        and "fine-tuned here" in err
    )
    assert run("evaluate", "--checkpoint", folder / "model", "--source", "folder")[1] == out

    code, out, err = run("predict", "--checkpoint", f"run:{'a' * 32}", "--pair", "A\nb.", "C.")
    assert (
        code == 0
        and out.splitlines()[1].split()[0] in ("equivalent", "not_equivalent")
        and "A\\nb. | C." in out
    )

    weights = (folder / "model" / "model.safetensors").read_bytes()
    code, out, err = run(*train_flags(tiny, folder))
    assert (
        code == 2
        and out == ""
        and err.startswith(
            f"error: {folder} holds a run already, which would be lost. Name another"
        )
    )
    assert (folder / "events.jsonl").read_text().splitlines() == first
    assert (folder / "model" / "model.safetensors").read_bytes() == weights


STORM = ("The storm closed the harbor.", "The harbor was shut by a storm.")


def test_inside_prints_the_way_and_the_answer_after_each_layer(run):
    code, out, err = run("inside", "--pair", *STORM)
    lines = out.splitlines()
    assert code == 0 and err.splitlines()[-1].startswith("checkpoint: adapter:paraphrase")
    counts = [int(line[38:50].replace(",", "")) for line in lines[1:8]]
    assert sum(counts[:-1]) == counts[-1] == 22_713_986
    _code, predicted, _err = run("predict", "--pair", *STORM)
    share = float(predicted.splitlines()[1].split()[1])  # of the label equivalent
    assert lines[-1].startswith("layer 6") and "layer 1 " in out and "computed again" in out
    assert float(lines[-1].split()[3].rstrip("%")) == pytest.approx(100 * share, abs=1)


def test_inside_prints_each_step_of_a_layer(run):
    code, out, _err = run("inside", "--pair", *STORM, "--layer", 2)
    assert code == 0 and "layer 2, token 0 [CLS]" in out and "softmax(Q·Kᵀ / √32)" in out
    assert "the head after" not in out and "bert.pooler.dense" in out
    code, out, err = run("inside", "--pair", *STORM, "--layer", 7)
    assert code == 2 and out == "" and "layer is 7, but 1 to 6" in err


def test_inside_prints_where_a_head_looks(run):
    """Layer 1's third head looks at the token before: found on any pair."""
    code, out, _err = run("inside", "--pair", *STORM, "--layer", 1, "--head", 3)
    lines = out.partition("where each token looks most\n")[2].splitlines()
    pieces = [line.split()[1] for line in lines]
    most = [line[25:].split(" [")[0] for line in lines]
    assert code == 0 and pieces[0] == "[CLS]" and pieces[-1] == "[SEP]" and len(pieces) == 17
    assert sum(one == before for one, before in zip(most[1:], pieces)) >= 12
    code, out, err = run("inside", "--pair", *STORM, "--layer", 1, "--head", 13)
    assert code == 2 and out == "" and "head is 13, but 1 to 12" in err
    code, out, err = run("inside", "--pair", *STORM, "--head", 3)
    assert code == 2 and out == "" and "--layer" in err


def test_a_stop_asked_for_while_the_worker_still_starts_is_heard(run, tiny, tmp_path):
    (tmp_path / "stop").touch()
    code, out, _ = run(*train_flags(tiny, tmp_path))
    assert code == 0 and "stopped by request" in out
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])["step"] == 1


def test_a_run_that_fails_ends_with_1_and_what_it_was_asked_with_2(
    run, tiny, tmp_path, monkeypatch
):
    code, out, err = run("train", "--source", "hub", "--checkpoint", tiny, "--output", tmp_path)
    assert code == 2 and err.startswith("error: MRPC can't be loaded") and "model:" not in out

    def broken(*_rest):
        raise RuntimeError("odd")

    monkeypatch.setattr("pipeline.training.prepare", broken)
    code, out, err = run(*train_flags(tiny, tmp_path))  # where one has failed another may begin
    assert (
        code == 1
        and err.startswith("failed The run stopped with an unexpected error")
        and "model:" not in out
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("tokenize", "--pair", "a", "b"),
        ("train", "--source", "folder"),
        ("evaluate", "--source", "folder"),
        ("predict", "--pair", "a", "b"),
    ],
)
def test_nothing_stands_in_for_a_checkpoint_unless_it_may(run, tmp_path, arguments):
    asked = (
        *arguments,
        *(["--output", tmp_path] if arguments[0] == "train" else []),
        "--checkpoint",
        "no/such",
    )
    code, out, err = run(*asked)
    assert code == 2 and out == "" and len(err.splitlines()) == 1
    assert (
        "error: no/such can't be loaded, because HF_HUB_OFFLINE is set" in err
        and "--allow-stand-in" in err
    )
    few = (
        ("--train-pairs", 8, "--eval-pairs", 4, "--batch-size", 8, "--max-steps", 1)
        if arguments[0] == "train"
        else ()
    )
    code, out, err = run(*asked, *few, "--allow-stand-in")
    assert code == 0 and out and "stands in for no/such" in err


def test_a_pages_run_may_have_a_stand_in(tmp_path):
    from pipeline.runs.executors.local import worker_command

    options = command_line.parse(worker_command(tmp_path)[3:])
    assert command_line.settings_of(options).allow_stand_in
    assert not command_line.settings_of(command_line.parse(["train"])).allow_stand_in


def test_a_file_with_labels_is_scored(run, tiny, tmp_path):
    path, output = tmp_path / "pairs.csv", tmp_path / "out.csv"
    path.write_text(
        "id,sentence1,sentence2,label\n1,One.,Two.,1\n2,A b.,C d.,0\n3,A b.,C d.,odd\n",
        encoding="utf-8",
    )
    code, out, _ = run("predict", "--checkpoint", tiny, "--csv", path, "--output", output)
    assert code == 0 and "(2 labelled pairs)" in out and "note: line 4: label is 'odd'" in out
    assert f"{'majority':16}{'50.0%':>10}{'66.7%':>8}" in out and "predicted not_equivalent" in out
    assert output.read_text(encoding="utf-8-sig").startswith(
        '"id","sentence1","sentence2","label","predicted_label"'
    )
    path.write_bytes("sentence1,sentence2\n公司的利润上升了。,公司赚的钱多了。\n".encode("gbk"))
    assert (
        "note: This file is not in UTF-8; it was read as GB18030"
        in run("predict", "--checkpoint", tiny, "--csv", path)[2]
    )


def test_predict_many_from_a_csv(run, tiny, tmp_path):
    csv = tmp_path / "pairs.csv"
    csv.write_text("\ufeffsentence1,sentence2\n" + '"Hello, you.",Hi.\n' * 40, encoding="utf-8")
    code, out, _ = run("predict", "--checkpoint", tiny, "--csv", csv)
    assert code == 0 and out.count("Hello, you. | Hi.") == 40 and out.count("P(equivalent)") == 1


def test_a_bad_row_of_a_csv_is_named_and_the_others_are_answered(run, tiny, tmp_path):
    path, output = tmp_path / "pairs.csv", tmp_path / "predictions.csv"
    path.write_text("sentence1,sentence2\nHello.,Hi.\n,empty\nOne.,=Two.\n")
    code, out, err = run("predict", "--checkpoint", tiny, "--csv", path, "--output", output)
    assert (
        code == 2
        and "Hello. | Hi." in out
        and "One. | =Two." in out
        and "error: line 3: sentence1 is empty" in err
    )
    lines = output.read_text(encoding="utf-8-sig").splitlines()
    assert (
        lines[0].startswith('"sentence1","sentence2","predicted_label"')
        and len(lines) == 4
        and "'=Two." in lines[3]
    )
    path.write_text("sentence1,sentence2\nHello.,Hi.\n")
    assert run("predict", "--checkpoint", tiny, "--csv", path)[0] == 0


# ---------------------------------------------------------------- a file of one's own


@pytest.fixture
def own_file(tmp_path):
    """Twelve pairs under names of their own, and a line that is none."""
    rows = [f"The cat {n} sat.,A cat {n} sat down.,{'yes' if n % 2 else 'no'}" for n in range(12)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["left,right,same", *rows, "alone"]))
    return path


def test_what_is_read_of_a_file_is_printed(run, own_file):
    code, out, err = run("pairs", own_file)
    lines = out.splitlines()
    assert code == 2 and err == "" and lines[0].endswith("13 rows, columns left, right, same")
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["sentence1", "left"],
        ["sentence2", "right"],
        ["label", "same"],
        ["split", "-"],
    ]
    assert "no 6, yes 6" in lines[3] and lines[4].endswith("train 8, validation 2, test 2")
    assert "  line 14: This row ends before right" in lines[-1]
    code, out, _ = run("pairs", own_file, "--columns", "right,,same")
    assert "sentence2" not in out and "right" in out.splitlines()[1]
    code, _, err = run("pairs", own_file, "--columns", "rihgt")
    assert code == 2 and err.startswith("error: There is no column 'rihgt'. Choose one of left,")


def test_each_command_takes_a_file_of_pairs(run, own_file, tiny, settings, tmp_path):
    mine = ["--pairs", own_file]
    code, out, err = run("tokenize", *mine, "--rows", "0-1", "--checkpoint", tiny)
    assert code == 0 and "the cat" in out and "data: your own pairs" in err
    assert "note: line 14 is left out: This row ends before right" in err
    code, out, _ = run("evaluate", *mine, "--checkpoint", tiny, "--split", "test")
    assert code == 0 and "(2 pairs of test)" in out
    code, out, err = run("predict", *mine, "--checkpoint", tiny)
    assert code == 2 and out.count("The cat") == 12 and "error: line 14" in err
    kept = settings.runs_folder / "pairs"
    assert list(kept.iterdir()) == []  # what only looks at them leaves nothing behind
    few = ["--checkpoint", tiny, "--max-steps", 1, "--batch-size", 4]
    code, _, err = run("train", *mine, *few, "--output", tmp_path / "run")
    assert code == 0 and "data: your own pairs" in err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    [folder] = kept.iterdir()
    assert config["task_name"] == f"own:{folder.name}"


def test_a_file_that_no_run_can_use(run, own_file, tmp_path):
    few = tmp_path / "few.csv"
    few.write_text("\n".join(own_file.read_text().splitlines()[:5]))
    code, _, err = run("train", "--pairs", few, "--max-steps", 1)
    assert code != 0 and "Only 4 rows have a label, and a run needs 8" in err
    code, out, _ = run("tokenize", "--pairs", few, "--rows", "0-3")
    assert code == 0 and "the cat" in out


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["pairs", "/nowhere.csv"], "/nowhere.csv can't be read"),
        (["tokenize", "--pairs", "/dev/null"], "has no rows"),
        (["train", "--pairs", "/dev/null"], "has no rows"),
        (["evaluate", "--pairs", "/dev/null"], "has no rows"),
        (["evaluate", "--pairs", "/dev/null", "--task", "rte"], "two sets of pairs"),
        (["predict", "--pairs", "/dev/null"], "has no rows"),
        (["tokenize", "--checkpoint", "../x"], "is not a checkpoint id"),
        (["tokenize", "--rows", "99999"], "There is no row 99999"),
        (["tokenize", "--rows", "x"], "is not a row number"),
        (["tokenize", "--max-length", "long"], "not a whole number"),
        (["tokenize", "--pair", "", "b"], "sentence1 is empty"),
        (["train", "--max-steps", "1000000"], "max_steps is 1000000"),
        (["train", "--learning-rate", "fast"], "learning_rate"),
        (["train", "--output", "/dev/null"], "/dev/null"),
        (["evaluate", "--checkpoint", "run:x"], "is not a run"),
        (["evaluate", "--first", "-5"], "first is -5"),
        (["predict", "--csv", "/nowhere.csv"], "/nowhere.csv"),
        (["predict", "--csv", "/dev/null"], "sentence1 and sentence2"),
        (["predict", "--pair", "a", " "], "only white space"),
    ],
)
def test_bad_input_is_one_line_and_a_2(run, arguments, says):
    code, out, err = run(*arguments)
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (
        code == 2
        and len(errors) == 1
        and says in errors[0]
        and err.splitlines()[-1] == errors[0]
        and out == ""
    )


@pytest.mark.parametrize(
    "arguments", [[], ["nothing"], ["predict"], ["tokenize", "--split", "dev"]]
)
def test_usage(run, arguments):
    code, _, err = run(*arguments)
    assert code == 2 and "usage: python -m pipeline" in err and "Traceback" not in err


def test_as_a_process_of_its_own(small_folder, tmp_path):
    environment = {**os.environ, "MRPC_DIR": str(small_folder), "RUNS_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pipeline", "tokenize", "--rows", "0,63"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (
        done.returncode == 0
        and "lengths: [" in done.stdout
        and "data: MRPC (folder)" in done.stderr
    )
    failed = subprocess.run(
        [*command[:-1], "64"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert failed.returncode == 2 and failed.stdout == "" and "Traceback" not in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith("error: There is no row 64")


# What a command may say on stderr: where things come from, its own bar, its own notes
TOLD = (
    "checkpoint: ",
    "data: ",
    "model: ",
    "metric: ",
    "predictions: ",
    "note: ",
    "MRPC (",
    "mrpc_metric (",
    "tiny/bert (",
    "adapter:",
    "sentence-transformers/all-MiniLM-L6-v2 (",
)
ALL_COMMANDS = """
import sys
from pipeline.__main__ import main
folder, csv = sys.argv[1:]
pair = ["--pair", "A cat sat.", "公司的利润上升了。"]
few = ["--train-pairs", "8", "--eval-pairs", "4", "--batch-size", "8", "--max-steps", "1", "--output", folder + "/run"]
for arguments in (["tokenize", *pair], ["tokenize", "--rows", "0-1", "--checkpoint", "tiny/bert"], ["train", *few],
                  ["train", *few[:-1], folder + "/other", "--checkpoint", "tiny/bert", "--precision", "bf16"],
                  ["evaluate", "--first", "4"], ["evaluate", "--first", "4", "--checkpoint", "tiny/bert"], ["predict", *pair],
                  ["predict", "--csv", csv, "--output", folder + "/out.csv"],
                  ["predict", *pair, "--checkpoint", "sentence-transformers/all-MiniLM-L6-v2"]):
    assert main(arguments) == 0, arguments
"""


def test_no_command_prints_a_librarys_warning(small_folder, tmp_path, tiny):
    """In a fresh process: some libraries warn once, others where they are imported. HF_HOME is that of the tests."""
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,label\nOne.,Two.,1\n")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRANSFORMERS_", "HF_DATASETS_"))
    }
    environment = {
        **kept,
        "MRPC_DIR": str(small_folder),
        "RUNS_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", ALL_COMMANDS, tmp_path, tmp_path / "pairs.csv"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.strip()]
    assert [line for line in lines if not line.startswith(TOLD) and "step" not in line] == []
    assert (
        any("%|" in line for line in lines)
        and "Warning" not in done.stdout
        and "Loading" not in done.stdout
    )
