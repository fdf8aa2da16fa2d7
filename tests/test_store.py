"""The database keeps what it was given, survives abrupt ends, and refuses files that are not its own."""

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from core import store as store_module
from core.catalog import Checkpoint
from core.errors import StoreError
from core.similarity.questionnaire import Answer
from core.sources.catalogue import shipped
from core.sources.record import parse_source
from core.sources.shortlist import Step
from core.store import Inquiry, Store, data_set_of
from core.survey.instrument import Answer as Belief
from core.survey.instrument import parse_questions
from core.survey.instrument import shipped as shipped_questions
from core.survey.responses import Response
from core.target import TargetTask


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.duckdb"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def a_task(tmp_path, name="ultrasound"):
    return TargetTask(name=name, images=tmp_path, format="folder", label_type="binary", class_meanings={"a": "ä"})


def a_result(key="k1", value=0.5):
    return {"key": key, "metric": "knn", "candidate": "one", "value": value}


def test_targets_and_checkpoints_come_back_as_they_were_saved(store, tmp_path):
    project = store.add_project("Breast")
    task = a_task(tmp_path)
    target = store.save_target(project, task)
    checkpoint = Checkpoint("one", "resnet18", "timm", "random", seed=3)
    id = store.save_checkpoint(project, checkpoint, {"ok": True})
    assert store.targets(project) == {target: task}
    assert store.project_of_target(target) == project
    assert [(c.id, c.checkpoint, c.report) for c in store.candidates(project)] == [(id, checkpoint, {"ok": True})]


def test_saving_with_an_id_replaces(store, tmp_path):
    project = store.add_project("Breast")
    target = store.save_target(project, a_task(tmp_path))
    store.save_target(project, a_task(tmp_path, "renamed"), target)
    assert [task.name for task in store.targets(project).values()] == ["renamed"]


def test_scores_are_ingested_once_and_known_by_key(store, tmp_path):
    store.add_run("r1", "t1", tmp_path, {"n": 3})
    store.add_scores("r1", [a_result(), a_result("k2", 0.7)])
    store.add_scores("r1", [a_result()])
    assert [r["value"] for r in store.scores("r1")] == [0.5, 0.7]
    assert store.known_scores(["k2", "unknown"]) == {"k2": a_result("k2", 0.7)}
    assert store.runs("t1")[0].summary == {"n": 3}


@pytest.mark.parametrize("kind", [duckdb.IOException, duckdb.TransactionException])
def test_a_full_disk_is_said_and_the_database_stays_usable(store, kind):
    class FullDisk:
        def cursor(self):
            raise kind("Failed to commit: No space left on device")

    connection, store._connection = store._connection, FullDisk()
    with pytest.raises(StoreError, match="could not be written") as caught:
        store.add_project("lost")
    assert "disk space" in caught.value.remedy
    store._connection = connection
    store.add_project("kept")
    assert [project.name for project in store.projects()] == ["kept"]


def test_a_place_that_cannot_be_written_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise duckdb.IOException('Cannot open file "x": Permission denied')

    monkeypatch.setattr("core.store.duckdb.connect", refuse)
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        Store(tmp_path / "x.duckdb")


def test_removing_a_project_removes_all_that_belongs_to_it(store, tmp_path):
    project = store.add_project("Breast")
    target = store.save_target(project, a_task(tmp_path))
    store.save_checkpoint(project, Checkpoint("one", "resnet18", "timm", "random"))
    store.add_run("r1", target, tmp_path, {})
    store.add_scores("r1", [a_result()])
    store.remove_project(project)
    assert (store.projects(), store.targets(project), store.candidates(project)) == ([], {}, [])
    assert (store.runs(target), store.scores("r1")) == ([], [])


def test_the_image_index_is_replaced_as_a_whole(store):
    columns = ["id", "width", "height", "color", "pixel_hash", "signature", "error", "note", "stamp"]
    store.save_image_index("here", pd.DataFrame([["a", 2, 3, "grey", "h", "s", "", "", "1:2"]], columns=columns))
    store.save_image_index("here", pd.DataFrame([["b", 4, 5, "color", "i", "s", "", "", "1:3"]], columns=columns))
    assert list(store.image_index("here")) == ["b"]
    assert store.image_index("here")["b"]["width"] == 4
    assert store.image_index("elsewhere") == {}


def test_many_threads_write_at_once(store):
    def write(n):
        for i in range(20):
            store.add_scores("r", [a_result(f"k{i}", n)])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(store.scores("r")) == 20


def test_what_was_saved_survives_a_killed_process(path):
    code = (
        "import os, sys; from pathlib import Path; from core.store import Store;"
        "s = Store(Path(sys.argv[1])); s.add_project('kept', id='p'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    store = Store(path)
    assert [p.name for p in store.projects()] == ["kept"]
    store.close()


def test_a_second_process_is_told_that_the_file_is_in_use(store, path):
    code = "import sys; from pathlib import Path; from core.store import Store; Store(Path(sys.argv[1]))"
    other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert "in use by another SourceScout" in other.stderr


def test_a_file_from_a_newer_version_is_refused_and_left_alone(path):
    Store(path).close()
    connection = duckdb.connect(str(path))
    connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer SourceScout"):
        Store(path)
    assert path.read_bytes() == before


def old_file(path, version):
    """A database of an earlier version, with a project."""
    connection = duckdb.connect(str(path))
    for step in range(1, version + 1):
        schema = Path(store_module.__file__).with_name(f"schema_{step}.sql")
        connection.execute(schema.read_text(encoding="utf-8"))
    connection.execute("INSERT INTO schema_version VALUES (?)", [version])
    connection.execute("INSERT INTO project VALUES ('p', 'kept', false, now())")
    connection.close()


@pytest.mark.parametrize("version", [1, 3])
def test_an_older_file_gets_what_came_later_and_keeps_what_it_holds(path, version):
    old_file(path, version)
    for _ in range(2):
        store = Store(path)
        assert [(project.name, project.creator) for project in store.projects()] == [("kept", "")]
        assert store.own_sources() == [] and store.shortlist("t") == [] and store.answers("p") == []
        assert store.inquiry("t") is None and store.responses("t") == [] and store.turn("b") == 0
        store.close()


def test_own_sources_and_the_shortlist_come_back_in_their_order(store, tmp_path):
    first, second = (replace(shipped()[key], own=True) for key in ("dtd", "busi"))
    store.save_source(first)
    store.save_source(second)
    store.save_source(replace(first, name="Changed"))
    assert [parse_source(text, own=True) for text in store.own_sources()] == [replace(first, name="Changed"), second]
    store.remove_source("busi")
    assert len(store.own_sources()) == 1
    project = store.add_project("p")
    target = store.save_target(project, a_task(tmp_path))
    steps = [
        Step("busi", "out", "size", "few", datetime(2026, 1, 2)),
        Step("dtd", "in", "other", "", datetime(2026, 1, 1)),
    ]
    store.add_to_shortlist(target, steps[:1])
    store.add_to_shortlist(target, steps[1:])
    assert store.shortlist(target) == steps and store.shortlist("another") == []
    store.remove_target(target)
    assert store.shortlist(target) == []


def test_answers_and_what_was_placed_come_back_and_go_with_their_target_and_project(store, tmp_path):
    project = store.add_project("p")
    target = store.save_target(project, a_task(tmp_path))
    here = data_set_of(target)
    of_target, of_source = Answer("1", here, "medical", "yes", 1), Answer("1", "dtd", "medical", "no", 1)
    store.add_answers(project, [of_target, of_source])
    store.add_answers(project, [replace(of_source, answer="both")])
    assert store.answers(project) == [replace(of_source, answer="both"), of_target]
    again = [replace(of_source, answer="no"), replace(of_source, question="colour", answer="many")]
    store.save_answers(project, "1", "dtd", again)
    store.save_answers(project, "2", "dtd", [replace(of_source, person="2")])
    assert store.answers(project) == [again[1], again[0], of_target, replace(of_source, person="2")]
    store.remove_answers(project, "2")
    store.save_answers(project, "1", "dtd", [])
    assert store.answers(project) == [of_target] and store.answers("another") == []
    store.place(project, here, "shape", "object")
    store.place(project, here, "shape", "texture")
    store.place(project, "dtd", "objects", "several objects")
    store.place(project, "dtd", "objects", None)
    assert store.placed(project) == {here: {"shape": "texture"}}
    store.remove_target(target)
    assert store.answers(project) == [] and store.placed(project) == {}
    store.add_answers(project, [of_source])
    store.place(project, "dtd", "shape", "texture")
    store.remove_project(project)
    assert store.answers(project) == [] and store.placed(project) == {}


SAID = (Belief("order", "a", "1"), Belief("order", "b", "2"), Belief("gain", "b", "1", "-1", "2"))
RESPONSE = Response("", "short", "sourcescout 1", ("b", "a"), True, 0, None, SAID)
BY_PERSON = ("pseudonym", "response", "draft", "skipped")


def said(store, target, person=None):
    """What was submitted, without name and time."""
    return [replace(one, person="", submitted=None) for one in store.responses(target, person)]


def rows_of(store, *tables):
    return {table: store._read(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_submissions_come_back_as_revisions_under_one_pseudonym(store, tmp_path):
    project = store.add_project("p")
    target, other = (store.save_target(project, a_task(tmp_path, name)) for name in ("one", "other"))
    store.save_draft(target, "me", {"a": [1]})
    store.save_draft(target, "you", {})
    assert store.draft(target, "me") == {"a": [1]} and store.draft(other, "me") == {}
    store.submit(target, "me", RESPONSE)
    assert store.draft(target, "me") == {}
    again = replace(RESPONSE, blinded=False, form="long")
    store.submit(target, "me", again)
    store.submit(other, "me", RESPONSE)
    store.submit(target, "you", replace(RESPONSE, person="Rater XYZ"))
    assert said(store, target, "me") == [replace(RESPONSE, revision=1), replace(again, revision=2)]
    names = {one.person for one in store.responses(target, "me") + store.responses(other, "me")}
    assert len(names) == 1 and "me" not in names
    assert [one.person for one in store.responses(target, "you")] == ["Rater XYZ"]
    first, *_ = found = store.responses(target)
    assert len(found) == 3 and first.submitted <= datetime.now(UTC).replace(tzinfo=None)


def test_a_draft_can_be_dropped(store):
    store.save_draft("t", "me", {"a": 1})
    store.save_draft("t", "you", {"b": 1})
    store.remove_draft("t", "me")
    assert (store.draft("t", "me"), store.draft("t", "you")) == ({}, {"b": 1})


def test_many_submit_at_once_and_nothing_is_lost(store, tmp_path):
    target = store.save_target(store.add_project("p"), a_task(tmp_path))
    start = threading.Barrier(8)

    def submit(n):
        start.wait()
        for _ in range(5):
            store.submit(target, f"person {n % 4}", RESPONSE)  # two at once for each

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for n in range(4):
        assert [one.revision for one in store.responses(target, f"person {n}")] == list(range(1, 11))
    assert len({one.person for one in store.responses(target)}) == 4


def test_withdrawing_leaves_nothing_of_one_person_and_all_of_the_others(store, tmp_path):
    project, elsewhere = store.add_project("p"), store.add_project("q")
    targets = [store.save_target(project, a_task(tmp_path, name)) for name in ("one", "other")]
    far = store.save_target(elsewhere, a_task(tmp_path))
    for person in ("me", "you"):
        for target in (*targets, far):
            store.submit(target, person, RESPONSE)
            store.save_draft(target, person, {"a": 1})
            store.skip(target, person)
    store.withdraw(project, "me")
    for target in targets:
        assert store.responses(target, "me") == [] and len(store.responses(target)) == 1
        assert store.draft(target, "me") == {} and store.draft(target, "you") == {"a": 1}
        assert not store.has_skipped(target, "me") and store.has_skipped(target, "you")
    assert len(store.responses(far, "me")) == 1 and store.has_skipped(far, "me")
    assert rows_of(store, *BY_PERSON) == {"pseudonym": 3, "response": 4, "draft": 4, "skipped": 4}


@pytest.mark.parametrize("whole_project", [False, True])
def test_what_was_said_of_a_target_goes_with_it(store, tmp_path, whole_project):
    project = store.add_project("p")
    target, other = (store.save_target(project, a_task(tmp_path, name)) for name in ("one", "other"))
    for one in (target, other):
        store.submit(one, "me", RESPONSE)
        store.save_draft(one, "me", {"a": 1})
        store.skip(one, "you")
        store.save_inquiry(one, Inquiry(("a", "b"), "sourcescout 1"))
    store.remove_project(project) if whole_project else store.remove_target(target)
    left = 0 if whole_project else 1
    tables = (*BY_PERSON, "inquiry")
    assert rows_of(store, *tables) == dict.fromkeys(tables, left)


def test_what_is_asked_comes_back_as_it_was_said_last(store):
    assert store.inquiry("t") is None
    for inquiry in (Inquiry(("b", "a"), "sourcescout 1"), Inquiry(("c", "a", "b"), "ours 3", opened=True)):
        store.save_inquiry("t", inquiry)
        assert store.inquiry("t") == inquiry


def test_question_sets_are_kept_and_never_changed(store):
    asked = replace(shipped_questions(), version=2)
    for _ in range(2):
        store.add_question_set(asked)
    assert [parse_questions(text) for text in store.question_sets()] == [asked]
    with pytest.raises(StoreError, match="another question set"):
        store.add_question_set(replace(asked, title="Changed"))
    store.add_question_set(replace(asked, title="Changed", version=3))
    assert len(store.question_sets()) == 2


def test_a_browser_is_passed_on_from_person_to_person(store):
    store.pass_on("here")
    store.pass_on("here")
    assert (store.turn("here"), store.turn("there")) == (2, 0)


def test_who_made_a_project_is_known(store):
    store.add_project("mine", creator="me")
    store.add_project("anybody's")
    assert [project.creator for project in store.projects()] == ["me", ""]


@pytest.mark.parametrize("content", [b"not a database", b"\0" * 5000])
def test_a_damaged_file_is_reported_and_never_overwritten(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreError):
        Store(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused(path):
    connection = duckdb.connect(str(path))
    connection.execute("CREATE TABLE mine (x INTEGER)")
    connection.close()
    with pytest.raises(StoreError, match="not a SourceScout database"):
        Store(path)
