"""Check yourself as a person meets it on a phone, with the keyboard: a question, its verdict, the next, a score that stays."""

import re

from playwright.sync_api import expect

WIDTHS = ("phone",)
CHOICES = ".check-choices button"


def opened(page, tab):
    section = page.locator(f"#open-check-{tab}")
    section.locator("button.label-wrap").click()
    expect(section.locator(CHOICES).first).to_be_visible()
    return section


def test_a_question_is_answered_by_the_keyboard(page, app_address, shoot):
    section = opened(page, "tokenize")
    asked = section.locator(".check-text")
    # While it waits for an answer, it is about the pair that is shown
    for field in ("sentence1", "sentence2"):
        page.locator("#tab-tokenize").get_by_label(field).fill("Mirrors sell.")
    page.get_by_role("button", name="Tokenize", exact=True).click()
    expect(asked).to_contain_text("of your pair has 3 tokens")

    assert section.locator(".check-verdict").count() == 0
    told = section.inner_html()
    section.locator(CHOICES).first.focus()
    page.keyboard.press("Enter")
    verdict = section.locator(".check-verdict")
    expect(verdict).to_be_focused()
    expect(verdict.locator("strong").first).to_have_text(re.compile("^(Right|Not this one): "))
    explained = verdict.locator("p").first.inner_text().split(": ", 1)[1].split(maxsplit=1)[1]
    assert explained not in told, "the page told before the guess"
    expect(section.locator(f"{CHOICES}.right")).to_have_count(1)
    expect(section.locator(".check-foot")).to_contain_text(re.compile("[01] of 1"))
    shoot(page, "check-tokenize")

    before = asked.inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(asked).not_to_have_text(before)
    expect(asked).to_be_focused()
    expect(section.locator(f"{CHOICES}:not([disabled])").first).to_be_visible()

    # The score is this browser's: a page that is loaded anew has it still
    score = section.locator(".check-foot p").first.inner_text()
    # A link may open it
    page.goto(f"{app_address}/?tab=tokenize&open=check-tokenize")
    section = page.locator("#open-check-tokenize")
    expect(section.locator(".check-foot p").first).to_have_text(score)
