"""How often a page asks the server: when it is loaded, after a press of Start, and at a run's end."""

import json
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

SHORT = {
    "tab": "fine-tune",
    "source": "embedded",
    "max_steps": 2,
    "eval_steps": 2,
    "eval_pairs": 20,
    "batch_size": 4,
    "train_pairs": 16,
    "max_length": 64,
    "seed": 77,
}
AT_LOAD = 4  # the address, the run that it names, the forecast of the tab and of the filled form
AT_START = 2  # the press, and what the browser then knows of its runs
# A look for each evaluation and state; the end; and the model that is offered to other tabs, which
# two of them draw
TO_THE_END = 5 + 1 + 8


@pytest.fixture
def visited(browser, app_address):
    """(the page of a new visitor, the functions that it has asked for)."""
    context = browser.new_context(locale="en-US")
    page, asked = context.new_page(), []

    def note(request):
        if request.url.partition("?")[0].endswith("/queue/join"):
            asked.append(json.loads(request.post_data)["fn_index"])

    page.on("request", note)
    page.goto(f"{app_address}/?{urlencode(SHORT)}")
    expect(page.locator("#tab-fine-tune .forecast")).to_contain_text("2 steps", timeout=60_000)
    yield page, asked
    context.close()


def test_few_events_follow_from_a_visit_a_start_and_an_end(visited):
    page, asked = visited
    page.wait_for_timeout(2000)
    assert len(asked) <= AT_LOAD, asked
    asked.clear()
    # Its looks at the run come later: they are kept back for this long
    page.route("**/watched?*", lambda route: None)
    page.locator("#press-start").click()
    expect(page.locator(".stops button").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(2000)
    assert len(asked) <= AT_START, asked
    expect(page.locator(".toast-body")).to_have_count(0)
    page.unroute("**/watched?*")
    expect(page.locator(".status strong")).to_have_text("Done", timeout=120_000)
    expect(page.locator("#open-changed table.matrix")).to_have_count(2)
    page.wait_for_timeout(3000)
    assert len(asked) <= AT_START + TO_THE_END, asked
