"""A class's board in a browser: the line that one looks at stays in hand, and the wall has no Gradio.
And a visitor's own grid, which is the same heat map.
"""

import re
from dataclasses import asdict

import pytest
from playwright.sync_api import expect

from dev.server import running_app
from pipeline.classes.store import add_runs, create_class, join_class
from pipeline.config import TrainingConfig
from pipeline.runs.folder import write_whole
from pipeline.runs.grid import grid_plan
from pipeline.runs.liveness import claim
from pipeline.runs.same import curve_of
from pipeline.settings import Settings
from tests.browser.conftest import SIZES
from tests.support.run_folders import write_run
from tests.unit.test_board import BASE, told_run


@pytest.fixture(scope="module")
def lesson():
    """(address, link's code, settings, keys of two pupils) of an app of its own with a class."""
    with running_app({"PAIRS": "embedded", "HF_HUB_OFFLINE": "1"}) as (address, runs):
        settings = Settings(runs_folder=runs, data="embedded")
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


def test_a_grid_fills_as_its_runs_end_and_a_cell_opens_its_run(elsewhere, lesson):
    """Its runs are this test's: one trains until the test says what came of it."""
    address, _code, settings, _keys = lesson
    small = {"train_pairs": 16, "eval_pairs": 8, "train_eval_pairs": 0}
    vary = {"learning_rate": "0.0001, 0.0002", "batch_size": "8"}
    plan = grid_plan(TrainingConfig(**small, max_steps=2), vary, settings)
    for number, config in enumerate(plan.runs):
        run_id = write_run(settings, number, **asdict(config))
        write_whole(settings.runs_folder / run_id / "curve", curve_of(config, settings))
    folder = settings.runs_folder / run_id  # of the cell that has one seed
    told = (folder / "events.jsonl").read_text()
    write_whole(folder / "events.jsonl", told.partition("\n")[0] + "\n")
    claim(folder)
    asks = "&".join(f"{name}={value}" for name, value in small.items())
    grid = "grid_xs=0.0001,0.0002&grid_ys=8&grid_steps=2"
    page = elsewhere(f"{address}/?tab=fine-tune&open=grid&{asks}&{grid}")
    cells = page.locator("#open-grid .heat td")
    expect(cells).to_have_text(["Running", re.compile("75.0% best")], timeout=60_000)
    expect(page.locator("#open-grid .noise-scale b")).to_have_count(3)
    write_whole(folder / "events.jsonl", told.replace('"accuracy": 0.75', '"accuracy": 0.875'))
    expect(cells).to_have_text([re.compile("87.5% best"), re.compile("75.0% ≈")])
    expect(page.locator(".grid-forecast")).to_contain_text("2 more seeds of one cell · 4 are here")
    page.get_by_role("button", name="Try the grid").click()
    expect(page).to_have_url(re.compile("grid_ys=8"))
    expect(page.get_by_text("4 of 4 runs are done")).to_be_visible()
    cells.first.get_by_role("button").click()
    expect(page).to_have_url(re.compile(f"run={run_id}"))
    assert "grid_ys=8" in page.url and "max_steps" not in page.url
