"""Asking a cell why, with the mouse and with the keyboard alone; the sections under the grids."""

import re

from playwright.sync_api import expect

from tests.browser.test_page import open_tab

WIDTHS = ("phone",)

PAIR = ("Distorting mirrors sell.", "Mirrors sell well.")


def draw(page, first=PAIR[0], second=PAIR[1]):
    panel = open_tab(page, "Tokenize")
    panel.get_by_label("sentence1").fill(first)
    panel.get_by_label("sentence2").fill(second)
    panel.get_by_role("button", name="Tokenize", exact=True).click()
    # Typing draws the tokens, too, first with the old sentence2: the grid says of which pair it is
    pair = re.compile(re.escape(first) + ".*" + re.escape(second))
    expect(panel.locator("#tokens [data-inputs]").first).to_have_attribute("data-inputs", pair)
    return panel


def cell(panel, row, position):
    """A number of a token's card."""
    return panel.locator(f'.card[data-position="{position}"] [data-row="{row}"]')


def because(panel):
    return panel.locator("#tokens .because")


def test_a_click_says_why_and_marks_the_characters(page, shoot):
    panel = draw(page)
    expect(because(panel)).to_contain_text("Select a cell")
    tops = "() => [...document.querySelectorAll('#tokens, #batch')].map((e) => e.offsetTop)"
    before = page.evaluate(tops)
    cell(panel, "piece", 2).click()
    expect(because(panel)).to_contain_text("“distorting” is not in the vocabulary of 30,522")
    expect(because(panel).locator("mark")).to_have_text("stor")
    assert page.evaluate(tops) == before, "the page stays where it is"
    shoot(page, "why")
    cell(panel, "token_type_ids", 7).click()
    expect(because(panel)).to_contain_text("[SEP] closes sentence 1 and counts as part of it")
    expect(because(panel).locator("mark")).to_have_count(0)
    expect(panel.locator('.token-cards [aria-selected="true"]')).to_have_count(1)


def test_the_table_is_the_other_view_and_keeps_the_chosen_cell(page):
    panel = draw(page)
    cell(panel, "input_ids", 2).click()
    panel.locator("#tokens").get_by_role("button", name="table").click()
    expect(panel.locator(".token-cards")).to_be_hidden()
    chosen = panel.locator('.token-table td[aria-selected="true"]')
    expect(chosen).to_have_text("23809")
    expect(panel.locator(".piece.lit")).to_have_text("stor")
    panel.locator('.token-table tr[data-row="characters"] td').nth(2).click()
    expect(panel.locator('.token-table td[aria-selected="true"]')).to_have_text("2–6")
    draw(page, "Another pair.")  # the view stays with the next pair
    expect(panel.locator(".token-table")).to_be_visible()
    expect(panel.locator("#tokens").get_by_role("button", name="table")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_the_keyboard_reaches_every_number(page):
    panel = draw(page)
    panel.locator("#tokens").get_by_role("button", name="table").focus()
    page.keyboard.press("Tab")
    expect(cell(panel, "piece", 0)).to_be_focused()
    expect(because(panel)).to_contain_text("[CLS] at the beginning of every sequence")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(cell(panel, "input_ids", 2)).to_be_focused()
    expect(because(panel)).to_contain_text("23809 is the id of “##stor”")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is nothing beyond: the focus stays
    expect(because(panel)).to_contain_text("[SEP] closes sentence 2")
    last = panel.locator('.card:last-child [data-row="input_ids"]')
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowDown")
    expect(cell(panel, "token_type_ids", 0)).to_be_focused()
    assert panel.locator('.token-cards [tabindex="0"]').count() == 1, "Tab leaves the cards again"
    page.keyboard.press("Tab")
    expect(panel.locator(".token-cards :focus")).to_have_count(0)
    # A cell that is chosen while another one's answer is awaited is explained next
    held = []
    page.route("**/queue/join**", lambda route: held.append(route), times=1)
    with page.expect_request("**/queue/join**"):
        cell(panel, "piece", 2).click()
    cell(panel, "input_ids", 4).click()
    page.wait_for_timeout(300)  # a cell is asked for after 120 ms
    held[0].continue_()
    expect(because(panel)).to_contain_text("13536 is the id of “mirrors”")


def test_a_new_pair_takes_the_old_explanation_away(page):
    panel = draw(page)
    cell(panel, "input_ids", 1).click()
    expect(because(panel)).to_contain_text("4487")
    draw(page, "Something else entirely.")
    expect(because(panel)).to_contain_text("Select a cell")
    expect(panel.locator(".token-cards [aria-selected]")).to_have_count(0)
    cell(panel, "input_ids", 1).click()
    expect(because(panel)).to_contain_text("something")


def test_many_tokens_scroll_in_a_frame_of_their_own(page):
    panel = draw(page, "one two three four five six seven eight nine ten " * 30)
    expect(panel.locator(".card")).to_have_count(128)
    cards = panel.locator(".token-cards")
    inner, outer = cards.evaluate("(e) => [e.scrollHeight, e.clientHeight]")
    assert outer <= 600 < inner
    cell(panel, "piece", 0).click()
    page.keyboard.press("End")
    expect(panel.locator(".card:last-child b")).to_be_in_viewport()


def click_cell(panel, line, position):
    """A cell of the batch's picture."""
    cells = panel.locator(".batch-cells")
    data = batch_data(panel)
    box = cells.bounding_box()
    wide, tall = box["width"] / len(data["roles"][0]), box["height"] / len(data["roles"])
    cells.click(position={"x": (position + 0.5) * wide, "y": (line + 0.5) * tall})


def batch_data(panel):
    """What the batch's picture is drawn from."""
    code = "(e) => JSON.parse(e.dataset.batch)"
    return panel.locator(".batch-data").evaluate(code)


def colours(panel, line):
    """The colour in the middle of each cell of a row of the picture, "" where nothing is drawn."""
    return panel.locator(".batch-cells canvas").evaluate(
        """(canvas, [line, lines, positions]) => {
            const pen = canvas.getContext("2d"), y = Math.floor((line + 0.3) * canvas.height / lines);
            return [...Array(positions).keys()].map((position) => {
                const x = Math.floor((position + 0.5) * canvas.width / positions);
                const [r, g, b, a] = pen.getImageData(x, y, 1, 1).data;
                return a ? [r, g, b].join() : "";
            });
        }""",
        [line, len(batch_data(panel)["roles"]), len(batch_data(panel)["roles"][0])],
    )


def test_the_picture_shows_each_role_and_the_padding_slides_in(page, shoot):
    panel = open_tab(page, "Tokenize")
    expect(panel.locator("[data-take]")).to_have_count(8, timeout=60_000)
    page.emulate_media(reduced_motion="reduce")
    data = batch_data(panel)
    line = min(range(8), key=lambda row: data["lengths"][row])
    own = data["lengths"][line]
    panel.get_by_role("button", name="before", exact=True).click()
    seen = colours(panel, line)
    assert "" not in seen[:own] and set(seen[own:]) == {""}, "each row as long as it is"
    for role in "s12":
        shown = {colour for colour, r in zip(seen, data["roles"][line], strict=True) if r == role}
        assert len(shown) == 1, role
    assert len(set(seen[:own])) == 3
    expect(panel.locator(".added")).to_be_hidden()
    panel.get_by_role("button", name="after the collator").click()
    assert "" not in colours(panel, line)
    expect(panel.locator(".added")).to_contain_text("hatched: padding from the collator")
    frame, picture = (panel.locator(each).bounding_box() for each in ("#batch", ".batch-cells"))
    assert picture["x"] + picture["width"] <= frame["x"] + frame["width"]
    shoot(page, "batch-picture")
    page.emulate_media(reduced_motion="no-preference")


def test_a_cell_of_the_batch_is_explained_by_pointer_and_keys(page):
    panel = open_tab(page, "Tokenize")
    expect(panel.locator("[data-take]")).to_have_count(8, timeout=60_000)
    because = panel.locator("#batch .because")
    data = batch_data(panel)
    line = min(range(8), key=lambda row: data["lengths"][row])
    panel.get_by_label("token_type_ids").check()
    click_cell(panel, line, len(data["roles"][line]) - 1)
    expect(because).to_contain_text("token_type_ids of [PAD] at position")
    click_cell(panel, 2, 1)
    expect(because.locator("mark")).to_have_count(1)
    panel.get_by_label("attention_mask").check()
    expect(because).to_contain_text("attention_mask of")
    panel.locator(".batch-cells").press("End")
    last = len(data["roles"][2]) - 1
    expect(because).to_contain_text(f"at position {last}")
    panel.get_by_label("tokens", exact=True).check()
    panel.locator(".batch-when").locator("..").get_by_role("button", name="table").click()
    expect(panel.locator(".batch-table tbody tr")).to_have_count(8)
    expect(panel.locator(".batch-table td[aria-selected]")).to_have_count(1)
    panel.locator(".batch-table td.label").first.click()
    expect(because).to_contain_text("stands for")
    panel.locator("#batch").get_by_role("button", name="picture").click()


def test_a_row_becomes_the_pair_by_a_click_on_its_number(page):
    panel = open_tab(page, "Tokenize")
    panel.get_by_role("button", name="Random rows").click()
    rows = panel.locator("#field-rows textarea, #field-rows input")
    expect(rows).not_to_have_value("0-7")
    number = rows.input_value().split(", ")[3]
    expect(panel.locator("[data-take] b")).to_have_text(
        [f"#{each}" for each in rows.input_value().split(", ")]
    )
    before = panel.get_by_label("sentence1").input_value()
    panel.locator(f'[data-take="{number}"]').click()
    expect(panel.locator("#batch .because")).to_contain_text(f"Row {number} is now the page's pair")
    expect(panel.get_by_label("sentence1")).not_to_have_value(before)


def test_rows_follow_when_their_field_is_left_and_a_refusal_stays(page):
    panel = open_tab(page, "Tokenize")
    rows = panel.locator("#field-rows textarea, #field-rows input")
    rows.fill("0-2")
    rows.press("Tab")
    expect(panel.locator("[data-take]")).to_have_count(3)
    search = panel.locator("#field-search textarea, #field-search input")
    search.fill("zzzzqqq")
    search.blur()
    alert = panel.locator("#batch-refusal").get_by_role("alert")
    expect(alert).to_contain_text("No row of train has all of 'zzzzqqq'")
    expect(panel.locator("[data-take]")).to_have_count(3)
    panel.get_by_label("input_ids").check()  # another view is no new batch
    expect(alert).to_contain_text("Try fewer words")
    rows.fill("0-3")
    rows.press("Enter")
    expect(panel.locator("[data-take]")).to_have_count(4)
    expect(alert).to_have_count(0)


def test_the_tokens_follow_the_typing_and_a_late_answer_never_looks_current(page):
    panel = draw(page)
    field = panel.get_by_label("sentence1")
    field.fill("")
    field.press_sequentially("Hello there.")
    expect(panel.locator(".card b").nth(1)).to_have_text("hello")
    expect(panel.locator(".token-grid.stale")).to_have_count(0)
    page.wait_for_url("**sentence1=Hello*")  # once typing pauses
    # An answer that comes late is dimmed: it isn't of what is typed now
    page.evaluate(
        """() => { const fetch = window.fetch; window.fetch = async (...sent) => {
            if (String(sent[0]?.url ?? sent[0]).includes("queue/join")) {
                await new Promise((done) => setTimeout(done, window.delayed ?? 0));
            }
            return fetch(...sent);
        }; window.delayed = 3000; }"""
    )
    field.press_sequentially(" x")
    expect(panel.locator("#tokens .stale")).to_have_count(1)
    page.evaluate("window.delayed = 0")
    expect(panel.locator("#tokens .stale")).to_have_count(0)
    expect(panel.locator(".card b").nth(4)).to_have_text("x")
    field.fill("  ")
    expect(panel.locator("#tokens").get_by_role("alert")).to_contain_text("only white space")
    field.fill("Well again.")
    expect(panel.locator(".card b").nth(1)).to_have_text("well")


def test_the_questions_open_and_answer(page, shoot):
    panel = draw(page)
    expect(panel.locator(".proof tr")).to_have_count(4, timeout=60_000)  # open from the start
    panel.get_by_role("button", name="What if each sentence goes alone").click()
    expect(panel.locator(".way")).to_have_count(4)
    expect(panel.locator(".cost")).to_have_count(4)
    panel.get_by_role("button", name="Time a forward pass").click()
    expect(panel.locator(".cost strong", has_text=re.compile(r"\d ms$"))).to_have_count(
        4, timeout=60_000
    )
    panel.get_by_role("button", name="Is batched=True faster?").click()
    expect(panel.get_by_text(re.compile(r"batched=True was [\d.]+ times as fast"))).to_be_visible(
        timeout=60_000
    )
    panel.get_by_role("button", name="How does another checkpoint").click()
    # Offline the second is a stand-in, and so the first once more
    beside = panel.locator("#open-checkpoints")
    expect(beside.locator(".notice")).to_contain_text(
        "Both sides use the tokenizer of", timeout=30_000
    )
    expect(beside.locator(".strip")).to_have_count(1)
    panel.get_by_role("button", name="How do I do this again?").click()
    expect(panel.locator(".script code").first).to_contain_text("Distorting mirrors sell.")
    shoot(page, "tokenize-questions")


def test_other_rows_are_another_picture(page):
    panel = open_tab(page, "Tokenize")
    panel.get_by_label("Rows, at most 32").fill("0-3")
    panel.get_by_label("Rows, at most 32").press("Enter")
    expect(panel.locator(".batch-rows button")).to_have_count(4)
    assert len(batch_data(panel)["roles"]) == 4
    panel.get_by_label("Rows, at most 32").fill("8-10")
    panel.get_by_label("Rows, at most 32").press("Enter")
    expect(panel.locator(".batch-rows button").first).to_contain_text("#8")
    data = batch_data(panel)
    lengths = panel.locator(".batch-rows button").evaluate_all(
        "(all) => all.map((one) => Number(one.textContent.split('·')[1]))"
    )
    assert lengths == [len(roles.rstrip("p")) for roles in data["roles"]]
    assert colours(panel, 0)[lengths[0] - 1] == colours(panel, 0)[0]  # [CLS] and the last [SEP]
