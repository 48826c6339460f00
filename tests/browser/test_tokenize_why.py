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
    expect(panel.locator(".sentences")).to_contain_text(first.split()[0])
    return panel


def cell(panel, row, position):
    """A number of a token's card."""
    return panel.locator(f'.card[data-position="{position}"] [data-row="{row}"]')


def because(panel):
    return panel.locator("#tokens .because")


def test_a_click_says_why_and_marks_the_characters(page, shoot):
    panel = draw(page)
    expect(because(panel)).to_contain_text("Click a cell")
    tops = "() => [...document.querySelectorAll('#tokens, #batch')].map((e) => e.offsetTop)"
    before = page.evaluate(tops)
    cell(panel, "piece", 2).click()
    expect(because(panel)).to_contain_text("“distorting” is not in the vocabulary of 30,522")
    expect(because(panel).locator("mark")).to_have_text("stor")
    assert page.evaluate(tops) == before, "the page stays where it is"
    shoot(page, "why")
    cell(panel, "token_type_ids", 7).click()
    expect(because(panel)).to_contain_text("[SEP] closes sentence 1 and counts as part of it")
    expect(because(panel).locator("mark")).to_have_count(0)
    expect(panel.locator('.token-cards [aria-selected="true"]')).to_have_count(1)


def test_the_table_is_the_other_view_and_keeps_the_chosen_cell(page):
    panel = draw(page)
    cell(panel, "input_ids", 2).click()
    panel.get_by_role("button", name="table", exact=True).click()
    expect(panel.locator(".token-cards")).to_be_hidden()
    chosen = panel.locator('.token-table td[aria-selected="true"]')
    expect(chosen).to_have_text("23809")
    expect(panel.locator(".piece.lit")).to_have_text("stor")
    panel.locator('.token-table tr[data-row="characters"] td').nth(2).click()
    expect(panel.locator('.token-table td[aria-selected="true"]')).to_have_text("2–6")
    draw(page, "Another pair.")  # the view stays with the next pair
    expect(panel.locator(".token-table")).to_be_visible()
    expect(panel.get_by_role("button", name="table", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_the_keyboard_reaches_every_number(page):
    panel = draw(page)
    panel.get_by_role("button", name="table", exact=True).focus()
    page.keyboard.press("Tab")
    expect(cell(panel, "piece", 0)).to_be_focused()
    expect(because(panel)).to_contain_text("[CLS] at the beginning of every sequence")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(cell(panel, "input_ids", 2)).to_be_focused()
    expect(because(panel)).to_contain_text("23809 is “##stor”")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is nothing beyond: the focus stays
    expect(because(panel)).to_contain_text("[SEP] closes sentence 2")
    last = panel.locator('.card:last-child [data-row="input_ids"]')
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowDown")
    expect(cell(panel, "token_type_ids", 0)).to_be_focused()
    assert panel.locator('.token-cards [tabindex="0"]').count() == 1, "Tab leaves the cards again"
    page.keyboard.press("Tab")
    expect(panel.locator(".token-cards :focus")).to_have_count(0)


def test_a_new_pair_takes_the_old_explanation_away(page):
    panel = draw(page)
    cell(panel, "input_ids", 1).click()
    expect(because(panel)).to_contain_text("4487")
    draw(page, "Something else entirely.")
    expect(because(panel)).to_contain_text("Click a cell")
    expect(panel.locator(".token-cards [aria-selected]")).to_have_count(0)
    cell(panel, "input_ids", 1).click()
    expect(because(panel)).to_contain_text("something")


def test_many_tokens_scroll_in_a_frame_of_their_own(page):
    panel = draw(page, "one two three four five six seven eight nine ten " * 30)
    expect(panel.locator(".card")).to_have_count(128)
    cards = panel.locator(".token-cards")
    inner, outer = cards.evaluate("(e) => [e.scrollHeight, e.clientHeight]")
    assert outer <= 600 < inner
    cell(panel, "piece", 0).click()
    page.keyboard.press("End")
    expect(panel.locator(".card:last-child b")).to_be_in_viewport()


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
