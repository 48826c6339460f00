"""Every claim of the notes is run: the verdict that its run gives is the one that was reviewed."""

import dataclasses
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from layers.__main__ import card, main
from layers.claims import SECTIONS, Evidence, check, claims, find, verdict_of
from layers.claims.claim import KINDS, VERDICTS, Section, noted

ROOT = Path(__file__).parent.parent
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
    assert verdict_of(turned) != result.verdict
    assert not dataclasses.replace(result, evidence=turned).as_reviewed


def test_a_claim_has_no_verdict_until_it_is_run():
    claim = dataclasses.replace(find("conv-bias-default"), run=lambda: noted(True))
    assert check(claim).verdict == "holds" != claim.reviewed
    assert not any("verdict" in field.name for field in dataclasses.fields(claim))


def test_a_reviewed_verdict_changes_nothing_computed():
    for reviewed in VERDICTS:
        assert check(dataclasses.replace(find("conv-bias-default"), reviewed=reviewed)).verdict == "corrected"


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
    ],
)
def test_evidence_decides(evidence, verdict):
    assert verdict_of(evidence) == verdict


def test_a_run_that_fails_decides_nothing():
    result = check(dataclasses.replace(find("conv-bias-default"), run=lambda: 1 / 0))
    assert result.verdict == "undecided" and "division by zero" in result.evidence.seen["the run failed"]
    assert not result.as_reviewed


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


def test_the_notes_lengths_are_decided_on_mrpc_where_it_is(results):
    if not list(MRPC.glob("train*.parquet")):
        pytest.skip("MRPC is not here: set MRPC_DIR to the folder of its parquet files")
    assert results("hf-eight-lengths").evidence.seen["data"] == "MRPC"
    assert results("hf-collated-shapes").evidence.seen["shapes"]["input_ids"] == (8, 67)


def test_without_mrpc_other_pairs_stand_in_and_the_evidence_says_so(monkeypatch):
    monkeypatch.delenv("MRPC_DIR", raising=False)
    for id in ("hf-eight-lengths", "hf-collated-shapes"):
        result = check(find(id))
        assert result.as_reviewed and "pairs" in result.evidence.seen["data"]


def test_running_a_claim_leaves_the_random_numbers_alone():
    import torch

    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    check(find("map-randn"))
    assert torch.equal(torch.rand(1), expected)


def test_helpers_are_shown_too():
    assert "def fit(" in find("dropout-against-overfitting").helpers["fit"]
    assert not find("conv-bias-default").helpers


def test_findings_are_text(results):
    findings = dict(results("conv-sum-or-average").findings)
    assert findings["summed"] == "yes" and findings["averaged"] == "no"
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
        [sys.executable, "-m", "layers", "--section", "pooling"], cwd=ROOT, text=True, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert all(claim.id in done.stdout for claim in claims("pooling")) and "    | " in done.stdout
    unknown = subprocess.run([sys.executable, "-m", "layers", "no-such"], cwd=ROOT, text=True, capture_output=True)
    assert unknown.returncode == 2 and "is not a claim" in unknown.stderr


def test_layers_imports_with_torch_alone():
    code = "import sys, layers, layers.claims, layers.play, layers.updater; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, timeout=60)
    loaded = done.stdout
    assert "'torch'" in loaded, done.stderr
    for name in ("transformers", "datasets", "evaluate", "gradio", "pipeline", "tabs"):
        assert f"'{name}'" not in loaded


def test_a_card_shows_statement_code_and_finding(results):
    text = card(results("conv-sum-or-average"))
    assert text.startswith("ANSWERED  conv-sum-or-average") and "averaged: no" in text and "F.conv2d(" in text
