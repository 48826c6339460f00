"""The Fine-tune tab as a learner goes through it: what is seen at one look, a run and its charts, and all that follows it. One run of
a few steps, and two more of its seeds, on one page.
"""

import io
import re
import time
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import note_errors

SHORT = {
    "tab": "fine-tune",
    "source": "embedded",
    "max_steps": 6,
    "eval_pairs": 40,
    "eval_steps": 3,
    "batch_size": 4,
    "train_pairs": 24,
    "max_length": 64,
    "learning_rate": 0.0002,
}
HEX = re.compile(r"run=([0-9a-f]{32})")
SIZES = ((1440, 900), (1024, 768), (390, 844))


@pytest.fixture(scope="module")
def visited(browser, app_address):
    """A new browser's page and the errors of its console."""
    context = browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    note_errors(page)
    page.goto(f"{app_address}/?{urlencode(SHORT)}")
    steps = page.get_by_label("number input for max_steps").first
    expect(steps).to_have_value("6", timeout=60_000)
    expect(page.locator(".forecast strong").first).to_have_text("6 steps", timeout=30_000)
    yield page
    context.close()


@pytest.fixture
def visitor(visited):
    """The page; afterwards: no error in its console."""
    yield visited
    errors = list(visited.errors)
    visited.errors.clear()
    assert errors == []


@pytest.fixture
def panel(visitor):
    return visitor.get_by_role("tabpanel").filter(visible=True)


@pytest.fixture(scope="module")
def ran(visited):
    """The id of the run, which has ended."""
    panel = visited.get_by_role("tabpanel").filter(visible=True)
    expected = settled(panel.locator(".forecast strong").nth(2))
    panel.get_by_role("button", name="Start the fine-tune").click()
    expect(panel.locator(".status strong")).to_have_text("Done", timeout=120_000)
    told = re.compile(r"and at most (\S+ [GM]B) of memory")
    expect(panel).to_contain_text(told)  # the state is told first, what came of the run then
    took = told.search(panel.inner_text())[1]
    assert 0.6 < megabytes(expected) / megabytes(took) < 1.6, f"{expected} expected, {took} taken"
    expect(panel.locator(".forecast strong").nth(2)).to_have_text(took, timeout=30_000)
    return HEX.search(visited.url)[1]


def opened(panel, name):
    """A section, opened."""
    button = panel.get_by_role("button", name=name)
    if "open" not in (button.get_attribute("class") or "").split():
        button.click()
    return button.locator("..")


def megabytes(said):
    """'1.2 GB' -> 1200"""
    number, unit = said.split()
    return float(number) * {"GB": 1000, "MB": 1}[unit]


def settled(locator):
    """Its text, once that has stayed for two seconds: fields filled one after another are each forecast."""
    said, since = locator.inner_text(), time.monotonic()
    while time.monotonic() - since < 2:
        time.sleep(0.1)
        if locator.inner_text() != said:
            said, since = locator.inner_text(), time.monotonic()
    return said


def box(page, selector):
    return page.locator(selector).filter(visible=True).first.bounding_box()


def place(page, selector):
    """How far down the page it stands, in px, wherever the page is scrolled to."""
    return box(page, selector)["y"] + page.evaluate("scrollY")


# ---------------------------------------------------------------- at one look


@pytest.mark.parametrize("width, height", SIZES)
def test_the_first_screen_holds_what_matters(visitor, width, height):
    visitor.set_viewport_size({"width": width, "height": height})
    visitor.evaluate("scrollTo(0, 0)")
    start = box(visitor, "#press-start")
    assert start["y"] + start["height"] <= height, "Start is in the first screen"
    forecast = box(visitor, ".forecast")
    assert start["y"] < forecast["y"] < start["y"] + start["height"] + 20, "its forecast is below"
    if width > 900:
        charts = visitor.locator("#run-charts .curve")
        ends = [chart.bounding_box() for chart in charts.all()]
        assert len(ends) == 2 and all(end["y"] + end["height"] <= height for end in ends)
        assert ends[0]["y"] == ends[1]["y"] and start["x"] + start["width"] < ends[0]["x"]
        assert box(visitor, ".status")["y"] < ends[0]["y"]
    visitor.set_viewport_size({"width": 1440, "height": 900})


def test_the_form_is_followed(visitor, panel):
    rate = panel.get_by_label("learning_rate", exact=True)
    rate.fill("0.0004")
    expect(panel.locator(".rates figcaption")).to_contain_text("rises to 0.0004", timeout=30_000)
    start = place(visitor, "#press-start")
    # A forecast that can't be made says why, and moves nothing
    rate.fill("7")
    expect(panel.locator(".notice.error")).to_contain_text("learning_rate is 7", timeout=30_000)
    assert place(visitor, "#press-start") == pytest.approx(start, abs=0.1)
    rate.fill("0.0002")
    expect(panel.locator(".rates figcaption")).to_contain_text("rises to 0.0002", timeout=30_000)
    assert place(visitor, "#press-start") == pytest.approx(start, abs=0.1)
    fold = panel.locator("#more-settings > button")
    expect(fold).to_have_text(re.compile(r"\d+ more settings · changed: source, train_pairs"))
    expect(visitor.locator("[data-at=trainer] > span")).to_have_text("6 steps planned")


# ---------------------------------------------------------------- the charts of a run


def test_the_crosshair_follows_pointer_and_keys_over_both_charts(visitor, panel, ran):
    heads, cross = panel.locator(".chart-step"), panel.locator(".cross").first
    at_rest = panel.locator("#run-charts .legend").first.inner_text()
    cross.focus()
    visitor.keyboard.press("Home")
    expect(cross).to_have_attribute("aria-valuenow", "0")
    visitor.keyboard.press("ArrowRight")
    visitor.keyboard.press("ArrowRight")
    visitor.keyboard.press("ArrowRight")
    visitor.keyboard.press("ArrowRight")
    expect(heads.first).to_have_text("at step 4")
    said = cross.get_attribute("aria-valuetext")
    rows = panel.locator("#run-charts .curve").first.locator("details tr")
    [loss] = [row for row in rows.all() if row.locator("th").first.text_content() == "4"]
    assert float(re.search(r"training (\d+\.\d+)", said)[1]) == pytest.approx(
        float(loss.locator("td").first.text_content()), rel=0.01
    )
    assert "(step 3)" in said, "the last evaluation before it"
    expect(heads.nth(1)).to_have_text("at step 3")
    visitor.keyboard.press("Escape")
    expect(heads.first).to_have_text("cross-entropy")
    assert panel.locator("#run-charts .legend").first.inner_text() == at_rest
    cross.scroll_into_view_if_needed()
    plot = cross.bounding_box()
    visitor.mouse.move(plot["x"] + plot["width"] - 12, plot["y"] + 40)
    expect(heads.first).to_have_text("at step 6")
    visitor.mouse.move(5, 5)
    expect(heads.first).to_have_text("cross-entropy")


def test_smoothing_and_scale_are_switches(panel, ran):
    chart = panel.locator("#run-charts .curve").first
    smooth, log = (chart.get_by_role("button", name=name, exact=True) for name in ("smooth", "log"))
    expect(chart.locator(".on-linear path.smooth")).to_be_visible()
    smooth.click()
    expect(smooth).to_have_attribute("aria-pressed", "false")
    expect(chart.locator(".on-linear path.smooth")).to_be_hidden()
    log.click()
    expect(chart.locator(".on-log .series0 path").first).to_be_visible()
    expect(chart.locator(".on-linear")).to_be_hidden()
    smooth.click()
    log.click()
    expect(chart.locator(".on-linear path.smooth")).to_be_visible()


# ---------------------------------------------------------------- what follows it


def test_what_it_changed_can_be_counted(panel, ran):
    expect(panel.locator(".diagnosis strong").first).not_to_be_empty()
    pairs = panel.locator("#open-changed")
    expect(pairs.locator("table.matrix")).to_have_count(2)
    counts = pairs.locator("table.matrix").last.locator("td").all_inner_texts()
    assert sum(int(re.match(r"\d+", count)[0]) for count in counts) == 40
    fixed, broken, both, wrong = map(int, re.findall(r"\d+", pairs.locator(".sum").inner_text()))
    assert fixed + broken + both + wrong == 40


def test_model_and_script_are_files(visitor, panel, ran):
    again = opened(panel, "How do I do this again")
    zipped = download(visitor, again, "Download the model")
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert (
            archive.testzip() is None
            and f"paraphrase-{ran[:8]}/model.safetensors" in archive.namelist()
        )
    script = download(visitor, again, "Download train.py").decode()
    compile(script, "train.py", "exec")
    assert "max_steps=6" in script
    assert again.locator("pre.command").inner_text().startswith("python -m pipeline train")


def download(page, section, name):
    with page.expect_download(timeout=60_000) as waiting:
        section.get_by_role("link", name=name).click()
    return Path(waiting.value.path()).read_bytes()


def test_one_step_by_hand_is_trainers(visitor, panel):
    by_hand = opened(panel, "What happens in one step")
    lines = opened(by_hand, "The code of the step by hand")
    expect(lines.locator("pre")).to_contain_text("losses.mean().backward()")
    expect(lines.get_by_role("button", name="Download")).to_have_count(0)  # they don't run alone
    by_hand.get_by_role("button", name="Take one step").click()
    differences = by_hand.locator("table.agreement-table tr").last.locator("td").last
    expect(differences).to_be_visible(timeout=60_000)
    assert float(differences.inner_text()) < 1e-3
    losses = [float(row) for row in by_hand.locator("table.pairs td:last-child").all_inner_texts()]
    mean = float(by_hand.locator("table.agreement-table td").first.inner_text())
    assert len(losses) == 4 and sum(losses) / 4 == pytest.approx(mean, abs=1e-4), (
        "the mean of what stands in the table"
    )
    with visitor.expect_download() as saved:
        lines.get_by_role("button", name="Download by_hand.py").click()
    rows = re.findall(
        r"[0-9]+", " ".join(by_hand.locator("table.pairs tbody th").all_inner_texts())
    )
    assert f"rows = [{', '.join(rows)}]" in saved.value.path().read_text() and len(rows) == 4


def test_the_shortcut_is_measured_when_its_card_is_opened(panel):
    section = opened(panel, "Can it be right for the wrong reason?")
    row = (
        section.get_by_role("row").filter(has_text="difflib ratio").filter(has_text="from 0.83 up")
    )
    expect(row).to_contain_text("77.5%", timeout=60_000)
    expect(section.get_by_text("71 are not_equivalent and 6 equivalent")).to_be_visible()


def test_the_verdict_leads_to_what_changed_and_to_ones_own_sentences(visitor, panel, ran):
    panel.get_by_role("button", name="What it fixed and broke").click()
    expect(panel.locator("#open-changed > button")).to_be_focused()
    expect(panel.locator("#open-changed table.matrix").first).to_be_in_viewport()
    panel.get_by_role("button", name="Try it on your sentences").click()
    predict = visitor.locator("#tab-predict")
    expect(predict.locator("textarea").first).to_be_focused()
    expect(predict.get_by_label("Model").first).to_have_value(re.compile("^(yours|joined): "))
    expect(predict.locator(".answer").first).to_be_visible()
    visitor.locator(".rail a", has_text="Trainer").click()
    expect(panel.locator(".status strong")).to_have_text("Done")


def test_two_more_seeds_make_a_band_and_a_remedy_another_run(visitor, panel, ran):
    panel.get_by_role("button", name="Two more seeds").click()
    seeds = panel.locator("#open-chance")
    expect(seeds.locator("table.seeds tr")).to_have_count(4, timeout=60_000)
    # While they go on, Start asks first; with the settings of a run that is there it would show that
    panel.get_by_label("learning_rate", exact=True).fill("0.0003")
    start = panel.get_by_role("button", name="Start the fine-tune")
    start.click()
    question = visitor.locator("#start-another")
    yes = question.get_by_role("button", name="Start another, behind it")
    expect(yes).to_be_focused()
    expect(question.get_by_role("alert")).to_contain_text("Start another, behind")
    visitor.keyboard.press("Escape")
    expect(yes).to_be_hidden()
    expect(start).to_be_focused()
    expect(seeds.locator("table.seeds tr")).to_have_count(4)
    expect(seeds.locator("table.seeds tr", has_text="Done")).to_have_count(3, timeout=120_000)
    expect(seeds.locator(".bands .curve")).to_have_count(2)
    assert HEX.search(visitor.url)[1] == ran, "the run that the form describes stays"
    # Both earlier runs stand behind the shown one's line, and are switched off in the legend
    visitor.reload()
    earlier = panel.locator("#run-charts .curve").first.locator("button[data-run]")
    expect(earlier).to_have_count(2, timeout=60_000)
    expect(panel.locator(".status strong")).to_have_text("Done")
    line = panel.locator("#run-charts .curve").first.locator(".on-linear .earlier").first
    expect(line).to_be_visible()
    earlier.first.click()
    expect(line).to_be_hidden()
    # The remedy: a run that differs by what it says, and a form that says so, too
    changes = dict(
        change.split(" = ") for change in panel.locator(".diagnosis code").all_inner_texts()
    )
    if changes:
        panel.get_by_role("button", name="Try that").click()
        visitor.wait_for_url(lambda url: HEX.search(url) and HEX.search(url)[1] != ran)
        if "max_steps" in changes:
            expect(panel.get_by_label("number input for max_steps").first).to_have_value(
                changes["max_steps"]
            )


# ---------------------------------------------------------------- training pairs, files, presets


def test_the_training_pairs_are_drawn_beside_validation(panel, ran):
    accuracy = panel.locator("#run-charts .curve").nth(1)
    own = accuracy.locator(".legend li")  # those of other runs of this browser may follow
    expect(own.nth(0)).to_contain_text("training")
    expect(own.nth(1)).to_contain_text(re.compile(r"validation \d+\.\d% ± \d"))
    expect(accuracy.locator(".chart-note").first).to_contain_text(re.compile("gap"))
    expect(panel.locator("#small-charts .curve")).to_have_count(3)
    expect(panel.locator("#small-charts")).to_contain_text("max_grad_norm 1")


def test_a_file_that_the_run_left_is_opened(panel, ran):
    left = opened(opened(panel, "How do I do this again"), "What did the run leave")
    left.get_by_label(re.compile("model.safetensors")).check()
    expect(left.locator(".file-head")).to_contain_text("classifier.weight")


def test_a_preset_fills_the_form_and_is_told_again_by_it(visitor, panel, ran):
    visitor.locator("#preset input").click()
    visitor.get_by_role("option", name="underfits").click()
    rate = panel.get_by_label("learning_rate", exact=True)
    expect(rate).to_have_value("0.000001")
    expect(panel.locator(".preset-shows")).to_contain_text("go nowhere", timeout=30_000)
    rate.fill("0.0003")
    expect(visitor.locator("#preset input")).to_have_value("", timeout=30_000)
    expect(panel.locator(".preset-shows")).to_have_count(0)


# ---------------------------------------------------------------- the four methods


def test_one_press_compares_the_methods_and_lora_shows_a_matrix(browser, app_address):
    """In a browser of its own: what another test has started would be asked about first."""
    context = browser.new_context(locale="en-US", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{app_address}/?{urlencode({**SHORT, 'max_steps': 2, 'seed': 7})}")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    expect(panel.locator(".forecast strong").first).to_have_text("2 steps", timeout=60_000)
    section = opened(panel, "What does LoRA cost")
    section.get_by_role("button", name="Compare the four methods").click()
    rows = section.locator("table.methods tr:not(.heads)")
    expect(rows.locator("th")).to_have_text(["full", "lora", "frozen", "head"], timeout=120_000)
    # It fills by itself, and says on LoRA once the last has ended
    expect(section.locator(".methods-said")).to_contain_text("than full", timeout=300_000)
    expect(rows.last).to_contain_text("770 (0.003%)", timeout=300_000)
    expect(section.get_by_role("img", name=re.compile("^ΔW, 384 × 384 numbers"))).to_be_visible()
    section.get_by_role("combobox").click()
    page.get_by_role("option", name=re.compile("layer.5.intermediate.dense$")).click()
    expect(section.get_by_role("img", name=re.compile("^ΔW, 1536 × 384 numbers"))).to_be_visible()
    expect(section.locator(".low-rank-said")).to_contain_text("The rank of ΔW is 8")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
