"""What moved the answer: captum against a sum in bare PyTorch, and against what its numbers must add up to."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

import pipeline.inside.attributions as module
from pipeline.errors import InputError
from pipeline.explain.probing import leave_one_out
from pipeline.inside import work
from pipeline.inside.attributions import (
    BASELINES,
    NEAR_ENOUGH,
    STEPS,
    WordMoved,
    agreement_of,
    attributions,
)
from pipeline.inside.forward import encoded, loaded
from pipeline.settings import READY, Settings
from tests.conftest import in_cache
from tests.support.families import FAMILIES

PAIR = (
    "The storm closed the harbor on Tuesday, leaving 300 ferry passengers stranded overnight.",
    "About 300 ferry passengers were stranded overnight after Tuesday's storm shut the harbor.",
)
PAIRS = [
    ("The mayor opened the bridge.", "The bridge was opened by the mayor."),
    ("The team won 3 games in May.", "The team lost 3 games in May."),
    ("A robot cleaned the windows.", "Shares of the bank rose by 12 cents."),
]
# BERT itself is the embedded checkpoint
RUNS = ("distilbert", "roberta", "electra", "modernbert", "deberta-v2")
SAY_WHY_NOT = ("t5", "bart")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def moved():
    return attributions(READY, *PAIR, settings=Settings())


@pytest.mark.parametrize("pair", PAIRS)
def test_the_attributions_add_up_to_the_scores_difference(pair):
    found = attributions(READY, *pair, settings=Settings())
    total = sum(token.attribution for token in found.tokens)
    assert abs(total - (found.score - found.baseline_score)) <= NEAR_ENOUGH * abs(found.difference)
    assert found.is_complete and found.steps in STEPS


def score(model, **inputs):
    logits = model(**inputs).logits[0]
    return logits[1] - logits[0]


def test_they_are_those_of_a_riemann_sum_in_bare_pytorch():
    moved = attributions(READY, *PAIRS[0], settings=Settings())
    opened = loaded(READY, Settings())
    inputs = dict(encoded(opened, [PAIRS[0]], 128, Settings()).tensors)
    ids = inputs.pop("input_ids")
    special = torch.tensor([token.sentence is None for token in moved.tokens])
    table = opened.model.bert.embeddings.word_embeddings.weight.detach()
    own, start = table[ids], table[ids * special]  # [PAD] is 0
    assert opened.tokenizer.pad_token_id == 0
    steps = 100
    middles = ((torch.arange(steps) + 0.5) / steps).view(-1, 1, 1)
    points = (start + middles * (own - start)).requires_grad_()  # (steps, positions, hidden)
    rows = {name: each.expand(steps, -1) for name, each in inputs.items()}
    logits = opened.model(inputs_embeds=points, **rows).logits
    gradients = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), points)[0].mean(0)
    expected = ((own - start) * gradients).sum(-1)[0].tolist()
    shares = [token.attribution for token in moved.tokens]
    assert shares == pytest.approx(expected, abs=0.05 * max(map(abs, expected)))
    assert [share == 0 for share in shares] == special.tolist()  # the baseline keeps them
    with torch.no_grad():
        ends = [
            float(score(opened.model, input_ids=each, **inputs)) for each in (ids, ids * special)
        ]
    assert [moved.score, moved.baseline_score] == pytest.approx(ends, abs=1e-4)


def test_a_words_share_is_that_of_its_tokens_and_a_left_out_word_is_predicts(moved):
    names = [(word.word, word.sentence) for word in moved.words]
    assert names[:3] == [("The", 1), ("storm", 1), ("closed", 1)] and ("Tuesday's", 2) in names
    pieces = ["tuesday", "'", "s"]
    second = [token for token in moved.tokens if token.sentence == 2]
    at = [token.piece for token in second].index("'") - 1
    assert [token.piece for token in second[at : at + 3]] == pieces
    expected = sum(token.attribution for token in second[at : at + 3])
    assert next(w for w in moved.words if w.word == "Tuesday's").attribution == pytest.approx(
        expected
    )
    predicted = leave_one_out(READY, *PAIR, settings=Settings())

    def logits(prediction):
        no, yes = prediction.logits.values()
        return yes - no

    for ours, theirs in zip(moved.words, predicted.words, strict=True):
        change = logits(predicted.prediction) - logits(theirs.prediction)
        assert ours.left_out == pytest.approx(change, abs=0.15)  # Predict may answer in bfloat16


def test_the_agreement_is_the_correlation_of_ranks(moved):
    columns = [[word.attribution for word in moved.words], [word.left_out for word in moved.words]]
    ranks = [rankdata(column) for column in columns]
    assert moved.agreement == pytest.approx(float(np.corrcoef(ranks)[0, 1]))


@pytest.mark.parametrize(
    "numbers, expected",
    [
        ([(1, 10), (2, 20), (3, 30), (4, 41)], 1),
        ([(1, 4), (2, 3), (3, 2), (4, 1)], -1),
        ([(1, 1), (2, 2), (3, 3)], None),  # too few
        ([(1, 1), (1, 2), (1, 3), (1, 4)], None),  # all the same
        ([(1, 1), (2, 2), (3, 3), (None, 9), (4, None)], None),
    ],
)
def test_an_agreement_needs_words_that_differ(numbers, expected):
    found = agreement_of([WordMoved("a", 1, *each) for each in numbers])
    assert found == (expected if expected is None else pytest.approx(expected))


def test_the_same_twice_and_no_gradient_stays():
    first, second = (attributions(READY, *PAIRS[0], settings=Settings()) for _time in range(2))
    assert first == second
    assert all(each.grad is None for each in loaded(READY, Settings()).model.parameters())


def test_steps_are_doubled_until_the_sum_is_near_enough_and_bounded(monkeypatch):
    monkeypatch.setattr(module, "NEAR_ENOUGH", 0.0)
    found = attributions(READY, *PAIRS[0], settings=Settings())
    assert found.steps == STEPS[-1] and not found.is_complete and found.error < 0.01


def test_a_word_that_was_cut_has_no_share_and_the_only_word_cannot_be_left_out():
    found = attributions(
        READY, "Hello", "one two three four five six seven eight", 8, settings=Settings()
    )
    assert found.words[0].left_out is None and found.words[0].attribution is not None
    assert found.words[-1].attribution is None and found.words[-1].left_out == pytest.approx(
        0, abs=1e-4
    )


def test_another_baseline_is_another_question():
    found = {
        name: attributions(READY, *PAIRS[0], baseline=name, settings=Settings())
        for name in BASELINES
    }
    assert [each.baseline for each in found.values()] == ["[PAD]", "[UNK]", "[MASK]"]
    assert len({each.baseline_score for each in found.values()}) == 3
    assert len({round(each.score, 4) for each in found.values()}) == 1
    with pytest.raises(InputError, match="Choose one of pad_token, unk_token, mask_token"):
        attributions(READY, *PAIRS[0], baseline="<b>", settings=Settings())


def test_too_many_words_and_too_large_a_model_are_refused(monkeypatch):
    with pytest.raises(InputError, match="limit here is 3 words"):
        attributions(READY, "a b", "c d", settings=replace(Settings(), max_words_left_out=3))
    monkeypatch.setattr(work, "MOST_WORK", 1e9)
    with pytest.raises(InputError, match="too large for this"):
        attributions(READY, *PAIR, settings=Settings())


@pytest.mark.parametrize("kind", [*RUNS, *SAY_WHY_NOT])
def test_a_family_has_attributions_or_says_why_not(kind, settings):
    name = f"tiny-moved/{kind}"
    FAMILIES[kind](in_cache(name))
    if kind in SAY_WHY_NOT:
        with pytest.raises(InputError, match="inputs_embeds"):
            attributions(name, *PAIR, settings=settings)
        return
    # This DeBERTa's padding token is a row of zeros and has no position: after LayerNorm all change
    # happens at the first step, which no number of them catches
    baseline = "unk_token" if kind == "deberta-v2" else "pad_token"
    found = attributions(name, *PAIR, baseline=baseline, settings=settings)
    # Of random weights the two scores may be the same, and a share of nothing says nothing
    size = sum(abs(token.attribution) for token in found.tokens)
    assert abs(found.total - found.difference) <= NEAR_ENOUGH * max(abs(found.difference), size)
    opened = loaded(name, settings)
    batch = encoded(opened, [PAIR], 128, settings)
    with torch.no_grad():
        from_ids = float(score(opened.model, **batch.tensors))
    assert found.score == pytest.approx(from_ids, abs=1e-4)
