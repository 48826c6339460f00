"""Each tab's main action, on a desktop and on a phone, as a person would do it."""

import re

import pytest
from playwright.sync_api import expect

from pipeline.task import MRPC
from tabs.pair import PAIR

ARABIC = "أعلنت الشركة عن أرباحها 🎉"
HTML = '<img src=x onerror="window.hacked=1"><b>bold</b>'
# More steps than anybody waits for, judged on few pairs: there is time to stop it
LONG_BUT_LIGHT = (
    "max_steps=300&train_pairs=640&epochs=5&batch_size=8&eval_pairs=16&eval_strategy=no"
)


def open_tab(page, name):
    """By the rail, or by the head's link to Layers."""
    station = {
        "Tokenize": "tokenizer",
        "Model": "model",
        "Fine-tune": "trainer",
        "Predict": "prediction",
    }.get(name)
    page.locator(
        f'.rail [data-at="{station}"]' if station else '.head-links [data-tab="layers"]'
    ).click()
    return page.get_by_role("tabpanel").filter(visible=True)


def row(panel, table, name):
    """The cells of one row of a drawn table, as text."""
    header = panel.page.locator("th", has_text=re.compile(f"^{name}"))
    return panel.locator(f"{table} tr").filter(has=header).first.locator("td")


@pytest.mark.shares_page
def test_tokenize_a_pair_of_ones_own(page, shoot):
    panel = open_tab(page, "Tokenize")
    panel.get_by_label("sentence1").fill("Hi there.")
    panel.get_by_label("sentence2").fill("Hello there.")
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    pieces = ["[CLS]", "hi", "there", ".", "[SEP]", "hello", "there", ".", "[SEP]"]
    expect(row(panel, ".token-grid", "token$")).to_have_text(pieces)
    expect(row(panel, ".token-grid", "token_type_ids")).to_have_text(list("000001111"))
    expect(row(panel, ".token-grid", "input_ids").first).to_have_text("101")
    shoot(page, "tokenize")


@pytest.mark.shares_page
def test_strange_text_shows_as_text(page, shoot):
    panel = open_tab(page, "Tokenize")
    panel.get_by_label("sentence1").fill(HTML)
    panel.get_by_label("sentence2").fill(ARABIC)
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    expect(panel.locator(".sentences")).to_contain_text("onerror=")
    expect(panel.locator(".sentences")).to_contain_text("🎉")
    assert panel.locator(".sentences img, .token-grid img, .sentences b").count() == 0
    assert page.evaluate("window.hacked") is None
    shoot(page, "strange-text")


@pytest.mark.shares_page
def test_an_empty_sentence_says_what_to_do(page):
    panel = open_tab(page, "Tokenize")
    panel.get_by_label("sentence1").fill("  ")
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    expect(panel.locator("#tokens").get_by_role("alert")).to_contain_text(
        "sentence1 is only white space. Write a sentence there."
    )


@pytest.mark.shares_page
def test_rows_become_a_padded_batch(page, shoot):
    panel = open_tab(page, "Tokenize")
    panel.locator("#field-rows textarea, #field-rows input").fill("0-3, 9")
    panel.locator("#field-rows textarea, #field-rows input").press("Enter")
    expect(panel.locator("[data-take]")).to_have_count(5)
    panel.locator("#batch").get_by_role("button", name="table").click()
    expect(panel.locator(".batch-table td.padding").first).to_have_text("[PAD]")
    panel.get_by_label("attention_mask").check()
    expect(panel.locator(".batch-table td.padding").first).to_have_text("0")
    shoot(page, "batch")


@pytest.mark.opens_a_link
def test_fine_tune_then_predict_with_its_model(page, app_address, shoot):
    # On a desktop with the form as it comes, on a phone on few pairs: judging takes most of the time
    few = "?tab=fine-tune&train_pairs=96&eval_pairs=16"
    page.goto(f"{app_address}/{few if page.size == 'phone' else ''}")
    panel = open_tab(page, "Fine-tune")
    panel.get_by_label("number input for max_steps").fill("6")
    panel.get_by_label("number input for max_steps").press("Enter")
    panel.get_by_role("button", name="Start the fine-tune").click()
    expect(panel.locator(".status")).to_contain_text(re.compile(r"step \d"), timeout=90_000)
    expect(panel.locator(".status strong")).to_have_text("Done", timeout=120_000)
    expect(panel.locator(".result tr")).to_have_count(1 + len(MRPC.metrics))
    expect(panel.locator("#run-charts .curve")).to_have_count(2)
    expect(panel.locator("svg text.baseline").first).to_contain_text("majority accuracy")
    assert re.search(r"run=[0-9a-f]{32}", page.url)
    expect(page.locator("#run-state")).to_contain_text("Done")  # what a screen reader heard last
    assert page.locator("#run-state").bounding_box()["width"] <= 1
    shoot(page, "fine-tune")
    panel = open_tab(page, "Predict")
    expect(panel.get_by_label("Model")).to_have_value(re.compile("(yours|joined): "))
    expect(panel.locator(".origin")).to_contain_text("fine-tuned here", timeout=60_000)
    expect(panel.locator(".notice.warning")).to_have_count(0)
    shoot(page, "predict-own")


@pytest.mark.opens_a_link
def test_stop_keeps_the_model_and_a_refresh_keeps_the_run(page, app_address, shoot):
    page.goto(f"{app_address}/?tab=fine-tune&{LONG_BUT_LIGHT}")
    panel = open_tab(page, "Fine-tune")
    panel.get_by_role("button", name="Start the fine-tune").click()
    expect(panel.locator(".status strong")).to_have_text("Running", timeout=90_000)
    expect(panel.locator(".status")).to_contain_text(re.compile(r"step \d"), timeout=90_000)
    page.reload()
    panel = open_tab(page, "Fine-tune")
    expect(panel.locator(".status strong")).to_have_text("Running", timeout=30_000)
    panel.get_by_role("button", name="Stop and keep the model").click()
    expect(panel.locator(".status strong")).to_have_text("Stopped", timeout=60_000)
    expect(panel.locator(".result tr")).to_have_count(1 + len(MRPC.metrics))
    shoot(page, "stopped")


@pytest.mark.parametrize(
    ("tab", "press", "count"), [("Predict", "Predict", 4), ("Model", "Look inside", 3)]
)
def test_a_tabs_first_answer_replaces_none_that_was_asked_for_since(page, tab, press, count):
    """What the tab asks of itself, as its count of values tells, is answered last, and drawn over
    the press's: it is asked once more.
    """
    held = []

    def hold_the_first(route):
        if held or len(route.request.post_data_json["data"]) != count:
            route.continue_()
        else:
            held.append(route)

    page.route("**/queue/join*", hold_the_first)
    panel = open_tab(page, tab)
    panel.get_by_role("textbox").first.fill("Nothing of the kind.")
    panel.get_by_role("button", name=press, exact=True).click()
    shown = panel.locator("[data-pair*='Nothing of the kind']").first
    expect(shown).to_be_visible(timeout=60_000)
    asked = shown.inner_text()
    own = f'"fn_index":{held[0].request.post_data_json["fn_index"]},'
    with page.expect_request(lambda sent: own in (sent.post_data or ""), timeout=60_000):
        held[0].continue_()
    expect(shown).to_have_text(asked, use_inner_text=True, timeout=60_000)


@pytest.mark.shares_page
def test_predict_an_example(page, shoot):
    panel = open_tab(page, "Predict")
    for name, sentence in zip(("sentence1", "sentence2"), PAIR, strict=True):
        panel.get_by_label(name).fill(sentence)  # the page's one pair: others have changed it
    panel.get_by_role("button", name="Predict", exact=True).click()
    expect(panel.locator(".bars tr")).to_have_count(3)
    shares = [
        float(share.rstrip("%"))
        for share in panel.locator(".bars td span:not(.bar)").all_text_contents()
    ]
    assert abs(sum(shares) - 100) <= 0.1
    expect(panel.locator(".origin")).to_contain_text("fine-tuned on MRPC")
    expect(panel.locator(".notice.warning")).to_have_count(0)
    shoot(page, "predict")
    panel.get_by_label("Model", exact=True).click()
    page.get_by_role("option", name=re.compile("new head: sentence-transformers")).click()
    expect(panel.locator(".notice.warning")).to_contain_text("head is new")


@pytest.mark.shares_page
def test_a_browser_keeps_gradios_scripts(page, app_address):
    """Their names carry a hash of what they hold. Left to itself, a browser guesses how long they are good for."""
    scripts = page.locator("script[src*='assets/'], link[href*='assets/']")
    addresses = scripts.evaluate_all("all => all.map(one => one.src || one.href)")
    answers = [page.request.get(address).headers for address in addresses]
    assert len(answers) > 30 and all(
        "immutable" in headers.get("cache-control", "") for headers in answers
    )
