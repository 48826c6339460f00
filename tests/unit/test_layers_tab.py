"""The Layers tab without a browser: what the address asks for, and pictures whose formulas can be checked by hand."""

import html
import json
import math
import re
from types import SimpleNamespace

import gradio as gr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from languages import speaking
from layers.claims import claims
from layers.claims.guess import HOLDS, borne_out, guesses_at
from layers.play.backward import LOSSES
from layers.updater import compare
from pipeline.classes.store import create_class, join_class, pupil_of
from pipeline.questions.of_layers import Played
from pipeline.settings import Settings
from tabs.layers.address import Address, read_address
from tabs.layers.check import layers_played, played_controls
from tabs.layers.claims import build_claims, find_claim, is_so, result_as_dict
from tabs.layers.play import BACKWARD, build_play, draw, place_of, with_reason
from tabs.layers.topics import INSIDE_BERT, TOPICS
from tabs.layers.topics.convolution import KERNELS, play_convolution
from tabs.layers.topics.dropout import DROPOUTS, play_dropout
from tabs.layers.topics.losses import EXAMPLES, play_losses
from tabs.layers.topics.normalization import play_normalization
from tabs.layers.topics.padding import play_padding
from tabs.layers.topics.pooling import play_pooling
from tabs.layers.updater import draw_updater
from tests.support.calculator import holds, value_of
from views.claims import claim_cards
from views.updater import updater_summary

# ---------------------------------------------------------------- the address


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ({}, Address()),
        ({"tab": "predict", "topic": "dropout"}, Address()),
        ({"tab": "layers"}, Address("play", topic="convolution")),
        ({"tab": "layers", "topic": "dropout"}, Address("play", topic="dropout")),
        ({"tab": "layers", "topic": "updater"}, Address("updater")),
        ({"tab": "layers", "topic": "claims"}, Address("claims")),
        (
            {"tab": "layers", "claim": "conv-sum-or-average"},
            Address("claims", claim="conv-sum-or-average", section="conv"),
        ),
        (
            {"tab": "layers", "claim": "hf-eight-lengths", "topic": "loss"},
            Address("claims", claim="hf-eight-lengths", section="collating"),
        ),
    ],
)
def test_the_address_opens_a_part(query, address):
    assert read_address(query) == address


@pytest.mark.parametrize("claim", ["conv-sum", "<script>", "x" * 9000, "\ud800"])
def test_a_claim_that_is_not_here_is_said_and_a_near_one_named(claim):
    address = read_address({"tab": "layers", "claim": claim})
    assert address.part == "claims" and not address.claim and "is not a claim" in address.message
    assert len(address.message) < 400


def test_a_topic_that_is_not_here_is_said():
    address = read_address({"tab": "layers", "topic": "pool"})
    assert (
        address.part == "play"
        and "'pool', which doesn't exist" in address.message
        and "pooling" in address.message
    )


# ---------------------------------------------------------------- formulas, checked with a calculator


def lines(drawn, pattern=r"<(?:p|td)(?! class=\"notice)[^>]*>([^<]*[=≈][^<]*)</(?:p|td)>"):
    """The equations of a picture, without the words before them."""
    found = [html.unescape(line).split(", minus 1")[0] for line in re.findall(pattern, drawn)]
    return [line.rsplit(": ", 1)[-1].removeprefix("sum / n = ") for line in found]


def check(drawn, at_least):
    """Each equation holds: = to the last digit shown, ≈ to what four digits can say."""
    found = lines(drawn)
    assert len(found) >= at_least, found
    for line in found:
        *terms, _result = re.split(r" [=≈] ", line)
        assert terms, line
        holds(line)


def forward(play):
    """What a topic draws with these values of its controls, forward."""
    return lambda *values: play(*values).forward()


draw_convolution, draw_dropout, draw_losses = map(
    forward, (play_convolution, play_dropout, play_losses)
)
draw_normalization, draw_padding, draw_pooling = map(
    forward, (play_normalization, play_padding, play_pooling)
)


def convolution(
    kernel_size=3,
    stride=1,
    padding=1,
    dilation=1,
    in_channels=1,
    out_channels=1,
    groups=1,
    bias=True,
    same=False,
    mode="zeros",
    kernel="as Conv2d draws it",
    size=(6, 6),
    seed=0,
    at=(0, 0, 0),
):
    numbers = (kernel_size, stride, padding, dilation)
    return draw_convolution(
        *numbers,
        False,
        *numbers,
        in_channels,
        out_channels,
        groups,
        bias,
        same,
        mode,
        kernel,
        *size,
        seed,
        *at,
    )


def test_input_kernel_and_output_stand_side_by_side():
    drawn = convolution(in_channels=2, out_channels=3, at=(2, 0, 1))
    parts = re.findall(r'<div class="part"', drawn)
    assert len(parts) == 3 and re.findall(r'"sign" aria-hidden="true">(.)<', drawn) == ["∗", "="]
    captions = re.findall(r"<caption><span>(.*?)</span>", drawn)
    # Both inputs, what the followed output channel makes of each, all outputs
    assert captions[:7] == [
        *("channel 0", "channel 1"),
        *("input 0 → output 2", "input 1 → output 2"),
        *("channel 0", "channel 1", "channel 2"),
    ]
    worked = drawn.index("Output channel 2, row 0, column 1")
    assert drawn.index("channel 2</span>") < worked < drawn.index('<pre class="command"')


@pytest.mark.parametrize("at", [(0, 9, 9), (3, 14, 14)])
def test_what_is_followed_stays_inside_the_output(at):
    """An address may still ask for more than the output has by now."""
    drawn = convolution(size=(4, 3), padding=0, at=at)
    assert "Output channel 0, row 1, column 0" in drawn and drawn.count('data-place="') == 2


@pytest.mark.parametrize("name", ["convolution", "pooling", "normalization"])
def test_no_control_follows_a_number_that_is_not_there(name):
    with gr.Blocks():
        controls = TOPICS[name].build()
    assert controls.followed and all(isinstance(one, gr.Number) for one in controls.followed)
    assert list(controls.inputs[-len(controls.followed) :]) == list(controls.followed)
    assert all(
        one.parent.elem_classes == ["followed"] or one.parent.parent.elem_classes == ["followed"]
        for one in controls.followed
    )


@given(
    st.integers(0, 20),
    st.sampled_from(list(KERNELS)),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 5),
)
def test_a_convolutions_sums_check(seed, kernel, channels, bias, row):
    check(
        convolution(kernel=kernel, in_channels=channels, bias=bias, seed=seed, at=(0, row, 2)),
        at_least=4,
    )


@pytest.mark.parametrize("seed", range(21))
def test_a_drawn_kernels_sums_are_exact(seed):
    """The worked sum is an equation, not an approximation, whatever the seed."""
    drawn = convolution(in_channels=2, seed=seed)
    worked = [line for line in lines(drawn) if "floor" not in line]
    assert len(worked) == 3 and not any("≈" in line for line in worked)
    for line in worked:
        left, right = line.split(" = ")
        assert round(value_of(left), 2) == value_of(right), line


def test_padding_same_and_what_it_can_not_do():
    check(convolution(kernel_size=4, same=True), at_least=4)
    drawn = with_reason(draw_convolution)
    numbers = (3, 2, 1, 1)
    refused = drawn(
        *numbers,
        False,
        *numbers,
        1,
        1,
        1,
        True,
        True,
        "zeros",
        "as Conv2d draws it",
        6,
        6,
        0,
        0,
        0,
        0,
    )
    assert 'role="alert"' in refused and "Choose stride 1" in refused


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 9),
)
def test_a_poolings_lines_check(kernel, stride, dilation, default, ceil_mode, negative, row):
    numbers = (kernel, stride, kernel // 2, dilation)
    drawn = draw_pooling(
        *numbers, False, *numbers, default, ceil_mode, True, 2, negative, 7, 7, 0, 1, row, 0
    )
    check(drawn, at_least=3)
    assert ("stride=" in drawn) != default


def test_padding_never_wins_where_all_is_negative():
    numbers = (2, 2, 1, 1)
    drawn = draw_pooling(*numbers, False, *numbers, False, False, True, 1, True, 5, 5, 0, 0, 0, 0)
    assert "max(−∞, −∞, −∞, −6) = −6" in drawn


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(2, 4),
    st.integers(1, 9),
    st.sampled_from([0.1, 0.5, None]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1e-5, 0.1]),
)
def test_batch_norms_lines_check(n, channels, size, passes, momentum, affine, track, eps):
    drawn = draw_normalization(
        n,
        channels,
        size,
        passes,
        momentum or 0.1,
        momentum is None,
        eps,
        affine,
        1,
        0,
        track,
        0,
        1,
        1,
        1,
        1,
    )
    check(drawn, at_least=5 if track else 2)


def test_the_first_cell_of_batch_norm_reads_as_in_a_book():
    drawn = lines(draw_normalization(1, 1, 2, 1, 0.1, False, 1e-5, True, 2, 1, True, 0, 0, 0, 0, 0))
    assert drawn == [
        "(4 − 4) / √(10.5 + 1e-05) · 2 + 1 = 1",
        "(1 − 0.1) · 0 + 0.1 · 4 = 0.4",
        "10.5 · 4 / (4 − 1) = 14",
        "(1 − 0.1) · 1 + 0.1 · 14 = 2.3",
        "(4 − 0.4) / √(2.3 + 1e-05) · 2 + 1 ≈ 5.7475",
    ]


@pytest.mark.parametrize("layer", DROPOUTS)
@pytest.mark.parametrize("p", [0, 0.05, 0.5, 0.95, 1])
def test_dropouts_lines_check(layer, p):
    drawn = draw_dropout(layer, "(2, 3, 5) = N, C, L", p, 1)
    check(drawn.replace("1 / (1 − p) = ", ""), at_least=1 if p < 1 else 0)
    assert ("no element is left to scale" in drawn) == (p == 1)
    assert ("PyTorch runs it, and warns" in drawn) == (layer == "Dropout2d")


@pytest.mark.parametrize(
    ("loss", "predict", "target"),
    [
        *((loss, *numbers) for loss, numbers in EXAMPLES.items()),
        ("MSELoss", "0.1, -3; 7, 1e3", "1, 2; -7, 1"),
        ("CrossEntropyLoss", "2, 1, -1; 0, 3, 1", "0.5, 0.5, 0; 0, 1, 0"),
        ("CrossEntropyLoss", "2, 1", "1"),
    ],
)
def test_a_losss_lines_check(loss, predict, target):
    check(draw_losses(loss, predict, target), at_least=3)


def test_a_long_sum_is_not_written_out():
    numbers = ", ".join(map(str, range(40)))
    assert lines(draw_losses("L1Loss", numbers, numbers))[-2].endswith("+ 0 + … = 0")


def test_padded_sizes_check():
    check(draw_padding(2, 4, 5, 0, "zeros"), at_least=2)


def test_losses_that_do_not_fit_say_why():
    refused = with_reason(draw_losses)("CrossEntropyLoss", "1, 2; 3, 4", "0, 5")
    assert 'role="alert"' in refused and "there are 2 classes" in refused


# ---------------------------------------------------------------- backward


def starts_with(slug):
    """The values that a topic's controls have at first."""
    with gr.Blocks():
        return [control.value for control in TOPICS[slug].build().inputs]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("slug", TOPICS)
def test_every_topic_is_worked_out_backward(slug, loss):
    drawn = draw(slug, BACKWARD, loss, 0, 0, 0, 0, 0, *starts_with(slug))
    # What arrives, then a gradient of each tensor; a click on each cell says which it is
    stages = re.findall(r'data-stage="(\w+)"><h4>(.*?)[ <]', drawn)
    assert stages[:2] in (
        [("loss", "∂L/∂output"), ("gradient", f"∂L/∂{leaf}")]
        for leaf in ("input", "prediction", "query", "weight")
    )
    check(drawn, at_least=0 if "its gradient is 0." in drawn else 1)
    assert drawn.count("<pre><code>") == 1 and 'role="alert"' not in drawn


@pytest.mark.parametrize("slug", TOPICS)
def test_a_click_on_a_gradient_works_out_that_one(slug):
    values = starts_with(slug)
    drawn = draw(slug, BACKWARD, "drawn", 0, 0, 0, 0, 0, *values)
    gradients = drawn[drawn.index('data-stage="gradient"') :]
    cells = re.findall(r'data-place="([\d ]+)">([^<]*)<', gradients)
    assert cells
    for place, shown in cells[-1], cells[len(cells) // 2]:
        sent = SimpleNamespace(_data={"place": [int(one) for one in place.split()]})
        again = draw(slug, BACKWARD, "drawn", *place_of(sent, 5), *values)
        marked = re.findall(
            r'class="[^"]*marked[^"]*" style="[^"]*" data-place="([\d ]+)">([^<]*)<',
            again[again.index('data-stage="gradient"') :],
        )
        assert marked == [(place, shown)]
        title = re.search(r'"worked"><h4>∂L/∂(\w+)\[([\d, ]+)\]', again)
        assert title[2].split(", ") == place.split()[1:]


@pytest.mark.parametrize("value", [-1, 0, 2.5, 3.0, 7, 1e9, 1e30, -1e30, math.nan, math.inf])
@pytest.mark.parametrize("slug", INSIDE_BERT)
def test_whatever_a_control_says_is_drawn_or_refused(slug, value):
    """A page sends what its sliders allow; a request of somebody else's may bring any number."""
    for place, start in enumerate(values := starts_with(slug)):
        if type(start) in (int, float):
            sent = [*values[:place], value, *values[place + 1 :]]
            for way in ("forward", BACKWARD):
                drawn = draw(slug, way, "one", *[0] * 5, *sent)
                assert 'class="walker"' in drawn or 'role="alert"' in drawn


def test_a_padding_that_is_impossible_says_so_backward_only():
    values = [3, 3, 3, 0, "reflect", 0, 0, 0]
    assert 'role="alert"' in draw("padding", BACKWARD, "one", *[0] * 5, *values)
    assert "zeros all around" in draw("padding", "forward", "one", *[0] * 5, *values)


# ---------------------------------------------------------------- the updater, and Chinese


def test_the_summary_groups_what_is_alike():
    drawn = updater_summary(compare(steps=12))
    said = [re.sub("<[^>]+>", "", line) for line in drawn.split("<li>")[1:]]
    assert said[0].startswith("A, D: the same to the last digit")
    assert any(
        "are 2 × 8 times as large as they should be (no ½ in MSELoss; the batch size)" in line
        for line in said
    )


def test_nothing_english_is_left_of_the_updater_in_chinese():
    with speaking("zh"):
        curves = compare(lr=1.0, batch_size=64, steps=400)
        drawn = draw_updater(1.0, 64, 400, False, 0)
        summary = updater_summary(curves)
    assert "步长是应有的 64 倍（批大小）" in summary and "发散" in summary
    words = {
        "mean",
        "sum",
        "sgd",
        "MSELoss",
        "SGD",
        "loss",
        "squared",
        "b",
        "w",
        "reduction",
        "d",
        "l",
        "e",
    }
    seen = set(
        re.findall(
            r"[A-Za-z]*[a-z]+[A-Za-z]*|[A-Z]{3,}", html.unescape(re.sub("<[^>]+>", " ", drawn))
        )
    )
    assert seen <= words, seen - words


def test_a_card_in_chinese_says_nothing_in_english_but_code():
    from layers.claims import check as run
    from layers.claims import find

    with speaking("zh"):
        claim = find("dropout-soft-weight-sharing")
        drawn = claim_cards([(claim, {**result_as_dict(run(claim)), "run": 1})])
    said = drawn.split('<div class="shows">')[0]
    for expected in (
        "PyTorch 5：Dropout",
        "疑问",
        "→ 已回答",
        "权重聚集到几个共享的值附近。",
        "学到的中心",
        "是</td>",
    ):
        assert expected in said, expected


def test_cards_are_found_by_a_verdict_before_and_after_their_run():
    holds, corrected = (
        find_claim("conv-class-and-function"),
        find_claim("conv-functional-is-a-class"),
    )
    assert is_so(corrected, "corrected", {}) and not is_so(holds, "corrected", {})
    assert is_so(holds, "not run yet", {}) and is_so(holds, "all", {})
    # A run of one's own says what counts
    run = {corrected.id: {"verdict": "holds"}}
    assert is_so(corrected, "holds", run) and not is_so(corrected, "corrected", run)
    assert not is_so(corrected, "not run yet", run)


def test_every_card_is_drawn_in_both_languages():
    for language in ("en", "zh"):
        with speaking(language):
            drawn = claim_cards([(claim, None) for claim in claims()])
        assert drawn.count("<article") == len(claims())


def test_a_card_that_this_machine_can_not_decide_says_what_is_missing(monkeypatch):
    from layers.claims import check as run
    from layers.claims import find

    monkeypatch.delenv("MRPC_DIR", raising=False)
    claim = find("hf-eight-lengths")
    drawn = claim_cards([(claim, {**result_as_dict(run(claim)), "run": 1})])
    assert "Undecided here. It needs MRPC" in drawn and "? undecided" in drawn
    assert "concluded otherwise" not in drawn


# ---------------------------------------------------------------- check yourself


def test_questions_are_about_what_play_shows():
    with gr.Blocks():
        play = build_play()
    controls = played_controls(play)
    assert {name: control.label for name, control in controls.items() if name != "height"} == {
        name: name for name in Played.__dataclass_fields__ if name != "height"
    }
    values = [control.value for control in controls.values()]
    assert layers_played(tuple(controls), *values) == Played()


# ---------------------------------------------------------------- a guess before each verdict


SETTINGS = Settings(data="embedded")


class Cards:
    """The part as a page holds it: a visitor's results, and the guesses that the browser keeps."""

    def __init__(self, section="conv", settings=SETTINGS, of_class=("", "")):
        with gr.Blocks():
            self.claims = build_claims(settings)
        self.of_class = of_class
        self.section, self.results, self.kept, self.drawn = section, {}, {}, ""

    def press(self, **told):
        event = SimpleNamespace(_data=told)
        changes = self.claims.run(
            self.section, "all", self.results, "", self.kept, *self.of_class, event
        )
        self.kept = changes.get(self.claims.guesses, self.kept)
        self.drawn = html.unescape(str(changes.get(self.claims.board, "")))
        return self

    def card(self, id):
        return re.search(f'<article[^>]*id="claim-{id}".*?</article>', self.drawn, re.DOTALL)[0]


def place_of_guess(id, guess):
    return [str(one) for one in guesses_at(find_claim(id))].index(guess)


@pytest.mark.parametrize(
    ("id", "guess", "right"),
    [
        ("conv-class-and-function", "It holds", True),
        ("conv-class-and-function", "It doesn't", False),
        ("conv-functional-is-a-class", "It doesn't", True),
        ("conv-functional-is-a-class", "It holds", False),
        ("conv-sum-or-average", "summed", True),
        ("conv-sum-or-average", "averaged", False),
    ],
)
def test_a_guess_is_judged_with_the_verdict(id, guess, right):
    page = Cards().press(claim=id, guess=place_of_guess(id, guess))
    assert page.kept == {id: right}
    assert f"Your guess: {guess}" in page.card(id)
    assert ("✓ right" if right else "✗ wrong") in page.card(id)
    assert f"{int(right)} of 1 right" in page.drawn
    assert "data-guess" not in page.card(id), "it can't be guessed any more"


def test_who_only_runs_a_claim_guesses_nothing():
    id = "conv-sum-or-average"
    page = Cards().press(claim=id)
    assert page.kept == {} and "Your guess" not in page.drawn and "Guesses at" not in page.drawn
    page.press(claim=id, guess=place_of_guess(id, "summed"))
    assert page.kept == {}, "the verdict was seen before"


def test_the_first_guess_counts_and_stays_on_the_card():
    id = "conv-sum-or-average"
    page = Cards().press(claim=id, guess=place_of_guess(id, "averaged"))
    page.press(claim=id, guess=place_of_guess(id, "summed"))
    assert page.kept == {id: False} and "Your guess: averaged" in page.card(id)
    page.results.clear()  # the page was loaded anew
    page.press(claim=id, guess=place_of_guess(id, "summed"))
    assert page.kept == {id: False} and "Your guess: summed" in page.card(id)


@pytest.mark.parametrize("guess", [2, -1, True, "0", 1.0, None, [], {}])
def test_a_guess_that_is_none_only_runs_the_claim(guess):
    page = Cards().press(claim="conv-sum-or-average", guess=guess)
    assert page.kept == {} and "answered" in page.drawn


@pytest.mark.parametrize("kept", [None, 7, "x", {"no-such": True}, {"conv-sum-or-average": 1}])
def test_what_a_browser_may_have_stored_of_guesses(kept):
    page = Cards()
    page.kept = kept
    page.press(claim="conv-class-and-function", guess=0)
    assert page.kept == {"conv-class-and-function": True}


def test_a_pupils_first_guesses_are_counted_in_the_class(settings):
    code, _teacher = create_class("", "", {}, settings)
    key = join_class(code, "", settings)[1]
    for guess in ("averaged", "summed"):  # the second in a page that is loaded anew
        page = Cards(settings=settings, of_class=(code, json.dumps({"pupil": key})))
        id = "conv-sum-or-average"
        page.press(claim=id, guess=place_of_guess(id, guess)).press(
            claim="conv-class-wraps-function"
        )
    assert pupil_of(code, key, settings).guesses == {"conv-sum-or-average": False}


def test_each_section_has_a_score_of_its_own():
    page = Cards("pooling")
    page.kept = {"conv-sum-or-average": True}
    page.press(claim="pool-signature", guess=0)
    assert "of 1 right" in page.drawn


def test_each_claim_can_be_guessed_at():
    for claim in claims():
        guesses = guesses_at(claim)
        assert len(guesses) == len(set(guesses)) >= 2


def test_a_run_that_decides_nothing_judges_no_guess():
    claim = find_claim("conv-class-and-function")
    assert [borne_out(claim, guess, "undecided", None) for guess in guesses_at(claim)] == [None] * 2
    verdicts = [borne_out(claim, HOLDS, verdict, None) for verdict in ("corrected", "outdated")]
    assert verdicts == [False, False]
