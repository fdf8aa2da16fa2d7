"""Before a download: which weights are here, and whether the hub answers, asked once and briefly."""

import dataclasses
import subprocess

import pytest
import safetensors.torch
import timm

from core.catalog import Checkpoint
from core.checking import check
from core.hub import is_cached, obstacles
from core.images import web
from core.weights import tag_file
from tests.hub_server import use_hub

TAG = Checkpoint("net", "test_resnet.r160_in1k", "timm", "timm")
OTHER = dataclasses.replace(TAG, name="other", architecture="resnet18.a1_in1k")
RANDOM = dataclasses.replace(TAG, name="random", architecture="test_resnet", weights="random")
UNLISTED = dataclasses.replace(TAG, name="new", architecture="resnet18.of_a_later_timm")


@pytest.fixture
def cached(hub):
    """The weights of TAG are in the cache; the hub has been asked for them."""
    hub.put("timm/test_resnet.r160_in1k", "model.safetensors",
            safetensors.torch.save(timm.create_model("test_resnet").state_dict()))  # fmt: skip
    tag_file(TAG)
    hub.requests.clear()


def test_the_hub_is_asked_once_and_only_for_what_is_not_here(hub, cached):
    assert is_cached(TAG.architecture) and not is_cached(OTHER.architecture)
    assert obstacles([TAG, RANDOM, UNLISTED]) == [None] * 3 and hub.requests == []
    assert obstacles([TAG, OTHER, OTHER, RANDOM]) == [None] * 4 and hub.requests == ["HEAD /"]


@pytest.mark.parametrize("status", [200, 401, 404, 503])
def test_any_answer_is_an_answer(hub, status):
    hub.refusal = (status, "")
    assert obstacles([OTHER]) == [None]


SILENT = {
    "nobody listens": ("http://127.0.0.1:9", False, "http://127.0.0.1:9 does not answer (Connection refused)"),
    "a name that nobody knows": ("http://hub.invalid", False, "http://hub.invalid does not answer (its name"),
    "HF_HUB_OFFLINE": ("http://127.0.0.1:9", True, "HF_HUB_OFFLINE forbids downloading it"),
}


@pytest.mark.parametrize("address, offline, says", SILENT.values(), ids=SILENT)
def test_why_a_hub_cannot_be_asked_is_said_with_what_to_do(tmp_path, monkeypatch, address, offline, says):
    use_hub(monkeypatch, address, tmp_path / "cache", offline)
    (error,) = obstacles([OTHER])
    assert error.message.startswith(f"other: timm/resnet18.a1_in1k is not in the cache, and {says}")
    assert "python -m core fetch" in error.remedy
    assert ("Unset HF_HUB_OFFLINE" in error.remedy) == offline


def test_a_check_tries_what_is_here_and_does_not_wait_for_each_of_the_others(hub, cached, monkeypatch):
    hub.manner = "mute"
    monkeypatch.setattr(web, "CONNECT_SECONDS", 0.5)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HUB_CACHE", str(tag_file(TAG).parents[3]))
    away, here, random, again = check([OTHER, TAG, RANDOM, dataclasses.replace(OTHER, name="again")])
    assert here["ok"] and random["ok"] and here["weights_file"] == str(tag_file(TAG))
    for report in (away, again):
        assert not report["ok"] and report["not_downloaded"] and "no answer within" in report["error"]["message"]
    assert hub.requests == ["HEAD /"]


def test_where_nothing_can_be_had_no_process_is_started(tmp_path, monkeypatch):
    use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    assert check([OTHER])[0]["not_downloaded"]
