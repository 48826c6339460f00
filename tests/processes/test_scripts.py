"""The page's own scripts and styles, which stand in each page."""

import re
import shutil
import subprocess

import httpx
import pytest

from tests.conftest import ROOT
from tests.processes.test_web_doors import app_address, settings  # noqa: F401 - fixtures
from web.page_files import page_script, page_style, script_tag, style_tag

# Finds what a parse doesn't (unused names, unreachable code), in scripts and styles. It is on npm, not
# in requirements-dev.txt: the package of that name on PyPI is not its authors'.
BIOME = "@biomejs/biome@2.6.8"
FILES = sorted((ROOT / "static").glob("*.js"))


def test_they_hold_every_file():
    script, style = page_script(), page_style()
    assert FILES and all(path.read_text() in script for path in FILES)
    assert all(f"// static/{path.name}\n" in script for path in FILES)
    rooms = sorted((ROOT / "static").glob("*.css"))
    assert all(path.read_text() in style for path in rooms)
    assert style.startswith((ROOT / "static" / "page.css").read_text())
    # Written into a page, they may not end their own tag
    assert "</script" not in script and "<!--" not in script and "</style" not in style


@pytest.mark.parametrize("language", ["en", "zh"])
def test_they_stand_in_the_page_before_the_scripts_of_gradio(app_address, language):  # noqa: F811
    page = httpx.get(f"{app_address}/?lang={language}", follow_redirects=True, timeout=30).text
    modules = page.index('<script type="module"')
    assert 0 < page.index(style_tag()) < page.index("window.gradio_config =")
    # Not before the config, whose tab it chooses
    assert page.index("window.gradio_config =") < page.index(script_tag()) < modules


needs_node = pytest.mark.skipif(not shutil.which("npx"), reason="Node.js is not at hand")


@needs_node
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_script_can_be_parsed(path):
    done = subprocess.run(["node", "--check", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_node
def test_the_linter_finds_nothing():
    """Scripts and style, by the rules of biome.json. npm fetches Biome once, and keeps it."""
    command = ["npx", "--yes", BIOME, "lint", "--error-on-warnings"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    if re.search(r"npm (error|ERR!)", said):  # npm's registry is no part of this project
        pytest.skip("Biome can't be fetched here")
    assert done.returncode == 0, said


def test_important_stands_where_gradio_leaves_no_other_way():
    """Each that is added hides which rule wins: the block in page.css says when one is needed."""
    style = re.sub(r"/\*.*?\*/", "", page_style(), flags=re.DOTALL)
    assert style.count("!important") <= 15
