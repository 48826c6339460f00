"""The real app on a free port, and a real Chromium that notes each console error and each request."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from dev.server import BROWSER_ARGUMENTS, chromium, running_app

# Two cores that others keep busy: what is to come is waited for longer than Playwright's five seconds
expect.set_options(timeout=20_000)
SHOTS = Path(__file__).parent / "screenshots"
SIZES = {"desktop": {"width": 1440, "height": 1000}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="session")
def app_address():
    """`python app.py` as a person would start it, with no Hub and the embedded pairs."""
    with running_app({"HF_HUB_OFFLINE": "1", "PAIRS": "embedded"}) as (address, _runs):
        yield address


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def elsewhere(browser):
    """Open a link in a new browser: elsewhere(link, **of its context) -> its page."""
    contexts = []

    def visit(link, **how):
        contexts.append(browser.new_context(locale="en-US", **how))
        page = contexts[-1].new_page()
        page.goto(link)
        return page

    yield visit
    for context in contexts:
        context.close()


def pytest_generate_tests(metafunc):
    """Both sizes for what a module tests with `page`, or those that it names as WIDTHS: two cores pay for each."""
    said = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "page" in metafunc.fixturenames and "page" not in said:
        metafunc.parametrize("page", getattr(metafunc.module, "WIDTHS", SIZES), indirect=True)


@pytest.fixture(scope="module")
def kept_pages():
    """The pages that tests of a module share, by width; each is closed with the module."""
    pages = {}
    yield pages
    for page in pages.values():
        page.context.close()


@pytest.fixture
def page(request, browser, app_address, kept_pages):
    """A new visitor's page, tokens drawn; of a test that opens a link itself, a blank one.

    Tests marked shares_page have one page a width: each says itself what it looks at.
    Afterwards: no console error, no note of an error, no request elsewhere, no sideways scrolling.
    """
    shares = request.node.get_closest_marker("shares_page")
    visited = kept_pages.get(request.param) if shares else None
    if visited is None:
        visited = _new_page(browser, app_address, request.param)
        if not request.node.get_closest_marker("opens_a_link"):
            visited.goto(app_address)
            visited.locator(".token-grid").first.wait_for(timeout=60_000)
    if shares:
        kept_pages[request.param] = visited
    yield visited
    sideways = visited.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    errors, strangers = list(visited.errors), list(visited.strangers)
    visited.errors.clear()
    visited.strangers.clear()
    if not shares:
        visited.context.close()
    assert errors == []
    assert strangers == []
    assert sideways <= 0


def _new_page(browser, app_address, size):
    """A page of a context of its own, which notes its errors and its requests to elsewhere."""
    context = browser.new_context(viewport=SIZES[size], locale="en-US")
    visited = context.new_page()
    note_errors(visited)
    visited.size, visited.strangers = size, []
    visited.on(
        "request",
        lambda sent: (
            visited.strangers.append(sent.url) if _is_elsewhere(sent.url, app_address) else None
        ),
    )
    return visited


# A handler that raised tells the visitor so in a note that goes after ten seconds
NOTE_TOASTS = """
const noted = new WeakSet();
new MutationObserver(() => {
  for (const toast of document.querySelectorAll(".toast-body.error")) {
    if (!noted.has(toast)) console.error(toast.innerText);
    noted.add(toast);
  }
}).observe(document, {childList: true, subtree: true});
"""
# The first words of a page, and of what it is loaded anew as
NEW_DOCUMENT = "a new document"
# What a page says of its requests once it is left. Gradio 6.31 closes its stream as it is left, and
# opens it again for a request that was on its way: the server no longer knows that visitor
CUT_OFF = (
    "Unexpected error Connection errored out.",
    "Unexpected error 404: Not Found",
    "Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING",
    "TypeError: network error",
    "Connection to the server was lost.",
)


def note_errors(page):
    """From now on page.errors has what its console says of errors, and its notes of them (toasts)."""
    page.errors = []
    page.add_init_script(f'if (window === top) console.debug("{NEW_DOCUMENT}")')
    page.add_init_script(NOTE_TOASTS)
    page.on("console", lambda message: _note(page.errors, message))
    page.on("pageerror", lambda error: page.errors.append(str(error)))


def _note(errors, message):
    """Note a console error; where a new document begins, forget how the last one was cut off."""
    if message.text == NEW_DOCUMENT:
        errors[:] = [error for error in errors if not any(cut in error for cut in CUT_OFF)]
    elif message.type == "error" and "AbortError" not in message.text:
        errors.append(said_by(message))


def said_by(message):
    """A console message; of a resource that failed to load, with its address."""
    return (
        f"{message.text} {message.location['url']}"
        if "load resource" in message.text
        else message.text
    )


def _is_elsewhere(url, address):
    return not url.startswith((address, "data:", "blob:"))


@pytest.fixture
def shoot():
    """Keep a screenshot: shoot(page, "tokenize") -> screenshots/tokenize-phone.png."""

    def take(page, name):
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}-{page.size}.png", full_page=True)

    return take
