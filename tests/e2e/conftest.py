"""A real server and a real Chromium. One server per test module, with a data folder of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect, sync_playwright

from tests.conftest import REALDATA

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@dataclass
class App:
    """The running app: its address, its data folder, and its process."""

    url: str
    home: Path
    process: subprocess.Popen | None = None

    def start(self) -> None:
        port = self.url.rsplit(":", 1)[1]
        environment = os.environ | {
            "SOURCESCOUT_HOME": str(self.home),
            "SOURCESCOUT_ROOTS": os.pathsep.join([str(REALDATA), str(self.home.parent)]),
        }
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", port]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the app did not start")

    def kill(self) -> None:
        """End the app as a power cut would."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running_app(folder: Path):
    """An app on a free port, with its data below `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = App(f"http://127.0.0.1:{port}", folder / "home")
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("app")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Browser:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, app) -> Page:
    context = chromium.new_context(viewport={"width": 1360, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
    tab = context.new_page()
    yield tab
    context.close()


def settled(page: Page) -> None:
    """Wait until the page has been drawn and nothing runs any more, nor begins to within 0.3 s.

    Before its connection a new page looks idle, too: it has no heading yet."""
    idle = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(page.get_by_test_id("stHeading").first).to_be_visible(timeout=60_000)
    while True:
        expect(idle).to_be_visible(timeout=180_000)  # checkpoints are loaded meanwhile
        page.wait_for_timeout(300)
        if idle.is_visible():
            return


def visit(page: Page, app: App, path: str = "") -> None:
    page.goto(f"{app.url}/{path}")
    settled(page)


def fill(page: Page, label: str, text: str) -> None:
    """Type into the text box called `label` and leave it."""
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Tab")
    settled(page)


def choose(page: Page, label: str, *options: str) -> None:
    """Pick the option, or one after the other, in the box called `label` by typing it: long lists show only their
    beginning. Where a rerun of the page closes the list meanwhile, it is opened again. The list is closed with Tab,
    never with Escape, which clears the box where the list has closed by itself."""
    box = page.get_by_role("combobox", name=label)
    for option in options:
        found = page.get_by_role("option", name=option).first
        for wait in (3_000, 5_000, 30_000):
            box.scroll_into_view_if_needed()  # to scroll closes the list
            settled(page)
            box.click()
            box.fill(option)
            try:
                found.click(timeout=wait)
                break
            except TimeoutError:
                if wait == 30_000:
                    raise
                box.press("Tab")
        page.keyboard.press("Tab")  # where several can be picked, the list stays open
        settled(page)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()
    settled(page)
