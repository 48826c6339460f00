"""A run's model beside its start: the distances of its weights against two bare state dicts."""

import json
from dataclasses import asdict, replace

import pytest
import torch
import transformers

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.inside.changes import changes, moved_parts
from pipeline.inside.forward import Loaded
from pipeline.model import load_model
from pipeline.prediction import predict
from pipeline.runs.folder import write_whole
from pipeline.settings import READY, WARMED, Settings
from pipeline.tokenization import load_tokenizer
from pipeline.training import fine_tune

RUN = "c" * 32
PAIR = ("A heron stood in the reeds.", "In the reeds stood a heron.")


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_folder):
    """(settings, the name of a short run's model); its lowest two layers were frozen."""
    settings = Settings(runs_folder=tmp_path_factory.mktemp("runs"), mrpc_folder=small_folder)
    config = TrainingConfig(
        checkpoint=WARMED,
        source="folder",
        train_pairs=8,
        eval_pairs=4,
        batch_size=4,
        max_steps=2,
        frozen_layers=2,
        max_length=32,
        seed=7,
        precision="fp32",
    )
    folder = settings.runs_folder / RUN
    assert list(fine_tune(config, folder, settings))[-1]["event"] == "done"
    write_whole(folder / "config.json", json.dumps(asdict(config)))
    return settings, f"run:{RUN}"


def test_weights_moved_as_two_state_dicts_say(run):
    settings, name = run
    found = changes(name, PAIR, settings=settings)
    start = load_model(WARMED, 7, settings=settings)[0].state_dict()
    after = load_model(name, settings=settings)[0].state_dict()

    def moved(wanted):
        names = [one for one in start if wanted(one)]
        apart = torch.cat([(after[one] - start[one]).flatten() for one in names])
        return (apart.norm() / torch.cat([start[one].flatten() for one in names]).norm()).item()

    by_part = {(part.name, part.layer): part for part in found.parts}
    assert by_part["classifier", None].moved == pytest.approx(
        moved(lambda one: one.startswith("classifier")), rel=1e-4
    )
    layer = "bert.encoder.layer.5."
    assert by_part["attention", 6].moved == pytest.approx(
        moved(lambda one: one.startswith(layer + "attention") and "LayerNorm" not in one), rel=1e-4
    )
    assert by_part["LayerNorm", 6].moved == pytest.approx(
        moved(lambda one: one.startswith(layer) and "LayerNorm" in one), rel=1e-4
    )
    frozen = [part for part in found.parts if part.name == "embeddings" or part.layer in (1, 2)]
    assert len(frozen) == 7 and all(part.moved == 0.0 for part in frozen)
    assert all(part.moved > 0 for part in found.parts if part not in frozen)
    assert sum(part.parameters for part in found.parts) == sum(
        each.numel() for each in load_model(name, settings=settings)[0].parameters()
    )


def test_the_answers_are_those_of_the_two_models(run):
    settings, name = run
    found = changes(name, PAIR, settings=settings)
    [after], _ = predict(name, [PAIR], settings=settings)
    assert found.after[-1] == pytest.approx(after.probabilities, abs=0.02)
    [before], _ = predict(WARMED, [PAIR], settings=replace(settings, seed=7))
    assert found.before[-1] == pytest.approx(before.probabilities, abs=0.02)
    assert found.before[1:3] != found.after[1:3], "the head is another"
    assert found.heads.shift[0] == [0.0] * 12, "nothing below layer 3 has moved"
    assert max(found.heads.shift[-1]) > 0


def test_a_run_on_three_labels_has_a_start_with_three(settings):
    names = ("business", "culture", "sports")
    model = load_model(WARMED, 7, names, settings=settings)[0]
    with torch.no_grad():
        model.classifier.bias += 1.0
    folder = settings.runs_folder / RUN
    model.save_pretrained(folder / "model")
    load_tokenizer(WARMED, settings=settings)[0].save_pretrained(folder / "model")
    config = TrainingConfig(checkpoint=WARMED, task_name="own:" + 32 * "a", seed=7)
    write_whole(folder / "config.json", json.dumps(asdict(config)))
    found = changes(f"run:{RUN}", PAIR, settings=settings)
    assert tuple(found.before[-1]) == tuple(found.after[-1]) == names
    assert [part.name for part in found.parts if part.moved] == ["classifier"]


# (parameters of each layer's attention, feed-forward, LayerNorm), by what the architectures are made of
@pytest.mark.parametrize(
    "kind, sizes, counts",
    [
        # Their own name holds "norm", and each of their two norms stands before what it prepares
        ("RobertaPreLayerNorm", {}, (4 * (16 * 16 + 16), 2 * 16 * 20 + 20 + 16, 2 * 32)),
        # ln_1 and ln_2 are norms; c_attn and attn.c_proj, c_fc and mlp.c_proj
        (
            "GPT2",
            {"n_embd": 16, "n_inner": 20},
            (4 * (16 * 16 + 16), 2 * 16 * 20 + 20 + 16, 2 * 32),
        ),
    ],
)
def test_a_part_is_known_whatever_its_family_calls_it(kind, sizes, counts):
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=20,
        pad_token_id=0,
        **sizes,
    )
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    opened = Loaded(model, None, None)
    parts = list(moved_parts(opened, opened))
    found = {(part.name, part.layer): part.parameters for part in parts}
    for layer in (1, 2):
        names = ("attention", "feed-forward", "LayerNorm")
        assert tuple(found[name, layer] for name in names) == counts
    assert sum(found.values()) == sum(each.numel() for each in model.parameters())
    assert {part.moved for part in parts} == {0.0}


def test_a_start_has_no_before(settings):
    with pytest.raises(InputError, match="no run has changed it"):
        changes(WARMED, PAIR, settings=settings)
    assert changes(READY, PAIR, settings=settings).start == WARMED
