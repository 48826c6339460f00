"""Questions on a visitor's pair, batch and answer, beside what the tokenizer, the collator and the model say."""

import math
import re
from dataclasses import replace
from random import Random

import pytest
import torch
from transformers import DataCollatorWithPadding

from pipeline.collation import rows_view
from pipeline.hub.sources import embedded_checkpoint
from pipeline.prediction import Prediction
from pipeline.questions import of_answers as answers
from pipeline.questions import of_tokens as tokens
from pipeline.questions.of_answers import Answer, answer_of
from pipeline.questions.of_tokens import tokens_of
from pipeline.settings import READY
from pipeline.tokenization import load_tokenizer
from tests.conftest import small_pairs
from tests.unit.test_questions import check, number, right_of

PAIRS = [
    ("The storm closed the harbor on Tuesday, stranding 300 ferry passengers.", "Passengers wait."),
    ("Tokenizers hyphenate unbelievably.", "The cat sat, and the dog slept on the mat all day."),
    ("A cat sat.", "A cat sat."),
    ("公司利润上升了 12%。", "该公司的利润增长了百分之十二。"),
    ("Zoë's naïve café", "[SEP] isn't a word"),
    ("Hi.", "Hello there, " * 30),
]
SEEDS = range(12)


def rows_of(count, pairs=None):
    made = small_pairs(count, 0)
    rows = [dict(zip(made, row, strict=True)) for row in zip(*made.values(), strict=True)]
    for row, (first, second) in zip(rows, pairs or (), strict=False):
        row |= {"sentence1": first, "sentence2": second}
    return [{**row, "row": 10 + row["idx"]} for row in rows]


def shown_of(tokenizer, settings, pair, max_length=128, truncation=True):
    rows = rows_of(6, PAIRS)
    return tokens_of(tokenizer, *pair, rows, max_length, truncation, settings)


@pytest.fixture(params=PAIRS, ids=[pair[0][:12] for pair in PAIRS])
def pair(request):
    return request.param


def asked_of(ask, shown):
    """The question as some chances draw it."""
    return [check(one) for seed in SEEDS if (one := ask(shown, Random(seed)))]


# ---------------------------------------------------------------- the pair


def test_a_sentence_beside_itself(tokenizer, settings, pair):
    questions = asked_of(tokens.sentence_beside_itself, shown_of(tokenizer, settings, pair))
    assert questions or len(pair[1]) > 300, "a pair that is cut isn't asked about"
    for question in questions:
        sentence = pair[int(re.search(r"Sentence (\d)", question.text)[1]) - 1]
        assert int(right_of(question)) == len(tokenizer(sentence, sentence)["input_ids"])


def test_types_after_a_swap(tokenizer, settings, pair):
    questions = asked_of(tokens.types_after_a_swap, shown_of(tokenizer, settings, pair))
    for question in questions:
        assert int(right_of(question)) == sum(tokenizer(*reversed(pair))["token_type_ids"])
    if pair == PAIRS[3]:
        assert questions, "Chinese is asked about as well"


def test_a_word_in_pieces(tokenizer, settings, pair):
    for question in asked_of(tokens.word_in_pieces, shown_of(tokenizer, settings, pair)):
        pieces = {choice.text: tokenizer.tokenize(choice.text) for choice in question.choices}
        assert len(pieces.pop(right_of(question))) > 1
        assert all(len(parts) == 1 for parts in pieces.values())


def test_words_are_asked_about_where_some_are_split(tokenizer, settings):
    questions = asked_of(tokens.word_in_pieces, shown_of(tokenizer, settings, PAIRS[1]))
    assert {right_of(question) for question in questions} >= {"Tokenizers", "unbelievably"}
    chinese = asked_of(tokens.word_in_pieces, shown_of(tokenizer, settings, PAIRS[3]))
    assert chinese == [], "no blanks part Chinese into words"


def test_removed_tokens(tokenizer, settings, pair):
    for question in asked_of(tokens.removed_tokens, shown_of(tokenizer, settings, pair)):
        limit = int(re.search(r"max_length = (\d+)", question.text)[1])
        cut = tokenizer(*pair, truncation=True, max_length=limit)["input_ids"]
        assert int(right_of(question)) == len(tokenizer(*pair)["input_ids"]) - len(cut) > 0


def test_without_truncation_nothing_is_asked_of_it(tokenizer, settings):
    assert (
        tokens.removed_tokens(shown_of(tokenizer, settings, PAIRS[0], truncation=False), Random(0))
        is None
    )


def test_a_task_of_one_sentence(tokenizer, settings):
    rows = [{"sentence1": row["sentence1"], "row": row["row"]} for row in rows_of(5)]
    shown = tokens_of(tokenizer, "One sentence is enough here.", None, rows, 128, True, settings)
    assert tokens.sentence_beside_itself(shown, Random(0)) is None
    assert tokens.types_after_a_swap(shown, Random(0)) is None
    for question in asked_of(tokens.removed_tokens, shown):
        assert int(right_of(question)) == shown.pair.full_length - shown.cut.max_length


def test_a_tokenizer_without_type_ids(settings, tiny_roberta_id):
    tokenizer = load_tokenizer(tiny_roberta_id, settings)[0]
    pair = ("Shares rose.", "Shares of Acme fell on Monday.")
    shown = tokens_of(tokenizer, *pair, rows_of(4), 64, True, settings)
    assert tokens.types_after_a_swap(shown, Random(0)) is None
    for question in asked_of(tokens.sentence_beside_itself, shown):
        sentence = pair[int(re.search(r"Sentence (\d)", question.text)[1]) - 1]
        assert int(right_of(question)) == len(tokenizer(sentence, sentence)["input_ids"])
    for question in asked_of(tokens.ignored_padding, shown):
        assert "token_type_ids" not in [choice.text for choice in question.choices]


# ---------------------------------------------------------------- the batch


def collated(tokenizer, question):
    """The shapes and ids of what the real collator makes of the rows that a question gives."""
    numbers = [int(re.search(r"#(\d+)", line)[1]) for line in question.given]
    rows = {row["row"]: row for row in rows_of(6, PAIRS)}
    chosen = [rows[one] for one in numbers]
    encodings = [
        dict(tokenizer(row["sentence1"], row["sentence2"], truncation=True, max_length=128))
        for row in chosen
    ]
    return encodings, DataCollatorWithPadding(tokenizer)


def test_added_cells_are_the_collators(tokenizer, settings):
    questions = asked_of(tokens.added_cells, shown_of(tokenizer, settings, PAIRS[0]))
    assert len({question.given for question in questions}) > 5
    for question in questions:
        encodings, collator = collated(tokenizer, question)
        mask = collator(encodings)["attention_mask"]
        assert int(right_of(question)) == int((mask == 0).sum())


def test_batch_shapes_are_the_collators(tokenizer, settings):
    questions = asked_of(tokens.batch_shapes, shown_of(tokenizer, settings, PAIRS[0]))
    assert questions
    for question in questions:
        encodings, collator = collated(tokenizer, question)
        loader = torch.utils.data.DataLoader(encodings, batch_size=2, collate_fn=collator)
        shapes = [str(tuple(batch["input_ids"].shape)) for batch in loader]
        assert right_of(question) == ", ".join(shapes)


def test_the_mask_alone_lets_the_model_ignore_padding(settings, tokenizer, tiny):
    """Of each choice that the model can get: does the answer stay when the padding's ids change?"""
    from transformers import AutoModelForSequenceClassification

    shown = shown_of(tokenizer, settings, PAIRS[0])
    [question, *_others] = asked_of(tokens.ignored_padding, shown)
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint_folder(tiny), local_files_only=True
    ).eval()
    batch = {name: torch.tensor(rows) for name, rows in shown.batch.tensors.items()}
    batch.pop("labels")
    padded = batch["attention_mask"] == 0
    other = {**batch, "input_ids": batch["input_ids"].masked_fill(padded, 2000)}
    without = {name: tensor for name, tensor in batch.items() if name != right_of(question)}
    with torch.no_grad():
        logits = model(**batch).logits
        assert torch.allclose(model(**other).logits, logits, atol=1e-6)
        assert not torch.allclose(model(**without).logits, logits, atol=1e-6)


def checkpoint_folder(name):
    from pipeline.hub.sources import cached_files

    return cached_files(name, weights=True).folder


def test_rows_of_one_length_have_no_padding_to_ask_about(tokenizer, settings):
    shown = shown_of(tokenizer, settings, PAIRS[0])
    row = rows_of(1)[0]
    alike = rows_view(tokenizer, [row, row, row], 128, True, settings)
    shown = replace(shown, batch=alike, rows=(1, 2, 3))
    assert tokens.ignored_padding(shown, Random(0)) is None
    one = replace(shown, batch=rows_view(tokenizer, [row], 128, True, settings), rows=(1,))
    assert tokens.added_cells(one, Random(0)) is None
    assert tokens.batch_shapes(one, Random(0)) is None


# ---------------------------------------------------------------- the answer


def prediction(**logits):
    shares = torch.tensor(list(logits.values()), dtype=torch.float64).softmax(-1).tolist()
    named = dict(zip(logits, shares, strict=True))
    return Prediction(max(named, key=named.get), named, logits, 30, ("", ""))


ANSWERS = [
    prediction(not_equivalent=-1.3, equivalent=1.8),
    prediction(entailment=0.2, neutral=0.5, contradiction=-1.0),
    prediction(negative=0.01, positive=-0.02),
    prediction(not_equivalent=9.0, equivalent=-9.0),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=["two", "three", "near", "sure"])
def test_logits_shifted_and_multiplied(answer):
    logits = torch.tensor(list(answer.logits.values()), dtype=torch.float64)
    names = list(answer.logits)
    for question in asked_of(answers.shifted_logits, Answer(answer)):
        place = names.index(re.search("“(.*?)”", question.text)[1])
        shift = int(re.search(r"If (\d+)", question.text)[1])
        share = (logits + shift).softmax(-1)[place].item()
        assert number(right_of(question)) == pytest.approx(100 * share, abs=0.051)
    doubled = asked_of(answers.doubled_logits, Answer(answer))
    for question in doubled:
        place = names.index(re.search("“(.*?)”", question.text)[1])
        times = int(re.search(r"multiplied by (\d)", question.text)[1])
        share = (logits * times).softmax(-1)[place].item()
        assert number(right_of(question)) == pytest.approx(100 * share, abs=0.051)
    assert doubled or answer is ANSWERS[3], "at 100.0% the choices read alike"


@pytest.mark.parametrize("answer", ANSWERS, ids=["two", "three", "near", "sure"])
def test_loss_of_the_pair(answer):
    names = list(answer.logits)
    for question in asked_of(answers.loss_of_the_pair, Answer(answer)):
        gold = torch.tensor([names.index(re.search("“(.*?)”", question.text)[1])])
        logits = torch.tensor([list(answer.logits.values())])
        loss = torch.nn.functional.cross_entropy(logits, gold).item()
        assert float(right_of(question)) == pytest.approx(loss, abs=6e-4)


def test_the_other_order_is_what_the_model_answers(settings):
    pair = ("The company said profits rose 12 percent.", "Profits were up 12 percent.")
    shown = answer_of(READY, *pair, settings)
    back = answer_of(READY, *reversed(pair), settings)
    assert shown.turned == back.given
    [question, *_more] = asked_of(answers.the_other_order, shown)
    same = shown.given.label == back.given.label
    assert right_of(question).startswith("the same label" if same else "another label")


def test_orders_that_differ_in_each_way():
    one, other = ANSWERS[0], prediction(not_equivalent=1.0, equivalent=-1.0)
    near = prediction(not_equivalent=-1.3, equivalent=1.7)
    for turned, begins in ((one, "exactly"), (near, "the same label,"), (other, "another")):
        [question, *_more] = asked_of(answers.the_other_order, Answer(one, turned))
        assert right_of(question).startswith(begins)
    assert answers.the_other_order(Answer(one), Random(0)) is None, "one sentence has no order"


def test_most_parameters_are_where_the_file_has_them(settings):
    from safetensors import safe_open

    shown = answer_of(READY, "A cat sat.", "A cat was sitting.", settings)
    with safe_open(embedded_checkpoint() / "model.safetensors", "pt") as file:
        sizes = {name: math.prod(file.get_slice(name).get_shape()) for name in file.keys()}
    embedded = sum(size for name, size in sizes.items() if name.startswith("embeddings."))
    assert shown.parts["in the embeddings"] == pytest.approx(embedded, abs=600)  # position_ids
    assert embedded > sum(sizes.values()) / 2
    [question, *_more] = asked_of(answers.most_parameters, shown)
    assert right_of(question) == "in the embeddings"
