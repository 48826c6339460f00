"""The page as a person sees it, so that the README's pictures stay true and a change of the look
can be looked at.

    python -m dev.screenshots                   the README's pictures, into docs/
    python -m dev.screenshots --every FOLDER    each state, at 1440, 1024 and 390 px, light and
    dark, English and Chinese python -m dev.screenshots --every FOLDER --only claims,expired
    --widths 390 --themes dark --languages zh

On the embedded pairs alone: MRPC's licence doesn't let its sentences into this repository.
"""

import argparse
import itertools
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from dev.server import BROWSER_ARGUMENTS, ROOT, chromium, running_app

WIDTHS, THEMES, LANGUAGES = (1440, 1024, 390), ("light", "dark"), ("en", "zh")
EVERY_STEP = {"eval_steps": 10, "max_steps": 60, "source": "embedded"}
# The README's pictures: (file, state, language, what stands at the top)
README = (
    ("tokenize", "why", "en", ".page-head"),
    ("fine-tune", "done", "en", ".status"),
    ("model", "model", "en", ".page-head"),
    ("predict", "predict", "en", ".page-head"),
    ("layers", "layers", "en", ".chips"),
    ("tokenize-zh", "why", "zh", ".page-head"),
)
GOING = ("running", "queued")
LONG = "Rescuers found both hikers alive near the summit on Sunday morning. " * 20


# ---------------------------------------------------------------- states: (what the address says, w


def states(runs):
    """{name: (query, function of the tab's panel or None)}. runs: {state: a run's id}."""
    run = {
        f"{state}": ({"tab": "fine-tune", "run": run_id}, None) for state, run_id in runs.items()
    }
    return {
        "tokenize": ({"tab": "tokenize"}, None),
        "why": ({"tab": "tokenize"}, lambda panel: panel.locator(".card b").nth(3).click()),
        "cut": ({"tab": "tokenize", "sentence1": LONG.strip(), "max_length": 32}, None),
        "tokenize-error": ({"tab": "tokenize", "sentence1": " "}, None),
        "tokenize-open": ({"tab": "tokenize"}, open_all),
        "idle": ({"tab": "fine-tune"}, None),
        **run,
        "expired": ({"tab": "fine-tune", "run": "0" * 32}, None),
        "fine-tune-error": ({"tab": "fine-tune", "learning_rate": 7}, None),
        "fine-tune-open": (
            {"tab": "fine-tune", "run": runs["done"]} if "done" in runs else {"tab": "fine-tune"},
            open_all,
        ),
        "model": ({"tab": "model"}, None),
        "model-open": ({"tab": "model"}, open_all),
        "predict": ({"tab": "predict"}, None),
        "predict-error": ({"tab": "predict", "model": "../x"}, None),
        "predict-open": ({"tab": "predict"}, open_all),
        "layers": ({"tab": "layers"}, None),
        **{
            topic: ({"tab": "layers", "topic": topic}, None)
            for topic in (
                "padding",
                "pooling",
                "normalization",
                "dropout",
                "loss",
                "embedding",
                "linear",
                "layer_norm",
                "gelu",
                "softmax",
                "attention",
                "claims",
                "updater",
            )
        },
        "backward": ({"tab": "layers", "topic": "attention", "pass": "backward"}, None),
        "claim": (
            {"tab": "layers", "claim": "conv-sum-or-average"},
            lambda panel: panel.locator(".claim.linked button[data-claim]").click(),
        ),
        "task": (
            {
                "tab": "fine-tune",
                "task": "Which learning_rate learns fastest?",
                "lock": "seed",
                "hide": "source",
            },
            None,
        ),
        "walk": ({"walk": "2"}, None),
    }


def open_all(panel):
    """Every section of a tab, as a visitor opens them."""
    # The elements themselves: a locator would look anew for closed ones, and miss every second
    for button in panel.locator("button.label-wrap:not(.open)").element_handles():
        if button.is_visible():
            button.click()


def make_runs(client, wanted):
    """{state: run id} of runs that come that far."""
    asks = {"done": {}, "failed": {"source": "hub"}}  # which the app is started without
    return {
        state: client.predict(**{**EVERY_STEP, **asks[state]}, api_name="/fine_tune")["run"]
        for state in wanted
    }


@contextmanager
def going(client, name):
    """{state: run id} of a run that goes on and of one that waits for it, while one of them is to
    be seen.
    """
    if name not in GOING:
        yield {}
        return
    started = []
    try:
        for _state in GOING:
            started.append(
                client.predict(
                    **{**EVERY_STEP, "max_steps": 300, "epochs": 5}, api_name="/fine_tune"
                )
            )
        yield dict(zip(GOING, (run["run"] for run in started), strict=True))
    finally:
        for run in reversed(started):
            client.predict(run["run"], run["secret"], api_name="/stop_run")


# ---------------------------------------------------------------- taking them


def settle(page, going=False):
    """Wait until nothing is asked any more and nothing moves; a run that goes on is looked at after
    a few of its steps.
    """
    page.locator("[role=tabpanel]:visible").first.wait_for(timeout=60_000)
    if going:
        page.locator(".status.running, .status.queued").wait_for(timeout=60_000)
        page.wait_for_timeout(12_000)
        return
    page.wait_for_function(
        "() => { const busy = document.querySelector('.generating, .pending, .eta-bar, "
        "[aria-busy=true]'); const text = "
        "document.body.innerText.length; const same = window.__seen === text; window.__seen = "
        "text; return same && !busy; }",
        polling=700,
        timeout=60_000,
    )


def visit(browser, address, query, act, width, theme, language, going=False):
    """A page of a new visitor in that state."""
    height = 844 if width < 600 else 900
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, locale=language
    )
    page = context.new_page()
    page.goto(f"{address}/?{urlencode({**query, 'lang': language, '__theme': theme})}")
    settle(page, going)
    if act:
        act(page.get_by_role("tabpanel").filter(visible=True).first)
        settle(page)
    return page


def take_every(browser, address, client, folder, options):
    ended = make_runs(client, [state for state in ("done", "failed") if wanted(state, options)])
    for run_id in ended.values():
        until_ended(browser, address, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    for name in states({**ended, **dict.fromkeys(GOING, "")}):
        if not wanted(name, options):
            continue
        for width, theme, language in itertools.product(
            options.widths, options.themes, options.languages
        ):
            with going(client, name) as runs:
                query, act = states({**ended, **runs})[name]
                page = visit(browser, address, query, act, width, theme, language, going=bool(runs))
                page.screenshot(
                    path=folder / f"{name}-{width}-{theme}-{language}.png", full_page=True
                )
                page.context.close()
            print(folder / f"{name}-{width}-{theme}-{language}.png")


def wanted(name, options):
    return (
        not options.only
        or name in options.only
        or (name == "done" and "fine-tune-open" in options.only)
    )


def take_readme(browser, address, client):
    made = make_runs(client, ["done"])
    until_ended(browser, address, made["done"])
    every = states(made)
    for file, state, language, top in README:
        page = visit(browser, address, *every[state], 1280, "light", language)
        page.evaluate("document.querySelector('.walk-begin')?.remove()")
        y = page.locator(f"{top}:visible").first.bounding_box()["y"] - 20
        clip = {"x": 0, "y": max(y, 0), "width": 1280, "height": 1000}
        page.screenshot(path=ROOT / "docs" / f"{file}.png", full_page=True, clip=clip)
        page.context.close()
        print(f"docs/{file}.png")


def until_ended(browser, address, run_id):
    page = browser.new_context(locale="en").new_page()
    page.goto(f"{address}/?tab=fine-tune&run={run_id}&lang=en")
    page.locator(".status.done, .status.failed").wait_for(timeout=240_000)
    page.context.close()


def main():
    parser = argparse.ArgumentParser(
        prog="python -m dev.screenshots", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--every", type=Path, metavar="FOLDER")
    parser.add_argument("--only", type=lambda value: value.split(","), default=[])
    parser.add_argument(
        "--widths", type=lambda value: [int(part) for part in value.split(",")], default=WIDTHS
    )
    parser.add_argument("--themes", type=lambda value: value.split(","), default=THEMES)
    parser.add_argument("--languages", type=lambda value: value.split(","), default=LANGUAGES)
    options = parser.parse_args()
    from gradio_client import Client
    from playwright.sync_api import sync_playwright

    with (
        running_app({"HF_HUB_OFFLINE": "1", "PAIRS": "embedded"}) as (address, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        client = Client(address, verbose=False)
        if options.every:
            take_every(browser, address, client, options.every, options)
        else:
            take_readme(browser, address, client)
        browser.close()


if __name__ == "__main__":
    main()
