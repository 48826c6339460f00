"""Write web/needed_scripts.txt: Gradio's scripts that a page asks for until its first grid is
drawn.

python -m dev.needed_scripts        after a change of Gradio's release or of the components that a
page has
"""

from playwright.sync_api import sync_playwright

from dev.server import BROWSER_ARGUMENTS, chromium, running_app
from web.assets import FOLDER, NEEDED


def scripts_of(browser, address: str) -> list[str]:
    """The names of Gradio's scripts that a first visit asks for, in their order."""
    asked = []
    page = browser.new_context(locale="en-US").new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.locator(".token-grid").first.wait_for(timeout=60_000)
    # The last ones come after the grid, and the page never stops asking its server for heartbeats
    page.wait_for_timeout(3_000)
    page.context.close()
    names = [url.rpartition(FOLDER)[2] for url in asked if FOLDER in url and url.endswith(".js")]
    return list(dict.fromkeys(names))


def main():
    # So that what is found is what the page itself asks for
    NEEDED.write_text("", encoding="utf-8")
    with (
        running_app({"PAIRS": "embedded", "HF_HUB_OFFLINE": "1"}) as (address, _runs),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        names = scripts_of(browser, address)
        browser.close()
    NEEDED.write_text("\n".join(names) + "\n", encoding="utf-8")
    print(f"{len(names)} scripts")


if __name__ == "__main__":
    main()
