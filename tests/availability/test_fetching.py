"""Downloads into the hub's cache: broken off, cancelled, killed, wrong, refused; never a wrong file in its place."""

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import time
from types import SimpleNamespace

import pytest

from core import download
from core import hub as hub_module
from core.availability import fetching
from core.availability.asking import verify_cached
from core.availability.fetching import fetch, job_folder, standing
from core.availability.records import Address, read_verified
from core.availability.standing import availability_of
from core.catalog import file_stamp
from core.download import Cancelled
from core.errors import DownloadError
from core.images import web
from core.weights import tag_file
from tests.availability.conftest import ADDRESS, REPOSITORY, TAG, WEIGHTS
from tests.hub_server import use_hub

FILE = f"/{REPOSITORY}/resolve/main/model.safetensors"
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(download, "CHUNK", 4096)
    monkeypatch.setattr(web, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(web, "STALL_SECONDS", 0.3)


@pytest.fixture
def job(hub, weights):
    job_folder(ADDRESS).mkdir(parents=True)


def get(cancelled=lambda: False, address=ADDRESS) -> list[tuple]:
    reports = []
    fetch(address, lambda *said: reports.append(said), cancelled)
    return reports


def part():
    return fetching._part(fetching._contents(ADDRESS) / SHA256)


def require_ready(hub) -> None:
    """The whole file is where huggingface_hub and so timm look for it, without asking anyone."""
    hub.requests.clear()
    assert tag_file(TAG).read_bytes() == WEIGHTS and hub.requests == []
    assert read_verified(ADDRESS)["sha256"] == SHA256 and not part().exists()
    now = availability_of(TAG, {})
    assert now.state == "ready" and SHA256[:12] in now.evidence


def test_a_tag_comes_into_the_cache_with_its_progress(hub, job):
    reports = get()
    require_ready(hub)
    assert ("running", len(WEIGHTS), len(WEIGHTS)) in reports


@pytest.mark.parametrize("manners", [["breaks off"] * 3, ["503"], ["stalls"], ["breaks off", "ignores range"]])
def test_a_connection_that_breaks_off_is_gone_on_with(hub, job, manners):
    hub.manners = list(manners)
    get()
    require_ready(hub)


def test_after_a_break_only_what_is_missing_is_asked_for(hub, job):
    hub.manners = ["breaks off"]
    get()
    assert hub.asked[:2] == [None, f"bytes={len(WEIGHTS) // 2}-"]


def test_cancelling_keeps_what_is_there_for_the_next_process(hub, job):
    with pytest.raises(Cancelled):
        get(cancelled=lambda: part().exists() and part().stat().st_size > 50_000)
    have = part().stat().st_size
    assert 0 < have < len(WEIGHTS) and hub_module.cached_file(REPOSITORY) is None
    assert standing(ADDRESS).state == "stopped" and standing(ADDRESS).done == have
    get()
    require_ready(hub)
    assert hub.asked[-1] == f"bytes={have}-"


REFUSED = {
    "wrong content": ("manner", "wrong", "not the published"),
    "out of order": ("manner", "503", "does not get beyond"),
    "more than there is": ("manner", "huge", "can have"),
    "to a place that is not allowed": ("manner", "to ftp://127.0.0.1/x", "redirects"),
    "gone meanwhile": ("refusal", (404, "RepoNotFound"), "not there"),
    "gated": ("gated", {REPOSITORY: "hf_ours"}, "accepted its owner's terms"),
}


@pytest.mark.parametrize("attribute, value, says", REFUSED.values(), ids=REFUSED)
def test_a_hub_that_does_not_give_the_file_is_told_with_what_to_do(hub, job, attribute, value, says):
    if attribute == "refusal":
        hub.contents.clear()
    setattr(hub, attribute, value)
    with pytest.raises(DownloadError, match=says) as caught:
        get()
    assert caught.value.remedy
    assert hub_module.cached_file(REPOSITORY) is None and availability_of(TAG, {}).state != "ready"


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network_the_reason_comes_at_once(job, tmp_path, monkeypatch, offline):
    use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache", offline)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE" if offline else "does not answer"):
        get()


def test_the_disk_space_is_looked_at_before_anything_is_written(hub, job, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50 * 2**20))
    with pytest.raises(DownloadError, match="disk space") as caught:
        get()
    assert "HF_HUB_CACHE" in caught.value.remedy and not part().exists()


def test_a_file_without_a_published_checksum_is_not_taken(hub, job, monkeypatch):
    monkeypatch.setattr(hub, "headers", lambda path: {"X-Repo-Commit": "0" * 40, "ETag": '"abc"'})
    with pytest.raises(DownloadError, match="no SHA-256"):
        get()


def test_a_token_opens_the_gate_and_does_not_go_to_another_host(hub, job, monkeypatch):
    hub.gated[REPOSITORY] = "hf_ours"
    monkeypatch.setenv("HF_TOKEN", "hf_ours")
    other = f"http://localhost:{hub.server.server_port}/elsewhere"
    hub.contents["/elsewhere"], seen = WEIGHTS, []
    answer = hub.answer

    def look(request, head=False):
        seen.append((request.path, request.headers.get("Authorization")))
        answer(request, head)

    monkeypatch.setattr(hub, "answer", look)
    hub.manners = [f"to {other}"]
    get()
    assert ("/elsewhere", None) in seen and (FILE, "Bearer hf_ours") in seen
    require_ready(hub)


def test_the_file_is_put_in_its_place_by_the_next_attempt_where_the_hub_fell_silent(hub, job, monkeypatch):
    def silent(*_, **__):
        raise OSError("no route")

    with monkeypatch.context() as patch:
        patch.setattr(fetching.huggingface_hub, "hf_hub_download", silent)
        with pytest.raises(DownloadError, match="weights are here"):
            get()
    hub.asked.clear()
    get()
    require_ready(hub)
    assert hub.asked == []


# The file in the cache, altered and gone ---------------------------------------------------------------------------


def test_a_file_that_is_altered_or_goes_away_is_noticed_without_reading_or_asking(hub, cached):
    assert availability_of(TAG, {}).state == "here"
    verify_cached(ADDRESS)
    assert availability_of(TAG, {}).state == "ready"
    content = cached.resolve()
    content.write_bytes(WEIGHTS + b"x")
    assert availability_of(TAG, {}).state == "altered"
    content.write_bytes(WEIGHTS[::-1])
    os.utime(content, (1, 1))
    assert availability_of(TAG, {}).state == "here"  # as long as before: someone has to read it
    verify_cached(ADDRESS)
    now = availability_of(TAG, {})
    assert now.state == "altered" and str(content) in now.evidence
    content.unlink()
    assert availability_of(TAG, {}).state == "unknown"


def test_a_report_of_a_check_stands_for_the_hash(hub, cached):
    report = {"ok": True, "identity": f"sha256:{SHA256}", "weights_file": str(cached), "stamp": file_stamp(cached)}
    assert availability_of(TAG, report).state == "ready"
    assert availability_of(TAG, report | {"identity": "sha256:0"}).state == "altered"


def test_a_tag_of_no_place_is_unknown():
    assert availability_of(dataclasses.replace(TAG, architecture="gcvit_base.in1k"), {}).state == "unknown"


# In a process of its own -------------------------------------------------------------------------------------------


def wait_for(true, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def elsewhere(hub, tmp_path, monkeypatch):
    """What another process has to know."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_download_that_is_killed_goes_on_from_there(hub, weights, elsewhere):
    hub.pause = 0.05
    fetching.start(ADDRESS)
    wait_for(lambda: standing(ADDRESS).done > 20_000)
    fetching.start(ADDRESS)  # twice is once
    pid = json.loads((job_folder(ADDRESS) / "progress.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: standing(ADDRESS).state == "stopped")
    hub.pause = 0
    fetching.start(ADDRESS)
    wait_for(lambda: standing(ADDRESS).state == "ready")
    assert hub.asked[-1].startswith("bytes=")
    require_ready(hub)


def test_a_download_is_cancelled_and_a_failed_one_says_why(hub, weights, elsewhere):
    hub.pause = 0.05
    fetching.start(ADDRESS)
    wait_for(lambda: standing(ADDRESS).done > 0)
    fetching.cancel(ADDRESS)
    wait_for(lambda: standing(ADDRESS).state == "stopped")
    hub.contents.clear()
    fetching.start(Address("timm/gone"))
    wait_for(lambda: standing(Address("timm/gone")).state == "failed")
    assert "timm/gone" in standing(Address("timm/gone")).error.message
