"""The Tokenize tab under its grids: what a click sends is checked, what comes back is text, scripts give the screen's numbers."""

import ast
import html
import json
import re
from dataclasses import replace
from functools import partial

import gradio as gr
import pytest

from pipeline.collation import batch_view
from pipeline.dataset import load_raw_datasets, rows_at
from pipeline.explain.experiments import (
    Answer,
    Cost,
    MapTimes,
    compare_splits,
    padding_costs,
    split_of,
    ways_to_tokenize,
)
from pipeline.explain.why_cell import Why, why_token
from pipeline.hub.sources import embedded_checkpoint
from pipeline.settings import EMBEDDED_CHECKPOINT, NOTES_CHECKPOINT, READY, Settings
from pipeline.tokenization import token_view, tokenizer_for
from tabs.tokenize.api import tokenize_endpoint
from tabs.tokenize.batched import time_map
from tabs.tokenize.checkpoints import draw_checkpoints
from tabs.tokenize.inputs import load_split
from tabs.tokenize.other_ways import draw_ways
from tabs.tokenize.padding import draw_logits
from tabs.tokenize.padding_costs import count_costs, measure_costs
from tabs.tokenize.scripts import write_batch_script, write_pair_script
from tabs.tokenize.tab import build_tab
from tests.conftest import ROOT
from tests.processes.test_reproduce import said_by
from tests.unit.test_drawing import Outline, pair_view
from views import experiments as drawn_experiments
from views import tokens as drawn_tokens

HTML = '<img src=x onerror="alert(1)"> "quoted" \'single\' & déjà 🦜 \u202e\x07'
PAIR = ("Distorting mirrors sell well.", "A déjà vu of 300 mirrors!")
GRID = {
    "sentence1": PAIR[0],
    "sentence2": PAIR[1],
    "checkpoint": EMBEDDED_CHECKPOINT,
    "max_length": 128,
    "truncation": True,
}
ROWS = {
    "rows": "0-3",
    "split": "train",
    "checkpoint": EMBEDDED_CHECKPOINT,
    "max_length": 128,
    "truncation": True,
    "show": "pieces",
}


class Event:
    """A click as gradio hands it on."""

    def __init__(self, grid, row="piece", position=0, line=0, **more):
        written = grid if isinstance(grid, str) else json.dumps(grid)
        self._data = {"inputs": written, "row": row, "position": position, "line": line, **more}


@pytest.fixture
def tab(settings):
    with gr.Blocks():
        return build_tab(settings)


def said(drawn):
    """The text of a drawing."""
    return html.unescape(re.sub(r"<[^>]+>", " ", drawn))


# ---------------------------------------------------------------- why


def test_a_cell_of_the_pair_is_explained_in_a_live_region(tab):
    drawn = tab.pair.explain(Event(GRID, "token_type_ids", 6))
    assert (
        'role="status"' in drawn
        and "closes" in said(drawn)
        or "belongs to sentence 1" in said(drawn)
    )
    Outline(drawn)


def test_what_the_grid_sends_is_what_it_was_made_of(tab):
    """The handler's own grid, through the page and back: the explanation is about that pair, whatever is in the fields now."""
    for pair in (PAIR, (HTML, "b\u2028c \x00 d")):
        answer = tab.pair.draw(*pair, EMBEDDED_CHECKPOINT, 128, True)
        assert answer[tab.pair.explanation] == drawn_tokens.hint()
        [inputs] = re.findall(r'data-inputs="([^"]*)"', answer[tab.pair.grid])
        assert json.loads(html.unescape(inputs))["sentence1"] == pair[0]
        assert inputs.isascii() and not re.search(r"[\x00-\x1f]", inputs)
        tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT, settings=Settings())
        view = token_view(tokenizer, *pair)
        for position in (0, 1, len(view.tokens) - 1):
            made = tab.pair.explain(Event(html.unescape(inputs), "piece", position))
            why = why_token(view, position, "piece", tokenizer)
            sentence = pair[why.sentence - 1] if why.sentence else ""
            assert made == drawn_tokens.explanation(why, sentence)
            assert ("<mark>" in made) == bool(why.sentence)


def test_a_cell_of_the_batch_is_explained_with_its_sentence(tab, settings):
    dataset, _, _ = load_split("train", "mrpc", settings)
    first = said(tab.batch.explain("mrpc", Event(ROWS, "", 1, 2)))
    assert dataset[2]["sentence1"].split()[0] in first and "position 1" in first
    assert "<mark>" in tab.batch.explain("mrpc", Event(ROWS, "", 1, 2))
    label = said(tab.batch.explain("mrpc", Event(ROWS, "labels", -1, 1)))
    assert ("not_equivalent", "equivalent")[dataset[1]["label"]] in label


def test_each_cell_of_a_batch_has_the_grids_value(tab, settings):
    dataset, _, _ = load_split("train", "mrpc", settings)
    tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT, settings=Settings())
    view = batch_view(tokenizer, rows_at(dataset, range(4)))
    for show in ("input_ids", "token_type_ids", "attention_mask"):
        for line in (0, 3):
            for position in (0, view.lengths[line] - 1, max(view.lengths) - 1):
                drawn = tab.batch.explain("mrpc", Event({**ROWS, "show": show}, "", position, line))
                [value] = re.findall(r"<strong>(.*?)</strong>", drawn)
                assert said(value).strip() == str(view.tensors[show][line][position])


HOSTILE = [
    None,
    7,
    [],
    {},
    {"inputs": None},
    {"inputs": "{"},
    {"inputs": "[]"},
    {"inputs": "[" * 100_000},
    {"inputs": "1" * 70_000},
    {"inputs": "{}"},
    {
        "inputs": json.dumps({**GRID, **ROWS, "checkpoint": "../../etc/passwd"}),
        "row": "piece",
        "position": 0,
        "line": 0,
    },
    {
        "inputs": json.dumps({**GRID, **ROWS, "checkpoint": ["x"]}),
        "row": "piece",
        "position": 0,
        "line": 0,
    },
    {
        "inputs": json.dumps({**GRID, **ROWS, "max_length": 1e9}),
        "row": "piece",
        "position": 0,
        "line": 0,
    },
    {
        "inputs": json.dumps({**GRID, **ROWS, "truncation": "only_second"}),
        "row": "piece",
        "position": 0,
        "line": 0,
    },
    {
        "inputs": json.dumps({**GRID, **ROWS, "sentence1": 5, "split": ["train"]}),
        "row": "piece",
        "position": 0,
        "line": 0,
    },
    {"inputs": json.dumps({**GRID, **ROWS}), "row": "<script>", "position": 10**6, "line": 0},
    {"inputs": json.dumps({**GRID, **ROWS}), "row": "piece", "position": "0", "line": "0"},
    {
        "inputs": json.dumps({**GRID, **ROWS, "show": "<script>", "rows": "0-9999"}),
        "row": "<script>",
        "position": 0,
        "line": 99,
    },
    {
        "inputs": json.dumps({**GRID, **ROWS, "show": {"a": 1}}),
        "row": {"a": 1},
        "position": 0,
        "line": 0,
    },
]


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data)[:40])
def test_whatever_a_click_sends_becomes_a_message(tab, data, caplog):
    event = Event({})
    event._data = data
    for handler in (tab.pair.explain, partial(tab.batch.explain, "mrpc")):
        drawn = handler(event)
        assert "notice warning" in drawn and "<script" not in drawn and len(drawn) < 2000
        Outline(drawn)
    assert "unforeseen" not in caplog.text, "each was foreseen: the message names the value"


# ---------------------------------------------------------------- drawing


def test_what_a_visitor_wrote_stays_text(tokenizer):
    ways = drawn_experiments.ways(ways_to_tokenize(tokenizer, HTML, HTML))
    sides = drawn_experiments.checkpoints(
        compare_splits(*[split_of(tokenizer, HTML, HTML, 128, True, Settings())] * 2),
        [load_raw_datasets("embedded", Settings())[1]] * 2,
    )
    view = token_view(tokenizer, HTML, "b")
    whys = [
        drawn_tokens.explanation(why_token(view, token.position, row, tokenizer), HTML)
        for token in view.tokens
        for row in ("piece", "characters")
    ]
    grid = drawn_tokens.token_grid(view, {"sentence1": HTML})
    for drawn in (ways, sides, grid, *whys, drawn_tokens.no_explanation(HTML)):
        outline = Outline(drawn)
        assert not {"img", "script"} & set(outline.tags) and "onerror" not in dict(
            outline.attributes
        )
        assert "\u202e" not in drawn and "\x07" not in drawn


def cells_of(drawn):
    """[(row, what it shows)] of the cards' cells, in their order."""
    cells = re.findall(
        r'<(?:b|span) role="gridcell" data-row="(\w+)"[^>]*>(.*?)</(?:b|span)>\n', drawn
    )
    return [(row, said(shown).replace(" ", "")) for row, shown in cells]


def test_each_token_is_a_card_of_an_accessible_grid(tokenizer):
    view = token_view(tokenizer, *PAIR)
    drawn = drawn_tokens.token_grid(view)
    Outline(drawn)
    tokens = [
        (("piece", t.piece), ("input_ids", str(t.id)), ("token_type_ids", str(t.type_id)))
        for t in view.tokens
    ]
    assert cells_of(drawn) == [cell for token in tokens for cell in token]
    roles = re.findall(r'<div class="card (\w+)" role="row" data-position="(\d+)"', drawn)
    assert roles == [(token.role, str(token.position)) for token in view.tokens]
    assert drawn.count('role="columnheader"') == 3
    assert f'data-station="tokenizer">{len(tokens)} tokens · 3 special<' in drawn
    before, _seam, after = drawn.partition('class="seam"')
    types = [
        [shown for row, shown in cells_of(part) if row == "token_type_ids"]
        for part in (before, after)
    ]
    assert set(types[0]) == {"0"} and set(types[1]) == {"1"}


def test_a_pair_without_types_has_cards_without_them_and_no_seam():
    view = pair_view()
    plain = replace(
        view, has_type_ids=False, tokens=[replace(t, type_id=None) for t in view.tokens]
    )
    drawn = drawn_tokens.token_grid(plain)
    assert 'class="seam"' not in drawn
    assert {row for row, _shown in cells_of(drawn)} == {"piece", "input_ids"}


def test_the_grids_can_be_walked(tokenizer):
    view = token_view(tokenizer, *PAIR)
    drawn = drawn_tokens.token_grid(view)
    assert drawn.count('tabindex="0"') == 3, "a cell of each view, and the frame that scrolls"
    assert re.findall(r'<tr[^>]* data-row="(\w+)"', drawn) == [
        "piece",
        "input_ids",
        "token_type_ids",
        "attention_mask",
        "characters",
    ]
    assert 'role="grid"' in drawn
    lit = [
        place for places in re.findall(r'data-tokens="([\d ]+)"', drawn) for place in places.split()
    ]
    assert lit == [str(token.position) for token in view.tokens if token.sentence]


def test_an_explanation_shows_the_characters_around():
    why = Why("piece", 3, "x", "x", "sentence1", ("Because.",), 1, 100, 103)
    drawn = drawn_tokens.explanation(why, "a" * 100 + "mid" + "b" * 100)
    assert f"…{'a' * 40}<mark>mid</mark>{'b' * 40}…" in drawn


def test_tokens_that_share_characters_light_up_together(tiny_roberta_id):
    from pipeline.tokenization import load_tokenizer

    view = token_view(load_tokenizer(tiny_roberta_id, settings=Settings())[0], "rose🙂", "b")
    drawn = drawn_tokens.token_grid(view)
    emoji = [str(token.position) for token in view.tokens if token.text == "🙂"]
    assert (
        len(emoji) > 1 and f'data-tokens="{" ".join(emoji)}"' in drawn and drawn.count(">🙂<") == 1
    )


COST = Cost("dynamic", [(2, 52), (2, 52), (2, 45)], 298, 20, 20 / 298)
TOKENS = [(20, 52), (20, 45), (9, 45), (9, 52), (9, 40), (9, 44)]


def drawn_cost(**changes):
    return drawn_experiments.padding_costs([replace(COST, **changes)], TOKENS, 2)


def test_costs_say_what_was_measured_and_what_was_not():
    counted = said(drawn_cost())
    assert "298 cells, 7% padding" in " ".join(counted.split()) and "ms" not in counted
    measured = said(drawn_cost(seconds=0.1234, measured=True))
    assert "123 ms" in measured and "about" not in measured
    assert "2 × 52 (2 times), 2 × 45" in measured
    assert "about 123 ms" in said(drawn_cost(seconds=0.1234))
    few, many = (said(drawn_cost(seconds=0.1, measured=True, turns=turns)) for turns in (1, 5))
    assert "was run 1 time;" in few and "compare the cells" in few
    assert "was run 5 times;" in many and "compare the cells" not in many


def test_each_way_to_pad_has_a_picture_of_its_batches_in_one_scale():
    rows = [(20, 52), (10, 30), (10, 40), (5, 26)]
    lengths = [own for _first, own in rows]
    drawn = drawn_experiments.padding_costs(padding_costs(lengths, 2, 104), rows, 2)
    Outline(drawn)
    ways = re.findall(r'<figure class="cost ([\w-]+)">', drawn)
    assert ways == ["dynamic", "grouped-by-length", "longest-in-dataset", "max_length"]
    last = drawn.partition('class="cost max_length"')[2]
    assert re.findall(r'<div style="--width: ([\d.]+)%">', last) == ["100.0", "100.0"]
    bars = re.findall(r"--first: ([\d.]+)%; --own: ([\d.]+)%", last)
    assert sorted(bars) == sorted(
        (str(round(first / 1.04, 1)), str(round(own / 1.04, 1))) for first, own in rows
    )


def test_too_few_rows_to_group_are_said():
    """get_length_grouped_indices sorts len // (4 * batch_size) batches at a time: one batch is as good as none."""
    for count, told in ((8, True), (15, True), (16, False), (32, False)):
        lengths = [20 + 7 * row % 30 for row in range(count)]
        rows = [(9, length) for length in lengths]
        drawn = said(drawn_experiments.padding_costs(padding_costs(lengths, 2), rows, 2))
        assert ("needs at least 16 rows for batches of 2" in drawn) == told, count
    lengths = [20 + 7 * row % 30 for row in range(8)]
    rows = [(9, length) for length in lengths]
    drawn = drawn_experiments.padding_costs(padding_costs(lengths, 1), rows, 1)
    assert "needs at least" not in said(drawn), "alone, nothing is padded"


def answers(padded=0.0, unmasked=0.5, label=1):
    logits = [-1.0, 1.0]
    moved = [logits[0] + unmasked, logits[1]] if label else [2.0, 1.0]
    return [
        Answer("alone", 10, 10, logits, [0.1, 0.9], 0.0),
        Answer("padded", 20, 10, logits, [0.1, 0.9], padded),
        Answer("padded, mask removed", 20, 20, moved, [0.2, 0.8], unmasked),
    ]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (answers(), "doesn't change the logits."),
        (answers(3e-7), "by 3e-07 at most. That is rounding"),
        (answers(0.2), "by 0.2 at most: more than rounding explains"),
        (answers(), "happens to stay equivalent"),
        (answers(unmasked=3.0, label=0), "the label becomes not_equivalent"),
    ],
)
def test_the_proofs_sentence_is_read_off_its_numbers(made, says):
    assert says in said(drawn_experiments.logits_with_padding(made))


def test_the_ratio_is_said_either_way():
    slower = said(drawn_experiments.map_times(MapTimes(10, 1.0, 2.0, 1, True)))
    assert "0.5 times as fast" in slower and "one turn each" in slower
    assert "Usually it is faster" in slower
    faster = said(drawn_experiments.map_times(MapTimes(10, 2.0, 1.0, 1, True)))
    assert "2.0 times as fast" in faster and "Usually" not in faster
    assert "different input_ids" in said(
        drawn_experiments.map_times(MapTimes(10, 1.0, 2.0, 3, False))
    )


# ---------------------------------------------------------------- the sections' handlers


def test_one_tokenizer_twice_is_said_and_drawn_once(settings, tiny_roberta_id):
    """Offline two stand-ins are the same: "0 of them (dashed)" under two equal columns taught nothing."""
    first, second, _checkpoint, *rest = GRID.values()

    def compared(here, there):
        return draw_checkpoints(settings, first, second, here, *rest, there)

    for here, there, why in (
        (
            EMBEDDED_CHECKPOINT,
            NOTES_CHECKPOINT,
            f"stands in for {NOTES_CHECKPOINT}, because HF_HUB_OFFLINE is set",
        ),
        (NOTES_CHECKPOINT, "nobody/has-this", "The same goes for nobody/has-this."),
        (EMBEDDED_CHECKPOINT, READY, "Choose a different second checkpoint."),
    ):
        drawn = compared(here, there)
        Outline(drawn)
        assert (
            drawn.count('class="notice') == drawn.count('class="strip"') == 1
            and why in drawn
            and "dashed" not in drawn
        )
    assert compared(EMBEDDED_CHECKPOINT, tiny_roberta_id).count('class="strip"') == 2


def test_what_padding_costs_says_in_which_order_the_rows_come():
    from pipeline.collation import ORDER

    plain = " ".join(str(ORDER).replace("`", "").split())
    assert plain in " ".join(said(drawn_cost()).split()).replace("Trainer ,", "Trainer,")


def test_each_section_draws_or_says_what_is_wrong(settings, tiny_roberta_id):
    settings = replace(settings, experiment_seconds=0.1, max_mapped_rows=10)
    pair, rows = list(GRID.values()), list(ROWS.values())[:-1]
    drawn = [
        draw_ways(settings, *pair),
        draw_checkpoints(settings, *pair, tiny_roberta_id),
        draw_logits(settings, *pair, 8),
        count_costs(settings, *rows, 2),
        measure_costs(settings, *rows, 2),
        time_map(settings, *rows),
    ]
    for one in drawn:
        Outline(one)
        assert "notice" not in one
    assert "notice error" in draw_ways(settings, "", *pair[1:]) and "notice error" in draw_logits(
        settings, *pair, 0
    )
    assert "notice error" in draw_checkpoints(settings, *pair, "../x")
    for costs in (count_costs, measure_costs):
        assert "selects more than 32 rows" in costs(settings, "0-99", *rows[1:], 2)
        assert "batch_size is 0" in costs(settings, *rows, 0) or "max_rows" in costs(
            settings, *rows, 0
        )
    assert "ms<" not in count_costs(settings, *rows, 2)
    assert re.search(r"\d ms<", measure_costs(settings, *rows, 2))
    assert write_pair_script(settings, "", *pair[1:]).startswith("# sentence1 is empty")


def test_a_message_in_place_of_a_script_is_a_comment(settings):
    for checkpoint in ("x\nimport os", "x\rimport os", "x\x0cimport os\u2028import os"):
        script = write_pair_script(settings, *PAIR, checkpoint, 128, True)
        assert ast.parse(script).body == [], script


REST = ["train", EMBEDDED_CHECKPOINT, 128, True, "mrpc", "pieces", 2]


def test_a_refusal_has_its_own_place_and_goes_with_the_next_batch(tab, settings):
    batch = tab.batch
    answer = batch.search("no-such-word-anywhere", "0-3", *REST)
    assert "notice error" in answer[batch.refusal]
    assert not {batch.grid, batch.rows, batch.costs} & set(answer), "the batch stays as it is"
    assert answer[batch.seen_words] == "no-such-word-anywhere"
    word = load_raw_datasets("auto", settings)[0]["train"][5]["sentence1"].split()[0]
    answer = batch.search(word, "0-3", *REST)
    assert answer[batch.refusal] == "" and "batch-grid" in answer[batch.grid]
    assert "small-table" in answer[batch.tables] and "cost-pictures" in answer[batch.costs]
    assert re.fullmatch(r"\d+(, \d+)*", answer[batch.rows])
    assert answer[batch.seen_rows] == answer[batch.rows]
    answer = batch.draw("0-99", *REST)
    assert "selects more than 32 rows" in answer[batch.refusal]
    assert answer[batch.grid] == answer[batch.costs] == "", "it would not be what the field says"


def test_a_field_that_is_left_asks_for_what_is_new_alone(tab):
    batch = tab.batch
    unchanged = {batch.seen_rows: gr.skip()}
    assert batch.leave_rows("0-3", "0-3", *REST) == unchanged
    assert "batch-grid" in batch.leave_rows("0-7", "0-3", *REST)[batch.grid]
    assert batch.leave_words("", "", "0-3", *REST) == unchanged
    assert batch.leave_words("", "  ", "0-3", *REST) == unchanged
    assert batch.leave_words("zzzqqq", "zzzqqq", "0-3", *REST) == unchanged
    assert "notice error" in batch.leave_words("", "zzzqqq", "0-3", *REST)[batch.refusal]


def test_random_rows_show_the_datasets_numbers(tab):
    answer = tab.batch.shuffle("0-3", *REST)
    numbers = answer[tab.batch.rows].split(", ")
    assert len(numbers) == 8
    assert re.findall(r"<b>#(\d+)</b>", answer[tab.batch.grid]) == numbers


def test_a_row_of_the_batch_becomes_the_pair(tab, settings):
    pair = tab.pair
    row = load_raw_datasets("auto", settings)[0]["train"][5]
    answer = pair.take_row(5, "train", EMBEDDED_CHECKPOINT, 128, True)
    assert (answer[pair.sentence1], answer[pair.sentence2]) == (row["sentence1"], row["sentence2"])
    assert "token-grid" in answer[pair.grid]
    assert "Row 5 is now the page's pair" in said(answer[pair.told])
    for number in (10**6, None, -1):
        answer = pair.take_row(number, "train", EMBEDDED_CHECKPOINT, 128, True)
        assert list(answer) == [pair.told] and "notice warning" in answer[pair.told]


def test_the_tokens_follow_each_key_and_a_strangers_checkpoint_waits_for_a_pause(tab):
    pair = tab.pair
    rest, unchanged = [128, True], {pair.grid: gr.skip()}
    assert "token-grid" in pair.follow(*PAIR, EMBEDDED_CHECKPOINT, *rest)[pair.grid]
    assert pair.follow(*PAIR, "some/body", *rest) == unchanged


def test_an_answer_says_of_which_pair_it_is_and_so_does_a_message(tab):
    """static/pair.js dims what is not of the pair that is typed: a late answer never looks current."""
    for pair in (PAIR, ("  ", "b"), ("a" * 2001, HTML)):
        answer = tab.pair.draw(*pair, EMBEDDED_CHECKPOINT, 128, True)
        [written] = re.findall(r'data-pair="([^"]*)"', answer[tab.pair.grid])
        assert json.loads(html.unescape(written)) == list(pair)
    assert "notice error" in answer[tab.pair.grid] and answer[tab.pair.explanation] == ""


# ---------------------------------------------------------------- the scripts, run as they are


@pytest.fixture
def elsewhere(tmp_path, loopback, glue_folder):
    """A folder with nothing of ours to import, beside the embedded pairs, and a Hub with the checkpoint and MRPC's like."""
    client = loopback(
        "--model",
        f"{EMBEDDED_CHECKPOINT}={embedded_checkpoint()}",
        "--dataset",
        f"nyu-mll/glue={glue_folder}",
    )
    folder = tmp_path / "elsewhere"
    (folder / "pipeline").mkdir(parents=True)
    (folder / "pipeline" / "embedded").symlink_to(ROOT / "pipeline" / "embedded")
    return folder, client


@pytest.mark.parametrize(
    ("pair", "max_length", "truncation"),
    [
        (PAIR, 128, True),
        (("word " * 30, "and " * 30), 12, True),
        (("word " * 30, "and " * 30), 12, False),
        (('"""\\\' {x} %s\n\t\x00 #', "مرحبا 🦜 \u2028 \u202e"), 128, True),
    ],
)
def test_the_pairs_script_prints_the_screens_numbers(
    settings, elsewhere, pair, max_length, truncation
):
    script = write_pair_script(settings, *pair, EMBEDDED_CHECKPOINT, max_length, truncation)
    printed = said_by(script, elsewhere)
    shown = tokenize_endpoint(settings)(*pair, EMBEDDED_CHECKPOINT, max_length, truncation)[
        "tokens"
    ]
    lines = [line.split(maxsplit=1) for line in printed.splitlines()[: len(shown)]]
    assert [(int(number), piece) for number, piece in lines] == [
        (token["id"], token["piece"]) for token in shown
    ]
    encoding = ast.literal_eval(printed[printed.rindex("{'input_ids'") :].strip())
    assert encoding == {
        "input_ids": [token["id"] for token in shown],
        "token_type_ids": [token["type_id"] for token in shown],
        "attention_mask": [token["mask"] for token in shown],
    }


@pytest.mark.parametrize("source", ["embedded", "folder"])
def test_the_batchs_script_prints_the_screens_batch(settings, elsewhere, source):
    """The embedded pairs from their files; MRPC, read from a folder here, from the Hub there."""
    settings = replace(settings, data=source)
    script = write_batch_script(settings, "2, 0, 5-7", "validation", EMBEDDED_CHECKPOINT, 20, True)
    assert ('load_dataset("nyu-mll/glue"' in script) == (source == "folder")
    lengths, shapes, ids = (
        ast.literal_eval(line) for line in said_by(script, elsewhere).strip().splitlines()[-3:]
    )
    tokenizer, _ = tokenizer_for(EMBEDDED_CHECKPOINT, settings=Settings())
    rows = rows_at(load_raw_datasets("auto", settings)[0]["validation"], [2, 0, 5, 6, 7])
    view = batch_view(tokenizer, rows, 20)
    assert lengths == view.lengths and ids == view.tensors["input_ids"]
    assert {name: tuple(shape) for name, shape in shapes.items()} == view.shapes


def test_where_another_checkpoint_stands_in_the_script_has_the_one_that_is_shown(settings):
    script = write_pair_script(settings, *PAIR, "nobody/has-this", 128, True)
    assert script.startswith(f"# {EMBEDDED_CHECKPOINT} stands in for 'nobody/has-this'.\n")
    assert f"from_pretrained({EMBEDDED_CHECKPOINT!r})" in script
