"""The Chinese page: chosen by the address or the browser, down to Gradio's own words; no English sentence is left on it."""

import re

import pytest

from dev.screenshots import open_all, settle
from tests.browser.test_accessible import TABS

# Three English words in a row are a sentence that nobody translated. What is data, code or a name may have them.
SENTENCE = re.compile(r"[A-Za-z][a-z']+(?: [A-Za-z][a-z']+){2,}")
VISIBLE = """() => { const skip = "code, pre, textarea, .sentences, .token-grid, .batch-grid, bdi, .examples, .gallery, " +
    "[data-testid=dataset], table.dataset, .because-sentence, .origin, .quote, .dataset, tbody, mark, .examples-table, .tr-body";
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let node; (node = walk.nextNode());) {
    const element = node.parentElement;
    if (element.closest("script, style") || element.closest(skip) || !element.checkVisibility()) continue;
    found.push(node.textContent.trim()); }
  return found; }"""


@pytest.fixture(scope="module")
def chinese(browser, app_address):
    """chinese("tab=predict") -> that page, asked for by the address from an English browser."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")

    def visit(query):
        for (
            earlier
        ) in context.pages:  # a browser opens six connections to a server, and each page holds one
            earlier.close()
        page = context.new_page()
        page.goto(f"{app_address}/?lang=zh&{query}")
        settle(page)
        return page

    yield visit
    context.close()


def test_gradios_own_words_and_the_pages_language_follow(chinese):
    page = chinese("tab=predict")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert "设置" in page.locator("footer").inner_text()


@pytest.mark.parametrize("query", [*TABS, "run=" + "0" * 32])
def test_no_english_sentence_is_left(chinese, query):
    page = chinese(query)
    open_all(page.get_by_role("tabpanel").filter(visible=True).first)
    settle(page)
    english = {
        found.group()
        for text in page.evaluate(VISIBLE)
        for found in [SENTENCE.search(text)]
        if found
    }
    assert english == set()
