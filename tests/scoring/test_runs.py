"""Runs: a worker in its own process, killed, cancelled, resumed, watched; failures of single candidates."""

import dataclasses
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from filelock import FileLock
from PIL import Image

from core.errors import RunError
from core.scoring import runner, spool, worker
from core.scoring.plan import features_file, score_keys
from tests.scoring.conftest import change, network, write_manifest


def wait(run, until=lambda status: not status.active, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = runner.status(run)
        if until(status):
            return status
        time.sleep(0.05)
    raise AssertionError(f"still {status}; log: {(run / 'log.txt').read_text()[-2000:]}")


def run_to_the_end(plan):
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    runner.start(run)
    return run, wait(run)


def test_a_run_computes_all_scores_and_a_second_start_computes_nothing(task, plan_of):
    plan = plan_of(task, metrics=["logme", "knn", "linear_probe", "nca", "gradient_ratio"])
    run, status = run_to_the_end(plan)
    assert (status.state, status.done, status.total) == ("finished", 10, 10)
    results = spool.read_results(run)
    assert set(results) == set(score_keys(plan))
    assert all(result["value"] is not None for result in results.values()), results
    before = {file: file.stat().st_mtime_ns for file in (run / "results").iterdir()}
    runner.start(run)
    assert not runner.alive(run)
    assert {file: file.stat().st_mtime_ns for file in (run / "results").iterdir()} == before


def test_starting_twice_is_one_worker(task, plan_of):
    plan = plan_of(task)
    run = runner.run_folder(plan)
    for _ in range(2):
        runner.prepare(plan, run)
        runner.start(run)
    wait(run)
    assert (run / "log.txt").read_text().count("logme took") == len(plan["candidates"])


def test_known_scores_are_not_computed_again(task, plan_of, tmp_path):
    plan = plan_of(task)
    first, _ = run_to_the_end(plan)
    known = spool.read_results(first)
    second = tmp_path / "second"
    runner.prepare(plan, second, known)
    assert runner.missing(second) == []
    assert runner.status(second).state == "finished"


def test_other_labels_use_the_same_features(task, images, plan_of):
    task = dataclasses.replace(task, images=write_manifest(images), format="manifest")
    run_to_the_end(plan_of(task))
    change(task.images, "light/p05_10.png,light", "light/p05_10.png,dark")
    plan = plan_of(task)
    stamps = {file: file.stat().st_mtime_ns for file in (features_file(plan, c) for c in plan["candidates"])}
    run, status = run_to_the_end(plan)
    assert status.state == "finished"
    assert stamps == {file: file.stat().st_mtime_ns for file in stamps}


def test_one_candidate_fails_and_the_others_finish(task, plan_of, tmp_path):
    (tmp_path / "bad.pth").write_bytes(b"no weights at all")
    plan = plan_of(task, [network("bad", weights=str(tmp_path / "bad.pth")), network()])
    run, status = run_to_the_end(plan)
    assert status.candidates["bad"]["state"] == "failed"
    assert status.candidates["bad"]["remedy"]
    assert status.candidates["random 0"]["state"] == "finished"
    assert status.state == "finished"


def test_weights_that_changed_after_planning_are_refused(task, plan_of, tmp_path):
    import torch

    from core.backbone import load_network

    torch.save(load_network(network(num_classes=0)).module.state_dict(), tmp_path / "w.pth")
    plan = plan_of(task, [network("file", weights=str(tmp_path / "w.pth"), num_classes=0)])
    torch.save(load_network(network(seed=1, num_classes=0)).module.state_dict(), tmp_path / "w.pth")
    _, status = run_to_the_end(plan)
    assert "not the ones" in status.candidates["file"]["message"]


def test_a_gpu_that_is_not_there_is_said(task, plan_of):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    _, status = run_to_the_end(plan_of(task, device="cuda"))
    assert status.state == "failed"
    assert "Choose the CPU" in status.candidates["random 0"]["remedy"]


def test_a_cancelled_run_keeps_what_it_finished_and_resumes(task, plan_of):
    plan = plan_of(task, [network(f"random {i}", i) for i in range(6)])
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    runner.start(run)
    wait(run, lambda status: status.done > 0)
    runner.cancel(run)
    status = wait(run)
    assert status.state == "cancelled"
    assert 0 < status.done < status.total
    kept = spool.read_results(run)
    runner.start(run)
    assert wait(run).state == "finished"
    assert kept.items() <= spool.read_results(run).items()


def test_a_worker_that_does_not_stop_is_ended(task, plan_of, monkeypatch):
    plan = plan_of(task)
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    code = (
        "import os, socket, sys, time; from pathlib import Path; from filelock import FileLock;"
        "from core.scoring import spool;"
        "run = Path(sys.argv[1]); lock = FileLock(run / 'lock'); lock.acquire();"
        "spool.write_json(run / 'progress.json', {'pid': os.getpid(), 'host': socket.gethostname()}); time.sleep(60)"
    )
    stuck = subprocess.Popen([sys.executable, "-c", code, str(run)], start_new_session=True)
    wait(run, lambda status: status.active and (run / "progress.json").exists())
    monkeypatch.setattr(runner, "GRACE_SECONDS", 0.0)
    runner.cancel(run)
    time.sleep(0.05)
    runner.enforce_cancel(run)
    assert stuck.wait(timeout=5) == -signal.SIGKILL
    assert runner.status(run).state == "cancelled"


def test_a_killed_worker_is_noticed_and_resumed(task, plan_of):
    plan = plan_of(task, [network(f"random {i}", i) for i in range(4)])
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    runner.start(run)
    wait(run, lambda status: status.done > 0)
    os.kill(spool.read_json(run / "progress.json")["pid"], signal.SIGKILL)
    assert wait(run).state == "stopped"
    runner.start(run)
    assert wait(run).state == "finished"


def test_a_worker_outlives_the_app_that_started_it(task, plan_of):
    plan = plan_of(task)
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    code = "import sys, os; from pathlib import Path; from core.scoring import runner;"
    code += "runner.start(Path(sys.argv[1])); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(run)], check=False)
    assert wait(run).state == "finished"


def test_damaged_files_in_a_run_folder_are_computed_again(task, plan_of):
    plan = plan_of(task)
    run, _ = run_to_the_end(plan)
    whole = spool.read_results(run)
    key = score_keys(plan)[0]
    (run / "results" / f"{key}.json").write_text('{"key": "')
    features_file(plan, plan["candidates"][0]).write_bytes(b"\x93NUMPY broken")
    (run / "progress.json").write_text("{")
    assert runner.status(run).state == "stopped"
    runner.start(run)
    assert wait(run).state == "finished"
    assert spool.read_results(run) == whole


def test_no_disk_space_is_said_before_a_worker_starts(task, plan_of, monkeypatch):
    plan = plan_of(task)
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    monkeypatch.setattr(runner.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5 * 2**20}))
    with pytest.raises(RunError, match="disk space"):
        runner.start(run)


def test_results_hold_no_nan(task, plan_of):
    run, _ = run_to_the_end(plan_of(task))
    for file in (run / "results").iterdir():
        json.loads(file.read_text(), parse_constant=pytest.fail)


def prepared(plan):
    run = runner.run_folder(plan)
    runner.prepare(plan, run)
    return run


def test_scores_that_are_known_under_another_name_are_shown_under_the_new_one(task, plan_of, tmp_path):
    run, _ = run_to_the_end(plan_of(task, [network("old name")]))
    renamed = plan_of(task, [network("new name")])
    runner.prepare(renamed, tmp_path / "second", spool.read_results(run))
    results = spool.read_results(tmp_path / "second").values()
    assert [result["candidate"] for result in results] == ["new name"] * 2


def test_a_folder_in_which_another_run_is_going_on_is_refused(task, plan_of):
    run = prepared(plan_of(task))
    with FileLock(run / "lock"), pytest.raises(RunError, match="Another run is going on"):
        runner.prepare(plan_of(task, metrics=["nca"]), run)


def test_starting_while_a_cancelled_worker_ends_is_said(task, plan_of):
    run = prepared(plan_of(task))
    (run / "cancel").touch()
    with FileLock(run / "lock"), pytest.raises(RunError, match="still being cancelled"):
        runner.start(run)
    runner.start(run)
    assert wait(run).state == "finished"


def test_a_run_folder_that_cannot_be_made_is_refused(task, plan_of, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot be made"):
        runner.prepare(plan_of(task), tmp_path / "file")


def full_disk(*names):
    """`os.replace` on a disk that has no room for files whose path holds one of `names`."""

    def replace(source, target, _replace=os.replace):
        if any(name in str(target) for name in names):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _replace(source, target)

    return replace


def test_a_full_disk_stops_the_run_with_its_reason_and_resume_finishes_it(task, plan_of, monkeypatch):
    run = prepared(plan_of(task))
    with monkeypatch.context() as patch:
        patch.setattr(spool.os, "replace", full_disk("results"))
        with pytest.raises(RunError, match="No space left"):
            worker.work(run)
    status = runner.status(run)
    assert status.state == "stopped"
    assert "No space left" in status.candidates["random 0"]["message"]
    assert status.candidates["random 1"]["state"] == "waiting"
    assert not list((run / "results").glob("*.part")) and not (run / "reserve").exists()
    worker.work(run)
    assert runner.status(run).state == "finished"


def test_progress_that_cannot_be_written_does_not_stop_the_run(task, plan_of, monkeypatch):
    run = prepared(plan_of(task))
    monkeypatch.setattr(spool.os, "replace", full_disk("progress.json"))
    worker.work(run)
    assert runner.status(run).state == "finished"


def test_what_killed_writers_left_is_removed_after_a_day(task, plan_of):
    plan = plan_of(task)
    run = prepared(plan)
    features = features_file(plan, plan["candidates"][0]).parent
    features.mkdir(parents=True)
    old, new = features / "a.npy.1.part", features / "b.npy.2.part"
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (time.time() - 100_000,) * 2)
    worker.work(run)
    assert (old.exists(), new.exists()) == (False, True)


def test_an_image_that_changed_since_planning_fails_and_leaves_no_features(task, images, plan_of):
    plan = plan_of(task)
    run = prepared(plan)
    Image.new("RGB", (24, 24), "red").save(images / "dark" / "p00_0.png")
    worker.work(run)
    status = runner.status(run)
    assert status.state == "failed"
    assert "has changed since" in status.candidates["random 0"]["message"]
    assert not list(features_file(plan, plan["candidates"][0]).parent.glob("*.npy"))


@pytest.mark.parametrize("progress", [{"host": "elsewhere"}, {"pid": 0}, {"pid": 1}, {"pid": "7"}, {"pid": None}])
def test_a_process_that_is_not_our_worker_is_never_ended(task, plan_of, monkeypatch, progress):
    run = prepared(plan_of(task))
    spool.write_json(run / "progress.json", {"pid": os.getpid(), "host": socket.gethostname()} | progress)
    (run / "cancel").touch()
    monkeypatch.setattr(runner, "GRACE_SECONDS", 0.0)
    for name in ("kill", "killpg"):
        monkeypatch.setattr(runner.os, name, lambda *_: pytest.fail("a process was ended"))
    with FileLock(run / "lock"):
        runner.enforce_cancel(run)


def test_a_worker_is_ended_where_there_are_no_process_groups(task, plan_of, monkeypatch):
    run = prepared(plan_of(task))
    spool.write_json(run / "progress.json", {"pid": 4_000_000, "host": socket.gethostname()})
    (run / "cancel").touch()
    ended = []
    monkeypatch.setattr(runner, "GRACE_SECONDS", 0.0)
    monkeypatch.delattr(runner.os, "killpg")
    monkeypatch.setattr(runner.os, "kill", lambda *given: ended.append(given))
    with FileLock(run / "lock"):
        runner.enforce_cancel(run)
    assert ended == [(4_000_000, signal.SIGTERM)]


@pytest.mark.skipif(not os.path.exists("/proc/self/autogroup"), reason="this system does not weigh sessions")
def test_a_worker_s_whole_session_steps_back_behind_the_pages():
    code = "from core.scoring import worker; worker._step_back(); print(open('/proc/self/autogroup').read())"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert told.stdout.split()[-2:] == ["nice", "19"]
