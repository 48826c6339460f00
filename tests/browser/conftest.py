"""The real app on a free port, and a real Chromium that notes each console error and each request."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SHOTS = Path(__file__).parent / "screenshots"
SIZES = {"desktop": {"width": 1440, "height": 1000}, "phone": {"width": 390, "height": 844}}


def _chromium():
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="session")
def app_address(tmp_path_factory):
    """`python app.py` as a person would start it, with no Hub and the embedded pairs."""
    port, folder = _free_port(), tmp_path_factory.mktemp("app")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "RUNS_DIR": str(folder / "runs"), "PAIRS": "embedded",
                   "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}  # fmt: skip
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, folder / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(address, server, log):
    for _ in range(240):
        try:
            urllib.request.urlopen(address, timeout=2).read()
            return
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(f"no answer within 120 s: {log.read_text()}")


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        found = playwright.chromium.launch(executable_path=_chromium(), args=arguments)
        yield found
        found.close()


@pytest.fixture(params=SIZES)
def page(request, browser, app_address):
    """A new visitor's page, tokens drawn. Afterwards: no console error, no request elsewhere, no sideways scrolling."""
    context = browser.new_context(viewport=SIZES[request.param], locale="en-US")
    visited = context.new_page()
    errors, strangers = [], []
    # Leaving a page while it still listens to the server is no error of the page
    visited.on("console", lambda message: errors.append(message.text)
               if message.type == "error" and "AbortError" not in message.text else None)  # fmt: skip
    visited.on("pageerror", lambda error: errors.append(str(error)))
    visited.on("request", lambda sent: strangers.append(sent.url) if _is_elsewhere(sent.url, app_address) else None)
    visited.size = request.param
    visited.goto(app_address)
    visited.locator(".token-grid").first.wait_for(timeout=60_000)
    yield visited
    sideways = visited.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()
    assert errors == []
    assert strangers == []
    assert sideways <= 0


def _is_elsewhere(url, address):
    return not url.startswith((address, "data:", "blob:"))


@pytest.fixture
def shoot():
    """Keep a screenshot: shoot(page, "tokenize") -> screenshots/tokenize-phone.png."""

    def take(page, name):
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}-{page.size}.png", full_page=True)

    return take
