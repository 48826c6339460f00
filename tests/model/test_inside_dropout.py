"""train() and eval(): what dropout draws, whom it disturbs, and what a forward pass keeps."""

import threading

import pytest
import torch

from pipeline.errors import InputError
from pipeline.inside import dropout as module
from pipeline.inside.dropout import Kept, in_both_modes, kept_bytes, own_modes
from pipeline.inside.forward import encoded, loaded
from pipeline.settings import EMBEDDED_CHECKPOINT, READY, Settings
from tests.conftest import in_cache
from tests.support.families import FAMILIES

PAIR = ("The mayor opened the bridge.", "The bridge was opened by the mayor.")
KINDS = ("distilbert", "roberta", "electra", "modernbert", "deberta-v2", "t5")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def modes():
    return in_both_modes(READY, *PAIR, settings=Settings())


def probability(model, **inputs):
    with torch.no_grad():
        return float(model(**inputs).logits.double().softmax(-1)[0, 1])


def test_eval_answers_the_same_each_time_and_train_does_not(modes):
    assert len(modes.train) == len(modes.eval) == 10
    assert len(set(modes.eval)) == 1 and len(set(modes.train)) > 5
    opened = loaded(READY, Settings())
    inputs = encoded(opened, [PAIR], 128, Settings()).tensors
    assert modes.eval[0] == pytest.approx(probability(opened.model, **inputs), abs=1e-6)
    assert (modes.label, modes.dropout, modes.is_own) == ("equivalent", 0.1, True)
    assert (
        modes.layers == 20
    )  # one over the embeddings, three in each of 6 layers, one before the head


def test_the_mean_in_train_is_near_that_of_many_other_draws(modes):
    opened = loaded(READY, Settings())
    inputs = encoded(opened, [PAIR], 128, Settings()).tensors
    many = {name: each.expand(100, -1) for name, each in inputs.items()}
    model = own_modes(opened).train()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        with torch.no_grad():
            others = model(**many).logits.double().softmax(-1)[:, 1]
    error = 4 * float(others.std()) / 10**0.5
    assert abs(modes.mean - float(others.mean())) < error
    assert modes.spread == pytest.approx(float(others.std()), rel=0.8)


def test_without_dropout_both_modes_are_the_same_and_with_half_they_spread(modes):
    none, half = (in_both_modes(READY, *PAIR, share, settings=Settings()) for share in (0, 0.5))
    assert none.train == none.eval == modes.eval
    assert not none.is_own and half.spread > modes.spread


def test_the_seed_says_what_is_dropped_and_disturbs_nobody(modes):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    again = in_both_modes(READY, *PAIR, settings=Settings())
    assert torch.equal(torch.rand(3), expected)
    assert again == modes
    other = in_both_modes(READY, *PAIR, seed=1, settings=Settings())
    assert other.train != modes.train and other.eval == modes.eval


def test_two_visitors_at_once_each_get_their_own(modes):
    found = {}

    def look(seed):
        found[seed] = in_both_modes(READY, *PAIR, seed=seed, settings=Settings())

    threads = [threading.Thread(target=look, args=(seed,)) for seed in (42, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert found[42] == modes and found[1].train != modes.train


def test_the_shared_model_stays_in_eval_with_its_own_dropout():
    in_both_modes(READY, *PAIR, 0.5, settings=Settings())
    model = loaded(READY, Settings()).model
    parts = [part for part in model.modules() if isinstance(part, torch.nn.Dropout)]
    assert not any(part.training for part in model.modules())
    assert {part.p for part in parts} == {0.1}
    copied = own_modes(loaded(READY, Settings()))
    ours, theirs = model.state_dict(), copied.state_dict()
    assert all(ours[name].data_ptr() == theirs[name].data_ptr() for name in ours)


# ---------------------------------------------------------------- what a forward pass keeps


def test_a_linear_layer_keeps_its_input_and_gelu_its_own():
    first, second = torch.nn.Linear(10, 30), torch.nn.Linear(30, 2)
    model, rows = torch.nn.Sequential(first, torch.nn.GELU(), second), torch.zeros(7, 10)
    # 4 bytes × (7 × 10 into the first, 7 × 30 into GELU, 7 × 30 into the second)
    assert kept_bytes(model, lambda: model(rows)) == 4 * (70 + 210 + 210)
    with torch.no_grad():
        assert kept_bytes(model, lambda: model(rows)) == 0


def test_what_is_kept_grows_with_the_rows_and_is_nothing_without_gradients(modes):
    one, eight, many = modes.kept
    assert [kept.rows for kept in modes.kept] == [1, 8, 32]
    for mode in ("train", "eval"):
        assert getattr(eight, mode) == pytest.approx(8 * getattr(one, mode), rel=0.01)
        assert getattr(many, mode) == pytest.approx(32 * getattr(one, mode), rel=0.01)
    assert one.train > one.eval  # the masks of what was dropped
    assert [kept.no_grad for kept in modes.kept] == [0, 0, 0]
    assert one.eval == pytest.approx(modes.formula, rel=0.1)


def test_a_batch_that_would_keep_too_much_is_told_and_not_computed(monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 10_000_000)
    one, eight, many = in_both_modes(READY, *PAIR, settings=Settings()).kept
    assert many == Kept(32, None, None, None, 32 * one.train) and eight.train is None


@pytest.mark.parametrize("kind", KINDS)
def test_each_family_has_both_modes(kind, settings):
    name = f"tiny-modes/{kind}"
    FAMILIES[kind](in_cache(name))
    found = in_both_modes(name, *PAIR, 0.3, settings=settings)
    assert len(set(found.eval)) == 1 and len(set(found.train)) > 5
    assert found.kept[0].no_grad == 0 and found.kept[0].eval > 0
    if kind == "modernbert":  # its own dropout is 0
        assert len(set(in_both_modes(name, *PAIR, settings=settings).train)) == 1


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan"), "<b>", [0.1], True])
def test_a_bad_share_is_named(share):
    with pytest.raises(InputError, match="Choose a number from 0 to 0.5"):
        in_both_modes(EMBEDDED_CHECKPOINT, *PAIR, share, settings=Settings())


def test_a_bad_seed_and_a_model_that_is_too_large_are_named(monkeypatch):
    with pytest.raises(InputError, match="seed is -1, but 0 to"):
        in_both_modes(READY, *PAIR, seed=-1, settings=Settings())
    monkeypatch.setattr("pipeline.inside.work.MOST_WORK", 1e9)
    with pytest.raises(InputError, match="too large for this"):
        in_both_modes(READY, *PAIR, settings=Settings())
