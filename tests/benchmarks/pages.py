"""How fast the pages are: `python -m tests.benchmarks.pages`. Starts the app, drives Chromium, prints figures.

- from starting the server to the first page being usable (aim: 4 s on 2 cores);
- warm reruns of every page with the demo open, script time as the server sees it (aim: 0.3 s);
- a click answered while a run saturates the CPU (aim: 0.5 s).
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.conftest import CHROMIUM, CHROMIUM_FLAGS, ROOT

READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
SOURCES = "similarity_sources=ImageNet-1K&similarity_sources=CIFAR-10&similarity_sources=Intel scenes"
PAGES = {"overview": "", "target": "target",
         "sources, data sets": "sources?sources_view=Data sets",
         "sources, one record": "sources?sources_view=Data sets&source=imagenet_1k",
         "sources, shortlist": "sources?sources_view=Shortlist",
         "sources, checkpoints": "sources?sources_view=Checkpoints",
         "intuition": "intuition?intuition_view=Your answer",
         "intuition, the team": "intuition?intuition_view=The team",
         "intuition, try it out": "intuition?intuition_view=Try it out",
         "similarity, meaning": f"similarity?{SOURCES}&similarity_view=Meaning",
         "similarity, looks": f"similarity?{SOURCES}&similarity_view=Looks",
         "similarity, to a network": f"similarity?{SOURCES}&similarity_view=To a network",
         "similarity, side by side": f"similarity?{SOURCES}&similarity_view=Side by side",
         "scoring": "scoring?scoring_view=Ranking",
         "scoring, all metrics": "scoring?scoring_view=Ranking&scoring_metric=All metrics",
         "scoring, run": "scoring?scoring_view=Run",
         "heuristics": "heuristics",
         "heuristics, case studies": "heuristics?heuristics_view=Case studies",
         "words": "words?term=visual similarity"}  # fmt: skip
# Clicks and watches every frame inside the page: the driver's own waiting looks less and less often, up to every 0.5 s.
CLICK = """async (name) => {
    const began = performance.now();
    [...document.querySelectorAll('button')].find(button => button.textContent.trim() === name).click();
    const drawn = () => [...document.querySelectorAll('summary')].some(
        summary => summary.textContent.includes('How to read ' + name));
    while (!drawn()) await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""


def main() -> None:
    figures = {"cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        began = time.perf_counter()
        server = start(url, home)
        try:
            page.goto(url)
            expect(page.get_by_role("button", name="Open the demo project")).to_be_visible(timeout=60_000)
            expect(page.locator(READY)).to_be_visible()
            figures["start to first page usable, s"] = round(time.perf_counter() - began, 2)
            page.get_by_role("button", name="Open the demo project").click()
            expect(page.get_by_text("Computed on").first).to_be_visible(timeout=60_000)
            figures["warm rerun, median s"] = {name: rerun(page, url, path) for name, path in PAGES.items()}
            figures["click during a run, s"] = clicks_during_run(page, url)
        finally:
            server.terminate()
            browser.close()
    print(json.dumps(figures, indent=1))


def start(url: str, home: str) -> subprocess.Popen:
    environment = os.environ | {"SOURCESCOUT_HOME": home}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", url.rsplit(":", 1)[1]]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return server
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the app did not start")


def rerun(page: Page, url: str, path: str, times: int = 10) -> float:
    """Median seconds from asking for a rerun (the R key) until the page has been drawn again."""
    page.goto(f"{url}/{path}")
    expect(page.locator(READY)).to_be_visible(timeout=60_000)
    page.wait_for_timeout(1500)
    return round(statistics.median(one_rerun(page) for _ in range(times)), 3)


def one_rerun(page: Page) -> float:
    page.evaluate(
        """() => { window.drawn = new Promise(done => {
            const app = document.querySelector('[data-testid="stApp"]'); let ran = false;
            new MutationObserver((changes, watch) => {
                const now = app.getAttribute('data-test-script-state');
                ran = ran || now === 'running' || changes.some(change => change.oldValue === 'running');
                if (ran && now === 'notRunning') { watch.disconnect(); done(performance.now() - window.asked); }
            }).observe(app, {attributes: true, attributeOldValue: true});
            setTimeout(() => done(null), 5000);
        }); window.asked = performance.now(); }"""
    )
    page.locator("body").press("r")
    taken = page.evaluate("window.drawn")
    return one_rerun(page) if taken is None else taken / 1000  # the key was pressed too early: once more


def clicks_during_run(page: Page, url: str, times: int = 12) -> dict:
    """Seconds from a click on a metric to its ranking while the demo is computed again."""
    page.goto(f"{url}/scoring?scoring_view=Ranking")
    page.get_by_role("button", name="Run again here").click()
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=60_000)
    page.get_by_text("Ranking", exact=True).click()
    expect(page.get_by_role("radio", name="LogME", exact=True)).to_be_visible(timeout=60_000)
    taken = []
    for i in range(times):
        taken.append(page.evaluate(CLICK, ("Nearest neighbours", "LogME")[i % 2]) / 1000)
        page.wait_for_timeout(300)
    return {"median": round(statistics.median(taken), 3), "max": round(max(taken), 3)}


if __name__ == "__main__":
    main()
