"""Link out, new browser, same page; a teacher's link; an address that is wrong; the tab and the inputs after a refresh."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.test_page import open_tab, row
from web.page_files import page_script

WIDTHS = ("desktop",)


def share(panel, button="Copy link"):
    if not panel.locator(".share-panel").is_visible():
        panel.page.locator("[data-head=share]").click()
    panel.get_by_role("button", name=button).click()
    field = panel.get_by_label("Link" if button == "Copy link" else "HTML to embed", exact=True)
    expect(field).not_to_have_value("")
    return field.input_value()


@pytest.mark.shares_page
def test_a_link_shows_a_friend_the_same_tokens(page, elsewhere):
    panel = open_tab(page, "Tokenize")
    panel.get_by_label("sentence1").fill("Tea & cake <now>?")
    panel.get_by_label("sentence2").fill("蛋糕")
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    expect(row(panel, ".token-grid", "token$").nth(1)).to_have_text("tea")
    friend = elsewhere(share(panel))
    expect(friend.get_by_label("sentence1").first).to_have_value("Tea & cake <now>?")
    theirs = friend.get_by_role("tabpanel").filter(visible=True)
    expect(row(theirs, ".token-grid", "token$")).to_have_text(
        row(panel, ".token-grid", "token$").all_inner_texts()
    )


@pytest.mark.shares_page
def test_a_link_to_predict_brings_pair_and_model(page, elsewhere):
    panel = open_tab(page, "Predict")
    panel.get_by_label("sentence1").fill("The cat sat.")
    panel.get_by_label("sentence2").fill("A cat was sitting.")
    panel.get_by_role("button", name="Predict", exact=True).click()
    answer = panel.locator(".answer").first
    expect(answer).to_contain_text("12 tokens", timeout=30_000)
    friend = elsewhere(share(panel))
    expect(friend.get_by_role("tab", name="Predict")).to_have_attribute(
        "aria-selected", "true", timeout=30_000
    )
    theirs = friend.get_by_role("tabpanel").filter(visible=True)
    expect(theirs.get_by_label("sentence2")).to_have_value("A cat was sitting.")
    expect(theirs.locator(".answer").first).to_have_text(answer.inner_text())


@pytest.mark.shares_page
def test_the_code_to_embed_is_an_iframe_of_the_same(page, elsewhere, app_address):
    panel = open_tab(page, "Fine-tune")
    panel.get_by_label("number input for max_steps").first.fill("17")
    panel.get_by_label("number input for max_steps").first.press("Tab")
    code = share(panel, "Copy the code to embed it")
    assert code.startswith("<iframe src=") and "max_steps=17" in code
    host = elsewhere(
        f"{app_address}/health"
    )  # Chromium lets a page of this machine alone frame this machine
    host.set_content(code)
    inside = host.frame_locator("iframe")
    expect(inside.get_by_label("number input for max_steps").first).to_have_value(
        "17", timeout=20_000
    )


def test_a_teachers_link_hides_locks_and_says_the_task(page, elsewhere):
    panel = open_tab(page, "Fine-tune")
    page.locator("[data-head=share]").click()
    panel.get_by_role("button", name="For a class").click()
    panel.get_by_role("textbox", name="Task").fill("Does <b>this</b> learn?")
    panel.locator("fieldset", has_text="but can't be changed").get_by_text("learning_rate").click()
    panel.locator("fieldset", has_text="Hide").get_by_text("batch_size").click()
    link = share(panel)
    assert parse_qs(urlsplit(link).query)["hide"] == ["batch_size"]
    pupil = elsewhere(link)
    expect(pupil.locator("#from-the-address")).to_contain_text(
        "Your teacher's task Does <b>this</b> learn?"
    )
    theirs = pupil.get_by_role("tabpanel").filter(visible=True)
    expect(theirs.get_by_label("learning_rate").first).to_be_disabled()
    expect(theirs.get_by_label("number input for batch_size")).to_have_count(0)


def test_what_a_tabs_address_said_stands_there_again_when_it_is_opened_again(
    elsewhere, app_address
):
    page = elsewhere(
        f"{app_address}/?tab=tokenize&sentence1=Cats.&lock=sentence1&hide=split&task=Look"
    )
    page.locator(".token-grid").first.wait_for(timeout=60_000)
    here = page.url
    open_tab(page, "Predict")
    assert parse_qs(urlsplit(page.url).query) == {"tab": ["predict"], "task": ["Look"]}
    panel = open_tab(page, "Tokenize")
    assert parse_qs(urlsplit(page.url).query) == parse_qs(urlsplit(here).query)
    assert parse_qs(urlsplit(share(panel)).query) == parse_qs(urlsplit(here).query), (
        "a pupil's link is the teacher's"
    )
    page.reload()
    expect(page.get_by_label("sentence1").first).to_have_value("Cats.", timeout=20_000)
    expect(page.get_by_label("sentence1").first).to_be_disabled()
    expect(page.get_by_role("button", name="Use this row")).to_have_count(0)
    expect(page.get_by_role("button", name="Random rows")).to_have_count(1)


def locked_predict(page):
    """Opens Predict: sentence1 stands there as the teacher's link has it, the task above it."""
    panel = open_tab(page, "Predict")
    expect(panel.get_by_label("sentence1")).to_have_value("Cats.", timeout=30_000)
    expect(panel.get_by_label("sentence1")).to_be_disabled()
    expect(panel.get_by_label("sentence2")).to_be_enabled()
    expect(page.locator("#from-the-address")).to_contain_text("Look closely")
    assert parse_qs(urlsplit(page.url).query)["lock"] == ["sentence1"]


def reload(page):
    """The page anew, once the server has answered its address."""
    page.reload()
    expect(page.locator(".forecast strong").first).to_be_visible(timeout=60_000)


def test_a_lock_holds_when_the_page_is_loaded_anew_on_another_tab_and_in_the_other_language(
    elsewhere, app_address
):
    page = elsewhere(
        f"{app_address}/?tab=predict&sentence1=Cats.&lock=sentence1&task=Look%20closely"
    )
    locked_predict(page)
    open_tab(page, "Fine-tune")
    reload(page)
    assert parse_qs(urlsplit(page.url).query) == {"tab": ["fine-tune"], "task": ["Look closely"]}
    locked_predict(page)
    open_tab(page, "Fine-tune")
    page.locator("a[hreflang=zh]").click()
    page.wait_for_url("**/zh?*")
    expect(page.locator(".forecast strong").first).to_be_visible(timeout=60_000)
    page.locator('.rail [data-at="prediction"]').click()
    expect(
        page.get_by_role("tabpanel").filter(visible=True).get_by_label("sentence1")
    ).to_be_disabled()


def unlocked_predict(page):
    panel = open_tab(page, "Predict")
    expect(panel.get_by_label("sentence1")).to_be_enabled()
    expect(panel.get_by_label("sentence1")).not_to_have_value("Cats.")
    assert "lock" not in page.url


def test_a_new_link_inherits_nothing_and_back_finds_the_lock_again(elsewhere, app_address):
    page = elsewhere(
        f"{app_address}/?tab=predict&sentence1=Cats.&lock=sentence1&task=Look%20closely"
    )
    locked_predict(page)
    open_tab(page, "Fine-tune")
    page.goto(app_address)
    page.locator(".token-grid").first.wait_for(timeout=60_000)
    unlocked_predict(page)
    page.go_back()  # each tab is a step of the history
    expect(page.get_by_role("tab", name="Tokenize")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.locator(".forecast strong").first).to_be_visible(timeout=60_000)
    locked_predict(page)
    open_tab(page, "Fine-tune")
    page.goto(
        page.url
    )  # the same address once more is a new link, too, though the browser keeps its place in the history
    expect(page.locator(".forecast strong").first).to_be_visible(timeout=60_000)
    reload(page)
    unlocked_predict(page)


def test_gradios_own_window_forgets_no_lock(elsewhere, app_address):
    page = elsewhere(f"{app_address}/?tab=predict&lock=sentence1")
    expect(open_tab(page, "Predict").get_by_label("sentence1")).to_be_disabled(timeout=30_000)
    open_tab(page, "Fine-tune")
    page.locator("footer").get_by_role("button", name="API").click()
    page.wait_for_url("**view=api**")
    assert page.evaluate("history.state.tabsLeft.predict") == [["lock", "sentence1"]]
    reload(page)
    expect(page.locator(".api-docs").get_by_text("/predict").first).to_be_visible(timeout=60_000)


def test_a_link_has_the_run_or_the_settings_alone(elsewhere, app_address):
    panel = open_tab(
        page := elsewhere(f"{app_address}/?tab=fine-tune&run={'0' * 32}&max_steps=17"), "Fine-tune"
    )
    expect(page.get_by_label("number input for max_steps").first).to_have_value(
        "17", timeout=20_000
    )
    assert parse_qs(urlsplit(share(panel)).query) == {
        "tab": ["fine-tune"],
        "run": ["0" * 32],
        "max_steps": ["17"],
    }
    panel.get_by_label("with the run that is shown").uncheck()
    panel.get_by_role("button", name="Copy link").click()
    expect(panel.get_by_label("Link", exact=True)).to_have_value(
        f"{app_address}/?tab=fine-tune&max_steps=17"
    )


def in_section(page, name):
    """A section's own cells, as text, once they are there."""
    cells = page.locator(f"#open-{name} td")
    expect(cells.first).to_be_visible(timeout=30_000)
    return cells.all_inner_texts()


def test_the_number_that_was_asked_about_and_what_stands_open_reach_a_friend(
    elsewhere, app_address
):
    page = elsewhere(app_address)
    page.locator(".batch-grid").first.wait_for(timeout=60_000)
    page.locator('.card[data-position="8"] [data-row="input_ids"]').click()
    page.wait_for_url("**cell=input_ids.8")
    page.locator("#batch").get_by_role("button", name="table").click()
    page.locator(".batch-table tbody tr").nth(2).locator("td").nth(3).click()
    expect(page.locator(".because").last).to_contain_text("position")
    panel = page.get_by_role("tabpanel").filter(visible=True)
    panel.get_by_label("number input for padding").fill("9")
    panel.get_by_label("number input for padding").press("Tab")
    # The pair's 36 tokens and 9 of padding: the answer to the number that was typed, not to the one before it
    expect(
        page.locator("#open-padding td").filter(has_text=re.compile(r"^45$")).first
    ).to_be_visible(timeout=30_000)
    link = share(panel)
    asked = parse_qs(urlsplit(link).query)
    assert asked == {
        "tab": ["tokenize"],
        "cell": ["input_ids.8"],
        "batch_cell": ["2.2"],
        "padding": ["9"],
    }
    friend = elsewhere(link)
    expect(friend.locator(".because").first).to_contain_text("position 8", timeout=60_000)
    expect(friend.locator(".because")).to_have_text(
        page.locator(".because").all_text_contents(), timeout=20_000
    )
    expect(friend.locator("#open-padding td").first).to_be_visible(timeout=30_000)
    expect(friend.get_by_label("number input for padding")).to_have_value("9")


def test_what_stands_open_follows_its_pair_and_its_rows(elsewhere, app_address):
    page = elsewhere(app_address)
    page.locator(".batch-grid").first.wait_for(timeout=60_000)
    panel = page.get_by_role("tabpanel").filter(visible=True)
    proof = in_section(page, "padding")
    expect(page.locator(".cost.max_length")).to_contain_text("1,024 cells", timeout=30_000)
    panel.get_by_label("sentence1").fill("Short.")
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    expect(page.locator("#open-padding td").first).not_to_have_text(proof[0], timeout=30_000)
    panel.locator("#field-rows textarea, #field-rows input").fill("0-3")
    panel.locator("#field-rows textarea, #field-rows input").press("Enter")
    expect(page.locator(".cost.max_length")).to_contain_text("512 cells", timeout=30_000)
    panel = open_tab(page, "Predict")
    panel.get_by_role("button", name="Do the models agree?").click()
    answers = in_section(page, "models")
    panel.get_by_label("sentence1").fill("Cats sleep.")
    panel.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator("#open-models td").nth(2)).not_to_have_text(answers[2], timeout=30_000)
    assert page.locator("#open-stress td").count() == 0, "what is folded is not worked out"


def test_a_friends_page_names_a_run(elsewhere, app_address):
    page = elsewhere(f"{app_address}/?tab=predict&model=run:{'c' * 32}&lock=sentence2")
    expect(page.get_by_label("Model", exact=True)).to_have_value(
        "a fine-tune: Okapi", timeout=60_000
    )
    panel = page.get_by_role("tabpanel").filter(visible=True)
    expect(panel.locator("#answer").get_by_role("alert")).to_contain_text("it has expired")
    assert parse_qs(urlsplit(share(panel)).query) == {
        "tab": ["predict"],
        "model": ["run:" + "c" * 32],
        "lock": ["sentence2"],
    }
    expect(panel.get_by_text("The museum will reopen")).to_have_count(0)


def test_a_link_to_a_layer_has_its_settings(elsewhere, app_address):
    page = elsewhere(f"{app_address}/?tab=layers&topic=padding")
    panel = page.get_by_role("tabpanel").filter(visible=True).first
    drawn = panel.locator(".block.played").filter(visible=True)
    expect(drawn.locator("table, svg").first).to_be_visible(timeout=60_000)
    expect(panel.get_by_label("number input for stride")).to_be_hidden(
        timeout=20_000
    )  # the topic's own controls are there
    field = panel.get_by_label("number input for", exact=False).filter(visible=True).first
    field.fill("3")
    field.press("Tab")
    page.wait_for_timeout(500)
    link = share(panel)
    assert parse_qs(urlsplit(link).query) == {
        "tab": ["layers"],
        "topic": ["padding"],
        "padding.1": ["3"],
    }
    friend = elsewhere(link)
    theirs = friend.get_by_role("tabpanel").filter(visible=True).first
    expect(
        theirs.get_by_label("number input for", exact=False).filter(visible=True).first
    ).to_have_value("3", timeout=60_000)
    expect(theirs.locator(".block.played").filter(visible=True)).to_have_text(
        drawn.inner_text(), timeout=30_000, use_inner_text=True
    )


FRAME = '<iframe src="{address}"></iframe><script>onmessage = (event) => {{ window.told = [event.origin, event.data]; }};</script>'


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "https://ann-pairs.hf.space/",
            ["https://ann-pairs.hf.space", {"queryString": "tab=predict&sentence1=A%26B"}],
        ),
        ("https://school.example/", None),
    ],
)
def test_the_page_around_a_space_is_told_the_address(elsewhere, app_address, address, told):
    page = elsewhere(f"{app_address}/health")
    script = page_script()
    inside = f"<script>{script} page.address.show('?tab=predict&sentence1=A%26B');</script>"
    page.route(
        "https://huggingface.co/**",
        lambda route: route.fulfill(body=FRAME.format(address=address), content_type="text/html"),
    )
    page.route(f"{address}**", lambda route: route.fulfill(body=inside, content_type="text/html"))
    page.goto("https://huggingface.co/spaces/ann/pairs")
    expect(page.locator("iframe")).to_have_count(1)
    page.frames[1].wait_for_url("**sentence1=A%26B")
    page.wait_for_timeout(200)
    assert page.evaluate("window.told ?? null") == told


def test_a_wrong_address_says_what_is_wrong(elsewhere, app_address):
    page = elsewhere(
        f"{app_address}/?tab=tokenize&max_length=9999&task=<img src=x onerror=window.hacked=1>"
    )
    expect(page.get_by_role("alert").first).to_contain_text(
        "max_length = '9999'. Write a whole number from 8 to 512 there."
    )
    assert page.evaluate("window.hacked") is None


def test_a_refresh_keeps_tab_and_inputs(page):
    panel = open_tab(page, "Predict")
    panel.get_by_label("sentence1").fill("Kept?")
    panel.get_by_role("button", name="Predict", exact=True).click()
    page.wait_for_url("**sentence1=Kept**")
    # What is still asked when a page is left fails, and says so
    expect(panel.locator(".stale")).to_have_count(0)
    page.wait_for_timeout(1000)
    page.reload()
    expect(page.get_by_role("tab", name="Predict")).to_have_attribute("aria-selected", "true")
    expect(
        page.get_by_role("tabpanel").filter(visible=True).get_by_label("sentence1")
    ).to_have_value("Kept?")


def test_the_other_language_keeps_what_was_typed_and_not_asked_yet(page):
    panel = open_tab(page, "Predict")
    expect(panel.locator(".bars tr")).to_have_count(3, timeout=60_000)
    panel.get_by_label("sentence1").fill("Typed & not sent yet.")
    page.locator("a[hreflang=zh]").click()
    page.wait_for_url("**/zh?**")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    theirs = page.get_by_role("tabpanel").filter(visible=True)
    expect(theirs.get_by_label("sentence1")).to_have_value("Typed & not sent yet.", timeout=60_000)
    assert "tab=predict" in page.url and "lang=zh" in page.url


def test_a_run_stays_in_the_address_when_another_tab_answers(page, app_address):
    page.goto(f"{app_address}/?run={'0' * 32}")
    expect(page.locator("#tab-fine-tune .status")).to_contain_text("Expired", timeout=60_000)
    panel = open_tab(page, "Predict")
    expect(panel.locator(".bars tr")).to_have_count(3, timeout=60_000)
    panel.get_by_role("button", name="Predict", exact=True).click()
    page.wait_for_url("**tab=predict**")
    page.wait_for_timeout(1500)
    open_tab(page, "Fine-tune")
    assert f"run={'0' * 32}" in page.url
    page.reload()
    expect(page.locator("#tab-fine-tune .status")).to_contain_text("Expired", timeout=60_000)


def test_the_settings_of_a_layer_are_in_the_address(page):
    panel = open_tab(page, "Layers")
    expect(panel.locator('[data-stage="output"]').filter(visible=True)).to_be_visible(
        timeout=60_000
    )
    stride = panel.get_by_label("number input for stride", exact=True).filter(visible=True)
    stride.fill("2")
    stride.press("Enter")
    page.wait_for_url("**convolution.2=2**")
    page.reload()
    expect(
        page.get_by_label("number input for stride", exact=True).filter(visible=True)
    ).to_have_value("2", timeout=60_000)
