"""The page's own scripts: one file of all of static/*.js, which each page names in its head."""

import re
import shutil
import subprocess

import httpx
import pytest

from tests.conftest import ROOT
from tests.processes.test_web_doors import app_address, settings  # noqa: F401 - fixtures
from web.assets import FOR_EVER
from web.scripts import page_script

FILES = sorted((ROOT / "static").glob("*.js"))


def test_one_script_holds_every_file_and_is_named_by_its_content(monkeypatch, tmp_path):
    name, content = page_script()
    text = content.decode()
    assert FILES and all(path.read_text() in text for path in FILES)
    assert all(f"// static/{path.name}\n" in text for path in FILES)
    (tmp_path / "other.js").write_text("window.page ??= {};\n")
    monkeypatch.setattr("web.scripts.STATIC", tmp_path)
    other, _ = page_script.__wrapped__()
    assert re.fullmatch(r"page-[0-9a-f]{12}\.js", other) and other != name
    assert page_script.__wrapped__() == page_script.__wrapped__()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_loads_it_before_the_scripts_of_gradio(app_address, language):  # noqa: F811
    page = httpx.get(f"{app_address}/?lang={language}", follow_redirects=True, timeout=30).text
    tag = f'<script defer src="./assets/{page_script()[0]}"></script>'
    assert 0 < page.index(tag) < page.index('<script type="module"')


def test_it_is_compressed_and_kept_as_other_assets_are(app_address):  # noqa: F811
    name, content = page_script()
    for encoding in ("br", "gzip", "identity"):
        headers = {"Accept-Encoding": encoding}
        answer = httpx.get(f"{app_address}/assets/{name}", headers=headers, timeout=30)
        assert answer.status_code == 200 and answer.content == content
        assert answer.headers["cache-control"] == FOR_EVER
        assert "javascript" in answer.headers["content-type"]
    gone = name.replace("page-", "page-0")
    assert httpx.get(f"{app_address}/assets/{gone}", timeout=30).status_code == 404


@pytest.mark.skipif(not shutil.which("node"), reason="node is not at hand")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_script_can_be_parsed(path):
    done = subprocess.run(["node", "--check", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
