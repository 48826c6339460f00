"""The pure parts of the page's scripts, each on a blank page that loads the file alone."""

import pytest

from tabs.page_data import block_markup
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def blank(browser):
    """blank(html, "page.js", ...) -> a page that holds the HTML and has loaded those files."""
    context = browser.new_context()

    def load(content, *names):
        page = context.new_page()
        page.set_content(content)
        for name in names:
            page.add_script_tag(path=ROOT / "static" / name)
        return page

    yield load
    context.close()


def test_what_python_says_reaches_the_scripts_whatever_is_in_it(blank):
    said = {"a": "</template><script>window.x = 1</script>", "b": ["<!--", '"', "é 中", None, 1.5]}
    page = blank(block_markup("some-tab", said), "page.js")
    assert page.evaluate("page.data('some-tab')") == said
    assert page.evaluate("window.x ?? null") is None
