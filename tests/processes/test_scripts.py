"""The page's own script and style: sent as two files, which each page names in its head."""

import re
import shutil
import subprocess

import httpx
import pytest

from tests.conftest import ROOT
from tests.processes.test_web_doors import app_address, settings  # noqa: F401 - fixtures
from web.assets import FOR_EVER
from web.page_files import page_files

# Finds what a parse doesn't (unused names, unreachable code), in scripts and styles. It is on npm, not
# in requirements-dev.txt: the package of that name on PyPI is not its authors'.
BIOME = "@biomejs/biome@2.6.8"
FILES = sorted((ROOT / "static").glob("*.js"))


def test_one_script_holds_every_file_and_is_named_by_its_content(monkeypatch, tmp_path):
    script, style = page_files()
    text = script.content.decode()
    assert FILES and all(path.read_text() in text for path in FILES)
    assert all(f"// static/{path.name}\n" in text for path in FILES)
    rooms = sorted((ROOT / "static").glob("*.css"))
    assert all(path.read_bytes() in style.content for path in rooms)
    assert style.content.startswith((ROOT / "static" / "page.css").read_bytes())
    (tmp_path / "other.js").write_text("window.page ??= {};\n")
    (tmp_path / "page.css").write_text("p { margin: 0; }\n")
    monkeypatch.setattr("web.page_files.STATIC", tmp_path)
    others = page_files.__wrapped__()
    for one, other, ending in zip((script, style), others, ("js", "css"), strict=True):
        assert re.fullmatch(rf"page-[0-9a-f]{{12}}\.{ending}", other.name)
        assert other.name != one.name
    assert page_files.__wrapped__() == others


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_loads_them_before_the_scripts_of_gradio(app_address, language):  # noqa: F811
    page = httpx.get(f"{app_address}/?lang={language}", follow_redirects=True, timeout=30).text
    script, style = page_files()
    for tag in (
        f'<script defer fetchpriority="high" src="./assets/{script.name}"></script>',
        f'<link rel="stylesheet" href="./assets/{style.name}">',
    ):
        assert 0 < page.index(tag) < page.index('<script type="module"')


def test_they_are_compressed_and_kept_as_other_assets_are(app_address):  # noqa: F811
    for file, kind in zip(page_files(), ("text/javascript", "text/css"), strict=True):
        for encoding in ("br", "gzip", "identity"):
            headers = {"Accept-Encoding": encoding}
            answer = httpx.get(f"{app_address}/assets/{file.name}", headers=headers, timeout=30)
            assert answer.status_code == 200 and answer.content == file.content
            assert answer.headers["cache-control"] == FOR_EVER
            assert answer.headers["content-type"].startswith(kind)
        gone = file.name.replace("page-", "page-0")
        assert httpx.get(f"{app_address}/assets/{gone}", timeout=30).status_code == 404


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
    style = re.sub(r"/\*.*?\*/", "", page_files()[1].content.decode(), flags=re.DOTALL)
    assert style.count("!important") <= 13
