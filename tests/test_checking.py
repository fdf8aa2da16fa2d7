"""Checking in a process of its own: the reports, and what is said when that process does not answer."""

import json
import subprocess
from pathlib import Path

import pytest
import timm
import torch

from core import checking
from core.catalog import Checkpoint, Preprocessing, file_stamp
from core.checking import check

SMALL = Preprocessing(input_size=(32, 32))


def random_network(name: str = "a", architecture: str = "test_resnet") -> Checkpoint:
    return Checkpoint(name, architecture, "timm", "random", preprocessing=SMALL)


def test_each_checkpoint_gets_its_report_and_a_bad_one_spoils_no_other(tmp_path):
    torch.save(timm.create_model("test_resnet", num_classes=5).state_dict(), tmp_path / "w.pth")
    file = Checkpoint("file", "test_resnet", "timm", str(tmp_path / "w.pth"), preprocessing=SMALL)
    good, wrong, random = check([file, random_network("wrong", "no_such_net"), random_network()])
    assert good["ok"] and good["head"] == "5 outputs" and good["images_per_second"] > 0
    assert good["stamp"] == file_stamp(tmp_path / "w.pth")
    assert not wrong["ok"] and "no_such_net" in wrong["error"]["message"] and wrong["error"]["remedy"]
    assert random["ok"] and random["stamp"] is None


def answer_but(culprit: str, returncode: int):
    """A stand-in for subprocess.run: dies when asked about `culprit`, else reports ok."""
    calls = []

    def run(command, **_):
        records = json.loads(Path(command[3]).read_text())
        calls.append([record["name"] for record in records])
        if culprit in calls[-1]:
            return subprocess.CompletedProcess(command, returncode, stderr="Traceback\nMemoryError: full")
        Path(command[4]).write_text(json.dumps([{"ok": True, "weights_file": None}] * len(records)))
        return subprocess.CompletedProcess(command, 0, stderr="")

    run.calls = calls
    return run


def test_when_the_process_dies_only_the_culprit_is_blamed(monkeypatch):
    run = answer_but("bad", returncode=-9)
    monkeypatch.setattr(subprocess, "run", run)
    reports = check([random_network("good"), random_network("bad"), random_network("fine")])
    assert [report["ok"] for report in reports] == [True, False, True]
    assert reports[1]["error"]["message"].startswith("bad: ") and "memory" in reports[1]["error"]["message"]
    assert run.calls == [["good", "bad", "fine"], ["good"], ["bad"], ["fine"]]


def test_a_crash_says_what_the_process_said_last(monkeypatch):
    monkeypatch.setattr(subprocess, "run", answer_but("bad", returncode=1))
    assert "MemoryError: full" in check([random_network("bad")])[0]["error"]["message"]


def test_a_check_that_hangs_is_stopped_and_says_so(monkeypatch):
    def hang(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert "did not end within 5 minutes" in check([random_network()])[0]["error"]["message"]


def test_without_torch_the_report_says_so(monkeypatch):
    monkeypatch.setattr(checking, "torch_installed", lambda: False)
    report = check([random_network()])[0]
    assert not report["ok"] and "not installed" in report["error"]["message"]


def test_nothing_to_check_starts_no_process(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    assert check([]) == []


@pytest.mark.parametrize("path", [None, "", "/absent/file.pth", "a\0b"])
def test_a_path_without_a_file_has_no_stamp(path):
    assert file_stamp(path) is None
