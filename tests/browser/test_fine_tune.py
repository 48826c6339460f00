"""A run and all that follows it, as a learner would go through it: forecast, one step by hand, diagnosis and its remedy, what it
changed, three seeds, the zip, the script. One run of a few steps, and two more of its seeds.
"""

import io
import re
import time
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

SHORT = {
    "tab": "fine-tune",
    "source": "embedded",
    "max_steps": 12,
    "eval_pairs": 60,
    "eval_steps": 4,
    "batch_size": 4,
    "train_pairs": 48,
    "max_length": 64,
    "learning_rate": 0.0002,
}
HEX = re.compile(r"run=([0-9a-f]{32})")


@pytest.fixture
def visitor(browser, app_address):
    """A new browser's page; afterwards: no error in its console."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 1000})
    page, errors = context.new_page(), []
    page.on(
        "console",
        lambda said: (
            errors.append(said.text)
            if said.type == "error" and "AbortError" not in said.text
            else None
        ),
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{app_address}/?{urlencode(SHORT)}")
    expect(page.get_by_label("number input for max_steps").first).to_have_value(
        "12", timeout=60_000
    )
    yield page
    context.close()
    assert errors == []


def opened(panel, name):
    """A section, opened."""
    button = panel.get_by_role("button", name=name)
    if "open" not in (button.get_attribute("class") or "").split():
        button.click()
    return button.locator("..")


def megabytes(said):
    """'1.2 GB' -> 1200"""
    number, unit = said.split()
    return float(number) * {"GB": 1000, "MB": 1}[unit]


def settled(locator):
    """Its text, once that has stayed for two seconds: fields filled one after another are each forecast."""
    said, since = locator.inner_text(), time.monotonic()
    while time.monotonic() - since < 2:
        time.sleep(0.1)
        if locator.inner_text() != said:
            said, since = locator.inner_text(), time.monotonic()
    return said


def until_done(panel):
    expect(panel.locator(".status strong")).to_have_text("Done", timeout=120_000)


def test_a_run_and_all_that_follows_it(visitor, shoot_run):
    panel = visitor.get_by_role("tabpanel").filter(visible=True)
    expect(panel.locator(".forecast strong").first).to_have_text("12 steps", timeout=30_000)
    memory = settled(panel.locator(".forecast strong").nth(2))
    panel.get_by_role("button", name="Start the fine-tune").click()
    until_done(panel)
    took = re.search(r"and (\S+ [GM]B) of memory at most", panel.inner_text())[1]
    assert 0.6 < megabytes(memory) / megabytes(took) < 1.6, f"{memory} expected, {took} taken"
    expect(panel.locator(".forecast strong").nth(2)).to_have_text(took, timeout=30_000)
    first = HEX.search(visitor.url)[1]

    # What it changed, and its name
    expect(panel.locator(".diagnosis strong")).not_to_be_empty()
    pairs = opened(panel, "Before and after, pair by pair")
    expect(pairs.locator("table.matrix")).to_have_count(2)
    counts = pairs.locator("table.matrix").last.locator("td").all_inner_texts()
    assert sum(int(re.match(r"\d+", count)[0]) for count in counts) == 60
    fixed, broken, both, wrong = map(int, re.findall(r"\d+", pairs.locator(".sum").inner_text()))
    assert fixed + broken + both + wrong == 60
    shoot_run(visitor, "run-after")

    # The model and the script, as files
    zipped = download(visitor, opened(panel, "Save the model"), "Download the model")
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert (
            archive.testzip() is None
            and f"paraphrase-{first[:8]}/model.safetensors" in archive.namelist()
        )
    script = download(visitor, opened(panel, "Reproduce: the script"), "Download train.py").decode()
    compile(script, "train.py", "exec")
    assert "max_steps=12" in script and panel.locator("pre.command").inner_text().startswith(
        "python -m pipeline train"
    )

    # One step by hand, of the same settings
    by_hand = opened(panel, "One step by hand")
    lines = opened(by_hand, "The lines that run by hand")
    expect(lines.locator("pre")).to_contain_text("losses.mean().backward()")
    expect(lines.get_by_role("button", name="Download")).to_have_count(0)  # they don't run alone
    by_hand.get_by_role("button", name="Take one step").click()
    differences = by_hand.locator("table.agreement-table tr").last.locator("td").last
    expect(differences).to_be_visible(timeout=60_000)
    assert float(differences.inner_text()) < 1e-3
    losses = [float(row) for row in by_hand.locator("table.pairs td:last-child").all_inner_texts()]
    mean = float(by_hand.locator("table.agreement-table td").first.inner_text())
    assert len(losses) == 4 and sum(losses) / 4 == pytest.approx(mean, abs=1e-4), (
        "the mean of what stands in the table"
    )
    with visitor.expect_download() as saved:
        lines.get_by_role("button", name="Download by_hand.py").click()
    rows = re.findall(
        r"[0-9]+", " ".join(by_hand.locator("table.pairs tbody th").all_inner_texts())
    )
    assert f"rows = [{', '.join(rows)}]" in saved.value.path().read_text() and len(rows) == 4
    shoot_run(visitor, "run-by-hand")

    # The same with two more seeds
    seeds = opened(panel, "Three seeds of the same settings")
    seeds.get_by_role("button", name="Run these settings with three seeds").click()
    expect(seeds.locator("table.seeds tr")).to_have_count(4, timeout=60_000)
    expect(seeds.locator("table.seeds tr", has_text="Done")).to_have_count(3, timeout=120_000)
    expect(seeds.locator(".bands svg .curve, .bands .curve")).to_have_count(2)
    assert HEX.search(visitor.url)[1] == first, "the run that the form describes stays"
    shoot_run(visitor, "run-seeds")

    # The remedy: a run that differs by what it says, and a form that says so, too
    changes = dict(
        change.split(" = ") for change in panel.locator(".diagnosis code").all_inner_texts()
    )
    if changes:
        panel.get_by_role("button", name="Try that").click()
        visitor.wait_for_url(lambda url: HEX.search(url) and HEX.search(url)[1] != first)
        if "max_steps" in changes:
            expect(panel.get_by_label("number input for max_steps").first).to_have_value(
                changes["max_steps"]
            )


def download(page, section, name):
    with page.expect_download(timeout=60_000) as waiting:
        section.get_by_role("link", name=name).click()
    return Path(waiting.value.path()).read_bytes()


@pytest.fixture
def shoot_run():
    """For a look at what it drew."""
    folder = Path(__file__).parent / "screenshots"
    folder.mkdir(exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", full_page=True)


def test_the_shortcut_is_measured_when_its_section_is_opened(visitor):
    section = opened(visitor.get_by_role("tabpanel").filter(visible=True), "Look for the shortcut")
    row = (
        section.get_by_role("row").filter(has_text="difflib ratio").filter(has_text="from 0.83 up")
    )
    expect(row).to_contain_text("77.5%", timeout=60_000)
    expect(section.get_by_text("71 are not_equivalent and 6 equivalent")).to_be_visible()
    section.get_by_role("button", name="Ask the run's model").click()
    expect(section.get_by_text("There is no finished run to ask.")).to_be_visible()
