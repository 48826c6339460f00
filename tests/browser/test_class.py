"""A lesson at one link: a teacher on a desktop, a pupil on a phone, and their pages follow each other."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SIZES
from tests.browser.test_sharing import share

WIDTHS = ("phone",)
NAME = "<img src=x>"


@pytest.fixture
def people(elsewhere):
    """people(link) -> a desktop's page, of a browser of its own."""
    return lambda link: elsewhere(link, viewport=SIZES["desktop"])


def of(page, name):
    """What the address says under a name."""
    return parse_qs(urlsplit(page.url).query).get(name)


def field(page, name):
    return page.locator(f"#setting-{name} input[type=number]")


def set_number(page, name, value):
    field(page, name).fill(value)
    field(page, name).press("Tab")


def opened(people, app_address):
    """The page of a teacher who has opened a class from the Share panel, and its link."""
    teacher = people(app_address)
    teacher.locator(".token-grid").first.wait_for(timeout=60_000)
    teacher.locator("[data-head=share]").click()
    panel = teacher.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_role("button", name="For a class").click()
    panel.get_by_role("button", name="Open a class").click()
    link = teacher.locator("#class-link").locator("input, textarea")
    expect(link).not_to_have_value("")
    code = of(teacher, "class")[0]
    assert link.input_value() == f"{app_address}/?class={code}"  # and nothing else
    return teacher, link.input_value()


@pytest.mark.opens_a_link
def test_a_lesson(page, people, app_address):
    teacher, link = opened(people, app_address)
    page.goto(link)
    expect(page.locator("#class-door")).to_be_visible(timeout=60_000)
    page.get_by_label("Nickname").first.fill(NAME)
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.locator("#class-banner")).to_contain_text(f"You are {NAME} in this class.")

    # The task and the settings follow as the teacher types
    task = teacher.locator("#tab-class").get_by_label("Task")
    task.fill("Does <b>this</b> learn?")
    expect(page.locator("#class-banner")).to_contain_text("Does <b>this</b> learn?")
    page.get_by_role("button", name="To the settings and Start").click()
    expect(field(page, "batch_size")).to_be_disabled()
    expect(field(page, "learning_rate")).to_be_enabled()
    teacher.get_by_role("button", name="To the settings", exact=True).click()
    set_number(teacher, "max_steps", "40")
    set_number(teacher, "batch_size", "4")
    expect(field(page, "batch_size")).to_have_value("4")
    expect(field(page, "max_steps")).to_have_value("40")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    assert "class" not in parse_qs(urlsplit(share(panel)).query), "a pupil's link is no class's"
    page.keyboard.press("Escape")

    # A run starts, and the teacher alone can stop it
    page.get_by_role("button", name="Start the fine-tune").click()
    page.wait_for_url("**run=*")
    teacher.locator("#class-banner button").click()
    teacher.locator("#open-class-pupils > button").click()
    stop = teacher.locator("#class-pupils [data-stop]")
    expect(teacher.locator("#class-pupils")).to_contain_text(NAME)
    stop.click()
    expect(page.locator("#run-status")).to_contain_text("stopped by request", timeout=60_000)
    teacher.locator("#class-pupils [data-hide]").click()
    expect(teacher.locator("#class-pupils")).to_contain_text("pupil 1")

    # Loaded anew, a second tab of the same browser, another machine of the teacher's
    page.reload()
    expect(page.locator("#class-banner")).to_contain_text("sees you as pupil 1", timeout=60_000)
    expect(field(page, "batch_size")).to_be_disabled()
    expect(field(page, "batch_size")).to_have_value("4")
    key = teacher.evaluate("Object.values(JSON.parse(localStorage.classes))[0].teacher")
    elsewhere = people(f"{link}#teacher={key}")
    expect(elsewhere.locator("#class-teacher")).to_be_visible(timeout=60_000)
    assert key not in elsewhere.url and of(elsewhere, "class")
    expect(elsewhere.locator("#tab-class").get_by_label("Task")).to_have_value(
        "Does <b>this</b> learn?"
    )
    elsewhere.get_by_role("button", name="Close the class").click()
    expect(page.locator("#class-banner")).to_contain_text("The class is closed")

    page.locator("#class-banner button").click()
    page.get_by_role("button", name="Leave the class").click()
    expect(page.locator("#class-banner")).to_contain_text("You have left the class")
    expect(page.locator("#tab-fine-tune")).to_be_visible()
    expect(field(page, "batch_size")).to_be_enabled()
    assert not of(page, "class")


@pytest.mark.opens_a_link
def test_a_class_that_is_over_says_so_in_the_page_s_language(page, app_address):
    page.goto(f"{app_address}/zh?class=bcdf-ghjk-mnpq")
    expect(page.locator("#class-banner")).to_contain_text("这个链接没有对应的课堂", timeout=60_000)
    expect(page.locator("#tab-fine-tune")).to_be_visible()
    assert not of(page, "class")
