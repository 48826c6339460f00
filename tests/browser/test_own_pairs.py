"""A visitor's own pairs in a browser: dropped, pasted, their columns changed, used in three tabs, seen by nobody else, in no link."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import open_tab
from tests.browser.test_sharing import share

WIDTHS = ("desktop",)
SECRET = "zebrafish"


def own_file(count=40):
    """As Excel writes it in China: GBK, semicolons; a last row without its second sentence."""
    rows = [
        f"{SECRET} 第{i}家公司上涨;第{i}家 {SECRET} 上升;{'相似' if i % 2 else '不相似'}"
        for i in range(count)
    ]
    text = "\r\n".join(["句子一;句子二;标签", *rows, "坏的一行;;相似"])
    return {"name": "mine.csv", "mimeType": "text/csv", "buffer": text.encode("gb18030")}


def panel_of(page, tab="Tokenize"):
    """The open panel for own pairs."""
    open_tab(page, tab).locator(".bring-pairs").click()
    panel = page.locator("#own-pairs")
    expect(panel.get_by_text("Nobody else sees them")).to_be_visible()
    return panel


def bring(page):
    """The page's pairs are the visitor's own; returns the tab Tokenize."""
    panel = panel_of(page)
    panel.locator("input[type=file]").set_input_files(own_file())
    expect(panel.locator(".own-form")).to_contain_text("mine.csv")
    panel.get_by_role("button", name="Use these pairs").click()
    expect(panel).to_be_hidden()
    tab = open_tab(page, "Tokenize")
    expect(tab.locator(".which-pairs input")).to_have_value("your own pairs")
    page.wait_for_function("localStorage.getItem('own-pairs') !== null")
    return tab


def test_a_dropped_file_is_read_changed_and_used(page):
    panel = panel_of(page)
    panel.locator("input[type=file]").set_input_files(own_file())
    report = panel.locator("#own-pairs-report")
    expect(report).to_contain_text("41 rows · 1 left out")
    expect(report).to_contain_text("不相似 20")
    expect(report).to_contain_text("42")
    panel.get_by_label("Second sentence").click()
    page.get_by_role("option", name="none").click()
    expect(report.locator("th", has_text="sentence2")).to_have_count(0)
    panel.get_by_label("Second sentence").click()
    page.get_by_role("option", name="句子二").click()
    expect(report.locator("th", has_text="sentence2")).to_have_count(1)
    panel.get_by_role("button", name="Use these pairs").click()
    expect(panel).to_be_hidden()
    tab = open_tab(page, "Tokenize")
    expect(tab.locator(".which-pairs input")).to_have_value("your own pairs")
    expect(tab.locator(".picture-head", has_text="8 rows become one batch")).to_be_visible()
    page.wait_for_function("location.search.includes('task_name=own')")
    page.wait_for_function("document.querySelector('.batch-data').dataset.batch.includes('zebra')")
    tab.locator(".batch-rows button").nth(3).click()
    expect(tab.get_by_label("sentence1")).to_have_value(re.compile(SECRET))
    fine_tune = open_tab(page, "Fine-tune")
    expect(fine_tune.locator(".which-pairs input")).to_have_value("your own pairs")
    expect(fine_tune.locator(".forecast")).to_contain_text("6 steps")
    page.wait_for_timeout(
        2000
    )  # what a page that is left still waits for is an error in its console
    page.reload()
    open_tab(page, "Tokenize")
    expect(page.locator("#tab-tokenize .which-pairs input")).to_have_value("your own pairs")


def test_pasted_and_written_pairs_are_read_likewise(page):
    panel = panel_of(page)
    panel.get_by_role("tab", name="Paste").click()
    text = "a\tb\tlabel\n" + "".join(f"A {i}\tB {i}\t{i % 2}\n" for i in range(10))
    panel.get_by_label("A pair a line").fill(text)
    panel.get_by_role("button", name="Read the text").click()
    expect(panel.locator(".own-form")).to_contain_text("10 rows")
    panel.get_by_role("tab", name="Write").click()
    panel.get_by_role("button", name="Read the table").click()
    expect(panel.locator("#own-pairs-report")).to_contain_text("The table is empty")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#tab-tokenize .bring-pairs")).to_be_focused()


def test_a_run_learns_them_and_nobody_else_reads_them(page, browser, app_address):
    tab = bring(page)
    key = page.evaluate("localStorage.getItem('own-pairs')")
    assert re.fullmatch("own-key:[0-9a-f]{64}", key)
    link = share(tab)
    told = tab.locator(".share-own")
    expect(told).to_contain_text("Your own pairs are not in the link")
    assert "own" not in link.partition("?")[2] and SECRET not in link
    page.keyboard.press("Escape")
    fine_tune = open_tab(page, "Fine-tune")
    fine_tune.get_by_role("button", name="Start the fine-tune").click()
    expect(fine_tune.locator(".status.done")).to_be_visible(timeout=120_000)
    page.wait_for_function("location.search.includes('run=')")
    run = re.search("run=([0-9a-f]{32})", page.url)[1]
    assert "own-key" not in page.url and "own:" not in page.url
    again = fine_tune.locator("#open-again")
    again.locator("button.label-wrap").first.click()
    again.get_by_role("button", name="Pack the script with my pairs").click()
    expect(again.get_by_text("Download the script and my pairs")).to_be_visible()

    # A watcher: another browser, the same link
    context = browser.new_context(locale="en-US")
    watcher = context.new_page()
    watcher.goto(f"{app_address}/?tab=fine-tune&run={run}&task_name=own")
    theirs = watcher.get_by_role("tabpanel").filter(visible=True)
    expect(theirs.locator(".status.done")).to_be_visible(timeout=60_000)
    expect(watcher.locator("#from-the-address")).to_contain_text("somebody's own pairs")
    expect(theirs.locator(".which-pairs input")).to_have_value("MRPC")
    theirs.locator("#open-again button.label-wrap").first.click()
    expect(theirs.locator("#open-again pre.command")).to_contain_text("--pairs pairs.csv")
    expect(theirs.get_by_role("button", name="Pack the script")).to_be_hidden()
    seen = watcher.content()
    assert SECRET not in seen and key not in seen
    assert not re.search("own:[0-9a-f]{32}", seen)
    context.close()

    # Predict answers with the run's model, on the labels of the file
    fine_tune.get_by_role("button", name="Try it on your sentences").click()
    predict = open_tab(page, "Predict")
    expect(predict.locator(".answer, .predicted").first).to_contain_text("相似", timeout=60_000)


def test_forgotten_pairs_are_gone_from_the_page_and_from_the_browser(page):
    tab = bring(page)
    panel = panel_of(page)
    panel.get_by_role("button", name="Forget my pairs").click()
    expect(tab.locator(".which-pairs input")).to_have_value("MRPC")
    expect(panel).to_contain_text("Your pairs are removed from this server")
    page.wait_for_function("localStorage.getItem('own-pairs') === null")
    panel.get_by_role("button", name="Close").click()
    expect(tab.locator(".batch-rows button")).to_have_count(8)


@pytest.mark.opens_a_link
def test_another_task_is_the_choice_of_both_tabs_and_can_be_locked(page, app_address):
    page.goto(f"{app_address}/?tab=fine-tune&task_name=qqp&lock=task_name")
    fine_tune = page.locator("#tab-fine-tune")
    expect(fine_tune.locator(".which-pairs input")).to_have_value("QQP", timeout=60_000)
    expect(fine_tune.locator(".which-pairs input")).to_be_disabled()
    expect(fine_tune.locator(".bring-pairs")).to_be_hidden()
    tab = open_tab(page, "Tokenize")
    expect(tab.locator(".which-pairs input")).to_have_value("QQP")
    expect(tab.locator(".which-pairs")).to_contain_text("Quora")
    expect(tab.get_by_role("radio", name="test")).to_have_count(0)
