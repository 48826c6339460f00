"""The Predict tab's sections, on a desktop and on a phone, as a person would use them."""

import csv
import math
import re

import pytest
from gradio_client import Client
from playwright.sync_api import expect

from tests.browser.test_page import HTML, open_tab

WIDTHS = ("phone",)

PROFITS = (
    "The company said profits rose 12 percent in the third quarter.",
    "Third-quarter profits were up 12 percent, the company said.",
)
SLOW = 90_000  # the first call of a model loads it, on cores that others may be using


def opened(page, question):
    """The Predict tab with its answer drawn and one card open: the panel."""
    panel = open_tab(page, "Predict")
    expect(panel.locator(".bars tr")).to_have_count(3, timeout=SLOW)
    card = panel.locator("button.label-wrap", has_text=question)
    if "open" not in card.get_attribute("class").split():
        card.click()
    return panel


def ask(panel, sentence1, sentence2):
    """Another pair, asked by Enter; its answer is drawn."""
    panel.get_by_label("sentence1").fill(sentence1)
    panel.get_by_label("sentence2").fill(sentence2)
    panel.get_by_label("sentence2").press("Enter")
    expect(panel.locator(".predicted:not(.stale)")).to_be_visible(timeout=SLOW)


@pytest.mark.shares_page
def test_an_earlier_answer_is_dimmed_until_another_one_comes(page):
    panel = opened(page, "Which words carried the answer?")
    expect(panel.locator(".words .worth").first).to_be_visible(timeout=SLOW)
    expect(panel.locator(".stale")).to_have_count(0)
    panel.get_by_label("sentence2").fill("Nothing of the kind.")
    # The answer, and what is below it
    expect(panel.locator(".stale")).to_have_count(2)
    words = panel.locator(".predicted").evaluate("one => getComputedStyle(one, '::before').content")
    assert words == '"for the earlier text"'
    panel.get_by_label("sentence2").press("Enter")
    expect(panel.locator(".stale")).to_have_count(0, timeout=SLOW)
    assert panel.get_by_label("sentence2").input_value() == "Nothing of the kind."
    expect(page.locator('.rail [data-at="prediction"] span')).to_have_text(
        re.compile(r"^(not_)?equivalent · \d+\.\d%$")
    )
    expect(page.locator('.rail [data-at="model"] span')).to_have_text(
        re.compile(r"^logits −?\d\.\d\d · −?\d\.\d\d$")
    )


@pytest.mark.shares_page
def test_the_first_screen_holds_the_answer(page):
    panel = opened(page, "Which words carried the answer?")
    phone = page.viewport_size
    page.evaluate("scrollTo(0, 0)")

    def box(selector):
        found = panel.locator(selector).first.bounding_box()
        return found["y"], found["y"] + found["height"]

    # The button, and the answer right under it
    assert box("#press-predict")[1] <= phone["height"]
    assert 0 <= box("#answer")[0] - box("#press-predict")[1] <= 24
    assert box(".examples")[0] >= box("#answer")[1]
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        assert box("#press-predict")[1] <= height
        assert box("#arithmetic")[1] <= height, width
    page.set_viewport_size(phone)


@pytest.mark.shares_page
def test_the_arithmetic_can_be_checked_with_a_calculator(page):
    panel = open_tab(page, "Predict")
    expect(panel.locator(".sums code")).to_have_count(6, timeout=SLOW)
    first, second, total, *shares, wins = panel.locator(".sums code").all_inner_texts()
    exps = []
    for line in (first, second):
        logit, exp = map(float, re.fullmatch(r"exp\((-?[\d.]+)\) = ([\d.]+)", line).groups())
        assert abs(math.exp(logit) - exp) <= 1e-3 * exp
        exps.append(exp)
    assert abs(float(total.split(" = ")[1]) - sum(exps)) <= 2e-4
    told = {share.split(":")[0]: float(share.split(" = ")[1]) for share in shares}
    assert abs(sum(told.values()) - 1) <= 2e-4 and wins.endswith(max(told, key=told.get))
    assert panel.locator(".answer").inner_text().startswith(max(told, key=told.get))


@pytest.mark.shares_page
def test_models_side_by_side(page, shoot):
    panel = opened(page, "Do the models agree?")
    expect(panel.locator("table.models tr")).to_have_count(4, timeout=SLOW)
    expect(panel.locator("table.models")).to_contain_text("head is new")
    panel.get_by_label("And a Hub id").fill("../x")
    panel.get_by_role("button", name="Compare").click()
    expect(panel.locator("table.models tr.failed")).to_contain_text(
        "is not a checkpoint id", timeout=SLOW
    )
    expect(panel.locator("table.models tr")).to_have_count(5)
    expect(panel.locator("#open-models .said")).to_contain_text("models")
    shoot(page, "models")


def test_a_fine_tune_of_ones_own_joins_the_models(page, app_address):
    values = {"train_pairs": 16, "eval_pairs": 8, "max_steps": 2, "eval_strategy": "no"}
    run = Client(app_address, verbose=False).predict(**values, api_name="/fine_tune")["run"]
    page.goto(f"{app_address}/?run={run}")
    expect(open_tab(page, "Fine-tune").locator(".status strong")).to_have_text(
        "Done", timeout=180_000
    )
    panel = open_tab(page, "Predict")
    expect(panel.get_by_label("Model", exact=True)).to_have_value(
        re.compile("a fine-tune: "), timeout=SLOW
    )
    panel.locator("button.label-wrap", has_text="Do the models agree?").click()
    expect(panel.get_by_label(re.compile("a fine-tune: "))).to_be_checked()
    panel.get_by_role("button", name="Compare").click()
    expect(panel.locator("table.models")).to_contain_text("(run): fine-tuned here", timeout=SLOW)
    expect(panel.locator(".predicted")).to_contain_text("of the 8 validation pairs of its run")


@pytest.mark.shares_page
def test_what_mattered_is_on_the_words(page, shoot):
    panel = opened(page, "Which words carried the answer?")
    ask(panel, f"A cat sat {HTML}.", "A cat was sitting.")
    expect(panel.locator(".words")).to_contain_text("onerror", timeout=SLOW)
    assert panel.locator(".words img").count() == 0 and page.evaluate("window.hacked") is None
    panel.get_by_text("All words as a table").click()
    changes = panel.locator(".word-table td:nth-child(4)").all_inner_texts()
    sizes = [abs(float(change)) for change in changes]
    assert sizes == sorted(sizes, reverse=True) and any(sizes)
    numbers = panel.locator(".words .worth small").all_inner_texts()
    assert len(numbers) == len(changes) and all(
        re.fullmatch(r"(0|[+-]\d+)( ⇄)?", number) for number in numbers
    )
    shoot(page, "mattered")


@pytest.mark.shares_page
def test_stress_says_what_should_be_and_what_is(page, shoot):
    panel = opened(page, "What does it overlook?")
    expect(panel.locator("#open-stress")).to_contain_text("do they mean the same?", timeout=SLOW)
    ask(panel, *PROFITS)
    assert panel.locator("table.stress").count() == 0, "no verdict before the visitor's own"
    panel.get_by_label("they mean the same").check()
    expect(panel.locator("table.stress tr")).to_have_count(11, timeout=SLOW)
    expect(panel.locator("table.stress")).to_contain_text("were not up")
    expect(panel.locator("table.stress")).to_contain_text(
        "Not possible here. The two sentences share no name"
    )
    right, wrong = (
        panel.locator("table.stress .fate", has_text=word).count() for word in ("right", "wrong")
    )
    expect(panel.locator(".notice", has_text="Right on")).to_contain_text(
        f"Right on {right} of {right + wrong}"
    )
    panel.get_by_label("they don't").check()
    expect(panel.locator("table.stress .fate", has_text="open")).to_have_count(5, timeout=SLOW)
    shoot(page, "stress")


def test_a_guess_a_score_and_another_visitor(page, browser, app_address, shoot):
    panel = opened(page, "Can you beat the model?")
    expect(panel.get_by_text("of the validation pairs of embedded pairs")).to_be_visible(
        timeout=SLOW
    )
    panel.get_by_role("button", name="They mean the same").click()
    expect(panel.locator("table.guessed tr")).to_have_count(4, timeout=SLOW)
    expect(panel.locator(".score")).to_contain_text(
        re.compile("you [01] of 1 · the models [01] of 1")
    )
    expect(panel.get_by_role("button", name="They don't")).to_be_disabled()
    shoot(page, "you-first")
    first = panel.locator(".sentences p").first.inner_text()
    panel.get_by_role("button", name="Next pair").click()
    expect(panel.locator(".sentences p").first).not_to_have_text(first, timeout=SLOW)
    expect(panel.get_by_role("button", name="They don't")).to_be_enabled()

    stranger = browser.new_context(viewport=page.viewport_size).new_page()
    stranger.goto(app_address)
    other = opened(stranger, "Can you beat the model?")
    expect(other.get_by_text("of the validation pairs")).to_be_visible(timeout=SLOW)
    expect(other.locator(".score")).to_contain_text("No guess yet")
    stranger.context.close()

    page.reload()
    panel = opened(page, "Can you beat the model?")
    expect(panel.locator(".score")).to_contain_text("of 1", timeout=20_000)


@pytest.mark.shares_page
def test_a_file_in_and_a_file_out(page, tmp_path, shoot):
    path = tmp_path / "pairs.csv"
    path.write_text(
        'sentence1,sentence2\n"=1+1, he said.",Hello.\n,empty\nA cat sat.,A cat was sitting.\n'
    )
    panel = opened(page, "Can it predict a file of pairs?")
    panel.locator("input[type=file]").set_input_files(path)
    # The name stands in two parts; "pairs.csv" in one is the progress of the upload, and gone in an instant
    expect(panel.locator(".file-preview .stem")).to_have_text("pairs", timeout=SLOW)
    panel.get_by_role("button", name="Predict the file").click()
    expect(panel.locator("table.answered tr")).to_have_count(4, timeout=SLOW)
    shoot(page, "file")
    with page.expect_download() as download:
        panel.get_by_role("button", name="Download predictions.csv").click()
    saved = tmp_path / "predictions.csv"
    download.value.save_as(saved)
    with open(saved, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["sentence1"] for row in rows] == ["'=1+1, he said.", "", "A cat sat."]
    assert "sentence1 is empty" in rows[1]["error"] and rows[2]["predicted_label"] in (
        "equivalent",
        "not_equivalent",
    )


@pytest.mark.shares_page
def test_the_script_follows_the_answer(page, shoot):
    panel = opened(page, "How do I do this again?")
    code = panel.locator(".script code")
    ask(panel, *PROFITS)
    expect(code).to_contain_text("Third-quarter profits were up 12 percent", timeout=SLOW)
    panel.get_by_label("sentence2").fill("Something 'quite' different.")
    panel.get_by_role("button", name="Predict", exact=True).click()
    expect(code).to_contain_text("Something 'quite' different.", timeout=SLOW)
    expect(code).not_to_contain_text("Third-quarter")
    shoot(page, "reproduce")
    source = code.evaluate("code => code.textContent")
    compile(source, "predict.py", "exec")
    with page.expect_download() as download:
        panel.get_by_role("button", name="Download predict.py").click()
    assert (
        download.value.suggested_filename == "predict.py"
        and download.value.path().read_text() == source
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Copy predict.py").click()
    expect(panel.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == source


def test_a_script_that_may_not_be_copied_is_selected(page):
    page.evaluate(
        """Object.defineProperty(navigator, "clipboard", {value: undefined}); document.execCommand = () => false;"""
    )
    panel = opened(page, "How do I do this again?")
    panel.get_by_role("button", name="Copy predict.py").click(timeout=SLOW)
    expect(panel.locator(".script [role=status]")).to_contain_text("Ctrl+C")
    assert (
        page.evaluate("getSelection().toString()").strip()
        == panel.locator(".script code").inner_text().strip()
    )
    frame = panel.locator(".script .frame")
    frame.focus()
    page.keyboard.press("End")
    expect(frame).to_be_focused()
    page.wait_for_function("document.activeElement.scrollTop > 0")
