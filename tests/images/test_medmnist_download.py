"""Fetching a MedMNIST file: from good servers and bad ones, killed and resumed, and never a wrong file in place."""

import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from core import download
from core.download import Cancelled
from core.errors import DownloadError
from core.images import medmnist_jobs, web
from core.images.medmnist_download import fetch, is_whole, job_folder, record_of, wanted
from core.images.medmnist_sets import SIZES, medmnist_set, medmnist_sets
from core.images.readers import read_listing
from core.settings import allowed_roots
from tests.images.medmnist_server import Mirror, small_npz, write_catalogue

NAME = ("pneumoniamnist", 28)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror of a small PneumoniaMNIST, and a catalogue with its checksum."""
    content = small_npz(medmnist_set(*NAME))
    served = Mirror(content)
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_CATALOGUE", str(write_catalogue(tmp_path / "c.toml", {NAME: content})))
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_MIRROR", served.url)
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(download, "CHUNK", 4096)
    monkeypatch.setattr(web, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(web, "STALL_SECONDS", 0.3)
    yield served
    served.close()


@pytest.fixture
def file(mirror):
    found = wanted(medmnist_set(*NAME), NAME[1])
    found.job.mkdir(parents=True)
    return found


def get(file, cancelled=lambda: False) -> list[tuple]:
    reports = []
    fetch(file, lambda *said: reports.append(said), cancelled)
    return reports


def begin(file, mirror, share: float = 0.5, etag: str = '"one"') -> int:
    """Leave a part as an earlier download would; returns its length."""
    part = mirror.content[: int(len(mirror.content) * share)]
    file.part.write_bytes(part)
    file.served.write_text(json.dumps({"start": 0, "total": len(mirror.content), "validator": etag}))
    return len(part)


def require_in_place(file, mirror) -> None:
    assert file.place.read_bytes() == mirror.content
    assert json.loads(record_of(file.place).read_text())["sha256"] == hashlib.sha256(mirror.content).hexdigest()
    assert is_whole(file.place, file.digest)
    assert not file.part.exists()


def test_a_file_is_fetched_checked_and_recorded(mirror, file):
    reports = get(file)
    require_in_place(file, mirror)
    assert ("running", len(mirror.content), len(mirror.content)) in reports
    assert len(mirror.asked) == 1


@pytest.mark.parametrize(
    "manners",
    [
        ["breaks off", "breaks off"],
        ["503", "429"],
        ["stalls"],
        ["says too long"],
        ["no length"],
        ["breaks off", "ignores range"],
        ["breaks off", "no length"],
    ],
)
def test_a_server_that_stumbles_is_asked_again_until_the_file_is_whole(mirror, file, manners):
    mirror.manners = list(manners)
    get(file)
    require_in_place(file, mirror)


@pytest.mark.parametrize(
    ("manner", "said", "requests"),
    [
        ("404", "answers 404", 1),
        ("403", "answers 403", 1),
        ("503", "answers 503", download.ATTEMPTS),
        ("stalls at once", "no answer in time", download.ATTEMPTS),
        ("ends early", "broke off", None),
        ("ignores range and breaks off", "broke off", None),
        ("wrong", "not the published", 1),
        ("says too short", "not the published", 1),
        ("huge", "can have", 1),
        ("endless", "can have", 1),
        ("to ", "redirects", None),
        ("to ftp://127.0.0.1/x", "redirects from http", 1),
        ("to file:///etc/passwd", "redirects", 1),
        ("mute", "cannot be reached", 0),
    ],
)
def test_a_server_that_does_not_give_the_file_is_refused_with_what_to_do(mirror, file, manner, said, requests):
    mirror.manner = manner
    if manner == "ends early":  # what it has is only the first half
        mirror.content, mirror.manner = mirror.content[: len(mirror.content) // 2], "says too long"
    began = time.monotonic()
    with pytest.raises(DownloadError, match=said) as caught:
        get(file)
    assert time.monotonic() - began < 8
    assert "SOURCESCOUT_MEDMNIST_MIRROR" in caught.value.remedy
    assert not file.place.exists()
    assert requests is None or len(mirror.asked) == requests


def test_a_body_without_a_length_is_cut_at_what_the_set_can_have(mirror, file):
    small = file.__class__(**vars(file) | {"limit": 20_000})
    mirror.manner = "no length"
    with pytest.raises(DownloadError, match="can have"):
        get(small)
    assert not small.part.exists()


def test_a_file_that_is_whole_is_taken_though_the_server_says_that_there_is_more(mirror, file):
    mirror.manner = "says too long"
    get(file)
    require_in_place(file, mirror)


def test_a_part_is_continued_from_where_it_ended(mirror, file):
    have = begin(file, mirror)
    get(file)
    require_in_place(file, mirror)
    assert mirror.asked == [f"bytes={have}-"]


@pytest.mark.parametrize("manner", ["good", "ignores if-range"])
def test_a_file_that_changed_on_the_server_is_begun_again(mirror, file, manner):
    begin(file, mirror, etag='"an older one"')
    file.part.write_bytes(bytes(file.part.stat().st_size))
    mirror.manner = manner
    get(file)
    require_in_place(file, mirror)
    assert len(mirror.asked) == (1 if manner == "good" else 2)


def test_a_part_that_is_damaged_is_found_by_the_checksum_and_fetched_once_more(mirror, file):
    begin(file, mirror)
    file.part.write_bytes(bytes(file.part.stat().st_size))
    get(file)
    require_in_place(file, mirror)
    assert len(mirror.asked) == 2 and mirror.asked[1] is None


@pytest.mark.parametrize("extra", [b"", b"more than there is"])
def test_a_part_as_long_as_the_file_or_longer_is_settled(mirror, file, extra):
    begin(file, mirror, share=1)
    file.part.write_bytes(mirror.content + extra)
    get(file)
    require_in_place(file, mirror)


def test_cancelling_keeps_what_is_there_for_the_next_time(mirror, file):
    with pytest.raises(Cancelled):
        get(file, cancelled=lambda: file.part.exists() and file.part.stat().st_size > 0)
    have = file.part.stat().st_size
    assert 0 < have < len(mirror.content)
    get(file)
    require_in_place(file, mirror)
    assert mirror.asked[1] == f"bytes={have}-"


def test_a_file_that_was_put_there_by_hand_is_checked_and_not_fetched(mirror, file):
    file.place.write_bytes(mirror.content)
    get(file)
    require_in_place(file, mirror)
    file.place.write_bytes(b"another file")
    assert not is_whole(file.place, file.digest)
    with pytest.raises(DownloadError, match="not the published file"):
        get(file)
    assert file.place.read_bytes() == b"another file"
    assert mirror.asked == []


def test_the_disk_space_is_looked_at_before_anything_is_written(mirror, file, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50 * 2**20))
    with pytest.raises(DownloadError, match="disk space"):
        get(file)
    assert not file.part.exists()


@pytest.mark.parametrize("mirror_url", ["http://127.0.0.1:9", "https://no-such-host.invalid"])
def test_without_a_network_the_reason_comes_within_seconds(mirror, monkeypatch, mirror_url):
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_MIRROR", mirror_url)
    file = wanted(medmnist_set(*NAME), NAME[1])
    began = time.monotonic()
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        get(file)
    assert time.monotonic() - began < 6
    assert str(file.place) in caught.value.remedy


@pytest.mark.parametrize("address", ["ftp://x/y", "file:///etc", "nonsense", "http://[", "/srv/mirror"])
def test_a_mirror_that_is_no_web_address_is_refused(monkeypatch, address):
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_MIRROR", address)
    with pytest.raises(DownloadError, match="no web address"):
        medmnist_set(*NAME).url(28)


def test_an_address_that_is_not_encrypted_needs_a_mirror_that_says_so(monkeypatch):
    entry = medmnist_set(*NAME)
    plain = entry.__class__(**vars(entry) | {"files": {28: ("http://example.org/x.npz", "0" * 32)}})
    with pytest.raises(DownloadError, match="not encrypted"):
        plain.url(28)
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_MIRROR", "http://mirror.lab/medmnist/")
    assert plain.url(28) == "http://mirror.lab/medmnist/pneumoniamnist.npz"


# In a process of its own -------------------------------------------------------------------------------------------


def wait_for(true, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def standing():
    return medmnist_jobs.standing(medmnist_set(*NAME), NAME[1])


def start():
    medmnist_jobs.start(medmnist_set(*NAME), NAME[1])


def test_a_download_that_is_killed_in_the_middle_goes_on_from_there(mirror):
    mirror.pause = 0.05
    job = job_folder(medmnist_set(*NAME), NAME[1])
    assert standing().state == "absent"
    start()
    wait_for(lambda: standing().done > 8000)
    start()  # twice is once
    os.killpg(json.loads((job / "progress.json").read_text())["pid"], signal.SIGKILL)
    wait_for(lambda: standing().state == "stopped")
    assert 0 < standing().done < len(mirror.content) == standing().total
    mirror.pause = 0
    start()
    wait_for(lambda: standing().state == "ready")
    require_in_place(wanted(medmnist_set(*NAME), NAME[1]), mirror)
    assert len(mirror.asked) == 2 and mirror.asked[1].startswith("bytes=")


def test_a_download_is_cancelled_and_says_so(mirror):
    mirror.pause = 0.05
    start()
    wait_for(lambda: standing().done > 0)
    medmnist_jobs.cancel(medmnist_set(*NAME), NAME[1])
    wait_for(lambda: standing().state == "stopped")


def test_why_a_download_failed_is_told_and_a_new_start_forgets_it(mirror):
    mirror.manner = "404"
    start()
    wait_for(lambda: standing().state == "failed")
    assert "404" in standing().error.message
    mirror.manner = "good"
    start()
    wait_for(lambda: standing().state == "ready")


# The catalogue -----------------------------------------------------------------------------------------------------


def test_the_catalogue_holds_twelve_sets_in_four_sizes():
    sets = medmnist_sets()
    assert len(sets) == 12
    urls = {entry.files[size][0] for entry in sets.values() for size in SIZES}
    sums = {entry.md5(size) for entry in sets.values() for size in SIZES}
    assert len(urls) == len(sums) == 48
    assert all(url.startswith("https://") for url in urls) and all(len(bytes.fromhex(md5)) == 16 for md5 in sums)
    assert sets["pneumoniamnist"].md5(28) == "28209eda62fecd6e6a2d98b1501bb15f"
    assert [entry.name for entry in sets.values() if entry.licence != "CC BY 4.0"] == ["dermamnist"]
    types = {name: entry.label_type for name, entry in sets.items() if entry.label_type != "multi-class"}
    assert types == {
        "breastmnist": "binary", "chestmnist": "multi-label", "pneumoniamnist": "binary", "retinamnist": "ordinal",
    }  # fmt: skip
    assert not sets["pathmnist"].readable(224) and sets["pathmnist"].readable(128)


@pytest.mark.parametrize("name", list(medmnist_sets()))
def test_the_target_of_every_set_reads_a_file_like_its_own(name):
    entry = medmnist_sets()[name]
    task = entry.target(28)
    assert task.images.parent in allowed_roots()
    task.images.parent.mkdir(parents=True)
    task.images.write_bytes(small_npz(entry, side=8))
    listing = read_listing(task, allowed_roots())
    assert set(listing.class_names) == set(task.class_meanings)
    assert [task.class_meanings[name] for name in listing.class_names] == list(entry.labels)
    assert listing.labels.ndim == (2 if entry.label_type == "multi-label" else 1)
    assert set(listing.splits) == {"train", "val", "test"}


@pytest.mark.parametrize("text", ["", "[[set]]\nname = 'x'", "set = 3", "no toml", None])
def test_a_catalogue_that_is_none_is_refused(tmp_path, monkeypatch, text):
    place = tmp_path / "other.toml"
    if text is not None:
        place.write_text(text)
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_CATALOGUE", str(place))
    with pytest.raises(DownloadError, match="cannot be read"):
        medmnist_sets()


@pytest.mark.parametrize(("name", "size"), [("nonsense", 28), ("pathmnist", 29)])
def test_what_is_not_in_the_catalogue_is_refused(name, size):
    with pytest.raises(DownloadError, match="Choose one of"):
        medmnist_set(name, size)


def test_parts_and_files_lie_in_the_folder_that_may_be_read():
    assert Path(job_folder(medmnist_set(*NAME), 28)).is_relative_to(allowed_roots()[-1])
