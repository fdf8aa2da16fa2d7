"""The frame around every page: the menu with its progress marks, the project and target in view."""

from pathlib import Path

import streamlit as st

from core.settings import RESEARCH_USE
from pages import _state
from pages._registry import BUILT
from pages._text import code, distinct

ICON = Path(__file__).parents[1] / "data" / "icon.png"
MARKS = {
    "done": ":material/check_circle:", "now": ":material/arrow_circle_right:", "later": ":material/circle:",
    "any time": ":material/menu_book:",
}  # fmt: skip

st.set_page_config(page_title="SourceScout", page_icon=str(ICON), layout="wide")


def choose_project() -> None:
    _state.look_at(st.session_state["shell_project"], None)


def choose_target() -> None:
    _state.look_at(st.session_state["project_id"], st.session_state["shell_target"])


def show_choice(current: _state.View) -> None:
    """The project and target in view, and the way to others."""
    projects = distinct({project.id: project.name for project in _state.store().projects()})
    if not projects:
        st.caption("No project yet")
        return
    st.session_state["shell_project"] = current.project.id
    st.selectbox("Project", projects, format_func=projects.get, key="shell_project", on_change=choose_project)
    targets = distinct({id: task.name for id, task in current.targets.items()})
    if targets:
        st.session_state["shell_target"] = current.target_id
        st.selectbox(
            "Target task",
            targets,
            format_func=targets.get,
            key="shell_target",
            on_change=choose_target,
            placeholder="New target",
        )
    if current.project.synthetic:
        st.badge("Synthetic data", icon=":material/science:", color="orange")


_state.find_view()
current = _state.view()
marks = _state.progress_of(current)
pages = [st.Page("overview.py", title="Overview", icon=":material/home:", default=True)]
pages += [st.Page(step.file, title=step.title, icon=MARKS[marks[step.key]]) for step in BUILT]
words = st.Page("words.py", title="Words", icon=":material/menu_book:")
page = st.navigation({"": pages, "Help": [words]})
with st.sidebar:
    show_choice(current)
    st.caption(RESEARCH_USE)
if current.unknown_target:
    st.warning(
        f"The link names a target that is not in this database ({code(current.unknown_target[:40])}). "
        "It may have been removed, or belong to another machine; its TOML file can be imported on the target page."
    )
page.run()
