"""The heads of the ready model as a visitor chooses among them: by link, keys, click and touch."""

import re

import pytest
from playwright.sync_api import expect

WIDTHS = ("phone",)  # keys work there, too, and nothing may scroll sideways
ADDRESS = re.compile(r"tab=model.*&layer=(\w+)&head=(\w+)&token=(\d+)")


@pytest.mark.opens_a_link
def test_a_head_and_a_token_are_chosen(page, app_address):
    page.goto(f"{app_address}/?tab=model&layer=6&head=mean&token=5")
    page.locator(".attention-head").wait_for(timeout=60_000)  # the model is loaded first
    head = page.locator(".attention-head:not(.late)")
    title, cards = head.locator("h2"), head.locator(".card")
    expect(title).to_have_text("Layer 6, mean of its heads: where harbor looks")
    grid = page.locator(".head-grid")
    chosen = grid.locator("[role=gridcell][aria-selected=true]")
    chosen.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    expect(title).to_have_text("Layer 5, head 2: where harbor looks")
    expect(chosen).to_be_focused()

    cards.nth(9).click()
    expect(title).to_have_text("Layer 5, head 2: where leaving looks")
    shown = [int(text.rstrip("%")) for text in cards.locator("span:last-child").all_inner_texts()]
    assert len(shown) == 36 and 85 <= sum(shown) <= 115, "a row of weights, each rounded"
    page.keyboard.press("End")
    expect(title).to_have_text("Layer 5, head 2: where [SEP] looks")
    expect(cards.last).to_be_focused()
    assert ADDRESS.search(page.url).groups() == ("5", "2", "35")

    looks = page.locator(".head-kinds")
    looks.get_by_role("button", name="the token before").click()
    looks.get_by_role("button", name="layer 1, head 3 98%").click()
    expect(title).to_have_text("Layer 1, head 3: where [SEP] looks")
    expect(cards.nth(34).locator("span").last).to_have_text("100%")
    marked = "one => parseFloat(one.style.getPropertyValue('--share'))"
    assert 97 < chosen.evaluate(marked) < 99

    head.get_by_role("button", name="table").click()
    expect(head.locator("table tr")).to_have_count(37)
    # Another pair: the same head, and a token of its own
    page.locator("#tab-model .page-pair textarea").first.fill("A cat sat on the mat.")
    page.locator("#tab-model .page-pair textarea").last.fill("The mat was sat on by a cat.")
    page.locator("#press-look-inside").click()
    expect(head.locator("table tr")).to_have_count(20)
    expect(title).to_have_text(re.compile(r"^Layer 1, head 3: where (?!\[SEP\])"))
    expect(page).to_have_url(re.compile(r"&layer=1&head=3&token=(\d|1[0-8])(&|$)"))
