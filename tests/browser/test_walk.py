"""The guided walk: each step shows what it speaks of, says when it is done, and waits for Next; it
can go back, be left and taken up again, and is reachable by link.
"""

import pytest
from playwright.sync_api import expect

from tabs.walk import STEPS

WIDTHS = ("desktop",)
PHONE = {"width": 390, "height": 844}
LAST = len(STEPS)
# What is framed: of the target, and of the window above the walk's card
FRAMED = """() => {
  const here = document.querySelector(".walk-here");
  const card = document.querySelector(".walk");
  if (!here) return null;
  const [box, above] = [here.getBoundingClientRect(), card.getBoundingClientRect().top];
  const inSight = Math.min(box.bottom, above) - Math.max(box.top, 0);
  return {part: inSight / Math.min(box.height, above), outline: getComputedStyle(here).outlineStyle,
          tag: here.outerHTML.slice(0, 200)};
}"""


@pytest.fixture(scope="module")
def visit(browser, app_address):
    """visit("walk=2") -> a new visitor's page, as wide as a phone."""
    contexts = []

    def opened(query, **more):
        more = {"locale": "en-US", "viewport": PHONE, "reduced_motion": "reduce", **more}
        contexts.append(browser.new_context(**more))
        page = contexts[-1].new_page()
        page.goto(f"{app_address}/?{query}")
        return page

    yield opened
    for context in contexts:
        context.close()


def at_step(page, step):
    expect(page.locator("#walk li:not([hidden]) small")).to_have_text(
        f"{step} of {LAST}", timeout=30_000
    )


def press(page, name):
    page.locator("#walk").get_by_role("button", name=name, exact=True).filter(visible=True).click()


def frames(page, step):
    """What the step is about is framed, and in sight above the card."""
    page.wait_for_function(
        "(selectors) => selectors.some((one) => document.querySelector('.walk-here')?.matches(one))",
        arg=STEPS[step - 1].controls,
        timeout=30_000,
    )
    page.wait_for_function(f"() => (({FRAMED})()?.part ?? 0) > 0.9", timeout=20_000)
    assert page.evaluate(FRAMED)["outline"] == "solid"
    tab = STEPS[step - 1].tab
    expect(page.locator(f"[role=tab][aria-controls={tab}]")).to_have_attribute(
        "aria-selected", "true"
    )


def test_on_a_phone_each_step_brings_into_sight_what_it_speaks_of(visit):
    page = visit("walk=1")
    for step in range(1, LAST + 1):
        at_step(page, step)
        frames(page, step)
        box = page.locator(".walk").bounding_box()
        assert box["y"] + box["height"] <= PHONE["height"] + 1 and box["height"] < 240
        if step == 4:
            page.wait_for_url("**walk=4**")
        press(page, "Next")
    expect(page.locator("#walk li:not([hidden])")).to_contain_text("You have seen every step")
    press(page, "Back")
    at_step(page, LAST)
    press(page, "Leave")
    expect(page.locator(".walk")).to_be_hidden()
    assert "walk=" not in page.url
    page.locator("[data-head=walk]").click()
    at_step(page, LAST)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_it_says_when_a_step_is_done_and_waits_for_next(visit):
    page = visit("walk=1", viewport={"width": 1440, "height": 900})
    at_step(page, 1)
    mark = page.locator("#walk li:not([hidden]) .walk-done")
    expect(mark).to_be_hidden()
    panel = page.locator("#tab-tokenize")
    panel.get_by_label("sentence1").press_sequentially(" Indeed")
    expect(mark).to_be_visible(timeout=30_000)
    at_step(page, 1)
    press(page, "Next")
    press(page, "Next")
    at_step(page, 3)
    frames(page, 3)
    page.locator("#tokens .card.special [data-row=input_ids]").last.click()
    expect(mark).to_be_visible(timeout=30_000)
    press(page, "Back")
    at_step(page, 2)
    assert page.evaluate("document.activeElement.dataset.walk") == "back"


def test_a_link_goes_in_at_its_step_in_its_language(visit):
    page = visit("walk=8&lang=zh")
    small = page.locator("#walk li:not([hidden]) small")
    expect(small).to_have_text(f"第 8 步，共 {LAST} 步", timeout=30_000)
    page.wait_for_url("**tab=predict**")


def test_a_step_that_is_none_opens_nothing(visit):
    page = visit("walk=99")
    expect(page.locator(".rail")).to_be_visible(timeout=60_000)
    expect(page.locator(".walk")).to_be_hidden()
