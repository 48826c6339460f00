"""Look for the shortcut: the cheap rules, what they make of both sets of pairs, and the section that shows it."""

import re
from dataclasses import asdict

import gradio as gr
import pytest

from languages import speaking
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets
from pipeline.explain import shortcut
from pipeline.explain.shortcut import report
from pipeline.export.model import files_of, model_card
from pipeline.settings import Settings
from tabs.fine_tune import launch
from tabs.fine_tune.diagnosis import build_diagnosis, diagnosis_of, is_on_embedded_pairs
from tabs.fine_tune.tab import build_tab
from tests.model.test_save import finished_run
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
    assert drawn.count("no threshold is better") >= 1 and "suspended without pay" in drawn


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
    answers = shortcut.identical_sentences(f"run:{run.id}", settings)
    assert len(answers) == shortcut.ASKED and [share for _, share in answers] == sorted(
        share for _, share in answers
    )
    asked = set(load_raw_datasets("shortcut", Settings())[0]["validation"]["sentence1"])
    assert {sentence for sentence, _ in answers} <= asked
    drawn = shortcut_views.sentence_and_itself([("A cat sat.", 0.1), ("It <b>rained</b>.", 0.9)])
    assert (
        "<strong>1</strong> of 2 sentences" in drawn
        and "50.0%" in drawn
        and "<b>rained" not in drawn
    )


def diagnosed(run, settings):
    with gr.Blocks():
        section = build_diagnosis(settings, gr.State(""))
    return section, section.draw(run.id)


def test_a_run_on_these_pairs_is_not_praised(run, settings):
    assert diagnosis_of(run, settings) is None
    section, drawn = diagnosed(run, settings)
    card, button = drawn[section.card], drawn[section.remedy]
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
    assert is_on_embedded_pairs(run)
    section, drawn = diagnosed(run, settings)
    assert "below the majority class" in drawn[section.card]


def test_what_a_run_on_them_leaves_names_them(run, settings):
    files = files_of(run, settings)
    assert "embedded/shortcut/train.csv" in files and "embedded/pairs/train.csv" not in files
    assert 'f"embedded/shortcut/{split}.csv"' in files["train.py"].decode()
    assert "the shortcut pairs" in model_card(run, "mine")


def test_the_button_starts_the_form_with_the_pairs_replaced(settings, monkeypatch):
    with gr.Blocks():
        page = build_tab(settings).launch
    started, run_id = [], "0" * 32
    monkeypatch.setattr(
        launch, "start_run", lambda config, *_, **__: started.append(config) or (run_id, "secret")
    )
    values = {**asdict(TrainingConfig()), "max_steps": 7, "source": "auto"}
    form = [values[name] for name in page.controls]
    drawn = page.start_on_shortcut(None, [], {}, *form)
    assert drawn[page.panel.run_id] == run_id and drawn[page.panel.owned][run_id] == "secret"
    assert drawn[page.controls["source"]] == "shortcut" and page.panel.status in drawn
    assert (started[0].source, started[0].max_steps) == ("shortcut", 7)
    refused = page.start_on_shortcut(None, ["source"], {}, *form)
    assert list(refused) == [page.panel.status] and len(started) == 1
    assert "has its pairs fixed" in refused[page.panel.status]
