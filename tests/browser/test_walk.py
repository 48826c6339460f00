"""The guided walk: it moves on when the thing is done, can be left and taken up again, and is reachable by link."""

from playwright.sync_api import expect

from tests.browser.test_page import open_tab

WIDTHS = ("desktop",)


def step_of(page):
    return page.locator("#walk li:not([hidden]) small")


def test_the_walk_follows_what_the_learner_does(page, shoot):
    page.get_by_role("button", name="Take the walk").click()
    expect(step_of(page)).to_have_text("Step 1 of 6")
    shoot(page, "walk")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    expect(step_of(page)).to_have_text("Step 2 of 6")
    panel.locator(".token-grid td").nth(3).click()
    expect(step_of(page)).to_have_text("Step 3 of 6")
    panel.get_by_role("button", name="Random rows").click()
    expect(step_of(page)).to_have_text("Step 4 of 6")
    page.wait_for_url("**walk=4**")
    page.reload()
    expect(step_of(page)).to_have_text("Step 4 of 6")
    page.locator("#walk").get_by_role("button", name="Leave").filter(visible=True).click()
    expect(page.locator(".walk")).to_be_hidden()
    page.get_by_role("button", name="Go on with the walk").click()
    expect(step_of(page)).to_have_text("Step 4 of 6")
    expect(page.get_by_role("tab", name="Fine-tune")).to_have_attribute("aria-selected", "true")


def test_another_thing_done_does_not_move_it_on(page, app_address):
    panel = open_tab(page, "Tokenize")
    page.get_by_role("button", name="Take the walk").click()
    panel.get_by_role("button", name="Random rows").click()
    page.wait_for_url("**rows=**")
    expect(step_of(page)).to_have_text("Step 1 of 6")


def test_a_link_goes_in_at_its_step(browser, app_address):
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{app_address}/?walk=5")
    expect(step_of(page)).to_have_text("第 5 步，共 6 步", timeout=20_000)
    expect(page.get_by_role("tab", name="预测")).to_have_attribute("aria-selected", "true")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_role("button", name="预测", exact=True).click()
    expect(step_of(page)).to_have_text("第 6 步，共 6 步")
    context.close()
