"""The page's head: how high it is, where the rail leads, the keyboard's row of tabs, Share, the
history, and one pair for all tabs.
"""

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect

from tabs.pair import PAIR

# What must hold of the head: {what is wrong otherwise: a function of the most pixels it may take}
FITS = {
    "the head is too high": """most =>
        document.querySelector(".page-head").getBoundingClientRect().bottom <= most""",
    "the title is cut": """() => {
        const title = document.querySelector(".page-head h1")
        return title.scrollWidth <= title.clientWidth + 1
    }""",
    "a link is outside": """() => [...document.querySelectorAll(".rail a, .head-links > *")]
        .every((one) => one.getBoundingClientRect().right <= innerWidth)""",
}
HEIGHTS = {(1440, 900): 110, (1024, 768): 110, (390, 844): 130, (320, 640): 130}


@pytest.fixture(scope="module")
def page(browser, app_address):
    context = browser.new_context(locale="en-US", reduced_motion="reduce")
    page = context.new_page()
    page.goto(app_address)
    page.locator("#tokens").wait_for(timeout=60_000)
    yield page
    context.close()


@pytest.mark.parametrize("size", HEIGHTS, ids=str)
def test_the_head_leaves_the_screen_to_the_picture(page, size):
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    # The pictures below are drawn anew for the width, and hold the page as wide as it was until then
    for what, holds in FITS.items():
        try:
            page.wait_for_function(holds, arg=HEIGHTS[size], timeout=10_000)
        except PlaywrightTimeoutError:
            pytest.fail(f"{what} at {size}")


def test_no_tab_hides_in_a_menu(page, app_address):
    """Gradio 6.31 takes tabs that don't fit out of the row, and the rail finds them no more."""
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(app_address)
    expect(page.locator("[role=tab][aria-controls=tab-layers]")).to_be_attached(timeout=60_000)
    page.locator('.rail [data-at="prediction"]').click()
    expect(page.locator("#tab-predict")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_each_station_leads_to_its_tab_and_says_its_line(page, app_address):
    page.set_viewport_size({"width": 1440, "height": 900})
    for station, tab in (
        ("model", "model"),
        ("trainer", "fine-tune"),
        ("prediction", "predict"),
        ("collator", "tokenize"),
        ("tokenizer", "tokenize"),
    ):
        page.locator(f'.rail [data-at="{station}"]').click()
        expect(page.locator(f"[role=tab][aria-controls=tab-{tab}]")).to_have_attribute(
            "aria-selected", "true"
        )
        current = page.locator(".rail [aria-current=page]").evaluate_all(
            "all => all.map(one => one.dataset.at)"
        )
        assert station in current
        expect(page.locator(f'.rail [data-at="{station}"] span')).not_to_be_empty(timeout=30_000)
    page.go_back()
    expect(page.locator("[role=tab][aria-controls=tab-predict]")).to_have_attribute(
        "aria-selected", "true"
    )
    page.go_forward()
    expect(page.locator("[role=tab][aria-controls=tab-tokenize]")).to_have_attribute(
        "aria-selected", "true"
    )
    characters = f"{sum(map(len, PAIR))} characters"
    expect(page.locator('.rail [data-at="pair"] span')).to_contain_text(characters)
    expect(page.locator('.rail [data-at="tokenizer"] span')).to_have_text("36 tokens · 3 special")


def test_what_is_refused_leaves_no_line_in_the_rail(page):
    line = page.locator('.rail [data-at="collator"] span')
    expect(line).to_contain_text("8 × ", timeout=30_000)
    rows = page.get_by_label("Rows, at most 32")
    rows.fill("99999")
    rows.press("Enter")
    expect(page.locator("#batch [role=alert]")).to_contain_text("There is no row 99999")
    expect(line).to_have_text("pads a batch")
    rows.fill("0-3")
    rows.press("Enter")
    expect(line).to_contain_text("4 × ")


def test_the_row_of_tabs_is_there_for_the_keyboard_alone(page):
    row = page.locator("#tabs > .tab-wrapper")
    clip = "one => getComputedStyle(one).clipPath"
    assert row.evaluate(clip) == "inset(50%)"
    page.locator(".rail a").last.focus()
    for _press in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.role") == "tab":
            break
    assert page.evaluate("document.activeElement.role") == "tab"
    assert row.evaluate(clip) == "none"
    page.locator(".rail a").first.focus()
    assert row.evaluate(clip) == "inset(50%)"


def test_share_opens_below_its_button_and_escape_closes_it(page):
    button = page.locator("[data-head=share]")
    button.click()
    panel = page.locator(".share-panel.shown")
    expect(panel).to_be_visible()
    assert panel.get_attribute("role") == "dialog"
    panel.get_by_role("button", name="Copy link").click()
    expect(panel.get_by_label("Link", exact=True)).not_to_have_value("")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.head") == "share"


def test_what_is_typed_in_one_tab_stands_in_the_other(page):
    page.locator('.rail [data-at="prediction"]').click()
    predict = page.locator("#tab-predict")
    expect(predict.locator(".bars tr").first).to_be_visible(timeout=60_000)
    predict.get_by_label("sentence2").fill("The harbor stayed open.")
    stale = predict.locator(".stale").first
    expect(stale).to_be_visible()
    assert stale.get_attribute("data-stale-words") == "for the earlier text"
    page.locator('.rail [data-at="tokenizer"]').click()
    tokenize = page.locator("#tab-tokenize")
    expect(tokenize.get_by_label("sentence2")).to_have_value("The harbor stayed open.")
    page.locator('.rail [data-at="prediction"]').click()
    predict.get_by_role("button", name="Predict", exact=True).click()
    expect(predict.locator(".stale")).to_have_count(0, timeout=30_000)


def test_a_link_opens_its_tab_before_the_first_paint(browser, app_address):
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.add_init_script(
        """window.seen = [];
        new MutationObserver(() => {
          const tab = document.querySelector("[role=tab][aria-selected=true]");
          const name = tab?.getAttribute("aria-controls");
          if (name && seen.at(-1) !== name) seen.push(name);
        }).observe(document, {attributes: true, childList: true, subtree: true});"""
    )
    page.goto(f"{app_address}/?tab=predict")
    expect(page.locator("#tab-predict .bars tr").first).to_be_visible(timeout=60_000)
    assert page.evaluate("seen") == ["tab-predict"]
    context.close()


def test_an_idle_page_writes_nothing(page):
    """What the rail and the pair write is a change of the page, which they look at again."""
    page.locator('.rail [data-at="trainer"]').click()
    page.wait_for_timeout(3000)
    page.evaluate(
        """window.writes = 0;
        new MutationObserver((all) => { writes += all.length; })
          .observe(document.querySelector("#head"), {attributes: true, childList: true, subtree: true});"""
    )
    page.wait_for_timeout(1000)
    assert page.evaluate("writes") < 5
