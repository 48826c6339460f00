"""Questions that check themselves: what is offered, and that each right answer is what bare arithmetic or PyTorch gives."""

import math
import re
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score
from torch import nn

from pipeline.config import TrainingConfig
from pipeline.explain.diagnosis import name_of
from pipeline.explain.evaluations import Evaluation
from pipeline.questions import IDS, QUESTIONS, Choice, following, id_of
from pipeline.questions import of_layers as layers
from pipeline.questions import of_runs as runs
from pipeline.questions.curves import RECIPES, curve_named, which_curve
from pipeline.questions.of_answers import parts_of
from pipeline.questions.of_layers import Played
from pipeline.questions.of_runs import Training
from pipeline.questions.question import MOST_WRONG, asked

SEEDS = st.integers(0, 10**6)


def right_of(question):
    return question.choices[question.right].text


def number(text):
    return float(re.sub(r"[,%]", "", text))


def check(question):
    """What is true of each question: choices that differ, and an explanation for each of its own numbers."""
    texts = [choice.text for choice in question.choices]
    assert 3 <= len(texts) <= 1 + MOST_WRONG and len(set(texts)) == len(texts)
    assert all(choice.because for choice in question.choices)
    assert "{" not in question.text + "".join(choice.because for choice in question.choices)
    return question


# ---------------------------------------------------------------- offering


def test_each_question_has_a_name_of_its_own():
    names = [id_of(ask) for asks in QUESTIONS.values() for ask in asks]
    assert len(names) == len(IDS) == 35 and all(re.fullmatch("[a-z0-9-]+", name) for name in names)


def test_wrong_choices_that_read_as_another_are_left_out():
    right = Choice("4", "so")
    wrong = [Choice("4", "as right"), Choice("5", "a"), Choice("5", "b"), Choice("6", "c")]
    question = asked("2 + 2?", right, wrong, Random(0))
    assert sorted(choice.text for choice in question.choices) == ["4", "5", "6"]
    assert right_of(question) == "4" and question.is_right(question.right)
    assert asked("2 + 2?", right, wrong[:3], Random(0)) is None, "one wrong choice is too few"


def test_the_right_one_may_stand_anywhere():
    wrong = [Choice(str(n), "") for n in range(5, 8)]
    places = {asked("?", Choice("4", ""), wrong, Random(seed)).right for seed in range(40)}
    assert places == {0, 1, 2, 3}


def test_unanswered_questions_come_first_and_then_all_again():
    asks = [layers.kept_by_dropout, layers.loss_at_a_probability, layers.averaged_by_batch_norm]
    ids = [id_of(ask) for ask in asks]
    come = lambda answered, after: following(asks, Played(), answered, after, Random(0)).id  # noqa: E731
    assert come((), "") == ids[0] and come((), ids[0]) == ids[1] and come((), ids[2]) == ids[0]
    assert come(ids[:2], ids[1]) == ids[2] and come(ids[1:2], ids[0]) == ids[2]
    assert come(ids, ids[0]) == ids[1], "all are answered: the next one again"
    assert following([lambda shown, chance: None], Played(), (), "", Random(0)) is None


# ---------------------------------------------------------------- the form

CONFIGS = st.builds(
    TrainingConfig,
    batch_size=st.integers(1, 64),
    gradient_accumulation_steps=st.integers(1, 16),
    epochs=st.integers(1, 5),
    max_steps=st.integers(1, 300),
    learning_rate=st.sampled_from((1e-6, 2e-5, 2e-4, 3e-3, 1e-2)),
    lr_scheduler_type=st.sampled_from(("linear", "cosine", "constant")),
    warmup_steps=st.sampled_from((0.0, 0.05, 0.1, 0.5, 0.99)),
)
FORMS = st.builds(Training, CONFIGS, st.integers(2, 4000), st.integers(2, 5))


def given_numbers(question):
    """{name: number} of the settings that a question gives."""
    pairs, *others = question.given
    named = dict(line.split(" = ") for line in others)
    return number(pairs.split()[0]), {name: int(number(value)) for name, value in named.items()}


@given(FORMS, SEEDS)
def test_steps_of_a_run(form, seed):
    question = runs.steps_of_a_run(form, Random(seed))
    if question is None:
        return
    pairs, said = given_numbers(check(question))
    steps = 0  # counted as a loop over batches would
    for _epoch in range(said["epochs"]):
        batches = range(0, int(pairs), said["batch_size"] * said["gradient_accumulation_steps"])
        steps += len(batches)
    assert number(right_of(question)) == min(steps, said["max_steps"])


@given(FORMS, SEEDS)
def test_pairs_in_a_step(form, seed):
    question = check(runs.pairs_in_a_step(form, Random(seed)))
    size, times = map(int, re.findall(r"= (\d+)", question.text))
    assert size == form.config.batch_size and int(right_of(question)) == size * times


@given(FORMS, SEEDS)
def test_the_rate_is_that_of_transformers_schedule(form, seed):
    from transformers import get_scheduler

    question = runs.rate_at_a_step(form, Random(seed))
    if question is None:
        return
    at, steps = map(int, re.search(r"step (\d+) of (\d+)", check(question).text).groups())
    config = form.config
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=config.learning_rate)
    warmup = math.ceil(steps * config.warmup_steps)
    schedule = get_scheduler(config.lr_scheduler_type, optimizer, warmup, steps)
    for _step in range(at - 1):
        optimizer.step()
        schedule.step()
    assert float(right_of(question)) == pytest.approx(
        optimizer.param_groups[0]["lr"], rel=6e-3, abs=1e-12
    )


@given(st.integers(2, 7), SEEDS)
def test_loss_of_a_new_head(labels, seed):
    question = check(runs.loss_of_a_new_head(Training(TrainingConfig(), 100, labels), Random(seed)))
    loss = nn.functional.cross_entropy(torch.zeros(1, labels), torch.tensor([labels - 1]))
    assert float(right_of(question)) == pytest.approx(loss.item(), abs=6e-4)


@given(FORMS, SEEDS)
def test_the_first_step_of_adamw_is_the_rate(form, seed):
    question = check(runs.first_step_of_adamw(form, Random(seed)))
    rate = form.config.learning_rate
    gradient = float(re.search(r"gradient ([\d.]+)", question.text)[1])
    average, square = 0.1 * gradient / (1 - 0.9), 0.001 * gradient**2 / (1 - 0.999)
    assert float(right_of(question)) == pytest.approx(rate * average / math.sqrt(square), rel=6e-3)


@given(FORMS, SEEDS)
def test_clipping_leaves_the_first_step(form, seed):
    question = check(runs.clipping_the_first_step(form, Random(seed)))
    norm = int(re.search(r"norm (\d)", question.text)[1])
    steps = []
    for most in (math.inf, 1.0):  # as Trainer does it: clip_grad_norm_, then the optimizer
        weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        weight.grad = torch.tensor([0.6, 0.8], dtype=torch.float64) * norm
        nn.utils.clip_grad_norm_([weight], most)
        torch.optim.AdamW([weight], lr=form.config.learning_rate, weight_decay=0).step()
        steps.append(weight.detach())
    assert torch.allclose(*steps) == (right_of(question) == "nothing")


# ---------------------------------------------------------------- the run


def evaluation(step, labels, answers, names=("not_equivalent", "equivalent")):
    """An evaluation in which each pair got that answer with the probability 0.8."""

    def share(answer):
        if len(names) == 2:
            return 0.8 if answer else 0.2
        return [0.8 if each == answer else 0.2 / (len(names) - 1) for each in range(len(names))]

    right = sum(gold == answer for gold, answer in zip(labels, answers, strict=True))
    common = max(range(len(names)), key=lambda each: (labels.count(each), each))
    return Evaluation(
        step=step,
        loss=0.5,
        right=right,
        pairs=len(labels),
        majority=labels.count(common),
        majority_label=common,
        labels=tuple(labels),
        shares=tuple(map(share, answers)),
        names=names,
    )


@st.composite
def evaluated(draw, most_labels=3):
    """A run's Training with two evaluations on the same pairs."""
    labels = draw(st.integers(2, most_labels))
    pairs = draw(st.integers(4, 200))
    numbers = st.lists(st.integers(0, labels - 1), min_size=pairs, max_size=pairs)
    gold = draw(numbers)
    names = tuple(f"label {one}" for one in range(labels))
    evaluations = tuple(evaluation(step, gold, draw(numbers), names) for step in (0, 25))
    return Training(TrainingConfig(), 100, labels, evaluations)


@given(evaluated(), SEEDS)
def test_majority_baseline(run, seed):
    question = runs.majority_baseline(run, Random(seed))
    if question is None:
        return
    gold = run.evaluations[0].labels
    share = max(gold.count(label) for label in set(gold)) / len(gold)
    assert number(right_of(check(question))) == pytest.approx(100 * share, abs=0.051)


FIGURES = {
    runs.precision_of_the_run: precision_score,
    runs.recall_of_the_run: recall_score,
    runs.f1_of_the_run: f1_score,
}


@pytest.mark.parametrize("ask", FIGURES)
@given(run=evaluated(), seed=SEEDS)
def test_figures_of_the_run_are_those_of_sklearn(ask, run, seed):
    question = ask(run, Random(seed))
    if question is None:
        return
    last = run.evaluations[-1]
    label = last.names.index(re.search("“(.*)”", check(question).text)[1])
    assert label == 1 or len(last.names) > 2, "of two labels the second is the positive one"
    figure = FIGURES[ask](last.labels, last.answers, labels=[label], average="macro")
    assert number(right_of(question)) == pytest.approx(100 * figure, abs=0.051)
    assert sum(int(line.rsplit(" ", 1)[1]) for line in question.given) == last.pairs
    others = [choice.text for choice in question.choices if choice.text != right_of(question)]
    assert all(abs(number(other) - 100 * figure) > 0.44 for other in others)


@given(evaluated(), SEEDS)
def test_better_or_chance_is_mcnemars_test(run, seed):
    question = check(runs.better_or_chance(run, Random(seed)))
    before, after = run.evaluations
    gained = sum(now and not was for now, was in zip(after.rights, before.rights, strict=True))
    lost = sum(was and not now for now, was in zip(after.rights, before.rights, strict=True))
    apart = (gained - lost) / math.sqrt(gained + lost) if gained + lost else 0
    expected = "can't" if abs(apart) <= 2 else "yes" if apart > 0 else "no,"
    assert right_of(question).startswith(expected)


@pytest.mark.parametrize("ask", runs.OF_THE_RUN)
def test_without_a_run_its_questions_are_not_asked(ask):
    assert ask(Training(TrainingConfig(), 100, 2), Random(0)) is None


def test_the_figures_of_mrpc_in_the_exercise():
    """190 hits, 19 false alarms, 89 misses and 110 others on MRPC's 408 validation pairs."""
    gold, answers = [], []
    for label, answer, count in ((1, 1, 190), (0, 1, 19), (1, 0, 89), (0, 0, 110)):
        gold += [label] * count
        answers += [answer] * count
    run = Training(TrainingConfig(), 100, 2, (evaluation(125, gold, answers),))
    asks = (*FIGURES, runs.majority_baseline)
    assert [right_of(check(ask(run, Random(0)))) for ask in asks] == [
        "90.9%",
        "68.1%",
        "77.9%",
        "68.4%",
    ]


def test_three_pairs_of_81_on_408_are_chance_and_forty_are_not():
    gold = [1] * 279 + [0] * 129
    before = [1 - one if place % 5 == 0 else one for place, one in enumerate(gold)]
    few = [*gold[:11], *before[11:]]  # three more are right
    many = [*gold[:201], *before[201:]]
    for answers, expected in ((few, "can't be told"), (many, "yes, clearly better")):
        both = evaluation(25, gold, before), evaluation(50, gold, answers)
        run = Training(TrainingConfig(), 100, 2, both)
        assert right_of(runs.better_or_chance(run, Random(0))).startswith(expected)


# ---------------------------------------------------------------- curves


@pytest.mark.parametrize("name", RECIPES)
def test_a_curve_of_each_name_is_found_and_drawn_anew(name):
    curves = [curve_named(name, Random(seed)) for seed in range(8)]
    assert all(curve and name_of(curve)[0] == name for curve in curves)
    assert curves[0].loss != curves[1].loss
    first, last = curves[0].ends
    falls = last < 0.9 * first
    assert falls == (name in ("Overfits", "Learns well"))
    if name == "Overfits":
        assert curves[0].eval_ends[1] > curves[0].lowest[1]


def test_which_curve_names_each():
    asked_of = [check(which_curve(None, Random(seed))) for seed in range(24)]
    assert {right_of(question) for question in asked_of} == set(RECIPES)
    assert all(
        set(question.curves) == {"training loss", "validation loss"} for question in asked_of
    )


# ---------------------------------------------------------------- layers

PLAYS = st.builds(
    Played,
    height=st.integers(1, 8),
    kernel_size=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    in_channels=st.integers(1, 4),
    out_channels=st.integers(1, 4),
    p=st.sampled_from((0.0, 0.05, 0.25, 0.5, 0.75, 1.0)),
)


@given(PLAYS, SEEDS)
def test_size_of_an_output(play, seed):
    question = layers.size_of_an_output(play, Random(seed))
    if question is None:
        return
    kernel, stride, padding, height = map(int, re.findall(r"\d+", check(question).text)[1:])
    places = range(-padding, height + padding - kernel + 1, stride)  # of the window's first row
    assert int(right_of(question)) == len(places)


@given(PLAYS, SEEDS)
def test_parameters_of_a_convolution(play, seed):
    question = check(layers.parameters_of_a_convolution(play, Random(seed)))
    ins, outs, kernel = map(int, re.findall(r"\d+", question.text)[1:])
    layer = nn.Conv2d(ins, outs, kernel)
    assert int(right_of(question)) == sum(each.numel() for each in layer.parameters())


@given(PLAYS, SEEDS)
def test_kept_by_dropout(play, seed):
    question = check(layers.kept_by_dropout(play, Random(seed)))
    p = float(re.search(r"p=([\d.]+)", question.text)[1])
    value = float(re.search(r"value (\d)", question.text)[1])
    kept = value / (1 - p) if "train()" in question.text else value
    assert float(right_of(question)) == pytest.approx(kept, rel=6e-4)


@given(PLAYS, SEEDS)
def test_averaged_by_batch_norm(play, seed):
    question = check(layers.averaged_by_batch_norm(play, Random(seed)))
    shape = tuple(map(int, re.search(r"\((\d+), (\d+), (\d+), (\d+)\)", question.text).groups()))
    layer = nn.BatchNorm2d(shape[1], momentum=1.0).double()
    ones = torch.zeros(shape, dtype=torch.float64)
    ones[0, 0, 0, 0] = 1.0
    layer(ones)  # the mean of channel 0 is 1 / how many numbers it was taken over
    assert number(right_of(question)) == pytest.approx(1 / layer.running_mean[0].item())


@given(PLAYS, SEEDS)
def test_loss_at_a_probability(play, seed):
    question = check(layers.loss_at_a_probability(play, Random(seed)))
    share = float(re.search(r"probability ([\d.]+\d)", question.text)[1])
    logits = torch.tensor([[math.log(share), math.log(1 - share)]])
    loss = nn.functional.cross_entropy(logits, torch.tensor([0]))
    assert float(right_of(question)) == pytest.approx(loss.item(), abs=6e-4)


def test_a_question_drawn_again_has_new_numbers():
    for ask in QUESTIONS["layers"]:
        texts = {ask(Played(), Random(seed)).text for seed in range(12)}
        assert len(texts) > 2, ask


# ---------------------------------------------------------------- a model's parts


def test_parts_of_a_model_whose_names_are_unknown():
    assert parts_of({"bert.embeddings.word_embeddings.weight": 10, "mystery.weight": 10}) == {}
