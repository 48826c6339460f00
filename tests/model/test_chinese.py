"""Chinese pairs with an English checkpoint: they are here offline, and what they are worth is said."""

from dataclasses import replace

import pytest

from languages import speaking
from pipeline.config import TrainingConfig
from pipeline.dataset import load_raw_datasets, planned_pairs
from pipeline.explain.forecast import forecast
from pipeline.settings import CHECKPOINTS, CHINESE_CHECKPOINT, EMBEDDED_CHECKPOINT
from pipeline.task import AFQMC, CHINESE_PAIRS, EMBEDDED_ZH, LABELS, MRPC, PAWS_X_ZH, task_named
from pipeline.tokenization import pair_view, tokenizer_for
from pipeline.vocabulary import unknown_characters, unknown_notes

CHINESE = "油价上涨。", "油价下跌。"


@pytest.fixture(scope="module")
def tokenizer():
    from pipeline.settings import Settings

    return tokenizer_for(EMBEDDED_CHECKPOINT, Settings())[0]


def test_the_task_comes_with_the_app(settings):
    task = task_named("embedded-zh", settings)
    raw_datasets, origin = load_raw_datasets("auto", settings, task)
    assert {split: len(rows) for split, rows in raw_datasets.items()} == task.rows
    assert raw_datasets["train"].features["label"].names == list(LABELS)
    assert raw_datasets["train"].column_names == ["sentence1", "sentence2", "label", "idx"]
    assert (origin.place, origin.stands_in) == ("embedded", False)
    assert planned_pairs("auto", settings, task)[0] == task.rows
    with speaking("zh"):
        assert str(origin).startswith("内置的中文句对")


@pytest.mark.parametrize("task", [PAWS_X_ZH, AFQMC], ids=lambda task: task.name)
def test_they_stand_in_for_the_chinese_tasks_and_say_so(task, settings, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = replace(settings, data="auto")
    raw_datasets, origin = load_raw_datasets("auto", settings, task)
    assert origin.stands_in and str(origin).startswith(
        "embedded Chinese pairs (embedded): stand in"
    )
    assert list(raw_datasets) == list(task.splits)
    labels = raw_datasets["train"].features["label"]
    assert labels.names == list(task.labels)
    ours = load_raw_datasets("auto", settings, EMBEDDED_ZH)[0]["train"]
    assert raw_datasets["train"]["label"] == ours["label"]  # 1 means the same in all three


def test_bert_base_chinese_is_offered():
    assert CHINESE_CHECKPOINT in CHECKPOINTS


# ---------------------------------------------------------------- what English vocabulary lacks


def test_unknown_characters_are_those_of_the_unknown_token(tokenizer):
    unknown, count = unknown_characters(tokenizer, CHINESE)
    known = [character for text in CHINESE for character in text if character not in unknown]
    assert count == 10 and len(unknown) + len(known) == 10
    assert all(tokenizer.tokenize(character) != ["[UNK]"] for character in known)
    assert all(tokenizer.tokenize(character) == ["[UNK]"] for character in unknown)


def test_a_pair_says_its_own_share(tokenizer, settings):
    view = pair_view(tokenizer, *CHINESE, 128, True, settings)
    unknown, count = unknown_characters(tokenizer, CHINESE)
    [note] = [note for note in view.notes if "[UNK]" in note]
    assert note.startswith(f"{len(unknown) / count:.0%} of the characters become [UNK]")
    assert CHINESE_CHECKPOINT in note
    with speaking("zh"):
        assert "字符变成了 [UNK]" in str(note)


def test_an_english_pair_and_one_emoji_say_nothing(tokenizer):
    assert unknown_notes(tokenizer, ["The harbor was closed on Tuesday 🥳", "It was shut."]) == []
    assert unknown_notes(tokenizer, []) == []


def test_other_unknown_characters_are_not_called_chinese(tokenizer):
    [note] = unknown_notes(tokenizer, ["🥳🥳 ok"])
    assert "[UNK]" in note and CHINESE_CHECKPOINT not in note


def test_a_forecast_says_the_share_of_its_pairs(settings):
    """Of the embedded Chinese pairs most characters; of the English ones none."""
    config = TrainingConfig(task_name="embedded-zh")
    [note] = [note for note in forecast(config, settings).notes if "[UNK]" in note]
    share = int(note.split("%")[0])
    assert 50 <= share <= 75 and CHINESE_CHECKPOINT in note
    english = replace(config, task_name=MRPC.name, source="embedded")
    assert not any("[UNK]" in note for note in forecast(english, settings).notes)


# ---------------------------------------------------------------- the Chinese page


def test_the_chinese_page_offers_chinese_pairs_beside_the_english_ones(settings):
    import gradio as gr

    from tabs.predict.tab import CHINESE_EXAMPLES, EXAMPLES, build_tab

    def offered(language):
        with speaking(language), gr.Blocks() as page:
            build_tab(settings)
        [examples] = [one for one in page.blocks.values() if isinstance(one, gr.Dataset)]
        return examples.samples

    assert offered("zh") == [*EXAMPLES, *CHINESE_EXAMPLES]
    assert offered("en") == EXAMPLES


def test_the_chinese_examples_are_of_the_embedded_pairs_items():
    """The first of each is a sentence of the recipe's facts: nothing else was made up for the page."""
    from recipes.embedded_pairs import CHINESE as MADE
    from recipes.embedded_pairs import read_facts
    from tabs.predict.tab import CHINESE_EXAMPLES

    sentences = {fact.sentence for facts in read_facts(MADE.facts).values() for fact in facts}
    assert {first for first, _second in CHINESE_EXAMPLES} <= sentences


def test_the_card_says_the_share_of_all_pairs(tokenizer, settings):
    raw_datasets, _origin = load_raw_datasets("auto", settings, EMBEDDED_ZH)
    texts = [
        text
        for rows in raw_datasets.values()
        for name in ("sentence1", "sentence2")
        for text in rows[name]
    ]
    unknown, count = unknown_characters(tokenizer, texts)
    card = (CHINESE_PAIRS / "README.md").read_text(encoding="utf-8")
    assert f"**{len(unknown) / count:.0%} of all characters" in card
