"""The DuckDB database: projects, targets, checkpoints, runs and scores. The only place with SQL.

One process owns the file (DuckDB allows no second one); inside it every call takes a cursor of its own, and one lock
orders the writes.
"""

import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd

from core.catalog import Checkpoint, dump_checkpoints, parse_checkpoints
from core.errors import StoreError
from core.similarity.questionnaire import Answer
from core.sources.record import SourceDataset, dump_source
from core.sources.shortlist import Step
from core.survey.exchange import IMPORTED, imported_person
from core.survey.instrument import Answer as Belief
from core.survey.instrument import QuestionSet, dump_questions
from core.survey.responses import Response, new_pseudonym
from core.target import TargetTask, dump_target, parse_target

SCHEMA_VERSION = 4
OF_TARGET = ("shortlist", "response", "draft", "skipped", "inquiry")  # tables of what was said about a target
_CONFIG = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


@dataclass(frozen=True)
class Project:
    """`creator` is the person (a hash) who made it; empty where that is not known."""

    id: str
    name: str
    synthetic: bool
    creator: str = ""


@dataclass(frozen=True)
class Candidate:
    """A registered checkpoint and what checking it found (empty before the check)."""

    id: str
    checkpoint: Checkpoint
    report: dict


@dataclass(frozen=True)
class Inquiry:
    """What is asked about a target: the keys of the sources, and the name of the question set. `opened`: its evidence
    is covered for nobody."""

    sources: tuple[str, ...]
    asked: str
    opened: bool = False


@dataclass(frozen=True)
class Run:
    id: str
    target_id: str
    folder: Path
    shipped: bool
    summary: dict
    created: datetime


class Store:
    """An open database. `Store(path)` creates a new file or opens one of the same version."""

    def __init__(self, path: Path):
        self._lock = threading.Lock()
        if _marker(path).exists():
            _rewrite(path)
        self._path, self._connection = path, _connect(path)
        try:
            self._prepare(path)
        except Exception:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def _prepare(self, path: Path) -> None:
        tables = {row[0] for row in self._read("SELECT table_name FROM information_schema.tables")}
        if not tables:
            self._upgrade(0)
            return
        if "schema_version" not in tables:
            raise StoreError(f"`{path}` is not a SourceScout database.", "Point SOURCESCOUT_HOME to another folder.")
        version = self._read("SELECT max(version) FROM schema_version")[0][0]
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"`{path}` was written by a newer SourceScout (schema {version}; this one knows {SCHEMA_VERSION}).",
                "Update SourceScout, or point SOURCESCOUT_HOME to another folder. The file was not changed.",
            )
        self._upgrade(version)

    def _upgrade(self, version: int) -> None:
        """Add what versions after `version` added, all of it or nothing. 0: an empty file."""
        for step in range(version + 1, SCHEMA_VERSION + 1):
            schema = Path(__file__).with_name(f"schema_{step}.sql").read_text(encoding="utf-8")
            self._write([(schema, []), ("DELETE FROM schema_version", []),
                         ("INSERT INTO schema_version VALUES (?)", [step])])  # fmt: skip

    def _read(self, sql: str, values: list | dict | None = None) -> list[tuple]:
        with self._connection.cursor() as cursor:
            return cursor.execute(sql, values or []).fetchall()

    def _write(self, statements: list[tuple[str, list | dict]], frame: pd.DataFrame | None = None) -> None:
        """Run the statements in one transaction; `frame` is visible to them as the table `frame`."""
        with self._lock:
            try:
                with self._connection.cursor() as cursor:
                    cursor.begin()
                    if frame is not None:
                        cursor.register("frame", frame)
                    for sql, values in statements:
                        cursor.execute(sql, values)
                    cursor.commit()
            except duckdb.Error as error:  # a full or read-only disk comes as more than one class of error
                raise StoreError(
                    f"The database could not be written ({_first_line(error)}).",
                    "Free disk space and check the rights on its folder; what was saved before is kept.",
                ) from None

    # Projects ---------------------------------------------------------------------------------------------------

    def projects(self) -> list[Project]:
        """All projects, oldest first."""
        sql = "SELECT id, name, synthetic, coalesce(creator, '') FROM project ORDER BY created, id"
        return [Project(*row) for row in self._read(sql)]

    def add_project(self, name: str, synthetic: bool = False, id: str | None = None, creator: str = "") -> str:
        """Add a project and return its id; one with that `id` that is there already stays as it is."""
        id = id or _new_id()
        values = [id, name, synthetic, _now(), creator or None]
        self._write([("INSERT OR IGNORE INTO project VALUES (?, ?, ?, ?, ?)", values)])
        return id

    def remove_project(self, id: str) -> None:
        """Forget a project with its targets, checkpoints, runs and scores. Run folders stay on disk."""
        of_project = "(SELECT id FROM target WHERE project_id = ?)"
        self._write([
            (f"DELETE FROM score WHERE run_id IN (SELECT id FROM run WHERE target_id IN {of_project})", [id]),
            (f"DELETE FROM run WHERE target_id IN {of_project}", [id]),
            *((f"DELETE FROM {table} WHERE target_id IN {of_project}", [id]) for table in OF_TARGET),
            ("DELETE FROM pseudonym WHERE project_id = ?", [id]),
            ("DELETE FROM answer WHERE project_id = ?", [id]),
            ("DELETE FROM placed WHERE project_id = ?", [id]),
            ("DELETE FROM target WHERE project_id = ?", [id]),
            ("DELETE FROM checkpoint WHERE project_id = ?", [id]),
            ("DELETE FROM project WHERE id = ?", [id]),
        ])  # fmt: skip

    # Targets ----------------------------------------------------------------------------------------------------

    def targets(self, project_id: str) -> dict[str, TargetTask]:
        """The targets of a project by id, oldest first."""
        rows = self._read("SELECT id, spec FROM target WHERE project_id = ? ORDER BY created, id", [project_id])
        return {id: parse_target(spec, Path("/")) for id, spec in rows}

    def project_of_target(self, target_id: str) -> str | None:
        """The id of the project that a target belongs to; None for an unknown target."""
        rows = self._read("SELECT project_id FROM target WHERE id = ?", [target_id])
        return rows[0][0] if rows else None

    def save_target(self, project_id: str, task: TargetTask, id: str | None = None) -> str:
        """Add a target, or replace the one with that `id`; returns its id."""
        id = id or _new_id()
        sql = """INSERT INTO target VALUES (?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET spec = excluded.spec"""
        self._write([(sql, [id, project_id, dump_target(task), _now()])])
        return id

    def remove_target(self, id: str) -> None:
        """Forget a target with its runs and scores."""
        self._write([
            ("DELETE FROM score WHERE run_id IN (SELECT id FROM run WHERE target_id = ?)", [id]),
            ("DELETE FROM run WHERE target_id = ?", [id]),
            *((f"DELETE FROM {table} WHERE target_id = ?", [id]) for table in OF_TARGET),
            ("DELETE FROM answer WHERE data_set = ?", [data_set_of(id)]),
            ("DELETE FROM placed WHERE data_set = ?", [data_set_of(id)]),
            ("DELETE FROM target WHERE id = ?", [id]),
        ])  # fmt: skip

    # Checkpoints ------------------------------------------------------------------------------------------------

    def candidates(self, project_id: str) -> list[Candidate]:
        """The checkpoints of a project, oldest first."""
        sql = "SELECT id, spec, report FROM checkpoint WHERE project_id = ? ORDER BY created, id"
        return [
            Candidate(id, parse_checkpoints(spec, Path("/"))[0], json.loads(report))
            for id, spec, report in self._read(sql, [project_id])
        ]

    def save_checkpoint(
        self, project_id: str, checkpoint: Checkpoint, report: dict | None = None, id: str | None = None
    ) -> str:
        """Add a checkpoint, or replace the one with that `id`; returns its id."""
        id = id or _new_id()
        sql = """INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, report = excluded.report"""
        self._write([(sql, [id, project_id, dump_checkpoints([checkpoint]), json.dumps(report or {}), _now()])])
        return id

    def remove_checkpoint(self, id: str) -> None:
        """Forget a checkpoint; scores computed with it stay with their runs."""
        self._write([("DELETE FROM checkpoint WHERE id = ?", [id])])

    # Runs and scores --------------------------------------------------------------------------------------------

    def add_run(self, id: str, target_id: str, folder: Path, summary: dict, shipped: bool = False) -> None:
        """Remember a run; one that is there already stays as it is."""
        values = [id, target_id, str(folder), shipped, json.dumps(summary), _now()]
        self._write([("INSERT OR IGNORE INTO run VALUES (?, ?, ?, ?, ?, ?)", values)])

    def runs(self, target_id: str) -> list[Run]:
        """The runs of a target, newest first."""
        sql = """SELECT id, target_id, folder, shipped, summary, created FROM run
                 WHERE target_id = ? ORDER BY created DESC, id"""
        return [
            Run(id, target, Path(folder), shipped, json.loads(summary), created)
            for id, target, folder, shipped, summary, created in self._read(sql, [target_id])
        ]

    def add_scores(self, run_id: str, results: list[dict]) -> None:
        """Keep finished scores of a run. Adding the same ones again changes nothing."""
        rows = {result["key"]: result for result in results}
        if not rows:
            return
        frame = pd.DataFrame(
            [[run_id, key, r["metric"], r["candidate"], json.dumps(r, allow_nan=False)] for key, r in rows.items()],
            columns=["run_id", "key", "metric", "candidate", "result"],
        )
        self._write([("INSERT OR IGNORE INTO score SELECT * FROM frame", [])], frame)

    def scores(self, run_id: str) -> list[dict]:
        """The finished scores of a run."""
        rows = self._read("SELECT result FROM score WHERE run_id = ? ORDER BY candidate, metric, key", [run_id])
        return [json.loads(row[0]) for row in rows]

    def known_scores(self, keys: list[str]) -> dict[str, dict]:
        """Finished scores of any run, by key: what need not be computed again."""
        sql = "SELECT key, any_value(result) FROM score WHERE list_contains(?, key) GROUP BY key"
        return {key: json.loads(result) for key, result in self._read(sql, [list(keys)])}

    # Source data sets -------------------------------------------------------------------------------------------

    def own_sources(self) -> list[str]:
        """The records that users added, as TOML, oldest first."""
        return [row[0] for row in self._read("SELECT spec FROM source ORDER BY created, key")]

    def save_source(self, source: SourceDataset) -> None:
        """Add a record, or replace the one with its key."""
        sql = """INSERT INTO source VALUES (?, ?, ?)
                 ON CONFLICT (key) DO UPDATE SET spec = excluded.spec"""
        self._write([(sql, [source.key, dump_source(source), _now()])])

    def remove_source(self, key: str) -> None:
        """Forget a record that a user added."""
        self._write([("DELETE FROM source WHERE key = ?", [key])])

    def shortlist(self, target_id: str) -> list[Step]:
        """What was decided on sources for a target, oldest first. Nothing is ever taken out: a later step undoes."""
        sql = """SELECT source, verdict, criterion, reason, made FROM shortlist
                 WHERE target_id = ? ORDER BY number"""
        return [Step(*row) for row in self._read(sql, [target_id])]

    def add_to_shortlist(self, target_id: str, steps: list[Step]) -> None:
        """Add decisions, in their order."""
        sql = """INSERT INTO shortlist SELECT (SELECT coalesce(max(number), 0) + 1 FROM shortlist), ?, ?, ?, ?, ?, ?"""
        self._write([
            (sql, [target_id, step.source, step.verdict, step.criterion, step.reason, step.made]) for step in steps
        ])  # fmt: skip

    # What people say of data sets -------------------------------------------------------------------------------

    def answers(self, project_id: str) -> list[Answer]:
        """All answers to the questionnaire, by person and data set."""
        sql = """SELECT person, data_set, question, answer, version FROM answer
                 WHERE project_id = ? ORDER BY person, data_set, question"""
        return [Answer(*row) for row in self._read(sql, [project_id])]

    def save_answers(self, project_id: str, person: str, data_set: str, answers: list[Answer]) -> None:
        """Replace what one person said of one data set; no answers: forget it."""
        self._write([
            ("DELETE FROM answer WHERE project_id = ? AND person = ? AND data_set = ?", [project_id, person, data_set]),
            *_inserts(project_id, answers),
        ])  # fmt: skip

    def add_answers(self, project_id: str, answers: list[Answer]) -> None:
        """Add answers of any people; what a person had answered to the same question before is replaced."""
        self._write(_inserts(project_id, answers))

    def remove_answers(self, project_id: str, person: str) -> None:
        """Forget all that one person said."""
        self._write([("DELETE FROM answer WHERE project_id = ? AND person = ?", [project_id, person])])

    def placed(self, project_id: str) -> dict[str, dict[str, str]]:
        """What people said that records do not tell: data set -> property of the taxonomy -> value."""
        found: dict[str, dict[str, str]] = {}
        sql = "SELECT data_set, property, value FROM placed WHERE project_id = ? ORDER BY data_set, property"
        for data_set, about, value in self._read(sql, [project_id]):
            found.setdefault(data_set, {})[about] = value
        return found

    def place(self, project_id: str, data_set: str, about: str, value: str | None) -> None:
        """Say what a property of a data set is; None: unknown again."""
        where = [project_id, data_set, about]
        remove = ("DELETE FROM placed WHERE project_id = ? AND data_set = ? AND property = ?", where)
        add = ("INSERT OR REPLACE INTO placed VALUES (?, ?, ?, ?)", [*where, value])
        self._write([add if value else remove])

    # What people believe before they see the evidence ------------------------------------------------------------

    def inquiry(self, target_id: str) -> Inquiry | None:
        """What is asked about a target; None before it was said."""
        rows = self._read("SELECT sources, asked, opened FROM inquiry WHERE target_id = ?", [target_id])
        return Inquiry(tuple(json.loads(rows[0][0])), *rows[0][1:]) if rows else None

    def save_inquiry(self, target_id: str, inquiry: Inquiry) -> None:
        """Say what is asked about a target, and whether its evidence is open to all."""
        values = [target_id, json.dumps(inquiry.sources), inquiry.asked, inquiry.opened]
        self._write([("INSERT OR REPLACE INTO inquiry VALUES (?, ?, ?, ?)", values)])

    def question_sets(self) -> list[str]:
        """The question sets that were imported, as TOML."""
        return [row[0] for row in self._read("SELECT spec FROM question_set ORDER BY name")]

    def add_question_set(self, asked: QuestionSet) -> None:
        """Keep a question set. StoreError where another one has its key and version: answers refer to them."""
        spec = dump_questions(asked)
        known = self._read("SELECT spec FROM question_set WHERE name = ?", [asked.name])
        if known and known[0][0] != spec:
            raise StoreError(f"There is another question set `{asked.name}`.", "Give this one a higher version.")
        self._write([("INSERT OR IGNORE INTO question_set VALUES (?, ?)", [asked.name, spec])])

    def draft(self, target_id: str, person: str) -> dict:
        """What a person has begun to answer; empty where nothing was."""
        rows = self._read("SELECT content FROM draft WHERE target_id = ? AND person = ?", [target_id, person])
        return json.loads(rows[0][0]) if rows else {}

    def save_draft(self, target_id: str, person: str, content: dict) -> None:
        """Keep what a person has begun to answer, in place of what was kept before."""
        self._write([("INSERT OR REPLACE INTO draft VALUES (?, ?, ?)", [target_id, person, json.dumps(content)])])

    def remove_draft(self, target_id: str, person: str) -> None:
        """Forget what a person has begun."""
        self._write([("DELETE FROM draft WHERE target_id = ? AND person = ?", [target_id, person])])

    def responses(self, target_id: str, person: str | None = None) -> list[Response]:
        """All submissions on a target, or those of one person, oldest first; every revision is there."""
        sql = """SELECT name, revision, submitted, content FROM response
                 JOIN target ON target.id = target_id
                 JOIN pseudonym ON pseudonym.project_id = target.project_id AND pseudonym.person = response.person
                 WHERE target_id = $target AND ($person IS NULL OR response.person = $person)
                 ORDER BY submitted, name, revision"""
        rows = self._read(sql, {"target": target_id, "person": person})
        return [_response(name, revision, submitted, content) for name, revision, submitted, content in rows]

    def submit(self, target_id: str, person: str, response: Response) -> None:
        """Add a submission as the person's next revision and drop the draft. The person keeps the pseudonym that they
        have in the project, whatever `response` says; so do the revision and the date follow from what is there."""
        sql = """INSERT INTO response SELECT $target, $person,
                     (SELECT coalesce(max(revision), 0) + 1 FROM response
                      WHERE target_id = $target AND person = $person), $content,
                     make_timestamp(epoch_us(now()))"""  # of the transaction, so that time follows revision
        values = {"target": target_id, "person": person, "content": _content(response)}
        self._write([
            *self._named(target_id, person, response.person),
            (sql, values),
            ("DELETE FROM draft WHERE target_id = ? AND person = ?", [target_id, person]),
        ])  # fmt: skip

    def import_responses(self, target_id: str, responses: list[Response]) -> int:
        """Add the responses of a table, all or none, and return how many were new: what is there already, from a table
        or from the person whose pseudonym it is, is not added again. Pseudonyms are kept where they are free.
        StoreError where the same revision of a person was imported before with other answers."""
        everybody = self.responses(target_id)
        statements, new = [], 0
        for one in responses:
            person = imported_person(one.person)
            imported = self.responses(target_id, person)
            namesakes = [known for known in everybody if known.person == one.person]
            if _said(one) in map(_said, [*imported, *namesakes]):
                continue
            if one.revision in [known.revision for known in imported]:
                raise StoreError(
                    f"Revision {one.revision} of `{one.person}` was imported before and says something else.",
                    "Give what was changed a higher revision, or remove the imported answers first.",
                )
            statements += self._named(target_id, person, one.person)
            values = [target_id, person, one.revision, _content(one), one.submitted]
            statements.append(("INSERT INTO response VALUES (?, ?, ?, ?, ?)", values))
            new += 1
        self._write(statements)
        return new

    def imported(self, project_id: str) -> dict[str, str]:
        """Those whose answers came from a table: pseudonym -> person."""
        sql = "SELECT name, person FROM pseudonym WHERE project_id = ? AND starts_with(person, ?) ORDER BY name"
        return dict(self._read(sql, [project_id, IMPORTED]))

    def _named(self, target_id: str, person: str, wish: str) -> list[tuple[str, list]]:
        """Give a person a pseudonym in the project of a target: `wish`, or a free one."""
        project_id = self.project_of_target(target_id)
        taken = {row[0] for row in self._read("SELECT name FROM pseudonym WHERE project_id = ?", [project_id])}
        name = wish if wish and wish not in taken else new_pseudonym(taken)
        return [("INSERT OR IGNORE INTO pseudonym VALUES (?, ?, ?)", [project_id, person, name])]

    def skip(self, target_id: str, person: str) -> None:
        """Remember that a person looks at the evidence of a target without having written anything down."""
        self._write([("INSERT OR IGNORE INTO skipped VALUES (?, ?, ?)", [target_id, person, _now()])])

    def has_skipped(self, target_id: str, person: str) -> bool:
        return bool(self._read("SELECT 1 FROM skipped WHERE target_id = ? AND person = ?", [target_id, person]))

    def turn(self, browser: str) -> int:
        """How often a browser was passed on to the next person."""
        return sum(row[0] for row in self._read("SELECT number FROM turn WHERE browser = ?", [browser]))

    def pass_on(self, browser: str) -> None:
        """Pass a browser on to the next person."""
        sql = "INSERT INTO turn VALUES (?, 1) ON CONFLICT (browser) DO UPDATE SET number = number + 1"
        self._write([(sql, [browser])])

    def withdraw(self, project_id: str, person: str) -> None:
        """Forget all that a person answered, began or skipped in a project, and the pseudonym. DuckDB leaves deleted
        rows in its file until something is written over them: at the next start the file is written anew."""
        of_project = "target_id IN (SELECT id FROM target WHERE project_id = ?)"
        tables = ("response", "draft", "skipped")
        self._write([
            *((f"DELETE FROM {table} WHERE person = ? AND {of_project}", [person, project_id]) for table in tables),
            ("DELETE FROM pseudonym WHERE project_id = ? AND person = ?", [project_id, person]),
        ])  # fmt: skip
        _marker(self._path).touch()

    # What was found in image files ------------------------------------------------------------------------------

    def image_index(self, source: str) -> dict[str, dict]:
        """What is known of the images of `source`, by image id."""
        names = ("id", "width", "height", "color", "pixel_hash", "signature", "error", "note", "stamp")
        sql = f"SELECT {', '.join(names)} FROM image WHERE source = ?"
        return {row[0]: dict(zip(names, row, strict=True)) for row in self._read(sql, [source])}

    def image_count(self, source: str) -> int:
        """How many images of `source` are known."""
        return self._read("SELECT count(*) FROM image WHERE source = ?", [source])[0][0]

    def save_image_index(self, source: str, index: pd.DataFrame) -> None:
        """Replace what is known of the images of `source`."""
        columns = "id, width, height, color, pixel_hash, signature, error, note, stamp"
        insert = f"INSERT INTO image (source, {columns}) SELECT ?, {columns} FROM frame"
        self._write([("DELETE FROM image WHERE source = ?", [source]), (insert, [source])], index)


def data_set_of(target_id: str) -> str:
    """What a target is called among the data sets that people speak of; never the key of a source."""
    return f"target:{target_id}"


def _content(response: Response) -> str:
    content = {name: getattr(response, name) for name in ("form", "asked", "sources", "blinded")}
    return json.dumps(content | {"answers": [asdict(one) for one in response.answers]})


def _said(response: Response) -> tuple:
    """What makes two submissions the same one."""
    of_response = (response.revision, response.form, response.asked, response.sources, response.blinded)
    return (*of_response, frozenset(response.answers))


def _response(name: str, revision: int, submitted: datetime, content: str) -> Response:
    told = json.loads(content)
    told["sources"], answers = tuple(told["sources"]), tuple(Belief(**one) for one in told.pop("answers"))
    return Response(person=name, revision=revision, submitted=submitted, answers=answers, **told)


def _inserts(project_id: str, answers: list[Answer]) -> list[tuple[str, list]]:
    sql = "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)"
    return [(sql, [project_id, one.person, one.data_set, one.question, one.answer, one.version]) for one in answers]


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=_CONFIG)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise StoreError(
                f"`{path}` is in use by another SourceScout.",
                "Use the one that is running, stop it first, or set SOURCESCOUT_HOME to another folder.",
            ) from None
        if any(reason in str(error) for reason in ("Permission denied", "Read-only", "No space left")):
            raise StoreError(
                f"`{path}` cannot be opened for writing ({_first_line(error)}).",
                "Check the space and your rights there, or set SOURCESCOUT_HOME to a folder that you may write to.",
            ) from None
        raise StoreError(
            f"`{path}` cannot be opened: it is damaged, or not a SourceScout database ({_first_line(error)}).",
            "Nothing was changed. Restore a copy, or move the file away to start with an empty database.",
        ) from None
    except duckdb.Error as error:
        raise StoreError(
            f"`{path}` cannot be opened ({_first_line(error)}).",
            "Nothing was changed. It may come from a newer version, or be damaged: move it away to start empty.",
        ) from None


def _marker(path: Path) -> Path:
    """The file that says that the database holds rows which somebody withdrew."""
    return path.with_name(f"{path.name}.rewrite")


def _rewrite(path: Path) -> None:
    """Write the database anew without what was deleted from it."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with _connect(path) as connection:
        try:
            old = connection.execute("SELECT current_database()").fetchone()[0].replace('"', '""')
            new = str(fresh).replace("'", "''")
            connection.execute(f"ATTACH '{new}' AS fresh")
            connection.execute(f'COPY FROM DATABASE "{old}" TO fresh')
            connection.execute("DETACH fresh")
        except duckdb.Error as error:
            raise StoreError(
                f"`{path}` could not be written anew after somebody withdrew their answers ({_first_line(error)}).",
                "Free disk space and start SourceScout again; nothing that is still wanted was lost.",
            ) from None
    os.replace(fresh, path)
    _marker(path).unlink()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _new_id() -> str:
    return secrets.token_hex(4)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
