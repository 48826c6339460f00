"""A class's board in a browser: the line that one looks at stays in hand, and the wall has no Gradio."""

import pytest
from playwright.sync_api import expect

from dev.server import running_app
from pipeline.classes.store import add_runs, create_class, join_class
from pipeline.settings import Settings
from tests.browser.conftest import SIZES
from tests.unit.test_board import BASE, told_run


@pytest.fixture(scope="module")
def lesson():
    """(address, link's code, settings, keys of two pupils) of an app of its own with a class."""
    with running_app({"PAIRS": "embedded", "HF_HUB_OFFLINE": "1"}) as (address, runs):
        settings = Settings(runs_folder=runs)
        runs.mkdir(exist_ok=True)
        code, _key = create_class("Which rate?", "learning_rate", vars(BASE), settings)
        keys = [join_class(code, name, settings)[1] for name in ("Ann", "<b>Bo</b>")]
        add_runs(code, keys[0], {told_run(settings, (0.6, 0.7, 0.8)): True}, settings)
        yield address, code, settings, keys


@pytest.fixture
def wall(browser, lesson):
    """A page that isn't Gradio's, at 1920 x 1080."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, color_scheme="dark")
    yield context.new_page()
    context.close()


def test_the_board_follows_and_what_one_looks_at_stays_in_hand(browser, lesson):
    address, code, settings, keys = lesson
    context = browser.new_context(viewport=SIZES["desktop"], locale="en-US")
    page = context.new_page()
    page.goto(f"{address}/?class={code}&tab=class")
    lines = page.locator(".board-line")
    expect(lines).to_have_count(1, timeout=60_000)
    lines.first.focus()
    expect(page.locator(".board-said")).to_have_text("Ann · 80.0% after step 60")
    told = told_run(settings, (0.6, 0.65, 0.7), learning_rate=1e-3)
    add_runs(code, keys[1], {told: True}, settings)
    expect(lines).to_have_count(2)
    expect(page.locator(".board-said")).to_have_text("Ann · 80.0% after step 60")
    held = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert held == "Ann · 80.0% after step 60"
    expect(page.locator(".heat td strong")).to_have_count(2)
    expect(page.locator(".board-runs")).to_contain_text("<b>Bo</b>")
    expect(page.locator("[data-for=teacher]")).to_be_hidden()
    page.route("**/board?*", lambda route: route.abort())
    expect(page.locator(".board-lost")).to_contain_text("No answer from the server")
    page.unroute("**/board?*")
    expect(page.locator(".board-lost")).to_have_count(0)
    context.close()


def test_the_wall_shows_it_all_on_one_screen(wall, lesson):
    address, code, _settings, _keys = lesson
    said = []
    wall.on("console", lambda message: said.append(message.text))
    wall.goto(f"{address}/gradio_api/classes/{code}/projector?lang=zh")
    expect(wall.locator(".board-line").first).to_be_visible()
    expect(wall.locator("html")).to_have_class("dark")
    expect(wall.locator("svg.qr")).to_be_visible()
    bottom = "document.querySelector('.board-runs').getBoundingClientRect().bottom"
    assert wall.evaluate(bottom) <= 1080 and wall.evaluate("document.body.scrollWidth") <= 1920
    wall.locator("#switch").click()
    expect(wall.locator("html")).not_to_have_class("dark")
    assert said == [] and "gradio-app" not in wall.content()
