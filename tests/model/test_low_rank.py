"""What LoRA added to a matrix: the numbers are those of the run's files."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.config import TrainingConfig
from pipeline.errors import InputError
from pipeline.explain.low_rank import adapted_matrices, low_rank
from pipeline.methods import A_ENDS, B_ENDS, MATRICES_FILE, RANK
from pipeline.model import load_model
from tests.model.test_fine_tune_tab import text
from tests.model.test_save import finished_run
from views.low_rank import low_rank_card

QUERY = "bert.encoder.layer.1.attention.self.query"
UP = "bert.encoder.layer.1.intermediate.dense"


@pytest.fixture
def config(tiny):
    return TrainingConfig(
        checkpoint=tiny,
        source="folder",
        train_pairs=24,
        eval_pairs=12,
        batch_size=8,
        max_steps=3,
        method="lora",
        frozen_layers=1,
        learning_rate=1e-2,
        precision="fp32",
    )


def test_a_matrix_is_what_the_start_had_and_what_lora_added(config, settings):
    run = finished_run(config, settings)
    assert len(adapted_matrices(run.id, settings)) == 12
    for name in (QUERY, UP):
        check_matrix(name, run, config, settings)
    bare = finished_run(replace(config, method="head"), settings, "d" * 32)
    assert adapted_matrices(bare.id, settings) == []


def check_matrix(name, run, config, settings):
    found = low_rank(run.id, name, settings)
    before = load_model(config.checkpoint, config.seed, settings=settings)[0].state_dict()
    after = load_file(settings.runs_folder / run.id / "model" / "model.safetensors")
    w0, w = before[f"{name}.weight"], after[f"{name}.weight"]
    assert (found.rows, found.columns) == tuple(w.shape) and found.rank == RANK
    row, column = found.at
    assert found.before == pytest.approx(w0[row, column].item(), abs=1e-6)
    assert found.after == pytest.approx(w[row, column].item(), abs=1e-6)
    assert found.added == pytest.approx((w - w0)[row, column].item(), abs=1e-6)
    assert abs(found.added) == pytest.approx((w - w0).abs().max().item(), abs=1e-6)
    assert len(found.terms) == RANK
    assert 2 * sum(b * a for b, a in found.terms) == pytest.approx(found.added, abs=1e-6)
    assert found.moved == pytest.approx(((w - w0).norm() / w0.norm()).item(), rel=1e-3)
    assert found.singular[RANK - 1] > 100 * found.singular[RANK], "its rank is 8"
    picture = found.pictures["BA"]
    drawn = torch.tensor(list(picture.cells)).view(picture.height, picture.width)
    exact = 255 * (w - w0).abs() / (w - w0).abs().max()
    assert (drawn - exact).abs().max() < 1, "as small as it is, each number is a cell"
    card = text(low_rank_card(found))
    assert f"= {found.before:.3g}".replace("-", "−") in card and f"{found.moved:.2%}" in card


def test_a_large_matrix_is_scaled_down_and_keeps_its_largest(settings):
    folder = settings.runs_folder / ("b" * 32)
    (folder / "model").mkdir(parents=True)
    a, b = torch.zeros(8, 300), torch.zeros(500, 8)
    a[3, 299], b[0, 3] = 4.0, 0.5
    save_file({QUERY + A_ENDS: a, QUERY + B_ENDS: b}, folder / MATRICES_FILE)
    save_file({f"{QUERY}.weight": torch.ones(500, 300)}, folder / "model/model.safetensors")
    found = low_rank(folder.name, QUERY, settings)
    picture = found.pictures["BA"]
    assert (picture.width, picture.height, len(picture.cells)) == (96, 96, 96 * 96)
    assert [at for at, cell in enumerate(picture.cells) if cell] == [95] and picture.largest == 4.0
    assert found.at == (0, 299) and found.added == 4.0 and found.before == -3.0
    assert (found.pictures["B"].width, found.pictures["A"].height) == (8, 8)


def test_files_that_no_worker_wrote_are_refused(settings):
    folder = settings.runs_folder / ("c" * 32)
    (folder / "model").mkdir(parents=True)
    assert adapted_matrices(folder.name, settings) == []
    with pytest.raises(InputError, match="adapted no matrix"):
        low_rank(folder.name, QUERY, settings)
    a, b = torch.ones(8, 4), torch.ones(4, 8)
    save_file({QUERY + A_ENDS: a, QUERY + B_ENDS: b}, folder / MATRICES_FILE)
    with pytest.raises(InputError, match="left no model"):
        low_rank(folder.name, QUERY, settings)
    for weight, said in (
        (torch.ones(5, 4), "can't be read"),
        (torch.full((4, 4), torch.nan), "NaN"),
    ):
        save_file({f"{QUERY}.weight": weight}, folder / "model/model.safetensors")
        with pytest.raises(InputError, match=said):
            low_rank(folder.name, QUERY, settings)
    with pytest.raises(InputError, match="adapted no matrix '../owner'"):
        low_rank(folder.name, "../owner", settings)
    (folder / MATRICES_FILE).write_bytes(b"\xff" * 64)
    with pytest.raises(InputError, match="can't be read"):
        adapted_matrices(folder.name, settings)
