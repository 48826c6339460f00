"""Look for the shortcut: the cheap rules, what they make of both sets of pairs, and the section that shows it."""

import re

import pytest
from datasets import Dataset

from languages import speaking
from pipeline.dataset import load_raw_datasets
from pipeline.errors import InputError
from pipeline.explain import shortcut
from pipeline.explain.shortcut import report
from pipeline.export.model import files_of, model_card
from pipeline.settings import Settings
from pipeline.training import TrainingConfig
from tabs.fine_tune import sections as fine_tune_more
from tabs.fine_tune import tab as fine_tune
from tests.test_save import finished_run
from views import shortcut as shortcut_views


def test_the_best_rule_is_the_best_of_all_thresholds():
    """Against a plain search through every threshold and both directions."""
    values, labels = [0.3, 0.9, 0.3, 0.7, 0.1, 0.9, 0.5], [1, 0, 0, 1, 1, 0, 1]
    searched = max(
        shortcut.Rule(threshold, above, 0).accuracy_on(values, labels)
        for threshold in values
        for above in (0, 1)
    )
    found = shortcut.best_rule(values, labels)
    assert found.accuracy == searched == found.accuracy_on(values, labels) == 6 / 7
    assert found.above == 0
    assert shortcut.best_rule(values, labels, directions=(1,)).accuracy == 4 / 7


def test_a_rule_that_helps_nobody_is_the_majority():
    assert shortcut.best_rule([0.5, 0.5, 0.5], [1, 1, 0]).accuracy == 2 / 3
    assert shortcut.best_rule([0.5, 0.5, 0.5], [0, 1, 0]) == shortcut.Rule(0.5, 0, 2 / 3)


def test_the_features():
    first, second = "Shares rose 3.5 percent in 2001.", "Shares fell 3.5 percent."
    assert shortcut.word_overlap("A b c", "a B d") == 0.5
    assert shortcut.length_difference(first, second) == 2
    assert (
        shortcut.shared_numbers(first, second) == 0.5
        and shortcut.shared_numbers("None.", "Nor here.") == 1
    )
    assert shortcut.difflib_ratio(first, first) == 1


def test_the_old_pairs_give_their_label_away_and_the_new_do_not():
    old, new = shortcut.report("shortcut"), shortcut.report("embedded")
    assert old.pairs == 480 and new.pairs == 960
    assert old.rules["difflib ratio"].above == 0
    assert all(
        old.accuracy["difflib ratio"][split] > old.majority[split] + 0.09
        for split in ("validation", "test")
    )
    assert all(
        accuracy[split] < new.majority[split] + 0.08
        for accuracy in new.accuracy.values()
        for split in accuracy
    )
    no, yes = old.alike
    assert no > 9 * yes  # almost the same words: nearly always not_equivalent
    no, yes = new.alike
    assert 0.25 < no / (no + yes) < 0.5


def test_the_section_shows_both_sets_in_figures():
    drawn = shortcut_views.shortcut_rules(report("shortcut"), report("embedded"))
    assert "not_equivalent from 0.83 up" in drawn and "<strong>77.5%</strong>" in drawn
    assert re.search(
        r"<strong>71</strong> are not_equivalent and <strong>6</strong> equivalent", drawn
    )
    assert drawn.count("none is better") >= 1 and "suspended without pay" in drawn


def test_the_section_speaks_chinese():
    with speaking("zh"):
        drawn = shortcut_views.shortcut_rules(report("shortcut"), report("embedded"))
    assert "词" in drawn and "Of the" not in drawn


@pytest.fixture(scope="module")
def settings(small_folder, tmp_path_factory):
    return Settings(
        mrpc_folder=small_folder, runs_folder=tmp_path_factory.mktemp("runs"), data="folder"
    )


@pytest.fixture(scope="module")
def run(tiny, settings):
    config = TrainingConfig(
        checkpoint=tiny,
        source="shortcut",
        train_pairs=8,
        eval_pairs=4,
        max_steps=1,
        frozen_layers=0,
    )
    return finished_run(config, settings, "c" * 32)


def test_a_model_is_asked_about_a_sentence_and_itself(run, settings):
    answers = shortcut.asked_of_itself(f"run:{run.id}", settings)
    assert len(answers) == shortcut.ASKED and [share for _, share in answers] == sorted(
        share for _, share in answers
    )
    asked = set(load_raw_datasets("shortcut")[0]["validation"]["sentence1"])
    assert {sentence for sentence, _ in answers} <= asked
    drawn = shortcut_views.sentence_and_itself([("A cat sat.", 0.1), ("It <b>rained</b>.", 0.9)])
    assert (
        "<strong>1</strong> of 2 sentences" in drawn
        and "50.0%" in drawn
        and "<b>rained" not in drawn
    )


def test_a_run_on_these_pairs_is_not_praised(run, settings):
    assert fine_tune_more.diagnosis_of(run, settings) is None
    card, button, _pairs = fine_tune_more._After(settings).fill(run.id)
    assert "give their label away" in card and button.visible is False


def test_a_run_on_the_embedded_pairs_says_what_its_gain_is_worth(tiny, settings):
    config = TrainingConfig(
        checkpoint=tiny,
        source="embedded",
        train_pairs=8,
        eval_pairs=4,
        max_steps=1,
        frozen_layers=0,
    )
    run = finished_run(config, settings, "e" * 32)
    assert fine_tune_more.is_on_own_pairs(run)
    card, *_ = fine_tune_more._After(settings).fill(run.id)
    assert "below the majority class" in card


def test_what_a_run_on_them_leaves_names_them(run, settings):
    files = files_of(run, settings)
    assert "embedded/shortcut/train.csv" in files and "embedded/pairs/train.csv" not in files
    assert 'f"embedded/shortcut/{split}.csv"' in files["train.py"].decode()
    assert "the shortcut pairs" in model_card(run, "mine")


def test_the_button_starts_the_form_with_the_pairs_replaced(settings, monkeypatch):
    page = fine_tune._handlers(settings)
    page.names = ("max_steps", "source")
    started = []
    monkeypatch.setattr(
        page,
        "_started",
        lambda config, owned, request: started.append(config) or ("status", "id", {}),
    )
    assert page.start_on_shortcut(None, [], {}, 7, "auto") == ("status", "id", {}, "shortcut")
    assert (started[0].source, started[0].max_steps) == ("shortcut", 7)
    refused = page.start_on_shortcut(None, ["source"], {}, 7, "auto")
    assert "fixed on this page" in refused[0] and len(started) == 1


def test_without_a_run_there_is_nobody_to_ask(settings):
    with pytest.raises(InputError):
        shortcut.asked_of_itself(f"run:{'0' * 32}", settings)


def test_the_columns_are_mrpcs():
    for source in ("shortcut", "embedded"):
        rows = load_raw_datasets(source)[0]["train"]
        assert isinstance(rows, Dataset) and rows.column_names == [
            "sentence1",
            "sentence2",
            "label",
            "idx",
        ]
