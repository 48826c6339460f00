"""The scripts that the page hands out, run as they are, in a process that has none of our code: the same numbers."""

import json
import re
import shutil

import numpy as np
import pytest

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.explain.step_by_hand import one_step
from pipeline.export.inside import inside_script
from pipeline.export.model import files_of
from pipeline.export.scripts import (
    batch_script,
    by_hand_script,
    predict_script,
    run_script,
    train_script,
)
from pipeline.hub.sources import embedded_checkpoint
from pipeline.inside.attention import all_heads, padding
from pipeline.inside.attributions import attributions
from pipeline.inside.changes import changes
from pipeline.inside.dropout import in_both_modes
from pipeline.inside.layer_answers import layer_answers
from pipeline.inside.way_through import way_through
from pipeline.metrics import EMBEDDED_METRIC
from pipeline.pair_map import share_between
from pipeline.runs.progress import Run
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, WARMED
from pipeline.training import fine_tune
from tests.conftest import HF_HOME, ROOT, in_cache
from tests.support.families import FAMILIES

NUMBER = r"[-+\w.]+"


def run_of(config, folder, settings):
    """A Run as its folder would tell it, its story through JSON."""
    events = json.loads(json.dumps(list(fine_tune(config, folder, settings))))
    assert events[-1]["event"] == "done", events[-1]
    return Run("0" * 32, "done", events[0]["config"], events)


@pytest.fixture
def workplace(tmp_path, loopback):
    """A folder to run a script in: beside it what it asks for, a Hub with the checkpoints, and nothing of ours to import."""
    snapshots = HF_HOME / "hub"
    models = [f"{EMBEDDED_CHECKPOINT}={embedded_checkpoint()}"]
    models += [
        f"tiny/{path.name.removeprefix('models--tiny--')}={next((path / 'snapshots').iterdir())}"
        for path in snapshots.glob("models--tiny--*")
    ]
    client = loopback(*(part for model in models for part in ("--model", model)))
    folder = tmp_path / "elsewhere"
    (folder / "pipeline").mkdir(parents=True)
    (folder / "pipeline" / "embedded").symlink_to(ROOT / "pipeline" / "embedded")
    (folder / "glue").mkdir()  # evaluate.load("glue", "mrpc") takes a folder of that name
    shutil.copy(next(EMBEDDED_METRIC.glob("*.py")), folder / "glue" / "glue.py")
    return folder, client


def said_by(script, workplace):
    """What a script prints, run unmodified."""
    folder, client = workplace
    (folder / "script.py").write_text(script)
    return client.run("import runpy; runpy.run_path('script.py', run_name='__main__')", folder)


def curve_said(said):
    return {
        int(step): float(loss)
        for step, loss in re.findall(rf"^step (\d+) loss ({NUMBER})$", said, re.M)
    }


def evaluations_said(said):
    return {
        int(step): float(loss)
        for step, loss in re.findall(
            rf"^step (\d+) evaluated .*'eval_loss': '?({NUMBER})", said, re.M
        )
    }


def figures_said(said, when):
    line = re.search(rf"^{when} (.*)$", said, re.M)[1]
    return {
        name: float(value)
        for name, value in re.findall(rf"'eval_(loss|accuracy|f1)': '?({NUMBER})'?", line)
    }


CASES = {
    "epochs end it, dropout, frozen, grouped": {
        "frozen_layers": 1,
        "dropout": 0.1,
        "epochs": 2,
        "eval_strategy": "epoch",
    },
    "steps end it, random batches": {
        "max_steps": 4,
        "train_sampling_strategy": "random",
        "eval_steps": 2,
        "lr_scheduler_type": "cosine",
    },
    "stopped early, the best checkpoint kept": {
        "max_steps": 12,
        "epochs": 4,
        "eval_steps": 2,
        "learning_rate": 5e-3,
        "dropout": 0.1,
        "metric_for_best_model": "accuracy",
        "early_stopping_patience": 2,
        "train_eval_pairs": 9,
    },
    "changed copies join": {"max_steps": 7, "changed_share": 0.5, "train_eval_pairs": 9},
    "LoRA, dropout, the best checkpoint kept": {
        "method": "lora",
        "frozen_layers": 1,
        "dropout": 0.1,
        "max_steps": 6,
        "eval_steps": 2,
        "learning_rate": 1e-2,
        "metric_for_best_model": "accuracy",
    },
    "what stands above the layers": {"method": "frozen", "max_steps": 4, "learning_rate": 5e-3},
    "the head alone": {"method": "head", "max_steps": 4, "learning_rate": 5e-3},
    "bf16, no evaluation between": {"precision": "bf16", "eval_strategy": "no", "max_steps": 3},
}


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_a_runs_script_gives_its_curve_and_figures(values, tiny, settings, tmp_path, workplace):
    config = TrainingConfig(
        **{
            "checkpoint": tiny,
            "source": "embedded",
            "train_pairs": 40,
            "eval_pairs": 20,
            "batch_size": 8,
            "learning_rate": 1e-3,
            "frozen_layers": 0,
            "precision": "fp32",
            "seed": 3,
            **values,
        }
    )
    run = run_of(config, tmp_path / "run", settings)
    said = said_by(run_script(run), workplace)
    assert_same(run, said)
    check_map(run, said, workplace[0])
    judged = {event["step"]: event["train_loss"] for event in run.of("evaluation")}
    printed = re.findall(rf"^step (\d+) on training pairs .*'train_loss': ({NUMBER})", said, re.M)
    assert {int(step): float(loss) for step, loss in printed} == pytest.approx(judged, abs=1e-6)
    end = run.events[-1]
    if config.stops_early:
        assert end["early"] and end["kept_step"] < end["step"] < config.max_steps
    if config.keeps_best:
        assert f"kept step {end.get('kept_step', end['step'])}\n" in said


# in_cache("tiny/…"): what the workplace's Hub serves
@pytest.fixture(scope="module", params=["gpt2", "modernbert", "t5"])
def other_family(request):
    FAMILIES[request.param](in_cache(f"tiny/{request.param}-script"))
    return f"tiny/{request.param}-script"


def test_a_script_of_another_family_gives_its_curve(other_family, settings, tmp_path, workplace):
    """No padding token; dropout that is an Identity or a number; answers with more than logits;
    linear layers of GPT-2's own kind."""
    config = TrainingConfig(
        checkpoint=other_family,
        source="embedded",
        train_pairs=16,
        eval_pairs=8,
        batch_size=8,
        max_steps=3,
        dropout=0.2,
        method="full" if "modernbert" in other_family else "lora",
        frozen_layers=1,
        max_length=128,
        learning_rate=1e-3,
        warmup_steps=0.0,
        precision="fp32",
    )
    run = run_of(config, tmp_path / "run", settings)
    said = said_by(run_script(run), workplace)
    assert_same(run, said)
    check_map(run, said, workplace[0])


def test_the_default_start_too_and_the_one_that_stood_in(settings, tmp_path, workplace):
    """From the embedded adapter; then with a checkpoint that no Hub could give, where the embedded one was trained."""
    small = {
        "source": "embedded",
        "train_pairs": 24,
        "eval_pairs": 10,
        "batch_size": 8,
        "max_steps": 3,
        "precision": "fp32",
    }
    for checkpoint in (WARMED, "nobody/has-this"):
        run = run_of(
            TrainingConfig(checkpoint=checkpoint, **small),
            tmp_path / checkpoint.replace(":", "-"),
            settings,
        )
        script = run_script(run)
        assert "nobody" not in script
        said = said_by(script, workplace)
        assert_same(run, said)
        check_map(run, said, workplace[0])


def check_map(run, said, folder):
    """The script's map of the validation pairs is the page's, evaluation by evaluation."""
    maps = json.loads((folder / "map.json").read_text())
    evaluations = run.of("evaluation")
    assert [int(step) for step in maps] == [event["step"] for event in evaluations]
    printed = re.findall(
        rf"^step (\d+) map holds ({NUMBER}) between labels ({NUMBER})$", said, re.M
    )
    told = {int(step): (float(held), float(between)) for step, held, between in printed}
    for event in evaluations:
        points, labels = event["points"], run.first("start")["labels"]
        assert len(points) == run.config["eval_pairs"]
        assert np.array(maps[str(event["step"])]) == pytest.approx(np.array(points), abs=2e-4)
        shown = (event["held"], share_between(points, labels))
        assert told[event["step"]] == pytest.approx(shown, abs=1e-3)


def assert_same(run, said):
    curve = {event["step"]: event["loss"] for event in run.of("log")}
    assert len(curve) > 2 and curve_said(said) == pytest.approx(curve, abs=1e-6)
    evaluated = {event["step"] for event in run.of("evaluation") if event["step"]}
    assert evaluated <= evaluations_said(said).keys(), (
        "each evaluation that the page shows is printed"
    )
    end = run.first(run.state)
    assert end["before"] != end["after"]
    for when in ("before", "after"):
        # Trainer rounds what it prints
        assert figures_said(said, when) == pytest.approx(
            {name: end[when][name] for name in ("loss", "accuracy", "f1")}, abs=1e-4
        )


def test_the_script_in_the_zip_finds_all_that_it_needs_there(settings, workplace, tmp_path):
    """The default start on the embedded pairs, stopped on its way: no folder of the app's beside it, the same after it."""
    config = TrainingConfig(
        checkpoint=WARMED,
        source="embedded",
        train_pairs=24,
        eval_pairs=10,
        batch_size=8,
        epochs=2,
        max_steps=6,
        eval_steps=2,
        precision="fp32",
    )
    folder, polls = settings.runs_folder / ("e" * 32), iter(range(100))
    folder.mkdir(parents=True)
    told = fine_tune(config, folder, settings, should_stop=lambda: next(polls) >= 3)
    events = json.loads(json.dumps(list(told)))
    assert events[-1]["event"] == "stopped" and 2 < events[-1]["step"] < 6
    (folder / "config.json").write_text(json.dumps(events[0]["config"]))
    run = Run("e" * 32, "stopped", events[0]["config"], events)
    away, client = workplace
    (away / "pipeline" / "embedded").unlink()
    for name, content in files_of(run, settings).items():
        (away / name).parent.mkdir(parents=True, exist_ok=True)
        (away / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    assert_same(run, said_by((away / "train.py").read_text(), workplace))


def test_a_script_says_where_the_page_read_mrpc_and_asks_for_no_gradient_in_vain():
    assert "The page read MRPC from a folder" in batch_script([0], "train", "folder")
    assert "MRPC_DIR" not in batch_script([0], "train", "hub")
    assert "requires_grad_" not in predict_script(WARMED, "a", "b")
    assert "requires_grad_(True)" in train_script(
        TrainingConfig(checkpoint=WARMED), "embedded", False
    )


def test_a_run_that_has_told_nothing_has_no_script():
    with pytest.raises(InputError, match="hasn't reported yet"):
        run_script(Run("0" * 32, "running", {"seed": 1}, []))


def test_no_text_of_a_story_becomes_code(tiny):
    """What stands in a run's folder is not ours: quotes and line breaks stay within their string."""
    evil = "x\"'\nimport os; os.abort()  #"
    start = {
        "event": "start",
        "model": {"loaded": evil},
        "data": {"place": evil},
        "bf16": False,
        "versions": {},
    }
    script = run_script(Run("0" * 32, "done", {"checkpoint": tiny}, [start]))
    assert "import os" not in [line.partition(";")[0] for line in script.splitlines()]
    compile(script, "script", "exec")


@pytest.mark.parametrize(
    "checkpoint, method", [(None, "lora"), (WARMED, "full")], ids=["tiny", "warmed"]
)
def test_one_steps_script_prints_the_numbers_on_the_page(
    checkpoint, method, tiny, settings, workplace
):
    config = TrainingConfig(
        checkpoint=checkpoint or tiny,
        source="embedded",
        train_pairs=48,
        batch_size=4,
        learning_rate=1e-3,
        weight_decay=0.1,
        method=method,
        frozen_layers=1,
        seed=4,
    )
    step = one_step(config, settings)
    said = said_by(by_hand_script(step), workplace)
    losses = [
        (int(row), float(loss))
        for row, loss in re.findall(rf"^row (\d+) loss ({NUMBER})$", said, re.M)
    ]
    assert [row for row, _loss in losses] == [each.row for each in step.examples]
    assert [loss for _row, loss in losses] == pytest.approx(
        [each.loss for each in step.examples], abs=1e-5
    )
    mean, norm = map(float, re.search(rf"^mean ({NUMBER}) norm ({NUMBER})$", said, re.M).groups())
    assert mean == pytest.approx(step.loss_by_hand, abs=1e-5) and norm == pytest.approx(
        step.norm_by_hand, rel=1e-4
    )
    weights = {
        name: (float(before), float(after))
        for name, before, after in re.findall(rf"^(\S+) from ({NUMBER}) to ({NUMBER})$", said, re.M)
    }
    assert len(weights) == len(step.followed) == 3
    for each in step.followed:
        before, after = weights[each.name.partition("[")[0]]
        assert (
            before == pytest.approx(each.before, abs=1e-7)
            and after == pytest.approx(each.by_hand, abs=1e-6) != before
        )


# ---------------------------------------------------------------- the Model tab

INSIDE = ("Shares of Acme rose 12 cents.", 'Acme\'s "stock" was up {12} cents.')


def numbers_after(said, name):
    """The numbers of each line that begins so."""
    return [
        [float(number) for number in re.findall(r"-?\d[\d.]*(?:e-?\d+)?", line)]
        for line in re.findall(rf"^{name} (.*)$", said, re.M)
    ]


def check_changes(said, found):
    """The script's figures of a model and its start are those of the page."""
    [before] = numbers_after(said, "probabilities before")
    assert before == pytest.approx([*found.before[-1].values()], abs=1e-5)
    for part in found.parts:
        if part.layer:
            number, moved = numbers_after(said, f"moved {part.name}")[part.layer - 1]
            assert number == part.layer and moved == pytest.approx(part.moved, abs=1e-6)
    outside = [line[0] for line in numbers_after(said, "moved outside")]
    assert 0.0 in outside and max(outside) > 1, "the embeddings stood still, the pooler didn't"
    shifts = [numbers[1:] for numbers in numbers_after(said, "heads moved in layer")]
    assert shifts == [pytest.approx(row, abs=1e-5) for row in found.heads.shift]


@pytest.mark.parametrize("kind", [None, "modernbert"], ids=["ready", "modernbert"])
def test_the_script_of_the_model_tab_gives_its_figures(kind, settings, request):
    if kind:  # before the workplace's Hub begins to serve it
        FAMILIES[kind](in_cache(f"tiny/{kind}-inside"))
    model = f"tiny/{kind}-inside" if kind else READY
    way = way_through(model, INSIDE, settings=settings)
    found = layer_answers(model, INSIDE, INSIDE[::-1], settings=settings)
    start = None if kind else (WARMED, settings.seed)
    source = inside_script(model, INSIDE, start=start)
    said = said_by(source, request.getfixturevalue("workplace"))
    [counted], *_parts = numbers_after(said, "parameters")
    parts = [int(line.split()[-1]) for line in re.findall(r"^parameters of .*$", said, re.M)]
    assert sum(parts) == counted == way.parameters
    [logits] = numbers_after(said, "logits")
    assert logits == pytest.approx([*way.logits.values()], abs=1e-5)
    [row] = numbers_after(said, "first row after the layers")
    assert row == pytest.approx([*way.parts[3].strips[-1][:4]], abs=1e-5)
    for answer, numbers in zip(found.answers, numbers_after(said, "after layer"), strict=True):
        *shares, cosine = numbers[1:]
        assert shares == pytest.approx([*answer.probabilities.values()], abs=1e-5)
        assert cosine == pytest.approx(answer.cosine, abs=1e-5)
    modules, difference = numbers_after(said, "modules computed again")[0]
    assert modules > 20 and difference < 1e-5
    looks = all_heads(model, INSIDE, settings=settings)[0].looks
    for kind in looks.shares:
        [place] = numbers_after(said, f"looks at {kind}")
        assert place == pytest.approx(looks.best(kind, 1)[0], abs=1e-5), kind
    unmasked = padding(model, INSIDE, settings=settings).unmasked
    assert [
        share for _layer, share in numbers_after(said, "to padding with ones")
    ] == pytest.approx([sum(heads) / len(heads) for heads in unmasked], abs=1e-5)
    assert {share for _layer, share in numbers_after(said, "to padding with mask")} == {0.0}
    moved = attributions(model, *INSIDE, settings=settings)
    [shares], worths = numbers_after(said, "shares"), numbers_after(said, "left out")
    assert shares == pytest.approx([token.attribution for token in moved.tokens], abs=1e-3)
    assert [worth[0] for worth in worths] == pytest.approx(
        [word.left_out for word in moved.words], abs=1e-4
    )
    if start:
        check_changes(said, changes(model, INSIDE, settings=settings))
    modes = in_both_modes(model, *INSIDE, settings=settings)
    [in_train], [in_eval] = (
        numbers_after(said, f"probabilities in {mode}") for mode in ("train", "eval")
    )
    assert in_eval == pytest.approx(modes.eval, abs=1e-5) and len(set(in_eval)) == 1
    assert in_train == pytest.approx(modes.train, abs=1e-5)
    kept = dict(re.findall(r"^kept in (.*) (\d+)$", said, re.M))
    one = modes.kept[0]
    assert int(kept["train with gradients"]) == one.train
    assert int(kept["eval with gradients"]) == one.eval
    assert kept["train under no_grad"] == kept["eval under no_grad"] == "0"
