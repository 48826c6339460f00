"""The heads as pictures and on cards: what is drawn is what was computed, escaped, and small."""

import base64
import io
import json
import re
from html import unescape

import numpy
import pytest
from PIL import Image

from pipeline.hub.sources import Origin
from pipeline.inside.attention import Habits, Head, Heads, Looks, Padding
from views.inside_attention import (
    habits_table,
    head_cards,
    heads_picture,
    looks_table,
    padding_shown,
)

PIECES = ["[CLS]", "<b>", "##ing", "[SEP]", "<b>", "[SEP]"]
SENTENCES = [None, 0, 0, None, 1, None]
INPUTS = {"sentence1": "<b>ing", "sentence2": "<b>", "model": "adapter:paraphrase"}
ORIGIN = Origin("a", "a", "embedded", "")


def random(*shape):
    return numpy.random.default_rng(0).random(shape, dtype="float32")


def heads(layers=2, count=3, side=6, pieces=PIECES, sentences=SENTENCES, **kinds):
    pictures = (random(layers, count + 1, side, side) * 256).astype("uint8")
    shares = kinds or {"same": random(layers, count), "previous": random(layers, count)}
    looks = Looks(
        {kind: each.tolist() for kind, each in shares.items()}, dict.fromkeys(shares, 0.25)
    )
    cells = [[picture.tobytes() for picture in layer] for layer in pictures]
    return Heads(list(pieces), list(sentences), side, cells, looks, None, ORIGIN)


def head(token=1, number=2, rows=6, weights=None):
    weights = random(rows, 6) if weights is None else numpy.array(weights, dtype="float32")
    weights = weights / weights.sum(-1, keepdims=True)
    shown = list(range(6)) if rows == 6 else [token]
    return Head(1, number, token, PIECES, SENTENCES, shown, weights.tolist(), 2, bytes(4))


def drawn_pngs(html):
    found = re.findall(r"data:image/png;base64,([\w+/=]+)", str(html))
    return [Image.open(io.BytesIO(base64.b64decode(written))) for written in found]


def test_a_picture_is_darker_where_a_head_looks_more():
    shown = heads()
    images = drawn_pngs(heads_picture(shown, INPUTS))
    assert len(images) == 2 * 4  # a layer's heads and their mean
    for image, picture in zip(images, [cells for layer in shown.pictures for cells in layer]):
        alpha = numpy.asarray(image.convert("RGBA"))[..., 3]
        assert numpy.abs(alpha.astype(int).ravel() - list(picture)).max() <= 255 / 15 / 2 + 1


def test_every_head_can_be_chosen_and_says_what_it_does():
    html = unescape(str(heads_picture(heads(previous=random(2, 3)), INPUTS)))
    cells = re.findall(r'role="gridcell" data-layer="(\d)" data-head="(\w+)"', html)
    assert cells == [(layer, name) for layer in "12" for name in ("1", "2", "3", "mean")]
    share = round(100 * float(random(2, 3)[1, 2]))
    assert f'aria-label="layer 2, head 3 · the token before: {share}%"' in html


def test_the_best_heads_are_named_with_their_shares():
    shares = numpy.array([[0.1, 0.981, 0.2], [0.3, 0.05, 0.449]], dtype="float32")
    html = re.sub(r"<[^>]+>", "", str(looks_table(heads(separator=shares), INPUTS)))
    assert re.search(r"\[SEP\]\s*1·2 98%2·3 45%2·1 30%\s*25%", html), html


def test_cards_say_in_percent_where_the_token_looks():
    weights = [[1] * 6] * 6
    weights[1] = [0.0049, 0.0051, 0.5, 0.2349, 0.2351, 0.02]
    html = str(head_cards(head(weights=weights), INPUTS))
    said = re.findall(r'data-position="(\d)".*?<span>(\d+%)</span></div>', html)
    assert said == [("0", "0%"), ("1", "1%"), ("2", "50%"), ("3", "23%"), ("4", "24%"), ("5", "2%")]
    sent = json.loads(unescape(re.search(r'data-shares="([^"]+)"', html)[1]))
    assert len(sent) == 6 and sent[1][2] == 5000 and sent[0] == [1666] * 6
    assert "Layer 1, head 2: where" in html and "&lt;b&gt;" in html and "<bdi><b>" not in html


def test_the_table_names_the_five_at_which_each_token_looks_most():
    shown = head()
    html = unescape(re.sub(r"<[^>]+>", "|", str(head_cards(shown, INPUTS)).partition("<table")[2]))
    for row in range(6):
        for position, weight in shown.most(row):
            assert re.search(rf"\|{position}\|\s*{round(weight * 100)}%", html), (row, position)
    assert html.count("looks at, ") == 5


def test_a_long_pair_sends_the_chosen_row_alone():
    html = str(head_cards(head(token=4, rows=1), INPUTS))
    assert (
        'data-rows="one"' in html
        and len(json.loads(re.search(r'data-shares="([^"]+)"', html)[1])) == 1
    )
    assert html.count("<tr>") == 2


def test_the_mean_of_a_layer_is_called_so():
    html = str(head_cards(head(number=None), INPUTS))
    assert "Layer 1, mean of its heads: where" in html and 'data-head="mean"' in html


@pytest.mark.parametrize("layers,count,side", [(12, 12, 64), (24, 16, 39)])
def test_all_heads_of_a_large_model_stay_small(layers, count, side):
    """Noise can't be compressed: no picture of these sizes takes more."""
    pieces, sentences = ["a"] * 512, [0] * 512
    shown = heads(layers, count, side, pieces, sentences)
    assert len(heads_picture(shown, INPUTS)) < 700_000


def test_a_habit_stands_beside_the_pair():
    over_many, on_this = random(2, 3), random(2, 3) / 2
    habits = Habits(Looks({"next": over_many.tolist()}, {"next": 0.02}), 3, 5, 1.26)
    text = re.sub(r"<[^>]+>", "", str(habits_table(habits, heads(next=on_this), "MRPC")))
    layer, number, share = habits.looks.best("next")[0]
    here = on_this[layer - 1, number - 1]
    assert re.search(rf"layer {layer}, head {number} {share:.0%}\s*{here:.0%}\s*2%", text), text
    assert "3 rows (MRPC), measured in 1.3 s" in text and "3 of 5 pairs" in text


def padded(masked):
    shares = [[0.25, 0.75], [0.1, 0.3]]
    logits = [0.5, -0.25]
    return Padding(6, 10, masked, shares, 0.4, logits, logits, [0.1, 0.2], ["no", "yes"], ORIGIN)


def test_padding_gets_exactly_nothing_or_is_said_to_get_something():
    text = re.sub(r"<[^>]+>", "", str(padding_shown(padded(0.0))))
    assert "4 cells of padding" in text and "exactly 0, in all 4 heads" in text
    assert re.search(r"1\s*0\s*50%\s*head 2 75%", text), text
    text = re.sub(r"<[^>]+>", "", str(padding_shown(padded(1e-9))))
    assert "exactly 0, in all" not in text and "1e-09" in text
