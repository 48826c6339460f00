"""Every claim of the notes is run: the verdict that its run gives is the one that was reviewed."""

import ast
import builtins
import contextlib
import dataclasses
import inspect
import io
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from languages import catalogue, speaking
from layers.__main__ import card, main
from layers.claims import (
    SECTIONS,
    Evidence,
    check,
    claims,
    collating,
    dropout,
    find,
    materials,
    tokenizing,
    verdict_of,
)
from layers.claims.claim import KINDS, VERDICTS, Section, noted
from layers.claims.script import script_of

ROOT = Path(__file__).parent.parent.parent
MRPC = Path(os.environ.get("MRPC_DIR") or ROOT.parent / "shared/hub/datasets/nyu-mll/glue/mrpc")
IDS = [claim.id for claim in claims()]


@pytest.fixture(autouse=True)
def mrpc_at_hand(monkeypatch, no_environment):
    if list(MRPC.glob("train*.parquet")):
        monkeypatch.setenv("MRPC_DIR", str(MRPC))


@pytest.fixture(scope="module")
def results():
    """Each claim once, run when first asked for."""
    kept = {}

    def result(id):
        if id not in kept:
            kept[id] = check(find(id))
        return kept[id]

    return result


@pytest.mark.parametrize("id", IDS)
def test_the_computed_verdict_is_the_reviewed_one(id, results):
    result = results(id)
    if result.evidence.needs:
        pytest.skip(f"undecided here: needs {result.evidence.needs}")
    assert result.verdict == result.claim.reviewed, result.evidence


@pytest.mark.parametrize("id", IDS)
def test_other_evidence_gives_another_verdict(id, results):
    """No verdict is written down: turn round what the run found, and the verdict turns."""
    result = results(id)
    evidence = result.evidence
    if evidence.candidates:
        turned = dataclasses.replace(evidence, candidates=dict.fromkeys(evidence.candidates, False))
    else:
        turned = dataclasses.replace(evidence, as_noted=not evidence.as_noted, name_works=True)
    if evidence.needs:
        pytest.skip(f"undecided here: needs {evidence.needs}")
    assert verdict_of(turned) != result.verdict
    assert not dataclasses.replace(result, evidence=turned).as_reviewed


def test_a_claim_has_no_verdict_until_it_is_run():
    claim = dataclasses.replace(find("conv-bias-default"), run=lambda: noted(True))
    assert check(claim).verdict == "holds" != claim.reviewed
    assert not any("verdict" in field.name for field in dataclasses.fields(claim))


def test_a_reviewed_verdict_changes_nothing_computed():
    for reviewed in VERDICTS:
        assert (
            check(dataclasses.replace(find("conv-bias-default"), reviewed=reviewed)).verdict
            == "corrected"
        )


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (Evidence(as_noted=True), "holds"),
        (Evidence(as_noted=False), "corrected"),
        (Evidence(as_noted=True, name_works=False, todays_name_works=True), "outdated"),
        (Evidence(as_noted=False, name_works=False), "corrected"),
        (Evidence(candidates={"a": True, "b": False}), "answered"),
        (Evidence(candidates={"a": True, "b": True}), "undecided"),
        (Evidence(candidates={"a": False}), "undecided"),
        (Evidence(), "undecided"),
        (Evidence(as_noted=True, needs="a machine with two cards"), "undecided"),
    ],
)
def test_evidence_decides(evidence, verdict):
    assert verdict_of(evidence) == verdict


def test_a_run_that_fails_decides_nothing():
    result = check(dataclasses.replace(find("conv-bias-default"), run=lambda: 1 / 0))
    assert (
        result.verdict == "undecided"
        and "division by zero" in result.evidence.seen["the run failed"]
    )
    assert not result.as_reviewed

    def fails():
        raise OSError(28, "No space left on device", "/root/secret")

    assert check(dataclasses.replace(find("conv-bias-default"), run=fails)).evidence.seen == {
        "the run failed": "OSError"
    }


def test_cards_are_complete():
    assert len(IDS) == len(set(IDS)) >= 60
    slugs = [section.slug for section in SECTIONS]
    for claim in claims():
        assert claim.section in slugs and claim.kind in KINDS and claim.reviewed in VERDICTS
        assert claim.id == claim.id.lower() and claim.id.replace("-", "").isalnum()
        assert claim.docs.startswith("https://") and len(claim.says) > 10 and claim.truth
        assert "return " in claim.source and "@section" not in claim.source, claim.id
        assert "fmt:" not in claim.source
        assert (claim.kind == "open question") == (claim.reviewed == "answered")


def test_the_readmes_count_the_cards():
    reviewed = Counter(claim.reviewed for claim in claims())
    assert f"the notes' {len(IDS)} claims" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"笔记里的 {len(IDS)} 条说法" in (ROOT / "README.zh.md").read_text(encoding="utf-8")
    assert (
        reviewed["holds"] > len(IDS) / 2
        and 45 <= reviewed["corrected"] <= 55
        and reviewed["answered"] == 9
    )


def test_the_notes_lengths_are_decided_on_mrpc_where_it_is(results):
    if not list(MRPC.glob("train*.parquet")):
        pytest.skip("MRPC is not here: set MRPC_DIR to the folder of its parquet files")
    assert results("hf-eight-lengths").evidence.seen["data"] == "MRPC"
    assert results("hf-collated-shapes").evidence.seen["shapes"]["input_ids"] == (8, 67)


@pytest.mark.parametrize("id", ["hf-eight-lengths", "hf-collated-shapes"])
def test_without_mrpc_what_only_it_can_decide_is_left_open(id, monkeypatch):
    monkeypatch.delenv("MRPC_DIR", raising=False)
    result = check(find(id))
    assert result.verdict == "undecided" and "pairs" in result.evidence.seen["data"]
    assert result.as_reviewed and "undecided here: needs MRPC" in card(result)


def test_mrpc_that_the_hub_has_left_here_is_found_without_a_network(monkeypatch, tmp_path):
    monkeypatch.delenv("MRPC_DIR", raising=False)
    assert materials.mrpc_folder() == ""
    file = tmp_path / "mrpc" / "train-00000-of-00001.parquet"
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *args, **kwargs: str(file))
    assert materials.mrpc_folder() == str(file.parent)


# ---------------------------------------------------------------- in another world, another verdict


def padded_with_zeros(monkeypatch):
    """Max pooling as the notes have it: the class fills its padding with 0."""
    real = F.max_pool2d

    def forward(pool, image):
        return real(F.pad(image, (pool.padding,) * 4, value=0.0), pool.kernel_size, pool.stride, 0)

    monkeypatch.setattr(nn.MaxPool2d, "forward", forward)


def averaged_over_channels(monkeypatch):
    """A convolution that averages over the input channels."""
    real = F.conv2d
    monkeypatch.setattr(
        F, "conv2d", lambda image, weight, *rest: real(image, weight, *rest) / weight.shape[1]
    )


def always_updating(monkeypatch):
    """BatchNorm whose momentum reaches γ as well."""
    real = nn.BatchNorm2d.forward

    def forward(bn, images):
        with torch.no_grad():
            bn.weight.mul_(1 - bn.momentum)
        return real(bn, images)

    monkeypatch.setattr(nn.BatchNorm2d, "forward", forward)


def half_in_front(monkeypatch):
    """MSELoss with d2l's ½."""
    real = nn.MSELoss.forward
    monkeypatch.setattr(
        nn.MSELoss, "forward", lambda loss, predict, target: real(loss, predict, target) / 2
    )


def load_metric_back(monkeypatch):
    """datasets still has load_metric."""
    import datasets

    monkeypatch.setattr(datasets, "load_metric", lambda *args: None, raising=False)


def nothing_learned(monkeypatch):
    """Training that changes nothing: an average of models that know nothing isn't better than one trained."""
    monkeypatch.setattr(dropout, "fit", lambda model, x, y, **settings: [])


def guesses_that_know(monkeypatch):
    """What is chosen on some rows is as good on others: the best model isn't the luckiest."""
    real = torch.randint
    monkeypatch.setattr(
        torch, "randint", lambda low, high, size: torch.ones_like(real(low, high, size))
    )


def training_loss_at_each_evaluation(monkeypatch):
    """Trainer logs its training loss wherever it evaluates, whatever logging_steps says."""
    from transformers import Trainer

    real = Trainer.evaluate

    def evaluate(trainer, *args, **kwargs):
        trainer.log({"loss": 1.0})
        return real(trainer, *args, **kwargs)

    monkeypatch.setattr(Trainer, "evaluate", evaluate)


def map_without_a_cache(monkeypatch):
    """datasets computes anew each time."""
    import datasets

    real = datasets.Dataset.map
    monkeypatch.setattr(
        datasets.Dataset,
        "map",
        lambda rows, *args, **kwargs: real(
            rows, *args, **{**kwargs, "load_from_cache_file": False}
        ),
    )


def no_metric_loaded(monkeypatch):
    """Neither the old name nor today's."""
    import evaluate

    monkeypatch.setattr(evaluate, "load", lambda *args, **kwargs: 1 / 0)


@pytest.mark.parametrize(
    ("world", "id", "verdict"),
    [
        (padded_with_zeros, "pool-class-pads-zero", "holds"),
        (averaged_over_channels, "conv-sum-or-average", "answered"),
        (always_updating, "norm-momentum-gamma-beta", "holds"),
        (half_in_front, "updater-none-is-squared-loss", "holds"),
        (load_metric_back, "trainer-load-metric", "holds"),
        (no_metric_loaded, "trainer-load-metric", "undecided"),
        (nothing_learned, "dropout-ensemble", "corrected"),
        (nothing_learned, "dropout-against-overfitting", "corrected"),
        (guesses_that_know, "trainer-evaluate-on-test", "holds"),
        (training_loss_at_each_evaluation, "trainer-evaluation-looks-at", "holds"),
        (map_without_a_cache, "hf-map-efficient", "corrected"),
    ],
)
def test_in_another_world_the_run_comes_to_another_verdict(
    world, id, verdict, monkeypatch, results
):
    here = results(id)
    world(monkeypatch)
    there = check(find(id))
    assert there.verdict == verdict, there.evidence
    assert there.verdict != here.verdict or there.answer != here.answer


@pytest.mark.parametrize(
    ("module", "name", "id"),
    [
        (tokenizing, "raw_dataset", "hf-print-raw-dataset"),
        (tokenizing, "tokenize", "hf-tokenize-name"),
        (collating, "data", "hf-data-dot-collator"),
    ],
)
def test_a_name_of_this_project_decides_nothing(module, name, id, monkeypatch):
    """The notes' lines run in a namespace of their own, with what the notes defined before."""
    monkeypatch.setattr(module, name, lambda *args, **kwargs: None, raising=False)
    result = check(find(id))
    assert (
        result.verdict == "corrected"
        and f"name '{name}' is not defined" in result.evidence.seen["error"]
    )


def test_a_function_may_be_written_in_python(monkeypatch, results):
    real = F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *args, **kwargs: real(*args, **kwargs))
    assert check(find("conv-class-and-function")).verdict == "holds"


def test_what_the_notes_say_of_equal_shapes_is_right(results):
    seen = results("loss-any-shape").evidence.seen
    assert "must match" in seen["(3,) against (2,)"]
    assert seen["(3, 1) against (3,)"] == pytest.approx(8 / 9)


def test_weight_decay_is_an_l2_penalty_in_sgd_alone(results):
    assert results("dropout-l1-l2").evidence.seen["weight_decay is an L2 penalty"] == {
        "SGD": True,
        "AdamW": False,
    }


def test_running_a_claim_leaves_the_random_numbers_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    check(find("map-randn"))
    assert torch.equal(torch.rand(1), expected)


def test_every_name_that_a_card_shows_is_known_beforehand(results):
    """A translation is looked up by name: what a run calls its findings can be read from its code."""
    for claim in claims():
        loose = "**" in claim.source  # names made while it runs: model classes, parameters
        shown = {name for name, _ in results(claim.id).findings}
        assert loose or shown <= set(claim.names), claim.id


def test_what_can_be_guessed_is_what_a_run_may_answer(results):
    for claim in claims():
        assert set(claim.candidates) == set(results(claim.id).evidence.candidates), claim.id
        assert bool(claim.candidates) == (claim.kind == "open question")


def test_an_api_name_keeps_its_underscores(results):
    """A card about the spelling of a name shows the name: 'eval_strategy', never 'eval strategy'."""
    from transformers import Trainer, TrainingArguments

    takers = [
        nn.Conv2d,
        nn.MaxPool2d,
        nn.BatchNorm2d,
        nn.Dropout2d,
        nn.CrossEntropyLoss,
        Trainer,
        TrainingArguments,
    ]
    api = {name for taker in takers for name in inspect.signature(taker).parameters if "_" in name}
    api |= {
        "num_feature",
        "tracking_running_stats",
        "evaluation_strategy",
        "running_mean",
        "running_var",
    }
    for claim in claims():
        for name in claim.names:
            assert not {
                term for term in api if term.replace("_", " ") in name and term not in name
            }, name
    assert [name for name, _ in results("trainer-evaluation-strategy").findings] == [
        "evaluation_strategy",
        "eval_strategy",
    ]


def test_an_explanation_says_why():
    """'So it is' tells a learner nothing beyond the verdict, in either language."""
    chinese = catalogue("zh")
    for claim in claims():
        assert not re.match(r"So (it|they|does|has|are)\b", claim.truth), claim.id
        assert len(claim.truth.split()) >= 8, claim.id
        assert not chinese[claim.truth].startswith(("正是这样", "的确")), claim.id


def test_a_script_holds_all_that_it_calls():
    """What isn't Python's own is imported or defined there, and no path is of this machine alone."""
    for claim in claims():
        script = script_of(claim)
        compile(script, claim.id, "exec")
        nodes = list(ast.walk(ast.parse(script)))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        made = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        made |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        made |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
        for node in nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                made |= {(one.asname or one.name).split(".")[0] for one in node.names}
        used = {node.id for node in names}
        assert used - made - set(dir(builtins)) == set(), claim.id
        assert str(ROOT) not in script, claim.id
        assert not {"noted", "which", "renamed", "lacking"} & used - made, claim.id
    assert "def fit(" in script_of(find("dropout-against-overfitting"))
    assert "def " not in script_of(find("conv-bias-default"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("conv-class-and-function", "as the notes say: True"),
        ("conv-functional-is-a-class", "as the notes say: False"),
        ("loss-mean", "as the notes say: True"),
        ("norm-formula", "as the notes say: True"),
        ("conv-sum-or-average", "summed: True\naveraged: False"),
    ],
)
def test_a_script_says_by_itself_what_the_card_says(name, says, results):
    claim, said = find(name), io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(script_of(claim), name, "exec"), {})
    assert says in said.getvalue()
    assert results(name).as_reviewed


def test_findings_are_text(results):
    findings = dict(results("conv-sum-or-average").findings)
    assert findings["summed"] == "yes" and findings["averaged"] == "no"
    with speaking("zh"):
        assert str(findings["summed"]) == "是"
    assert all(isinstance(text, str) for text in findings.values())


def test_unknown_names_are_refused_with_a_hint():
    with pytest.raises(ValueError, match="conv-bias-default"):
        find("conv-bias")
    with pytest.raises(ValueError, match="pooling"):
        claims("pools")


def test_a_section_collects_its_claims_in_order():
    section = Section("demo", "Demo")
    section.claim("first", "…", "…", "https://")(lambda: noted(True))
    section.question("second", "…", "…", "https://")(lambda: noted(True))
    assert [(claim.id, claim.kind, claim.section) for claim in section] == [
        ("first", "claim", "demo"),
        ("second", "open question", "demo"),
    ]


# ---------------------------------------------------------------- python -m layers


def test_the_command_prints_every_card(capsys, monkeypatch, results):
    monkeypatch.setattr("layers.__main__.check", lambda claim: results(claim.id))
    assert main([]) == 0
    printed = capsys.readouterr().out
    counts = Counter(result.verdict for result in map(results, IDS))
    for claim in claims():
        assert f"  {claim.id}  (" in printed and claim.docs in printed
    assert f"{len(IDS)} claims: {counts['holds']} holds" in printed


def test_a_verdict_that_differs_is_exit_code_1(capsys, monkeypatch):
    wrong = dataclasses.replace(find("conv-bias-default"), reviewed="holds")
    monkeypatch.setattr("layers.__main__.find", lambda id: wrong)
    assert main(["conv-bias-default"]) == 1
    assert "reviewed as holds" in capsys.readouterr().out


def test_the_command_in_a_fresh_interpreter():
    done = subprocess.run(
        [sys.executable, "-m", "layers", "--section", "pooling"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert all(claim.id in done.stdout for claim in claims("pooling")) and "    | " in done.stdout
    unknown = subprocess.run(
        [sys.executable, "-m", "layers", "no-such"], cwd=ROOT, text=True, capture_output=True
    )
    assert unknown.returncode == 2 and "is not a claim" in unknown.stderr


def test_layers_imports_with_torch_alone():
    code = (
        "import sys, layers, layers.claims, layers.play, layers.updater; print(sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, timeout=60
    )
    loaded = done.stdout
    assert "'torch'" in loaded, done.stderr
    for name in ("transformers", "datasets", "evaluate", "gradio", "pipeline", "tabs"):
        assert f"'{name}'" not in loaded


def test_a_card_shows_statement_code_and_finding(results):
    text = card(results("conv-sum-or-average"))
    assert (
        text.startswith("ANSWERED  conv-sum-or-average")
        and "averaged: no" in text
        and "F.conv2d(" in text
    )
