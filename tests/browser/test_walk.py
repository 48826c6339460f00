"""The guided walk: it moves on when the thing is done, stays in sight, leads to what it speaks of, can be left and taken up
again, and is reachable by link.
"""

import re

import pytest
from playwright.sync_api import expect

from dev.screenshots import settle
from tests.browser.test_page import open_tab

WIDTHS = ("desktop",)
PHONE = {"width": 390, "height": 844}
# Step -> (what the address says of its tab, the control, what has the focus there)
PLACES = {
    1: ("tab=tokenize", "#press-tokenize", None),
    2: ("tab=tokenize", ".token-grid td", ".frame:has(.token-grid)"),
    3: ("tab=tokenize", "#press-random-rows", None),
    4: ("tab=fine-tune", "#press-start", None),
    5: ("tab=predict", "#press-predict", None),
    6: ("tab=layers&topic=claims", ".claims .run-claim", None),
}
SHORT = "tab=fine-tune&max_steps=2&train_pairs=16&eval_pairs=8&eval_strategy=no"


@pytest.fixture
def visit(browser, app_address):
    """visit("walk=2") -> a new visitor's page, as wide as a phone. Afterwards: no error of the page, nothing to the side."""
    contexts = []

    def opened(query, **more):
        contexts.append(browser.new_context(**{"locale": "en-US", "viewport": PHONE, **more}))
        page = contexts[-1].new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"{app_address}/?{query}")
        settle(page)
        return page

    yield opened
    pages = [page for context in contexts for page in context.pages]
    sideways = [
        page.evaluate("document.documentElement.scrollWidth - innerWidth") for page in pages
    ]
    for context in contexts:
        context.close()
    assert [page.errors for page in pages] == [[]] * len(pages) and max(sideways, default=0) <= 0


def step_of(page):
    return page.locator("#walk li:not([hidden]) small")


def at_step(page, step):
    expect(step_of(page)).to_have_text(f"Step {step} of 6", timeout=20_000)


def press(page, name):
    page.locator("#walk").get_by_role("button", name=name).filter(visible=True).click()


def test_the_walk_follows_what_the_learner_does(page, shoot):
    page.get_by_role("button", name="Take the walk").click()
    at_step(page, 1)
    shoot(page, "walk")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    at_step(page, 2)
    panel.locator(".token-grid td").nth(3).click()
    at_step(page, 3)
    panel.get_by_role("button", name="Random rows").click()
    at_step(page, 4)
    page.wait_for_url("**walk=4**")
    page.reload()
    at_step(page, 4)
    press(page, "Leave")
    expect(page.locator(".walk")).to_be_hidden()
    page.get_by_role("button", name="Go on with the walk").click()
    at_step(page, 4)
    expect(page.get_by_role("tab", name="Fine-tune")).to_have_attribute("aria-selected", "true")


def test_another_thing_done_does_not_move_it_on(page, app_address):
    panel = open_tab(page, "Tokenize")
    page.get_by_role("button", name="Take the walk").click()
    panel.get_by_role("button", name="Random rows").click()
    page.wait_for_url("**rows=**")
    at_step(page, 1)


@pytest.mark.parametrize("step", PLACES)
def test_it_leads_to_what_the_step_is_about(visit, step):
    query, control, focused = PLACES[step]
    # From another tab, and from far down where the learner is in the right one
    page = visit(f"walk={step}&tab={'tokenize' if step in (1, 2, 3, 6) else 'layers'}")
    at_step(page, step)
    if step < 4:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
    press(page, "Take me there")
    marked = marked_place(page, control, focused or control)
    assert marked["is_control"] and "solid" in marked["outline"]
    box, card = marked["box"], marked["card"]
    assert card["bottom"] <= box["top"] and box["bottom"] <= PHONE["height"], (
        "in sight, and not under it"
    )
    assert marked["has_focus"]
    assert all(part in page.url for part in query.split("&")), page.url
    at_step(page, step)  # being led somewhere is not the thing itself
    expect(page.locator(".walk-here")).to_have_count(0, timeout=10_000)


def marked_place(page, control, focused):
    """What is to be seen of the marked control, all of it at one moment: the mark is soon gone."""
    return page.wait_for_function(
        """([control, focused]) => {
          const one = document.querySelector(".walk-here");
          return one && {
            is_control: one.matches(control),
            outline: getComputedStyle(one).outlineStyle,
            has_focus: document.activeElement.matches(focused),
            box: one.getBoundingClientRect().toJSON(),
            card: document.querySelector(".walk").getBoundingClientRect().toJSON(),
          };
        }""",
        arg=[control, focused],
        timeout=20_000,
    ).json_value()


def test_where_a_teacher_locked_the_rows_it_leads_to_their_field(visit):
    page = visit("walk=3&tab=tokenize&lock=rows")
    expect(page.locator("#press-random-rows")).to_have_count(0, timeout=20_000)
    press(page, "Take me there")
    expect(page.locator("#field-rows .walk-here")).to_have_count(1, timeout=10_000)


def test_its_mark_stands_still_where_the_visitor_wants_that(visit):
    page = visit("walk=1&tab=tokenize", reduced_motion="reduce")
    press(page, "Take me there")
    marked = page.locator(".walk-here")
    expect(marked).to_have_count(1, timeout=10_000)
    assert marked.evaluate("one => parseFloat(getComputedStyle(one).animationDuration)") < 0.001


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_its_card_stays_in_sight_while_it_is_on(visit, locale):
    page = visit("tab=tokenize", locale=locale)
    page.mouse.wheel(0, 1500)
    page.wait_for_function("scrollY > 1000")
    expect(page.locator("#walk")).not_to_be_in_viewport()
    assert page.locator("#walk").evaluate("one => getComputedStyle(one).position") != "sticky"
    page = visit("walk=1&tab=tokenize", locale=locale)
    card = page.locator(".walk")
    expect(card).to_have_attribute("aria-live", "polite")
    for step in range(1, 7):
        page.mouse.wheel(0, 1500)
        page.wait_for_function("scrollY > 700")
        box = card.bounding_box()
        assert -1 <= box["y"] <= 8 and box["height"] <= PHONE["height"] / 5, (step, box)
        on_top = "([x, y]) => !!document.elementFromPoint(x, y).closest('#walk')"
        assert page.evaluate(on_top, [box["x"] + 60, box["y"] + box["height"] - 20])
        if step < 6:
            card.locator("[data-walk=next]:visible").click()
    page.get_by_role("button", name=re.compile("^(Settings|设置)")).last.click()
    page.wait_for_function(
        "(at) => !document.elementFromPoint(...at).closest('#walk')",
        arg=[box["x"] + 60, box["y"] + 20],
    )


def test_on_a_low_window_it_takes_no_room(visit):
    page = visit("walk=2&tab=tokenize", viewport={"width": 800, "height": 400})
    at_step(page, 2)
    assert page.locator("#walk").evaluate("one => getComputedStyle(one).position") != "sticky"


def test_the_keyboard_goes_on_where_a_pressed_button_was(visit):
    page = visit("walk=2&tab=tokenize")
    at_step(page, 2)
    press(page, "Skip")
    assert page.evaluate("document.activeElement.closest('li').innerText").startswith("Step 3")
    press(page, "Leave")
    assert page.evaluate("document.activeElement.className") == "walk-begin"


def test_without_a_run_it_stays(visit):
    page = visit("walk=4&tab=layers")
    page.wait_for_timeout(2000)
    at_step(page, 4)


@pytest.mark.parametrize("elsewhere", ["", "Predict"])
def test_it_waits_until_the_run_has_left_its_model(visit, elsewhere):
    page = visit(f"walk=4&{SHORT}")
    panel = page.locator("#tab-fine-tune")
    expect(panel.get_by_label("number input for max_steps").first).to_have_value(
        "2", timeout=60_000
    )
    panel.get_by_role("button", name="Start the fine-tune").click()
    expect(panel.locator(".status.running")).to_be_visible(timeout=90_000)
    at_step(page, 4)
    if elsewhere:
        open_tab(page, elsewhere)
    expect(step_of(page)).to_have_text("Step 5 of 6", timeout=120_000)
    # That its model was chosen is nothing that the learner did
    page.wait_for_timeout(3000)
    at_step(page, 5)
    expect(page.locator("#walk li:not([hidden])")).to_contain_text("its model is the chosen one")
    press(page, "Take me there")
    expect(page.locator("#press-predict")).to_be_focused(timeout=10_000)
    panel = page.get_by_role("tabpanel").filter(visible=True)
    expect(panel.get_by_label("Model", exact=True)).to_have_value(re.compile("yours: "))
    panel.get_by_role("button", name="Predict", exact=True).click()
    at_step(page, 6)


def test_a_run_that_fails_leaves_it_where_it_is(visit):
    # The app of these tests asks nothing of the Hub
    page = visit(f"walk=4&{SHORT}&source=hub")
    panel = page.locator("#tab-fine-tune")
    expect(panel.get_by_label("number input for max_steps").first).to_have_value(
        "2", timeout=60_000
    )
    panel.get_by_role("button", name="Start the fine-tune").click()
    expect(panel.locator(".status.failed")).to_be_visible(timeout=120_000)
    page.wait_for_timeout(1500)
    at_step(page, 4)


def test_a_link_goes_in_at_its_step(browser, app_address):
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{app_address}/?walk=5")
    expect(step_of(page)).to_have_text("第 5 步，共 6 步", timeout=20_000)
    expect(page.get_by_role("tab", name="预测")).to_have_attribute(
        "aria-selected", "true", timeout=20_000
    )
    page.wait_for_url("**tab=predict**")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_role("button", name="预测", exact=True).click()
    expect(step_of(page)).to_have_text("第 6 步，共 6 步", timeout=20_000)
    context.close()
