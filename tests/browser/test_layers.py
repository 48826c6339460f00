"""Layers as a person meets it: a topic or a claim by link, a click on a cell, what is impossible, all claims of a section."""

import re

import pytest
from playwright.sync_api import expect

from layers.claims import claims
from tests.browser.test_page import open_tab

pytestmark = pytest.mark.opens_a_link
desktop = pytest.mark.parametrize("page", ["desktop"], indirect=True)


def layers_at(page, address, query, shows):
    """The tab's panel, at a link, once what the link asks for is there: the first to ask waits while torch is imported."""
    page.goto(f"{address}/?tab=layers&{query}")
    panel = page.locator("#tab-layers")
    panel.locator(shows).filter(visible=True).first.wait_for(timeout=60_000)
    return panel


def fill_number(panel, label, value):
    """A slider's number, as typed."""
    field = panel.get_by_label(f"number input for {label}", exact=True).filter(visible=True)
    field.fill(str(value))
    field.press("Enter")


# Of all topics' controls, which have been in sight, by their first label
SEEN = """window.seen = new Set();
requestAnimationFrame(function look() {
  for (const one of document.querySelectorAll(".topic .knobs .form"))
    if (one.checkVisibility({visibilityProperty: true})) seen.add(one.innerText.trim().split("\\n")[0]);
  requestAnimationFrame(look); });"""


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_a_topic_by_link(page, app_address, shoot):
    page.add_init_script(SEEN)
    panel = layers_at(page, app_address, "topic=dropout", "table.facts")
    facts = panel.locator("table.facts").filter(visible=True)
    expect(facts).to_contain_text("1 / (1 − 0.5) = 2")
    assert page.evaluate("[...seen]") == ["Layer"], "another topic was shown first"
    expect(panel.get_by_role("radio", name="Dropout", exact=True).first).to_be_checked()
    fill_number(panel, "p", 1)
    expect(facts).to_contain_text("no element is left to scale")
    shoot(page, "layers-dropout")


def test_a_claim_by_link_is_framed_and_run(page, app_address, shoot):
    panel = layers_at(page, app_address, "claim=conv-sum-or-average", ".claim.linked")
    card = panel.locator("#claim-conv-sum-or-average")
    expect(card).to_have_class(re.compile("linked"))
    expect(card).to_be_in_viewport()
    expect(card.locator(".verdict")).to_contain_text("not run yet")
    card.get_by_role("button", name="Run: conv-sum-or-average").click()
    expect(card.locator(".verdict")).to_contain_text("answered")
    expect(card.locator(".truth strong")).to_have_text("summed.")
    expect(card.get_by_role("button", name="Run it again: conv-sum-or-average")).to_be_visible()
    assert "claim=conv-sum-or-average" in page.url
    shoot(page, "layers-claim")
    # A guess is one press, too, and judged with the verdict
    other = panel.locator("#claim-conv-class-and-function")
    other.get_by_role("button", name="It holds").click()
    expect(other.locator(".guess-verdict")).to_have_text("Your guess: It holds · ✓ right")
    expect(other.locator(".verdict")).to_contain_text("holds")
    expect(panel.locator("p.score")).to_have_text("Guesses at these claims: 1 of 1 right.")


@desktop
def test_an_impossible_setting_says_why_and_a_click_follows_a_number(page, app_address):
    panel = layers_at(page, app_address, "topic=convolution", '[data-stage="output"]')
    output = panel.locator('[data-stage="output"]').filter(visible=True)
    output.locator("td[data-place]").nth(9).click()  # 6 × 6: row 1, column 3
    worked = panel.locator(".worked").filter(visible=True)
    expect(worked.locator("h4")).to_have_text("Output channel 0, row 1, column 3")
    left, right = (
        worked.locator("p").last.inner_text().rsplit(": ", 1)[1].replace("−", "-").split(" = ")
    )
    assert sum(float(part.strip("()")) for part in left.split(" + ")) == pytest.approx(float(right))
    panel.get_by_role("button", name="Channels, groups, bias").click()
    fill_number(panel, "groups", 3)
    expect(panel.get_by_role("alert")).to_contain_text(
        "groups is 3, which doesn't divide in_channels = 1"
    )
    fill_number(panel, "groups", 1)
    expect(panel.get_by_role("alert")).to_have_count(0)


@desktop
def test_the_window_steps_along(page, app_address):
    panel = layers_at(
        page, app_address, "topic=convolution&convolution.17=2&convolution.18=3", ".steps"
    )
    title = panel.locator(".worked h4").filter(visible=True)
    window = panel.locator(".window").filter(visible=True).first
    expect(window).to_be_visible()
    began = window.bounding_box()
    panel.get_by_role("button", name="Next number").click()
    expect(title).to_have_text("Output channel 0, row 0, column 1")
    expect(panel.get_by_role("button", name="Next number")).to_be_focused()
    page.wait_for_function(
        "left => document.querySelector('.window').getBoundingClientRect().x > left + 10",
        arg=began["x"],
    )
    panel.locator('[data-stage="output"] .frame').filter(visible=True).focus()
    page.keyboard.press("ArrowDown")
    expect(title).to_have_text("Output channel 0, row 1, column 1")
    page.keyboard.press("ArrowDown")  # the last row: nothing follows
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text("Output channel 0, row 1, column 0")
    panel.get_by_role("button", name="Slide").click()
    expect(panel.get_by_role("button", name="Stop")).to_be_visible()
    expect(title).to_have_text("Output channel 0, row 1, column 2")  # the end
    expect(panel.get_by_role("button", name="Slide")).to_be_visible()


@desktop
def test_a_layer_of_bert_is_played_both_ways(page, app_address):
    panel = layers_at(page, app_address, "topic=linear&pass=backward", '[data-stage="gradient"]')
    title = panel.locator(".worked h4").filter(visible=True)
    gradients = panel.locator('[data-stage="gradient"]').filter(visible=True)
    gradients.nth(1).locator("td[data-place]").nth(5).click()  # of the weight, 3 × 4
    expect(title).to_have_text("∂L/∂weight[1, 1]")
    worked = panel.locator(".worked p").filter(visible=True)
    expect(worked.first).to_contain_text("Nothing comes back to it")
    # A number of the output becomes the loss: now it reaches that weight
    arrives = panel.locator('[data-stage="loss"]').filter(visible=True)
    arrives.locator("td[data-place]").nth(4).click()
    expect(arrives.locator("small")).to_have_text("L = output[1, 1]")
    expect(worked.nth(1)).to_contain_text("what it is multiplied by, input[1, 1]: −1")
    page.keyboard.press("ArrowRight")  # nothing: the gradients are stepped through
    gradients.nth(1).locator(".frame").focus()
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("∂L/∂weight[1, 2]")
    page.wait_for_url("**gradient.3=2**")
    # One topic is chosen, in either group, and the pass stays
    panel.get_by_role("radio", name="Dropout", exact=True).first.check()
    expect(gradients.first.locator("h4")).to_contain_text("∂L/∂input")
    expect(panel.get_by_role("radio", name="Linear", exact=True)).not_to_be_checked()
    panel.get_by_role("radio", name="Forward", exact=True).check()
    expect(panel.locator("table.facts").filter(visible=True)).to_contain_text("1 / (1 − 0.5) = 2")


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_controls_and_picture_share_a_screen(page, app_address):
    panel = layers_at(page, app_address, "topic=convolution", ".steps")
    shown = panel.locator(".two-columns").filter(visible=True)
    picture = shown.locator('[data-stage="input"] table').bounding_box()
    assert shown.get_by_label("number input for kernel_size", exact=True).is_visible()
    assert picture["y"] + picture["height"] <= page.viewport_size["height"]
    for stage in shown.locator(".equation table").all():
        box = stage.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]


@desktop
def test_the_updater_leads_to_one_step_by_hand(page, app_address):
    panel = layers_at(page, app_address, "topic=updater", ".agreement")
    expect(panel.locator(".agreement li").first).to_contain_text("A, D: the same to the last digit")
    panel.get_by_label("½ before MSELoss too").check()
    expect(panel.locator(".agreement li").first).to_contain_text(
        "A, D, E, H: the same to the last digit"
    )
    panel.get_by_role("button", name="One step by hand, in Fine-tune").click()
    expect(page.get_by_role("button", name="Take one step")).to_be_in_viewport()
    page.wait_for_url("**tab=fine-tune**")
    expect(page.get_by_role("tab", name="Fine-tune")).to_have_attribute("aria-selected", "true")


@desktop
def test_all_claims_of_a_section(page, app_address):
    panel = layers_at(page, app_address, "claim=pool-signature", ".claim.linked")
    expect(panel.locator("article.claim")).to_have_count(len(claims("pooling")))
    # Before any run, by what a reviewer concluded
    reviewed = [claim.id for claim in claims("pooling") if claim.reviewed == "corrected"]
    panel.get_by_role("radio", name="corrected").check()
    expect(panel.locator("article.claim:not(.linked)")).to_have_count(
        len(set(reviewed) - {"pool-signature"})
    )
    panel.get_by_role("radio", name="all").check()
    expect(panel.locator("article.claim")).to_have_count(len(claims("pooling")))
    panel.get_by_role("button", name="Run all shown").click()
    expect(panel.locator("#claims-status")).to_contain_text(
        f"{len(claims('pooling'))} claims run in", timeout=30_000
    )
    expect(panel.locator(".tally")).to_contain_text(
        re.compile(r"\d+ holds.*\d+ corrected.*1 answered")
    )
    panel.get_by_role("radio", name="corrected").check()
    expect(panel.locator("article.claim.holds:not(.linked)")).to_have_count(0)
    expect(panel.locator("article.claim.corrected").first).to_be_visible()


@desktop
def test_an_address_that_asks_for_what_is_not_here(page, app_address):
    panel = layers_at(page, app_address, "claim=pool-signatur", "[role=alert]")
    expect(panel.get_by_role("alert")).to_contain_text("pool-signature")
    open_tab(page, "Predict")
    assert "claim" not in page.url


def test_in_chinese_a_claim_is_chinese(browser, app_address):
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    panel = layers_at(page, app_address, "claim=conv-sum-or-average", ".claim.linked")
    card = panel.locator("#claim-conv-sum-or-average")
    card.locator(".run-claim").click()
    expect(card.locator(".verdict")).to_contain_text("已回答")
    expect(card.locator(".claim-head")).to_contain_text("PyTorch 1、2：Conv2d 和 conv2d · 疑问")
    expect(card.locator(".found")).to_contain_text("求和")
    expect(card.locator(".truth strong")).to_have_text("求和。")
    expect(panel.locator("#claims-status")).to_contain_text("conv-sum-or-average：已回答")
    context.close()
