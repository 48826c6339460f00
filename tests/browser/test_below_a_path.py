"""The page where it isn't at its address's root: mounted in another app, and behind a proxy that names its prefix."""

import pytest
from playwright.sync_api import expect

from tests.processes.test_web_doors import app_address as upstream  # noqa: F401 - fixtures
from tests.processes.test_web_doors import mounted, proxy, settings  # noqa: F401


@pytest.fixture(params=["mounted", "proxied"])
def address(request):
    if request.param == "mounted":
        yield request.getfixturevalue("mounted")[0]
        return
    said = {"host": "nowhere.example", "x_forwarded_for": "203.0.113.9", "x_forwarded_prefix": "/x"}
    with proxy(request.getfixturevalue("upstream"), "/x", name_itself=True, **said) as reached:
        yield reached


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_request_of_the_page_stays_below_its_path_and_is_answered(browser, address, language):
    context = browser.new_context(locale="en-US")
    page, errors, answers = context.new_page(), [], []
    page.on(
        "console",
        lambda message: errors.append(message.location["url"]) if message.type == "error" else None,
    )
    page.on("response", lambda response: answers.append((response.status, response.url)))
    page.goto(f"{address}/?lang={language}&tab=predict&sentence1=A%20cat%20sat.")
    expect(page.locator("#tab-predict .origin").first).to_be_visible(timeout=60_000)
    assert page.url.startswith(f"{address}/{'zh' if language == 'zh' else ''}?")
    context.close()
    assert [url for url in errors if not url.endswith("/favicon.ico")] == [], (
        "that one a browser looks for at the root"
    )
    assert any("/gradio_api/queue/join" in url for _status, url in answers)
    strangers = [
        url
        for status, url in answers
        if status >= 400 or not url.startswith((address, "data:", "blob:"))
    ]
    assert [url for url in strangers if not url.endswith("/favicon.ico")] == []
