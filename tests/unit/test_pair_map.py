"""Pairs as points: the plane against plain linear algebra, and what a run keeps of it."""

import json
import math
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline.pair_map import PairMap, are_points, fitted_plane, plane_from, vectors_read
from pipeline.runs.folder import MOST_BYTES_OF_EVENTS, as_line, event_in
from pipeline.settings import Settings

VECTORS = np.random.default_rng(0).normal(size=(60, 8)) @ np.diag([9, 5, 3, 2, 1, 1, 1, 1])


def test_the_plane_is_that_of_the_covariances_two_largest_eigenvalues():
    plane = fitted_plane(VECTORS)
    centred = VECTORS - VECTORS.mean(0)
    values, axes = np.linalg.eigh(centred.T @ centred)  # in ascending order
    expected = centred @ axes[:, [-1, -2]]  # (60, 2)
    found = np.array(plane.points(VECTORS))
    for axis in range(2):
        sign = np.sign(found[0, axis] * expected[0, axis])
        assert found[:, axis] * sign == pytest.approx(expected[:, axis], abs=1e-4)
    assert plane.variance_held(VECTORS) == pytest.approx(values[-2:].sum() / values.sum())
    moved = VECTORS + np.ones(8)
    assert plane.variance_held(moved) == pytest.approx(plane.variance_held(VECTORS))
    assert np.array(plane.points(moved)) != pytest.approx(found, abs=0.1), "it stays where it was"


def test_without_variance_or_numbers_there_is_no_plane():
    assert fitted_plane(np.ones((5, 3))) is None
    assert fitted_plane([[1.0, math.nan], [0.0, 1.0], [2.0, 2.0]]) is None
    assert fitted_plane([[1.0], [2.0]]) is None
    assert math.isnan(fitted_plane(VECTORS).variance_held(np.ones((5, 8))))


def test_a_kept_plane_is_the_same_and_a_foreign_one_is_none():
    plane = fitted_plane(VECTORS)
    kept = json.loads(json.dumps(asdict(plane)))
    assert plane_from(kept) == plane
    for values in (
        None,
        [],
        {},
        {**kept, "axes": kept["axes"][:1]},
        {**kept, "mean": kept["mean"][1:]},
        {**kept, "mean": "12345678"},
        {**kept, "axes": [kept["axes"][0], [math.nan] * 8]},
        {**kept, "axes": [1.0, 2.0]},
    ):
        assert plane_from(values) is None, values


def test_an_average_leaves_padding_out():
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [90.0, 90.0]]])  # (1, 3 positions, 2)
    mask = torch.tensor([[1, 1, 0]])
    averaged = SimpleNamespace(model_type="modernbert", classifier_pooling="mean")
    assert vectors_read(hidden, mask, averaged).tolist() == [[2.0, 3.0]]
    first = SimpleNamespace(model_type="modernbert", classifier_pooling="cls")
    assert vectors_read(hidden, mask, first).tolist() == [[1.0, 2.0]]
    last = SimpleNamespace(model_type="gpt2")
    assert vectors_read(hidden, mask, last).tolist() == [[3.0, 4.0]]
    on_the_left = torch.tensor([[0, 1, 1]])
    assert vectors_read(hidden, on_the_left, last).tolist() == [[90.0, 90.0]]


class Body(torch.nn.Module):
    """A model's body that hands on what it gets."""

    def forward(self, hidden, attention_mask):
        return (hidden,)


def judged(body, vectors):
    """What one forward pass over vectors (pairs, hidden size) reads."""
    hidden = torch.tensor(np.array(vectors), dtype=torch.float32)[:, None]
    body(hidden, attention_mask=torch.ones(len(hidden), 1, dtype=torch.long))


@pytest.fixture
def body():
    return Body().eval()


@pytest.fixture
def pair_map(body):
    return PairMap(SimpleNamespace(base_model=body, config=SimpleNamespace(model_type="bert")))


def test_points_stand_in_the_order_of_the_rows(body, pair_map):
    order = np.random.default_rng(1).permutation(60)
    judged(body, VECTORS[order][:40])
    judged(body, VECTORS[order][40:])
    told = pair_map.told(order)
    expected = np.array(fitted_plane(VECTORS).points(VECTORS))
    assert np.array(told["points"]) == pytest.approx(expected, abs=2e-4)  # read in float32
    assert pair_map.told(order) is told, "asked again"
    judged(body, VECTORS[:1] + 1)
    own = pair_map.own_point()["own_point"]
    assert own == pytest.approx(fitted_plane(VECTORS).points(VECTORS[:1] + 1)[0], abs=2e-4)
    body.train()
    judged(body, VECTORS)
    assert pair_map.own_point() == {} and pair_map.told(order) is told, "training is not judged"


def test_what_cannot_be_told_is_left_out(body, pair_map):
    judged(body, VECTORS)
    assert pair_map.told(None) == {} and pair_map.plane is None
    judged(body, VECTORS)
    assert pair_map.told(range(59)) == {}
    assert pair_map.own_point() == {}
    judged(body, VECTORS)
    assert pair_map.told(range(60))
    judged(body, VECTORS * math.nan)
    assert pair_map.told(range(60)) == {} and pair_map.plane


def test_the_longest_runs_events_are_read_whole():
    points = [[-123.4567, -123.4567]] * Settings().max_eval_pairs
    line = as_line(
        {
            "event": "evaluation",
            "seconds": 900.123,
            "step": 300,
            "eval_loss": 0.1234567890123456,
            "shares": [0.123] * len(points),
            "points": points,
            "held": 0.1234567890123456,
        }
    )
    assert len(line) * Settings().max_steps < MOST_BYTES_OF_EVENTS


@pytest.mark.parametrize("foreign", ["x", [["<b>", 1]], [[1.0]], [[1.0, math.nan]], 7])
def test_an_evaluation_with_foreign_points_is_no_event(foreign):
    evaluation = {"event": "evaluation", "seconds": 1.0, "step": 4, "points": [[0.5, -1.25]]}
    evaluation |= {"own_point": [0, 1.5], "held": math.nan}
    assert event_in(as_line(evaluation))["points"] == [[0.5, -1.25]]
    assert event_in(json.dumps({**evaluation, "held": 0.5, "points": foreign})) is None
    assert event_in(json.dumps({**evaluation, "held": 0.5, "own_point": [foreign]})) is None
    assert not are_points(foreign)
