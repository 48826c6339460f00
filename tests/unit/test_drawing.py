"""Drawing: what a visitor typed stays text, tables have headers, curves survive bad numbers, colours can be read."""

import doctest
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pipeline.collation import BatchView, Column
from pipeline.metrics import METRICS, Metric
from pipeline.prediction import Prediction
from pipeline.tokenization import Token, TokenView
from tests.unit.test_charts import draw_curve
from views import charts, experiments, markup, render, runs
from views.predictions import probability_bars
from views.tokens import NO_TYPE_IDS, batch_grid, columns_table, shapes_table, token_grid
from web.page_files import page_style

SCRIPT = "<script>alert(1)</script>"
VOID = {"br", "img", "input", "hr", "wbr"}


class Outline(HTMLParser):
    """The tags of a drawing; open tags must be closed in order."""

    def __init__(self, drawn):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(drawn)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def token(piece, role, sentence=None, start=None, end=None, text="", type_id=0):
    return Token(0, piece, 7, type_id, int(role != "padding"), sentence, start, end, text, role)


def pair_view(first="hi", second="ho"):
    tokens = [
        token("[CLS]", "special"),
        token(first, "sentence1", 1, 0, len(first), first),
        token("[SEP]", "special"),
        token(second, "sentence2", 2, 0, len(second), second, type_id=1),
        token("[SEP]", "special"),
    ]
    return TokenView(first, second, tokens, True, 5, 128, ("", ""), [])


def batch(pieces=None):
    pieces = pieces or [
        ["[CLS]", "hi", "[SEP]", "ho", "##ho", "[SEP]"],
        ["[CLS]", "a", "[SEP]", "b", "[SEP]", "[PAD]"],
    ]
    mask = [[int(piece != "[PAD]") for piece in row] for row in pieces]
    columns = [
        Column("idx", "dropped", "", SCRIPT),
        Column("label", "renamed", "labels", "why"),
        Column("input_ids", "kept", "input_ids", "why"),
    ]
    tensors = {"input_ids": mask, "attention_mask": mask, "labels": [1, 0]}
    roles = [
        ["special", "sentence1", "special", "sentence2", "sentence2", "special"],
        ["special", "sentence1", "special", "sentence2", "special", "padding"],
    ]
    roles = [row[: len(names)] for row, names in zip(roles, pieces, strict=True)]
    return BatchView(
        columns, [6, 5], pieces, tensors, {"input_ids": (2, 6), "labels": (2,)}, 1, 12, roles
    )


ANSWER = Prediction(
    "equivalent", {"no": 0.2, "equivalent": 0.8}, {"no": -0.5, "equivalent": 0.9}, 37, ("", SCRIPT)
)
HOSTILE = {
    "token_grid": lambda: token_grid(replace(pair_view(SCRIPT, SCRIPT), notes=[SCRIPT])),
    "token_grid, cut": lambda: token_grid(
        replace(pair_view(), sentence1="hi" + SCRIPT, cut=(SCRIPT, ""))
    ),
    "batch_grid": lambda: batch_grid(
        batch([["[CLS]", SCRIPT, "[SEP]"], ["[CLS]", "a", "[PAD]"]]), [3, 5]
    ),
    "columns_table": lambda: columns_table(batch()),
    "curve": lambda: draw_curve({SCRIPT: [(1, 0.5)]}, {SCRIPT: 0.4}),
    "origin_line": lambda: markup.origin_line(SCRIPT, True),
    "notice": lambda: markup.notice(SCRIPT),
    "probability_bars": lambda: probability_bars(ANSWER),
    "run_status": lambda: runs.run_status("failed", 1, 2, None, SCRIPT),
    "result_table": lambda: runs.result_table([(Metric("x", SCRIPT, len), 0.1, 0.2, 0.3)]),
    "log_table": lambda: runs.log_table([{"step": 1, "loss": SCRIPT}]),
}


@pytest.mark.parametrize("drawn", HOSTILE.values(), ids=HOSTILE)
def test_html_stays_text(drawn):
    outline = Outline(drawn())
    assert "script" not in outline.tags
    assert "&lt;script&gt;" in drawn()


def test_quotes_cannot_leave_an_attribute():
    outline = Outline(draw_curve({'" onclick="x': [(1, 0.5)]}))
    assert "onclick" not in dict(outline.attributes)


@pytest.mark.parametrize(
    "hidden, seen",
    [
        ("\x00", "␀"),
        ("\t", "␉"),
        ("\x7f", "␡"),
        ("\ud800", "\ufffd"),
        ("\u202e", "⟨U+202E⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\x85", "⟨U+0085⟩"),
    ],
)
def test_what_cannot_be_seen_is_shown(hidden, seen):
    assert render.visible(f"a{hidden}b") == f"a{seen}b"


def test_emoji_families_stay_whole():
    assert render.visible("👩\u200d👧") == "👩\u200d👧"


def test_right_to_left_text_is_isolated_and_its_joint_stays_outside():
    drawn = token_grid(pair_view("##ع", "ho"))
    assert '<span class="joint">##</span><bdi>ع</bdi>' in drawn
    assert render.piece("##") == "<bdi>##</bdi>"


@pytest.mark.parametrize(
    "drawn",
    [
        token_grid(pair_view()),
        columns_table(batch()),
        shapes_table(batch()),
        draw_curve({"f1": [(1, 0.5)]}),
        probability_bars(ANSWER),
        runs.result_table([(METRICS["f1"], 0.1, 0.2, 0.3)]),
        runs.log_table([{"step": 1}]),
    ],
)
def test_tables_have_a_caption_and_headers(drawn):
    assert drawn.count("<table") == drawn.count("<caption>") == 1
    assert 'scope="row"' in drawn and re.search(r'scope="col(group)?"', drawn)
    assert all("scope=" in header for header in re.findall(r"<th[^>e]*>", drawn))
    Outline(drawn)


def test_every_row_of_the_token_grid_is_as_wide_as_the_pair():
    for row in re.findall(r"<tr.*?</tr>", token_grid(pair_view())):
        cells = re.findall(r"<t[dh]([^>]*)>", row)[1:]
        assert sum(int((re.findall(r'colspan="(\d+)"', cell) or [1])[0]) for cell in cells) == 5


def test_absent_type_ids_are_explained():
    view = pair_view()
    view = replace(
        view, has_type_ids=False, tokens=[replace(one, type_id=None) for one in view.tokens]
    )
    drawn = token_grid(view)
    assert NO_TYPE_IDS in drawn and "None" not in drawn and "seam" not in drawn


def test_cut_text_is_struck_out_where_it_stood():
    drawn = token_grid(replace(pair_view(), sentence2="ho and more", cut=("", "and more")))
    assert "<del> and more</del>" in drawn and drawn.count("cut by truncation") == 1


def test_nothing_is_struck_out_of_a_whole_sentence():
    assert "<del>" not in token_grid(pair_view())


def batch_data(drawn):
    """What the picture of a batch is drawn from."""
    [written] = re.findall(r'<template class="batch-data" data-batch="(.*?)"></template>', drawn)
    assert written.isascii()
    return json.loads(html.unescape(written))


def test_the_picture_has_each_cell_and_counts_the_padding():
    drawn = batch_grid(batch(), [339, 12], {"rows": "339, 12"})
    Outline(drawn)
    data = batch_data(drawn)
    assert data["roles"] == ["s1s22s", "s1s2sp"]
    assert data["pieces"][1][-1] == "[PAD]" and data["labels"] == [1, 0]
    assert data["tensors"] == {
        name: batch().tensors[name] for name in ("input_ids", "attention_mask")
    }
    said = " ".join(re.sub(r"<[^>]+>", " ", drawn).split())
    assert "2 rows become one batch: 2 × 6" in said
    assert "hatched: padding from the collator, 1 of 12 cells (8%)" in said
    assert "6 positions: #339 is the longest" in said
    assert 'data-station="collator">2 × 6 · 8% padding<' in drawn


def test_a_row_of_the_batch_is_a_button_with_its_number_in_the_dataset():
    drawn = batch_grid(batch(), [339, 12])
    assert re.findall(r'data-take="(\d+)"', drawn) == ["339", "12"]
    assert 'aria-label="Row 12, 5 tokens: use it as the pair"' in drawn
    assert 'class="batch-bracket" style="--line: 0"' in drawn, "at the longest row"


def test_shapes_read_as_torch_prints_them():
    assert "torch.Size([2, 6])" in shapes_table(batch())


def test_an_answer_shows_shares_logits_and_what_was_cut():
    drawn = probability_bars(ANSWER)
    assert (
        "80.0%" in drawn
        and "-0.500" in drawn
        and "37 tokens" in drawn
        and "Cut from sentence 2" in drawn
    )


def test_the_worked_examples_hold():
    assert [
        doctest.testmod(module).failed for module in (charts, experiments, markup, render, runs)
    ] == [0] * 5


# ---------------------------------------------------------------- colours

CSS = page_style()
TEXT_ON = [
    ("ink", "paper"),
    ("quiet", "paper"),
    ("quiet", "head"),
    ("quiet", "hatch"),
    ("one-ink", "one"),
    ("two-ink", "two"),
    ("special-ink", "special"),
    ("warn-ink", "warn"),
    ("bad-ink", "bad"),
    ("good-ink", "good"),
]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [":root", ".dark"])
@pytest.mark.parametrize("ink, ground", TEXT_ON)
def test_text_can_be_read(theme, ink, ground):
    block = CSS[CSS.index(theme + " {") :].partition("}")[0]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_every_colour_that_is_used_is_defined_in_both_themes():
    light, dark = (
        set(re.findall(r"--([\w-]+): #", CSS[CSS.index(name) :].partition("}")[0]))
        for name in (":root {", ".dark {")
    )
    sizes = {"font-mono", "share", "v", "cell", "letter", "narrow", "parts", "width"}
    sizes |= {"first", "line", "own", "row", "rows", "full", "high", "low"}
    sizes |= {"heads", "layers", "picture", "size", "deepest", "at"}
    sizes |= {"gold", "tone"}  # one of the others
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS)) - sizes
    assert light == dark and used <= light


def test_nothing_is_fetched():
    assert not re.search(r"url\(|@import|https?:", CSS)
