"""Zip archives: unpacked once, safely, whole or not at all."""

import io
import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import TargetError
from core.images import archive as archive_module
from core.images.index import build_index
from core.images.readers import manifest_columns, read_listing

ROOT = Path(__file__).resolve().parents[2]


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 8), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


FOLDER = {f"{name}/{i}.png": png(10 * k + i) for k, name in enumerate("ab") for i in range(3)}


@pytest.fixture
def zipped(tmp_path):
    """zipped({name: bytes}) writes target.zip; names may be ZipInfo."""

    def make(content: dict, name="target.zip", compression=zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / name, "w", compression) as file:
            for entry, data in content.items():
                file.writestr(entry, data)
        return tmp_path / name

    return make


def nothing_was_unpacked(tmp_path) -> bool:
    return [path for path in (tmp_path / "home").glob("unpacked/*") if path.suffix != ".lock"] == []


@pytest.mark.parametrize("around", ["", "busi/", "download/busi v2/"])
def test_an_archive_of_class_folders_reads_like_the_folder(zipped, read, tmp_path, around):
    junk = {"__MACOSX/._x.png": b"x", f"{around}.DS_Store": b"x"}
    path = zipped({around + name: data for name, data in FOLDER.items()} | junk)
    _, listing = read(path)
    assert listing.ids == tuple(FOLDER) and listing.class_names == ("a", "b") and listing.problems == ()
    assert build_index(listing)["error"].eq("").all()
    assert all(file.is_relative_to(tmp_path / "home" / "unpacked") for file in listing.files)


@pytest.mark.parametrize("name", ["manifest.csv", "labels.csv"])
def test_an_archive_with_a_manifest_reads_like_the_manifest(zipped, read, tmp_path, name):
    csv = "path,patient_id,label\nx/1.png,p1,yes\nx/Größe 肺.png,p2,no\n".encode()
    path = zipped({f"set/{name}": csv, "set/x/1.png": png(1), "set/x/Größe 肺.png": png(2)})
    _, listing = read(path, "manifest", group_column="patient_id")
    assert listing.ids == ("x/1.png", "x/Größe 肺.png") and listing.groups == ("p1", "p2")
    assert manifest_columns(path, (tmp_path,))["group"] == ["patient_id"]


def test_an_archive_is_unpacked_once_and_again_only_when_it_changed(zipped, read, monkeypatch):
    unpackings = []
    unpack = archive_module._unpack
    monkeypatch.setattr(archive_module, "_unpack", lambda *args: unpackings.append(args) or unpack(*args))
    path = zipped(FOLDER)
    first, second = read(path)[1], read(path)[1]
    assert first.files == second.files and len(unpackings) == 1
    path = zipped(FOLDER | {"b/3.png": png(99)})
    os.utime(path, ns=(1, 1))
    assert len(read(path)[1]) == 7 and len(unpackings) == 2


def test_utf8_names_of_programs_that_do_not_say_so_are_read(zipped, read, tmp_path):
    path = zipped({"a/Größe.png": png(1), "b/x.png": png(2)})
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # take the flag "UTF-8" away
        start = content.find(signature)
        content[start + at + 1] &= ~0x08
    path.write_bytes(content)
    assert zipfile.ZipFile(path).namelist()[0] != "a/Größe.png"
    assert read(path)[1].ids[0] == "a/Größe.png"


def link(name: str, kind=stat.S_IFLNK) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "entry, message",
    [
        ("../evil.png", "lead out of its folder"),
        ("a/../../evil.png", "lead out of its folder"),
        ("/tmp/evil.png", "lead out of its folder"),
        ("C:/evil.png", "lead out of its folder"),
        ("..\\evil.png", "lead out of its folder"),
        ("\\evil.png", "lead out of its folder"),
        ("a/new\nline.png", "lead out of its folder"),
        (link("a/link.png"), "link or a device"),
        (link("a/pipe.png", stat.S_IFIFO), "link or a device"),
        (link("a/disk.png", stat.S_IFBLK), "link or a device"),
        ("a/" + "x" * 300 + ".png", "cannot be unpacked"),
        ("a/0.png/x.png", "cannot be unpacked"),
    ],
)
def test_an_archive_that_reaches_out_is_refused_and_nothing_is_written(zipped, read, tmp_path, entry, message):
    path = zipped(FOLDER | {entry: png(5) if isinstance(entry, str) else b"/etc/passwd"})
    with pytest.raises(TargetError, match=message) as caught:
        read(path)
    assert caught.value.remedy and nothing_was_unpacked(tmp_path)
    assert not (tmp_path / "evil.png").exists() and not (tmp_path / "home" / "evil.png").exists()


def test_a_bomb_is_refused_by_its_table_of_contents(zipped, read, tmp_path, monkeypatch):
    path = zipped(FOLDER | {"a/bomb.bmp": bytes(40 * 2**20)})
    with pytest.raises(TargetError, match="made to fill disks"):
        read(path)
    monkeypatch.setattr(archive_module, "FREE_IN_ALL", 2**20)
    many = zipped(FOLDER | {f"a/{i}.bmp": bytes(2**19) for i in range(9)}, "many.zip")
    with pytest.raises(TargetError, match="it unpacks to .* times"):
        read(many)
    assert nothing_was_unpacked(tmp_path)


@pytest.mark.parametrize(
    "limit, value, message",
    [
        ("MOST_FILES", 5, "more than 5 files"),
        ("LARGEST_CONTENTS", 100, "files"),
        ("LARGEST_FILE", 50, "of 0 GiB"),
        ("LARGEST_UNPACKED", 100, "unpacks to"),
        ("DISK_LEFT", 2**70, "MiB left"),
    ],
)
def test_too_much_in_an_archive_is_refused(zipped, read, tmp_path, monkeypatch, limit, value, message):
    monkeypatch.setattr(archive_module, limit, value)
    with pytest.raises(TargetError, match=message) as caught:
        read(zipped(FOLDER))
    assert caught.value.remedy and nothing_was_unpacked(tmp_path)


def test_a_file_that_unpacks_to_more_than_it_declares_is_cut_off_and_refused(zipped, read, tmp_path):
    path = zipped(FOLDER | {"a/liar.bmp": bytes(100_000)})
    content = bytearray(path.read_bytes())
    start = content.rfind(b"PK\1\2")
    content[start + 24 : start + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(TargetError, match="damaged or not a zip"):
        read(path)
    assert nothing_was_unpacked(tmp_path)


def test_encrypted_damaged_doubled_and_exotic_archives_are_refused(zipped, read, tmp_path):
    path = zipped(FOLDER)
    whole = path.read_bytes()
    encrypted = bytearray(whole)
    encrypted[encrypted.find(b"PK\1\2") + 8] |= 1
    broken = bytearray(whole)
    broken[60] ^= 0xFF
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "twice.zip", "w") as file:
        file.writestr("a/0.png", b"1")
        file.writestr("a/0.png", b"2")
    lzma = zipped(FOLDER, "lzma.zip", zipfile.ZIP_LZMA).read_bytes()
    for content, message in (
        (encrypted, "encrypted"),
        (broken, "damaged"),
        (whole[:-30], "damaged or not a zip"),
        (b"", "damaged or not a zip"),
        (b"no archive", "damaged or not a zip"),
        ((tmp_path / "twice.zip").read_bytes(), "twice"),
        (lzma, "a method"),
    ):
        path.write_bytes(content)
        with pytest.raises(TargetError, match=message) as caught:
            read(path)
        assert caught.value.remedy and nothing_was_unpacked(tmp_path)


def test_a_full_disk_leaves_nothing_behind(zipped, read, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(TargetError, match="the disk is full"):
        read(zipped(FOLDER))
    assert nothing_was_unpacked(tmp_path)


def test_what_an_interrupted_attempt_left_is_replaced(zipped, read, tmp_path):
    path = zipped(FOLDER)
    folder = read(path)[1].files[0].parents[1]
    part = folder.with_name(f"{folder.name}.part")
    folder.rename(part)
    (part / "a" / "left over.png").write_bytes(b"half")
    assert read(path)[1].ids == tuple(FOLDER) and not part.exists()


UNPACK = """
import sys, time
from pathlib import Path
from core.images import archive
ready, go, target = map(Path, sys.argv[1:])
unpack = archive._unpack
archive._unpack = lambda *args: print("unpacks", flush=True) or unpack(*args)
ready.touch()
while not go.exists():
    time.sleep(0.001)
folder = archive.unpacked(target)
print(sum(path.stat().st_size for path in folder.rglob("*.bmp")), flush=True)
"""


@pytest.fixture
def process(tmp_path):
    """process(target, go) starts a process that unpacks `target` as soon as the file `go` is there."""
    processes = []

    def start(target, go):
        ready = tmp_path / f"ready{len(processes)}"
        command = [sys.executable, "-c", UNPACK, ready, go, target]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        while not ready.exists():
            assert processes[-1].poll() is None
            time.sleep(0.01)
        return processes[-1]

    yield start
    for started in processes:
        with started:
            started.kill()


def test_two_processes_that_want_the_same_archive_at_once_unpack_it_once_and_whole(zipped, process, tmp_path):
    path = zipped({f"{c}/{i}.bmp": os.urandom(10_000) for c in "ab" for i in range(500)}, "big.zip")
    both = [process(path, tmp_path / "go"), process(path, tmp_path / "go")]
    (tmp_path / "go").touch()
    told = [one.stdout.read().split() for one in both]
    assert sorted(told) == [["10000000"], ["unpacks", "10000000"]]


def test_where_one_is_killed_while_it_unpacks_the_other_unpacks_all_of_it(zipped, process, tmp_path):
    path = zipped({f"{c}/{i}.bmp": os.urandom(10_000) for c in "ab" for i in range(2000)}, "big.zip")
    first, second = process(path, tmp_path / "first"), process(path, tmp_path / "second")
    (tmp_path / "first").touch()
    assert first.stdout.readline() == "unpacks\n"
    (tmp_path / "second").touch()
    first.kill()
    assert second.stdout.read().split() == ["unpacks", "40000000"]
    assert first.stdout.read() == ""  # it was not through


def test_a_manifest_in_an_archive_cannot_point_out_of_the_allowed_folders(zipped, read):
    path = zipped({"manifest.csv": b"path,label\n/etc/hostname,0\n1.png,1\n", "1.png": png(1)})
    with pytest.raises(TargetError, match="outside the folders"):
        read(path, "manifest")


def test_an_archive_outside_the_allowed_folders_is_refused(zipped, tmp_path, read):
    task, _ = read(zipped(FOLDER))
    with pytest.raises(TargetError, match="outside the folders"):
        read_listing(task, (tmp_path / "elsewhere",))
