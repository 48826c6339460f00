"""The way through the model, as a visitor sees it: a link to a card, another card, the answers."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SIZES

WIDTHS = ("desktop",)


@pytest.mark.opens_a_link
def test_a_link_opens_a_card_and_a_click_another(page, app_address, shoot):
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{app_address}/?tab=model&part=layers.3.2")
    page.locator(".way-parts").wait_for(timeout=60_000)  # as the fixture waits: the model is loaded
    card = page.locator("#way-card")
    expect(card.get_by_role("combobox", name="layer")).to_have_value("3")
    expect(card.get_by_role("combobox", name="token")).to_have_value("2")
    expect(card.locator(".steps")).to_contain_text("softmax(Q·Kᵀ / √32)")
    top = "document.querySelector('#way').getBoundingClientRect().top"
    before = page.evaluate(top)
    # The layer is chosen in the card; its field keeps the focus, and a link tells it
    card.get_by_role("combobox", name="layer").select_option("1")
    expect(card.get_by_role("combobox", name="layer")).to_be_focused()
    page.wait_for_url("**part=layers.1.2*")
    classifier = page.locator("#way").get_by_role("button", name="classifier")
    classifier.click()
    expect(classifier).to_have_attribute("aria-expanded", "true")
    card.get_by_role("combobox", name="right label").select_option("1")
    expect(card.locator(".steps")).to_contain_text("−ln(")
    expect(card).to_contain_text("logit in Predict")
    assert page.evaluate(top) == before, "the page stays where it is"
    shoot(page, "way")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(classifier).to_be_focused()
    assert "part=" not in page.url
    # All three pictures stand in the first screen
    for picture in ("#way .way-parts", ".head-grid", "#layer-answers table"):
        box = page.locator(picture).bounding_box()
        assert 0 <= box["y"] and box["y"] + box["height"] <= 900, picture
    page.locator("#way").get_by_role("button", name="table").click()
    expect(page.locator(".way-table")).to_contain_text("22,713,986")
    # Another pair to compare with: the last cosine is another one
    cosines = page.locator("#layer-answers tr").nth(2)
    swapped = cosines.inner_text()
    page.locator("#layer-answers select").select_option("1")
    expect(cosines).not_to_have_text(swapped)
    page.set_viewport_size(SIZES["phone"])  # the fixture looks whether it scrolls sideways
