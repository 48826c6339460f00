"""The dots of a run in a browser: one short run that the module's tests share."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from pipeline.explain.confusion import Confusion
from tests.conftest import ROOT
from views.confusion import matrices

ADDRESS = (
    "?tab=fine-tune&source=embedded&max_steps=8&eval_pairs=60&eval_steps=4&batch_size=4"
    "&train_pairs=48&max_length=64"
)


# ---------------------------------------------------------------- where dots lie


@pytest.fixture(scope="module")
def blank(browser):
    """A page that has the theatre's script alone."""
    context = browser.new_context()
    page = context.new_page()
    for name in ("page.js", "theatre.js"):
        page.add_script_tag(path=ROOT / "static" / name)
    yield page
    context.close()


def placed(blank, shares, labels, width):
    """(places, dot size, heights) of the layout at that width."""
    return blank.evaluate(
        """([shares, labels, width]) => {
            const heights = page.theatre.parts(labels, 150);
            const size = page.theatre.dotSize(labels, width, heights);
            return [page.theatre.layout(shares, labels, width, heights, size), size, heights];
        }""",
        [shares, labels, width],
    )


@pytest.mark.parametrize("width", [280, 600, 1100])
@pytest.mark.parametrize(
    "shares",
    [
        [990] * 408,  # a model that is sure of everything
        [1000] * 204 + [0] * 204,
        [500, 501] * 204,
        [(row * 37) % 1001 for row in range(408)],
    ],
)
def test_dots_never_overlap_nor_cross_the_line(blank, shares, width):
    labels = [1] * 279 + [0] * 129
    places, size, heights = placed(blank, shares, labels, width)
    assert len({(round(x, 3), round(y, 3)) for x, y in places}) == 408, "no two in one place"
    for (x, y), share, label in zip(places, shares, labels, strict=True):
        assert (x > width / 2) == (share > 500) and (y < 0) == (label == 1)
        assert 0 <= x <= width and abs(y) + size / 2 <= heights[label] + 1e-6
    assert size >= 3


def test_a_dot_alone_stands_at_its_p(blank):
    shares, labels = [0, 250, 499, 501, 750, 1000], [1, 0, 1, 0, 1, 0]
    places, size, _heights = placed(blank, shares, labels, 600)
    for (x, _y), share in zip(places, shares, strict=True):
        assert abs(x - 600 * share / 1000) <= size


def test_keys_go_by_p_within_a_label_and_to_the_nearest_of_the_other(blank):
    shares, labels = [100, 300, 200, 900, 310], [1, 1, 0, 0, 1]

    def to(key, row):
        return blank.evaluate(
            "([key, row, shares, labels]) => page.theatre.neighbour(key, row, shares, labels)",
            [key, row, shares, labels],
        )

    assert [to("ArrowRight", row) for row in range(5)] == [1, 4, 3, 3, 4]
    assert [to("ArrowLeft", row) for row in range(5)] == [0, 0, 2, 2, 1]
    assert [to("ArrowDown", row) for row in range(5)] == [2, 2, 2, 3, 2]
    assert [to("ArrowUp", row) for row in range(5)] == [0, 1, 0, 4, 4]
    assert (to("Home", 4), to("End", 0), to("a", 0)) == (0, 4, None)


# ---------------------------------------------------------------- a run


@pytest.fixture(scope="module")
def watched(browser, app_address):
    """A page whose run has ended; its errors are looked at when the module is over."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{app_address}/{ADDRESS}")
    expect(page.get_by_label("number input for max_steps").first).to_have_value("8", timeout=60_000)
    expect(page.locator("#theatre text.waiting")).to_have_text(
        "The dots appear with the first evaluation."
    )
    page.locator("#press-start").click()
    expect(page.locator("#theatre .dot")).to_have_count(60, timeout=120_000)
    expect(page.locator(".status strong")).to_have_text("Done", timeout=180_000)
    expect(page.locator("#theatre output")).to_have_text("step 8")
    yield page
    context.close()
    assert errors == []


def places_of(page):
    return page.locator("#theatre .dot").evaluate_all(
        "dots => dots.map(dot => dot.style.transform)"
    )


def counted(page):
    """[right or wrong pairs] as the picture's four corners say them."""
    corners = page.locator("#theatre text.corner").all_text_contents()
    return [int(corner.split()[1]) for corner in corners]


def test_the_dots_move_and_can_be_looked_at_again(watched):
    slider = watched.locator("#theatre input")
    last = places_of(watched)
    assert sum(counted(watched)) == 60
    sentence = watched.locator("#last-evaluation").inner_text()
    right = sum(
        int(corner.split()[1])
        for corner in watched.locator("#theatre text.corner").all_text_contents()
        if corner.startswith("✓")
    )
    assert f"After step 8: {right} of 60 right" in sentence
    slider.focus()
    slider.press("Home")
    expect(watched.locator("#theatre output")).to_have_text("before training")
    assert places_of(watched) != last and len(places_of(watched)) == 60
    assert slider.get_attribute("aria-valuetext") == "before training"
    slider.press("End")
    assert places_of(watched) == last


def test_a_dot_is_read_by_key_pointer_and_touch(watched):
    stage, pair = watched.locator(".theatre-stage"), watched.locator("#theatre-pair")
    stage.focus()
    watched.keyboard.press("ArrowRight")
    expect(pair.locator("strong")).to_contain_text("#")
    first = pair.inner_text()
    assert "P(equivalent) =" in first and "gold label" in first and "sentence 2" in first
    watched.keyboard.press("End")
    expect(pair).not_to_have_text(first)
    watched.locator("#theatre .dot").nth(7).hover(force=True)
    expect(pair.locator("strong")).to_have_text("#7")
    watched.locator("#theatre .dot").nth(11).click(force=True)
    expect(pair.locator("strong")).to_have_text("#11")
    expect(watched.locator("#theatre-pair .fate")).to_have_count(1)


def test_ones_own_pair_is_among_them_and_in_nobody_elses(watched, browser, app_address):
    expect(watched.locator("#theatre .own-dot")).to_be_visible()
    watched.locator(".theatre-stage").focus()
    watched.keyboard.press("Enter")
    pair = watched.locator("#theatre-pair")
    expect(pair.locator("strong")).to_have_text("your pair")
    expect(pair).to_contain_text("The storm closed the harbor on Tuesday")
    again = watched.context.new_page()
    again.goto(f"{watched.url}&view=map&step=4")
    expect(again.locator("#theatre .own-dot")).to_be_visible(timeout=60_000)
    expect(again.locator("#theatre output")).to_have_text("step 4")
    expect(again.get_by_role("button", name="its [CLS]")).to_have_attribute("aria-pressed", "true")
    expect(again.locator("#theatre svg")).to_have_class("map")
    expect(again.locator(".status strong")).to_have_text("Done")
    again.close()
    context = browser.new_context(locale="en-US")
    friend = context.new_page()
    friend.goto(watched.url)
    expect(friend.locator("#theatre .dot")).to_have_count(60, timeout=60_000)
    expect(friend.locator("#theatre .own-dot")).to_be_hidden()
    context.close()
    assert "storm" not in watched.url and "sentence1" not in watched.url


def test_the_same_dots_lie_on_a_map(watched):
    by_probability = places_of(watched)
    watched.get_by_role("button", name="its [CLS]").click()
    on_map = places_of(watched)
    assert len(on_map) == 60 and on_map != by_probability
    expect(watched.locator(".theatre-said")).to_contain_text("of the variance here")
    slider = watched.locator("#theatre input")
    slider.focus()
    slider.press("Home")
    before = places_of(watched)
    assert before != on_map, "the dots move in one plane"
    assert "view=map" in watched.url and "step=0" in watched.url
    asked = watched.evaluate("page.theatre.askedIn(location.search)")
    assert (asked["view"], asked["step"], len(asked["run"])) == ("map", 0, 32)
    slider.press("End")
    assert places_of(watched) == on_map and "step=" not in watched.url
    watched.get_by_role("button", name="its probability").click()
    assert places_of(watched) == by_probability and "view=" not in watched.url


def test_the_run_s_model_is_compared_with_its_start_inside(watched, app_address):
    [run] = parse_qs(urlsplit(watched.url).query)["run"]
    page = watched.context.new_page()
    page.goto(f"{app_address}/?tab=model&open=your-run&model=run:{run}")
    moved = page.locator(".inside-changes")
    expect(moved.locator("h3")).to_have_count(3, timeout=90_000)
    rows = moved.locator("table.heat").first.locator("tr").all_inner_texts()
    frozen = [row.split() for row in rows[1:3]]
    assert frozen == [["1", "0", "0", "0"], ["2", "0", "0", "0"]] and "%" in rows[3]
    assert moved.locator(".shifts tr").nth(1).locator("td").all_inner_texts() == ["0"] * 12
    widths = moved.locator("table").evaluate_all("all => all.map(one => one.clientWidth)")
    assert min(widths) > 0.45 * moved.evaluate("one => one.clientWidth"), "no half stands empty"
    page.close()


def test_without_motion_the_dots_stand_still(watched):
    duration = "dot => getComputedStyle(dot).transitionDuration"
    dot = watched.locator("#theatre .dot").first
    assert dot.evaluate(duration) == "0.7s"
    watched.emulate_media(reduced_motion="reduce")
    assert json.loads(dot.evaluate(duration).removesuffix("s")) < 0.01
    watched.emulate_media(reduced_motion="no-preference")


def test_the_table_says_the_same(watched):
    table = watched.locator(".theatre-table")
    table.locator("summary").click()
    cells = table.locator(".bins td").all_inner_texts()
    assert len(cells) == 20 and sum(map(int, cells)) == 60
    expect(table.locator(".centres td")).to_have_count(6)


# ---------------------------------------------------------------- of three labels and more


@pytest.mark.parametrize("width", [280, 600, 1100])
def test_dots_of_many_labels_stay_in_their_lanes(blank, width):
    shares = [(row * 37) % 1001 for row in range(400)]
    lanes = [row % 6 for row in range(400)]
    places, size, height = blank.evaluate(
        """([shares, lanes, width]) => {
            const heights = new Array(6).fill(31);
            const size = page.theatre.dotSize(lanes, width, heights);
            return [page.theatre.layoutInLanes(shares, lanes, width, heights, size), size, 31];
        }""",
        [shares, lanes, width],
    )
    kept = {(lane, round(x, 3), round(y, 3)) for (x, y), lane in zip(places, lanes, strict=True)}
    assert len(kept) == 400, "no two in one place"
    assert all(0 <= x <= width and 0 < y <= height - size / 2 + 1e-6 for x, y in places)
    assert max(abs(x / width - share / 1000) for (x, _y), share in zip(places, shares)) < 0.15


def test_keys_go_from_lane_to_lane(blank):
    shares, lanes = [100, 900, 850, 120, 500], [0, 0, 1, 1, 2]

    def go(key, row):
        return blank.evaluate(
            "([key, row, shares, lanes]) => page.theatre.neighbour(key, row, shares, lanes, [0, 1, 2])",
            [key, row, shares, lanes],
        )

    assert [go("ArrowDown", row) for row in range(5)] == [3, 2, 4, 4, 4]
    assert [go("ArrowUp", row) for row in range(5)] == [0, 1, 1, 0, 2]
    assert go("ArrowRight", 0) == 1 and go("End", 3) == 2


def test_three_labels_have_a_lane_each(watched):
    """Last: it puts another run's dots into the page."""
    names, labels = ["entailment", "neutral", "contradiction"], [row % 3 for row in range(60)]
    answers = [[0] * 60, [label if row > 9 else 0 for row, label in enumerate(labels)]]
    told = {
        "run": "0" * 32,
        "names": names,
        "labels": labels,
        "steps": [0, 8],
        "shares": [[340] * 60, [row * 16 for row in range(60)]],
        "answers": answers,
    }
    own = {"run": "0" * 32, "own": [400, 700], "ownAnswers": [0, 2]}
    # Nothing is shown after it: a late answer would draw the page's own run again
    watched.evaluate(
        """([told, own]) => {
            page.theatre.show(told, own);
            page.theatre.show = () => {};
        }""",
        [json.dumps(told), json.dumps(own)],
    )
    theatre = watched.locator("#theatre")
    expect(theatre.locator("text.corner")).to_have_text(
        ["entailment: 20 of 20 right", "neutral: 17 of 20 right", "contradiction: 17 of 20 right"]
    )
    expect(theatre.locator(".theatre-caption")).to_have_text("Validation pairs by P(gold label)")
    expect(theatre.locator(".theatre-key span").first).to_have_text("gold label entailment")
    expect(theatre.locator(".dot.wrong")).to_have_count(6)
    expect(theatre.locator(".dot.crossed")).to_have_count(34)
    expect(theatre.locator(".own-dot text")).to_have_text("your pair: contradiction")
    colours = {
        theatre.locator(f".dot.gold{label}").last.evaluate("dot => getComputedStyle(dot).fill")
        for label in range(3)
    }
    assert len(colours) == 3
    box = theatre.locator("svg").bounding_box()
    for dot in theatre.locator(".dot").all()[:12]:
        inside = dot.bounding_box()
        assert (
            box["x"] <= inside["x"] and inside["y"] + inside["height"] <= box["y"] + box["height"]
        )


def test_the_tables_of_six_labels_scroll_by_themselves(watched):
    """Last, too: they are put into the page."""
    names = ("business", "culture", "politics", "science_and_nature", "sports", "weather")
    rows = tuple(tuple(100 if gold == said else 7 for said in range(6)) for gold in range(6))
    drawn = str(matrices([("After", "after", Confusion(rows))], names))
    watched.set_viewport_size({"width": 320, "height": 640})
    watched.evaluate(
        "drawn => document.querySelector('#theatre').insertAdjacentHTML('afterend', drawn)", drawn
    )
    frames = watched.locator(".matrices .frame").filter(has_text="science")
    widths = frames.evaluate_all("all => all.map(one => [one.clientWidth, one.scrollWidth])")
    assert len(widths) == 2 and all(width <= 320 < whole for width, whole in widths)
    assert watched.evaluate("document.documentElement.scrollWidth") == 320
