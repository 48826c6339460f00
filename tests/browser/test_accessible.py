"""axe-core finds no serious violation on any tab, light and dark, with every section open; the keyboard reaches everything."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dev.screenshots import open_all, settle

TABS = [
    "tab=tokenize",
    "tab=fine-tune",
    "tab=predict",
    "tab=layers",
    "tab=layers&topic=claims",
    "tab=layers&topic=updater",
    "tab=model",
]


@pytest.fixture(scope="module")
def visit(browser, app_address):
    """visit("tab=predict") -> a new visitor's page, still."""
    contexts = []

    def opened(query):
        contexts.append(browser.new_context(viewport={"width": 1440, "height": 900}, locale="en"))
        page = contexts[-1].new_page()
        page.goto(f"{app_address}/?{query}")
        settle(page)
        return page

    yield opened
    for context in contexts:
        context.close()


def violations(page):
    """[(rule, impact, what it is about), …] of all that axe-core finds."""
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:5]])
        for one in found
    ]


@pytest.mark.parametrize("query", TABS)
def test_axe_finds_nothing_serious(visit, query):
    page = visit(query)
    open_all(page.get_by_role("tabpanel").filter(visible=True).first)
    # A colour on its way from one theme to the other is neither's
    page.add_style_tag(content="*, *::before, *::after { transition: none !important; }")
    for theme in ("light", "dark"):
        page.evaluate("theme => document.body.classList.toggle('dark', theme === 'dark')", theme)
        settle(page)
        assert [one for one in violations(page) if one[1] in ("serious", "critical")] == [], theme


def test_axe_finds_something_where_there_is_something(visit):
    """Else the test above could be blind."""
    page = visit(TABS[0])
    page.evaluate("document.querySelector('.page-head h1').style.color = '#ccc'")
    assert "color-contrast" in {rule for rule, *_rest in violations(page)}


def focused(page):
    """What has the focus, in a word: its role or tag and its name."""
    return page.evaluate("""() => { const e = document.activeElement; return (e.getAttribute('role') || e.tagName).toLowerCase() + ' ' +
        (e.getAttribute('aria-label') || e.innerText || e.labels?.[0]?.innerText || e.name || '').trim().split('\\n')[0]; }""")


def test_the_keyboard_alone_goes_from_the_address_to_an_answer(visit):
    page, seen = visit(TABS[2]), []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(focused(page))
        if seen[-1] == "button Predict":
            break
    assert seen[-1] == "button Predict", seen
    assert page.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle !== 'none' || "
        "getComputedStyle(document.activeElement).boxShadow !== 'none'"
    ), "the focus can be seen"
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.locator(".bars tr").first.wait_for()
    page.keyboard.press("Enter")
    expect(panel.locator(".answer")).to_be_visible()
