"""Asking a cell why, with the mouse and with the keyboard alone; the sections under the grids."""

import re

from playwright.sync_api import expect

from tests.browser.test_page import open_tab

WIDTHS = ("phone",)

PAIR = ("Distorting mirrors sell.", "Mirrors sell well.")


def draw(page, first=PAIR[0], second=PAIR[1]):
    panel = open_tab(page, "Tokenize")
    panel.get_by_label("sentence1").fill(first)
    panel.get_by_label("sentence2").fill(second)
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    expect(panel.locator(".sentences")).to_contain_text(first)
    return panel


def cell(panel, row, position):
    return panel.locator(f'.token-grid tr[data-row="{row}"] td').nth(position)


def test_a_click_says_why_and_lights_up_the_characters(page, shoot):
    panel = draw(page)
    because = panel.get_by_role("status").first
    expect(because).to_contain_text("Choose a cell")
    cell(panel, "piece", 2).click()
    expect(because).to_contain_text("“distorting” is not in the vocabulary of 30,522 entries")
    expect(panel.locator(".piece.lit")).to_have_text("stor")
    shoot(page, "why")
    cell(panel, "token_type_ids", 7).click()
    expect(because).to_contain_text(
        "[SEP] closes sentence 1 and counts as part of it, so its type is 0."
    )
    expect(panel.locator(".lit")).to_have_count(0)
    expect(panel.locator('[aria-selected="true"]')).to_have_count(1)


def test_the_keyboard_reaches_every_cell(page):
    panel = draw(page)
    because = panel.get_by_role("status").first
    panel.get_by_role("button", name="Tokenize", exact=True).focus()
    for _ in range(2):  # past the frame, which scrolls, into the grid
        page.keyboard.press("Tab")
    expect(cell(panel, "piece", 0)).to_be_focused()
    expect(because).to_contain_text("[CLS] at the beginning of every sequence")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(cell(panel, "input_ids", 2)).to_be_focused()
    expect(because).to_contain_text("23809 is “##stor”")
    expect(panel.locator(".piece.lit")).to_have_text("stor")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is nothing beyond: the focus stays
    expect(because).to_contain_text("[SEP] closes sentence 2")
    expect(cell(panel, "input_ids", -1)).to_be_focused()
    expect(cell(panel, "input_ids", -1)).to_be_in_viewport()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowDown")
    expect(cell(panel, "characters", 0)).to_be_focused()
    assert panel.locator('.token-grid td[tabindex="0"]').count() == 1, "Tab leaves the grid again"
    page.keyboard.press("Tab")
    expect(panel.locator(".token-grid td:focus")).to_have_count(0)


def test_a_new_pair_takes_the_old_explanation_away(page):
    panel = draw(page)
    cell(panel, "input_ids", 1).click()
    expect(panel.get_by_role("status").first).to_contain_text("4487")
    # What is typed but not drawn changes nothing: the cell is explained as it stands in the grid
    panel.get_by_label("sentence1").fill("Something else entirely.")
    cell(panel, "input_ids", 2).click()
    expect(panel.get_by_role("status").first).to_contain_text("23809 is “##stor”")
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    expect(panel.get_by_role("status").first).to_contain_text("Choose a cell")
    expect(panel.locator(".lit")).to_have_count(0)
    cell(panel, "input_ids", 1).click()
    expect(panel.get_by_role("status").first).to_contain_text("something")


def test_padding_in_the_batch_is_explained(page, shoot):
    panel = open_tab(page, "Tokenize")
    expect(panel.locator(".batch-grid tbody tr")).to_have_count(8, timeout=60_000)
    panel.get_by_label("token_type_ids").check()
    expect(panel.locator(".batch-grid caption")).to_contain_text("token_type_ids")
    panel.locator(".batch-grid td.padding").first.click()
    because = panel.locator(".because").nth(1)
    expect(because).to_contain_text("attention uses attention_mask (0 here), not the id of [PAD]")
    panel.locator(".batch-grid td.sentence2").first.click()
    expect(because.locator("mark")).to_have_count(1)
    shoot(page, "why-batch")
    panel.locator(".batch-grid td.label").first.click()
    expect(because).to_contain_text("stands for")


def test_the_sections_open_and_answer(page, shoot):
    panel = draw(page)
    panel.get_by_role("button", name="Separately, as a pair, swapped").click()
    expect(panel.locator(".way")).to_have_count(4)
    panel.get_by_role("button", name="Padding does not change the answer").click()
    expect(panel.locator(".proof tr")).to_have_count(4, timeout=60_000)
    panel.get_by_role("button", name="What padding costs").click()
    expect(panel.locator(".costs tr")).to_have_count(5, timeout=30_000)
    expect(panel.locator(".costs td", has_text=re.compile(r"\d ms$"))).to_have_count(
        4, timeout=60_000
    )
    panel.get_by_role("button", name="Why batched=True").click()
    expect(panel.get_by_text(re.compile(r"batched=True was [\d.]+ times as fast"))).to_be_visible(
        timeout=60_000
    )
    panel.get_by_role("button", name="Two checkpoints side by side").click()
    # Offline the second is a stand-in, and so the first once more
    beside = panel.locator("#open-checkpoints")
    expect(beside.locator(".notice")).to_contain_text(
        "Both sides use the tokenizer of", timeout=30_000
    )
    expect(beside.locator(".strip")).to_have_count(1)
    panel.get_by_role("button", name="Reproduce the pair").click()
    expect(panel.locator(".script code").first).to_contain_text("Distorting mirrors sell.")
    shoot(page, "tokenize-sections")


def test_a_search_that_finds_nothing_keeps_its_message(page):
    panel = open_tab(page, "Tokenize")
    expect(panel.locator(".batch-grid tbody tr")).to_have_count(8, timeout=60_000)
    panel.get_by_label("Search").fill("zzzzqqq")
    panel.get_by_label("Search").press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("No row of train has all of 'zzzzqqq'")
    page.wait_for_timeout(1500)
    expect(panel.get_by_role("alert")).to_contain_text("Try fewer words")
    expect(panel.locator(".batch-grid")).to_have_count(0)
