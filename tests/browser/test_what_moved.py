"""What moved the answer, and both modes, as a visitor meets them: by a link, and with other settings."""

import pytest
from playwright.sync_api import expect

WIDTHS = ("phone",)


@pytest.mark.opens_a_link
def test_a_link_opens_it_and_another_baseline_is_another_sum(page, app_address, shoot):
    page.goto(f"{app_address}/?tab=model&open=what-moved&baseline=mask_token&dropout=0.3")
    section = page.locator("#open-what-moved")
    expect(section.locator(".moved-check")).to_contain_text("steps", timeout=60_000)
    expect(section).to_contain_text("With [MASK] in place of each word")
    assert section.locator(".moved-cards .card.for").count() > 5
    colours = section.locator(".moved-cards .card").evaluate_all(
        "cards => new Set(cards.map(card => getComputedStyle(card).backgroundColor)).size"
    )
    assert colours > 5, "the size of a share is seen"
    section.get_by_role("radio", name="unknown token").check()
    expect(section).to_contain_text("With [UNK] in place of each word", timeout=30_000)
    page.wait_for_url("**baseline=unk_token*dropout=0.3*")
    shoot(page, "what-moved")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name="Why eval() before predicting?").click()
    modes = page.locator("#open-dropout")
    expect(modes).to_contain_text("10 × exactly", timeout=30_000)
    expect(modes).to_contain_text("30% of the numbers")
    modes.get_by_role("radio", name="50%").check()
    expect(modes).to_contain_text("50% of the numbers", timeout=30_000)
    page.wait_for_url("**dropout=0.5*")
    shoot(page, "modes")
