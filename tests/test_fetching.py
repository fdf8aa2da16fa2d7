"""`python -m core fetch`: from good hubs and bad ones, broken off, killed, called again; no wrong file in place."""

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import constants

from core import hub as hub_module
from core.__main__ import main
from core.backbone import load_network
from core.catalog import Checkpoint, Preprocessing, dump_checkpoints, load_checkpoints
from core.errors import SourceScoutError
from core.fetching import LIST, SUMS, fetch
from core.images import web
from tests.hub_server import Hub, use_hub

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "timm/test_resnet.r160_in1k"
TAG = Checkpoint("tag", "test_resnet.r160_in1k", "timm", "timm", preprocessing=Preprocessing(input_size=(64, 64)))


@pytest.fixture
def weights(hub) -> dict[str, torch.Tensor]:
    """What the hub has for TAG."""
    torch.manual_seed(3)
    state = timm.create_model("test_resnet").state_dict()
    hub.put(REPOSITORY, "model.safetensors", safetensors.torch.save(state))
    return state


def carried_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of the only checkpoint in the folder, loaded as a file."""
    (checkpoint,) = load_checkpoints(folder / LIST)
    assert checkpoint.kind == "file"
    return load_network(checkpoint).module.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def nothing_finished(folder: Path) -> bool:
    """Whether neither the folder nor the hub's cache holds anything that is taken for a finished file."""
    left = {path.name for path in folder.iterdir() if path.suffix != ".part"} if folder.exists() else set()
    return not left and hub_module.cached_file(REPOSITORY) is None


def test_fetched_checkpoints_work_from_their_folder_without_a_network(hub, tmp_path, monkeypatch):
    state = timm.create_model("test_resnet").state_dict()
    hub.put(REPOSITORY, "model.safetensors", safetensors.torch.save(state))
    torch.save(state, tmp_path / "own.pth")
    rows = [
        dataclasses.replace(TAG, name="tag"),
        dataclasses.replace(TAG, name="without head", num_classes=0),
        dataclasses.replace(TAG, name="own", architecture="test_resnet", weights=str(tmp_path / "own.pth")),
        dataclasses.replace(TAG, name="random", architecture="test_resnet", weights="random"),
        dataclasses.replace(TAG, name="gone", architecture="test_vit.r160_in1k"),
    ]
    (tmp_path / "in.toml").write_text(dump_checkpoints(rows))
    folder = tmp_path / "out"
    command = ["fetch", str(tmp_path / "in.toml"), "--to", str(folder)]
    assert main(command) == 1  # the last one is not on the hub
    asked = len(hub.requests)
    files = {path: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    assert len(files) == 2 and not list(folder.glob("*.part"))
    assert main(command) == 1 and files == {path: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}
    assert asked < len(hub.requests) <= asked + 5  # only the missing one was asked for again
    carried = folder.rename(tmp_path / "elsewhere")
    (tmp_path / "own.pth").unlink()
    use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "empty", offline=True)
    tag, headless, own, random = load_checkpoints(carried / "CHECKPOINTS.toml")
    assert [load_network(c).outputs for c in (tag, headless, own, random)] == [1000, 0, 1000, 1000]
    assert tag.num_classes == 1000 and tag.preprocessing == TAG.preprocessing and tag.verified
    assert all(torch.equal(value, state[name]) for name, value in load_network(tag).module.state_dict().items())
    for line in (carried / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((carried / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("manner", ["breaks off", "ignores range and breaks off", "says too long"])
def test_a_download_that_breaks_off_is_gone_on_with(hub, weights, tmp_path, manner):
    hub.manners = [manner]
    assert fetch([TAG], tmp_path / "out", print) == []
    assert same(carried_weights(tmp_path / "out"), weights)


def test_going_on_asks_only_for_what_is_missing(hub, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2**16)  # 10 MB, more than this file
    hub.manners = ["breaks off"]
    assert fetch([TAG], tmp_path / "out", print) == []
    half = len(safetensors.torch.save(weights)) // 2
    assert hub.asked == [None, f"bytes={half // 2**16 * 2**16}-"]
    assert same(carried_weights(tmp_path / "out"), weights)


BAD_ANSWERS = {
    "the connection is lost and does not come back": (["breaks off", "503"], "answers 503"),
    "the file is shorter than announced": (["says too short"], "download ended before its time.*should be of size"),
    "the file is another one": (["wrong"], "SHA-256 is .* not .*deleted"),
}


@pytest.mark.parametrize("manners, says", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_what_is_not_the_published_file_is_refused_and_the_next_call_begins_anew(hub, weights, tmp_path, manners, says):
    hub.manners = list(manners)
    (error,) = fetch([TAG], tmp_path / "out", print)
    with pytest.raises(SourceScoutError, match=says):
        raise error
    assert error.remedy and nothing_finished(tmp_path / "out")
    assert fetch([TAG], tmp_path / "out", print) == []
    assert hub.asked[-1] is None
    assert same(carried_weights(tmp_path / "out"), weights)


def test_a_file_that_was_damaged_in_the_cache_is_refused_and_fetched_anew(hub, weights, tmp_path):
    fetch([TAG], tmp_path / "first", print)
    blob = hub_module.cached_file(REPOSITORY).resolve()
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    (error,) = fetch([TAG], tmp_path / "out", print)
    assert "SHA-256" in error.message and nothing_finished(tmp_path / "out")
    assert fetch([TAG], tmp_path / "out", print) == []
    assert same(carried_weights(tmp_path / "out"), weights)


def fetch_in_a_process(served: Hub, folder: Path, cache: Path) -> subprocess.Popen:
    folder.parent.mkdir(exist_ok=True)
    (folder.parent / "in.toml").write_text(dump_checkpoints([TAG]))
    environment = os.environ | {"HF_ENDPOINT": served.url, "HF_HUB_CACHE": str(cache)}
    command = [sys.executable, "-m", "core", "fetch", str(folder.parent / "in.toml"), "--to", str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )  # fmt: skip


def wait_until(holds, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_ended_in_the_middle_leaves_nothing_that_is_taken_for_a_file(hub, weights, tmp_path, ending):
    hub.pause = 0.2
    cache, folder = tmp_path / "cache", tmp_path / "out"
    process = fetch_in_a_process(hub, folder, cache)
    wait_until(lambda: hub.asked and list(cache.rglob("*.incomplete")))
    process.send_signal(ending)
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode and "Traceback" not in said
    assert nothing_finished(folder)
    hub.pause = 0.0
    assert fetch([TAG], folder, print) == []
    assert same(carried_weights(folder), weights)


def test_what_a_killed_process_left_in_the_folder_is_not_taken_for_a_finished_file(hub, weights, tmp_path):
    folder = tmp_path / "out"
    fetch([TAG], folder, print)
    (file,) = folder.glob("*.safetensors")
    whole = file.read_bytes()
    for left in (whole[:-1], whole[: len(whole) // 2], b""):
        file.write_bytes(left)  # its checksum is in the list
        file.with_name(f"{file.name}.part").write_bytes(left)
        assert fetch([TAG], folder, print) == []
        assert file.read_bytes() == whole
    (folder / SUMS).unlink()
    file.write_bytes(b"x" * len(whole))  # a file of the right size and name without a checksum
    assert fetch([TAG], folder, print) == []
    assert file.read_bytes() == whole


@pytest.mark.parametrize("token, says", [(None, "no valid token was sent"), ("hf_other", "account of the token")])
def test_gated_weights_are_explained_and_come_with_the_right_token(hub, weights, tmp_path, monkeypatch, token, says):
    hub.gated[REPOSITORY] = "hf_right"
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no token"))
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    (error,) = fetch([TAG], tmp_path / "out", print)
    assert f"{REPOSITORY} is gated: the hub" in error.message and says in error.message
    assert f"{hub.url}/{REPOSITORY}" in error.remedy and "HF_TOKEN" in error.remedy
    assert nothing_finished(tmp_path / "out")
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert fetch([TAG], tmp_path / "out", print) == []
    assert same(carried_weights(tmp_path / "out"), weights)


def test_a_weights_file_that_is_not_there_spoils_no_other(hub, weights, tmp_path):
    gone = dataclasses.replace(TAG, name="gone", architecture="test_resnet", weights=str(tmp_path / "gone.pth"))
    (error,) = fetch([gone, TAG], tmp_path / "out", print)
    assert "gone.pth` cannot be read" in error.message
    assert same(carried_weights(tmp_path / "out"), weights)


def test_where_the_hub_is_silent_it_is_asked_once_for_all_tags(hub, tmp_path, monkeypatch):
    hub.manner = "mute"
    monkeypatch.setattr(web, "CONNECT_SECONDS", 0.5)
    tags = [dataclasses.replace(TAG, name=tag, architecture=tag) for tag in (TAG.architecture, "test_vit.r160_in1k")]
    first, second = fetch(tags, tmp_path / "out", print)
    for error in (first, second):
        assert f"{hub.url} does not answer (no answer" in error.message
        assert "python -m core fetch" in error.remedy
    assert hub.requests == ["HEAD /"]
