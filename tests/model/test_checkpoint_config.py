"""A checkpoint's own config: asked where it matters, overridden where it would mislead, refused where it can't be met."""

import html
import json
import shutil

import pytest
import torch
import transformers

from pipeline.__main__ import main
from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.export.scripts import predict_script
from pipeline.hub.sources import embedded_checkpoint
from pipeline.methods import embeddings_of, freeze, layers_of
from pipeline.model import NEW_HEAD, load_model
from pipeline.prediction import labels_answered, predict
from pipeline.settings import Settings
from pipeline.tokenization import load_tokenizer
from pipeline.training import fine_tune
from tests.conftest import SIZES, in_cache, tiny_checkpoint

PAIR = ("Shares of Acme rose 12 cents.", "Acme stock was up 12 cents.")


def made(name, file="config.json", head=True, **values):
    """The id of a tiny BERT with these values in one of its JSON files."""
    folder = tiny_checkpoint(in_cache(name), head=head)
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return folder, name


# ---------------------------------------------------------------- precision


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_train_in_float32_and_move(dtype, settings, tmp_path):
    """In float16 a learning rate of 1e-4 rounds most steps away: 68% of the weights never moved."""
    name = f"tiny/half-{str(dtype)[6:]}"
    folder = in_cache(name)
    tiny_checkpoint(folder)
    transformers.AutoModelForSequenceClassification.from_pretrained(folder).to(
        dtype
    ).save_pretrained(folder)
    before = load_model(name, settings=Settings())[0]
    assert {weight.dtype for weight in before.parameters()} == {torch.float32}
    config = TrainingConfig(
        checkpoint=name,
        source="folder",
        train_pairs=32,
        eval_pairs=8,
        batch_size=8,
        max_steps=3,
        frozen_layers=0,
        learning_rate=1e-4,
        warmup_steps=0.0,
        precision="fp32",
    )
    assert list(fine_tune(config, tmp_path, settings))[-1]["event"] == "done"
    after = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "model")
    layer = "bert.encoder.layer.2.intermediate.dense.weight"
    moved = (
        (dict(after.named_parameters())[layer] != dict(before.named_parameters())[layer])
        .float()
        .mean()
    )
    assert moved > 0.99


# ---------------------------------------------------------------- labels


def test_our_labels_in_another_order_are_put_in_order(settings):
    tiny_checkpoint(in_cache("tiny/in-order"), seed=3)
    folder = in_cache("tiny/other-order")
    shutil.copytree(tiny_checkpoint(folder.parent / "made", seed=3), folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "id2label": {"0": "equivalent", "1": "not_equivalent"},
        "label2id": {"equivalent": 0, "not_equivalent": 1},
    }
    (folder / "config.json").write_text(json.dumps(config))
    straight, turned = (
        predict(name, [PAIR], settings=settings)[0][0]
        for name in ("tiny/in-order", "tiny/other-order")
    )
    assert turned.logits["equivalent"] == pytest.approx(straight.logits["not_equivalent"], abs=1e-6)
    assert turned.notes == ()


@pytest.mark.parametrize("own", [["equivalent", "not_equivalent"], ["LABEL_0", "LABEL_1"]])
def test_the_script_names_the_label_that_the_page_names(own, settings, capsys):
    """transformers has a checkpoint's labels in its own order; the page has the task's."""
    name = f"tiny/script-of-{own[0].lower()}"
    made(name, id2label=dict(enumerate(own)))
    [answer], _ = predict(name, [PAIR], settings=settings)
    exec(predict_script(name, *PAIR, labels=labels_answered(name, settings)), {})
    assert f"label {answer.label}" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "labels, notes",
    [
        (["NEGATIVE", "POSITIVE"], 1),
        (["LABEL_0", "LABEL_1"], 0),
        (["not_equivalent", "equivalent"], 0),
    ],
)
def test_labels_of_another_question_are_said(labels, notes, settings):
    _, name = made(f"tiny/{labels[0].lower()}", id2label=dict(enumerate(labels)))
    [answer], _ = predict(name, [PAIR], settings=settings)
    assert len(answer.notes) == notes
    assert all("NEGATIVE, POSITIVE" in note and "its own labels" in note for note in answer.notes)


def test_a_head_drawn_just_now_is_said_wherever_it_answers(settings, capsys):
    from tabs.predict.answer import Answers
    from tabs.predict.compare_models import compare

    _, name = made("tiny/drawn-head", head=False)
    assert predict(name, [PAIR], settings=settings)[0][0].notes == (NEW_HEAD,)
    drawn = Answers(settings).answer(*PAIR, name)
    assert str(NEW_HEAD) in html.unescape(drawn)
    assert Answers(settings).predict(*PAIR, name)["notes"] == [str(NEW_HEAD)]
    assert str(NEW_HEAD) in html.unescape(compare(settings, *PAIR, [], name))
    assert main(["predict", "--pair", *PAIR, "--checkpoint", name]) == 0
    assert str(NEW_HEAD) in capsys.readouterr().out


def test_a_trained_head_is_not_called_new(tiny, settings):
    assert predict(tiny, [PAIR], settings=settings)[0][0].notes == ()
    assert predict("adapter:paraphrase", [PAIR], settings=settings)[0][0].notes == ()


# ---------------------------------------------------------------- what must fit


def test_another_kind_of_problem_is_set_to_ours(settings, tmp_path):
    _, name = made("tiny/regression", problem_type="multi_label_classification")
    assert (
        load_model(name, settings=Settings())[0].config.problem_type
        == "single_label_classification"
    )


def test_positions_that_are_missing_cap_max_length(settings):
    folder = in_cache("tiny/short")
    tiny_checkpoint(folder, max_position_embeddings=40)
    with pytest.raises(
        InputError, match="max_length is 128, but this checkpoint reads at most 40 tokens"
    ):
        predict("tiny/short", [PAIR], settings=settings)
    assert predict("tiny/short", [PAIR], 40, settings=settings)[0][0].tokens > 10


def test_a_roberta_without_its_first_positions(tiny_roberta_id):
    """130 positions hold 128 tokens: they are counted from the padding token's id."""
    from pipeline.tokenization import longest_length

    tokenizer, model = (
        load_tokenizer(tiny_roberta_id, settings=Settings())[0],
        load_model(tiny_roberta_id, settings=Settings())[0],
    )
    tokenizer.model_max_length = 10**30
    assert longest_length(tokenizer, config=model.config, settings=Settings()) == 128


def test_a_model_with_one_type_gets_none(settings):
    folder = in_cache("tiny/one-type")
    tiny_checkpoint(folder, type_vocab_size=1)
    assert predict("tiny/one-type", [PAIR], settings=settings)[0][0].tokens > 10


def test_a_vocabulary_smaller_than_the_tokenizers_is_refused(settings):
    tiny_checkpoint(in_cache("tiny/few-rows"), vocab_size=1000)
    with pytest.raises(
        InputError, match="tokenizer with 30,522 tokens, but its model has embeddings for 1,000"
    ):
        predict("tiny/few-rows", [PAIR], settings=settings)


def test_a_model_without_a_padding_id_gets_the_tokenizers(settings):
    _, name = made("tiny/no-pad", pad_token_id=None)
    assert predict(name, [PAIR], settings=settings)[0][0].label in ("equivalent", "not_equivalent")


def test_an_encoder_decoder_without_a_classifier_is_refused_at_once(settings):
    _, name = made("tiny/pegasus", model_type="pegasus", is_encoder_decoder=True)
    for ask in (
        lambda: predict(name, [PAIR], settings=settings),
        lambda: load_tokenizer(name, settings=Settings()),
    ):
        with pytest.raises(InputError, match="is an encoder-decoder .'pegasus'., which writes"):
            ask()


def test_a_vocabulary_of_sentencepiece_alone_is_refused_plainly():
    folder, name = made("tiny/sentencepiece")
    for file in ("tokenizer.json", "vocab.txt"):
        (folder / file).unlink()
    (folder / "spiece.model").write_bytes(b"x")
    with pytest.raises(InputError, match="only in SentencePiece's own format"):
        load_tokenizer(name, settings=Settings())


def test_a_mirror_that_tells_no_sizes_still_gives_models(loopback, tmp_path):
    client = loopback("--model", f"some/bert={tiny_checkpoint(tmp_path / 'bert')}", "--sizeless")
    told = client.ask("""
from pipeline.model import load_model
from pipeline.settings import Settings
print(json.dumps(load_model("some/bert", settings=Settings())[1].place))
""")
    assert told == "hub"


# ---------------------------------------------------------------- frozen layers


def small(kind):
    sizes = {name: value for name, value in SIZES.items() if name != "vocab_size"}
    config = {
        "modernbert": lambda: transformers.ModernBertConfig(
            vocab_size=99,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            cls_token_id=1,
            sep_token_id=2,
            **sizes,
        ),
        "gpt2": lambda: transformers.GPT2Config(
            vocab_size=99, n_embd=16, n_layer=3, n_head=2, pad_token_id=0
        ),
        "electra": lambda: transformers.ElectraConfig(vocab_size=99, embedding_size=16, **sizes),
        "deberta-v2": lambda: transformers.DebertaV2Config(vocab_size=99, **sizes),
        "distilbert": lambda: transformers.DistilBertConfig(
            vocab_size=99, dim=16, n_layers=3, n_heads=2, hidden_dim=16
        ),
        "albert": lambda: transformers.AlbertConfig(vocab_size=99, embedding_size=16, **sizes),
    }[kind]()
    return transformers.AutoModelForSequenceClassification.from_config(config)


@pytest.mark.parametrize("kind", ["modernbert", "gpt2", "electra", "deberta-v2", "distilbert"])
def test_the_lowest_layers_are_found_and_frozen(kind):
    model = small(kind)
    freeze(model, 2)
    layers = layers_of(model)
    assert len(layers) == 3 and embeddings_of(model)
    learns = [any(weight.requires_grad for weight in layer.parameters()) for layer in layers]
    assert learns == [False, False, True]
    assert not any(
        weight.requires_grad for part in embeddings_of(model) for weight in part.parameters()
    )
    assert any(
        weight.requires_grad
        for name, weight in model.named_parameters()
        if "classifier" in name or "score" in name
    )


def test_an_albert_says_that_its_layers_are_one():
    with pytest.raises(
        InputError, match="frozen_layers is 1, but this checkpoint has no stack of layers"
    ):
        freeze(small("albert"), 1)


def test_the_embedded_checkpoint_is_as_before():
    model = load_model("sentence-transformers/all-MiniLM-L6-v2", settings=Settings())[0]
    freeze(model, 2)
    frozen = sum(weight.numel() for weight in model.parameters() if not weight.requires_grad)
    body = model.bert
    assert frozen == sum(
        weight.numel()
        for part in (body.embeddings, *body.encoder.layer[:2])
        for weight in part.parameters()
    )
    assert embedded_checkpoint().is_dir()
