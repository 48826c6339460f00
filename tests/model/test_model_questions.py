"""Questions of the Model tab, beside what the model itself says."""

from dataclasses import replace
from random import Random

import pytest
import torch

from pipeline.inside.forward import encoded, loaded
from pipeline.questions import of_model as questions
from pipeline.questions.of_model import QUESTIONS, looked
from pipeline.settings import READY, Settings
from tests.conftest import in_cache
from tests.support.families import FAMILIES
from tests.unit.test_questions import check, number, right_of

PAIR = ("The mayor opened the bridge.", "It was opened.")
SEEDS = range(12)


@pytest.fixture(scope="module")
def shown():
    return looked(READY, PAIR, Settings())


@pytest.fixture(scope="module")
def attended():
    """Attention of layer 3, (1, heads, rows, columns), and the batch."""
    opened = loaded(READY, Settings())
    batch = encoded(opened, [PAIR], 128, Settings())
    with torch.no_grad():
        result = opened.model(**batch.tensors, output_attentions=True)
    return opened, batch, result.attentions[2]


def asked_of(ask, shown):
    return [check(ask(shown, Random(seed))) for seed in SEEDS]


def test_all_can_be_asked_of_the_ready_model(shown):
    assert all(len(asked_of(ask, shown)) == len(SEEDS) for ask in QUESTIONS)


def test_attention_has_that_shape_and_sum(shown, attended):
    _opened, _batch, weights = attended
    for question in asked_of(questions.attention_shape, shown):
        assert right_of(question) == str(tuple(weights.shape))
    for question in asked_of(questions.weights_of_a_head, shown):
        assert number(right_of(question)) == pytest.approx(float(weights[0, 5].sum()), abs=1e-3)


def test_masked_columns_hold_zero(shown, attended):
    opened, _batch, _weights = attended
    longer = ("The mayor opened the bridge on Sunday morning at ten.", "It was opened late.")
    batch = encoded(opened, [PAIR, longer], 128, Settings())
    with torch.no_grad():
        weights = opened.model(**batch.tensors, output_attentions=True).attentions[0][0]
    masked = weights[..., batch.tensors["attention_mask"][0] == 0]
    assert masked.numel() and float(masked.abs().max()) == 0
    for question in asked_of(questions.masked_columns, shown):
        assert right_of(question) == "exactly 0"


def test_the_row_that_goes_on_is_the_one_that_the_logits_follow(shown, attended):
    opened, batch, _weights = attended
    states = opened.encoder(**batch.tensors).last_hidden_state.detach()

    def logits(changed):
        return opened.model.classifier(opened.model.bert.pooler(changed))

    others = states.clone()
    others[:, 1:] += 1
    first = states.clone()
    first[:, 0] += 1
    assert torch.equal(logits(states), logits(others)) and not torch.equal(
        logits(states), logits(first)
    )
    for question in asked_of(questions.row_that_goes_on, shown):
        assert right_of(question) == "the row of [CLS] at position 0"


def test_dropped_numbers_are_what_dropout_drops(shown):
    torch.manual_seed(0)
    for question in asked_of(questions.dropped_numbers, shown):
        share = float(question.text.split("p=")[1].split(")")[0])
        layer = torch.nn.Dropout(share).train("in train()" in question.text)
        dropped = (layer(torch.ones(4000, shown.hidden)) == 0).sum(-1).float().mean()
        assert number(right_of(question)) == pytest.approx(float(dropped), abs=0.5)


def test_the_heads_parameters_are_counted(shown):
    parameters = loaded(READY, Settings()).model.classifier.parameters()
    count = sum(each.numel() for each in parameters)
    for question in asked_of(questions.parameters_of_the_head, shown):
        assert number(right_of(question)) == count


def test_what_a_model_has_not_is_not_asked(shown):
    headless = replace(shown, heads=0, hidden=0, head=0, rows_on=(0, 1))
    assert [ask for ask in QUESTIONS if ask(headless, Random(0))] == []


@pytest.mark.parametrize(
    "kind, row",
    [
        ("distilbert", 0),
        ("roberta", 0),
        ("electra", 0),
        ("deberta-v2", 0),
        ("modernbert", 0),
        ("gpt2", -1),
    ],
)
def test_each_family_says_which_row_goes_on(kind, row, settings):
    name = f"tiny-asked/{kind}"
    FAMILIES[kind](in_cache(name))
    found = looked(name, PAIR, settings)
    place = range(found.tokens)[row]
    assert found.rows_on == (place,)
    assert f"at position {place}" in right_of(check(questions.row_that_goes_on(found, Random(0))))
