"""What pages share: the open database, the project and target in view, and how far the walk has come."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import streamlit as st

from core.comparison import job
from core.errors import SourceScoutError
from core.images.index import build_index
from core.images.readers import Listing
from core.scoring import runner, spool
from core.settings import home
from core.store import Candidate, Project, Run, Store
from core.survey.responses import PERSON_COOKIE, browser_of, code_of_turn, new_code, person_of, write_code
from core.target import TargetTask

NEVER_NEXT = {"similarity", "intuition"}  # steps that inform, and that nothing waits for
CODE = "person_code"  # in the session: the private code that was entered in this tab
SECRET = "browser_secret"  # in the session: what the browser was given at its first visit


@st.cache_resource(on_release=lambda store: store.close(), show_spinner=False)
def _open_store(path: Path) -> Store:
    return Store(path)


def store() -> Store:
    """The database of this server. Stops the page with the reason when it cannot be opened."""
    try:
        return _open_store(home() / "sourcescout.duckdb")
    except SourceScoutError as error:
        st.title("SourceScout cannot open its database")
        show_error(error)
        st.stop()


def show_error(error: SourceScoutError) -> None:
    """An error as it should be read: what happened, then what to do."""
    st.error(error.message + (f"\n\n**What to do:** {error.remedy}" if error.remedy else ""), icon=":material/error:")


@dataclass(frozen=True)
class View:
    """The project and target in view; either may be None. The URL holds them, so a link opens the same view."""

    project: Project | None
    target_id: str | None
    task: TargetTask | None
    candidates: tuple[Candidate, ...] = ()
    runs: tuple[Run, ...] = ()
    targets: dict[str, TargetTask] = field(default_factory=dict)
    unknown_target: str = ""  # what the link asked for, when there is no such target


def view() -> View:
    """What is in view in this run of the script, read from the database once, by the frame around the page."""
    return st.session_state["view"]


def find_view() -> None:
    """Set what is in view: what the URL asks for, else what this session had in view, else the first project."""
    st.session_state["view"] = _find_view()


def _find_view() -> View:
    projects = {project.id: project for project in store().projects()}
    target_id = st.query_params.get("target", st.session_state.get("target_id"))
    project_id = store().project_of_target(target_id) if target_id else None
    asked = st.query_params.get("project", st.session_state.get("project_id"))
    project_id = project_id or (asked if asked in projects else next(iter(projects), None))
    if project_id is None:
        return View(None, None, None)
    targets = store().targets(project_id)
    linked = st.query_params.get("target", "")
    if target_id not in targets:
        target_id = None if st.session_state.get("new_target") else next(iter(targets), None)
    look_at(project_id, target_id)
    return View(
        projects[project_id],
        target_id,
        targets.get(target_id),
        tuple(store().candidates(project_id)),
        tuple(store().runs(target_id)) if target_id else (),
        targets,
        linked if linked not in targets else "",
    )


def look_at(project_id: str | None, target_id: str | None) -> None:
    """Make these the project and target in view, here and in the URL."""
    st.session_state["project_id"], st.session_state["target_id"] = project_id, target_id
    for name, value in (("project", project_id), ("target", target_id)):
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def require_target(current: View) -> TargetTask:
    """The target in view; without one, says so and stops the page."""
    if current.task is None:
        st.info("No target task is in view. It comes first: everything else depends on it.")
        st.page_link("target.py", label="Describe the target", icon=":material/target:")
        st.stop()
    return current.task


def me() -> str:
    """Who sits at this browser, as the database knows people."""
    return person_of(my_code())


def my_code() -> str:
    """The private code of who sits here: the one entered in this tab, else that of the person to whom this browser was
    passed on last."""
    return st.session_state.get(CODE) or code_of_turn(_secret(), store().turn(browser_of(_secret())))


def is_first_person() -> bool:
    """Whether this browser was never passed on, and no code was entered in this tab."""
    return CODE not in st.session_state and store().turn(browser_of(_secret())) == 0


def _secret() -> str:
    """What this browser was given at its first visit; without cookies, of this tab only."""
    if SECRET not in st.session_state:
        st.session_state[SECRET] = st.context.cookies.get(PERSON_COOKIE) or new_code()
    return st.session_state[SECRET]


def enter_code(code: str) -> None:
    """Be the person with that private code, in this tab."""
    st.session_state[CODE] = write_code(code)


def pass_on() -> None:
    """Be somebody new from now on, in this browser; a reload does not bring the person before back."""
    st.session_state.pop(CODE, None)
    store().pass_on(browser_of(_secret()))


def covered(current: View) -> bool:
    """Whether similarity, scores and evidence for the target in view stay covered for who sits here."""
    return current.task is not None and covered_for(store(), current, me())


def covered_for(held: Store, current: View, person: str) -> bool:
    """Whether they stay covered for a person: nobody has opened them for all, and this person has neither answered nor
    skipped. Synthetic data are never covered."""
    if current.project.synthetic:
        return False
    inquiry = held.inquiry(current.target_id)
    if inquiry and inquiry.opened:
        return False
    return not (held.has_skipped(current.target_id, person) or held.responses(current.target_id, person))


def index_of(task: TargetTask, listing: Listing) -> pd.DataFrame:
    """What is in the image files: from the database where files are unchanged, else read now, with a progress bar."""
    known = store().image_index(str(task.images))
    bar = st.empty()

    def progress(done: int, total: int) -> None:
        bar.progress(min(done / max(total, 1), 1.0), f"Reading images: {done} of {total}")

    index = build_index(listing, known, progress)
    bar.empty()
    if {row.id: row.stamp for row in index.itertuples()} != {id: row["stamp"] for id, row in known.items()}:
        store().save_image_index(str(task.images), index)
    return index


def ingest(run: Run) -> None:
    """Take the finished scores of a run folder into the database; what is there already stays."""
    wanted = {score["key"] for candidate in run.summary["candidates"] for score in candidate["scores"]}
    new = wanted - {result["key"] for result in store().scores(run.id)}
    finished = [result for key in sorted(new) if (result := spool.read_result(run.folder, key))]
    if finished:
        store().add_scores(run.id, finished)


def progress_of(current: View) -> dict[str, str]:
    """Per step of the walk: "done", "now" (the next thing to do), "later", or "any time" for what is there to read."""
    done = {
        "target": current.task is not None,
        "sources": bool(current.candidates),
        "intuition": current.task is not None and not current.project.synthetic and not covered(current),
        "similarity": bool(current.target_id) and job.begun(current.target_id),
        "scoring": any(store().scores(run.id) for run in current.runs),
    }
    next_step = next((key for key, is_done in done.items() if not is_done and key not in NEVER_NEXT), None)
    marks = {key: "done" if is_done else "now" if key == next_step else "later" for key, is_done in done.items()}
    return marks | {"heuristics": "any time", "evidence": "any time"}


def active_run(current: View) -> Run | None:
    """The run of the target in view that has a living worker, if any."""
    return next((run for run in current.runs if not run.shipped and runner.alive(run.folder)), None)


def show_scoring(view: str, run_id: str) -> None:
    """Show that view of the scoring page, for that run. Widgets can only be set before they are drawn: next time."""
    chosen = {"scoring_run": run_id} if view == "Ranking" else {}
    st.session_state["scoring_next"] = {"scoring_view": view, **chosen}
    st.rerun()
