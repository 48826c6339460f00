"""python -m benchmarks.first_visit: a first visitor in Chromium, from the server's answer to a page
that can be used.

Usable: the first button of the tab takes a click, and what stands under it is drawn. Ours beside a
bare gradio app of three tabs, in turns, from this machine and as over a phone's connection; and how
far anything jumps (Cumulative Layout
Shift, https://web.dev/articles/cls: up to 0.1 is good) while the models get warm, once the page is
drawn.
"""

import statistics
import tempfile
import time
from contextlib import contextmanager

from benchmarks.__main__ import BARE_APP
from dev.server import BROWSER_ARGUMENTS, chromium, running_app

VISITS = 5
WATCH_SHIFTS = """window.shifts = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifts += one.value; })
  .observe({type: "layout-shift", buffered: true});"""


@contextmanager
def a_browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


# What Chromium's tools throttle to: milliseconds, bytes a second
PHONE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 4_000_000 / 8,
    "uploadThroughput": 4_000_000 / 8,
}


def visit(browser, address, usable, wait=0.0, connection=None):
    """(milliseconds from the server's first byte until `usable` is there, layout shift, hosts
    asked) of a new visitor.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en")
    context.add_init_script(WATCH_SHIFTS)
    page, hosts = context.new_page(), set()
    if connection:
        tools = context.new_cdp_session(page)
        tools.send("Network.enable")
        tools.send("Network.emulateNetworkConditions", connection)
    page.on(
        "request",
        lambda request: (
            hosts.add(request.url.split("/")[2]) if request.url.startswith("http") else None
        ),
    )
    page.goto(address, wait_until="commit")
    page.locator(usable).first.wait_for(timeout=60_000)
    took = page.evaluate(
        "performance.now() - performance.getEntriesByType('navigation')[0].responseStart"
    )
    shift = _shift(page, wait) if wait else 0.0
    context.close()
    return took, shift, hosts


def _shift(page, seconds):
    """How far things jump in the seconds after both grids are drawn."""
    page.locator(".batch-cells canvas").first.wait_for(timeout=60_000)
    page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => setTimeout(() => "
        "{ window.shifts = 0; done(); })))"
    )
    page.wait_for_timeout(1000 * seconds)
    return page.evaluate("window.shifts")


def rows():
    """(what, measured, target) for the table."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as bare:
        bare.write(BARE_APP)
        bare.flush()
        with (
            a_browser() as browser,
            running_app() as (ours, _),
            running_app(script=bare.name) as (theirs, _runs),
        ):
            cold = visit(browser, ours, ".card", wait=25)  # while the models still warm
            time.sleep(10)
            here, phone = (
                [
                    (
                        visit(browser, ours, ".card", connection=connection),
                        visit(browser, theirs, "button:has-text('Run')", connection=connection),
                    )
                    for _ in range(VISITS)
                ]
                for connection in (None, PHONE)
            )
    hosts = {host for pair in here for host in pair[0][2]} | cold[2]
    yield "from the server's answer to drawn tokens", _against(here), "at most 1.5 s"
    yield "the same over a phone's connection", _against(phone), ""
    yield "layout shift while the models get warm", f"{cold[1]:.3f}", "at most 0.1"
    yield "hosts asked", f"{len(hosts)}", "1, the server's own"


def _against(times):
    """[(a visit of ours, one of the bare app's), …] in words."""
    our, their = (
        statistics.median(side[0] for side in sides) for sides in zip(*times, strict=True)
    )
    return f"{our / 1000:.2f} s, {our / their:.2f} of a bare app's"


def main():
    for what, measured, target in rows():
        print(f"{what:44}{measured:>34}   {target}", flush=True)


if __name__ == "__main__":
    main()
