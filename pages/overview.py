"""Where are we, and what is the next best step?"""

import streamlit as st

from core.demo import open_demo
from core.errors import SourceScoutError
from core.settings import RESEARCH_USE
from core.starter import NAME as STARTER
from pages import _state
from pages._overview_starter import open_starter
from pages._registry import STEPS, Step
from pages._text import plain
from pages._words import show_words

PER_ROW = 3
STATES = {
    "done": ("Done", "green", ":material/check:"),
    "now": ("Next", "blue", ":material/arrow_forward:"),
    "later": ("To do", "gray", None),
    "any time": ("To read, any time", "gray", ":material/menu_book:"),
    None: ("Not in this version", "gray", None),
}


@st.dialog("New project")
def new_project() -> None:
    name = st.text_input("Name", placeholder="Breast ultrasound, spring study", max_chars=80)
    if st.button("Create", type="primary", disabled=not name.strip()):
        _state.look_at(_state.store().add_project(name.strip(), creator=_state.me()), None)
        st.switch_page("target.py")


def show_ways_in() -> None:
    """The ways to begin."""
    with st.container(horizontal=True):
        if st.button("Open the demo project", icon=":material/play_circle:", type="primary"):
            try:
                target_id = open_demo(_state.store())
            except SourceScoutError as error:
                _state.show_error(error)
            else:
                _state.look_at(_state.store().project_of_target(target_id), target_id)
                st.switch_page("scoring.py")
        if st.button("New project", icon=":material/add:"):
            new_project()
        if st.button(STARTER, icon=":material/rocket_launch:", help="A real project; needs a network the first time"):
            open_starter()
    st.caption(
        "The demo is synthetic, needs no network, and opens with its results computed. The network is used only when "
        "you ask for it."
    )


def show_step(number: int, step: Step, state: str | None) -> None:
    """One step of the walk: what it answers, and how it stands."""
    label, color, icon = STATES[state]
    with st.container(border=True, height="stretch"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            title = f"{number}. {step.title}"
            if step.file:
                st.page_link(step.file, label=f"**{title}**", icon=f":material/{step.icon}:")
            else:
                st.markdown(f":gray[:material/{step.icon}: {title}]")
            st.badge(label, color=color, icon=icon)
        st.caption(step.question)


current = _state.view()
marks = _state.progress_of(current)

st.title("Which pretraining source should we fine-tune from?")
with st.container(horizontal_alignment="right"):
    show_words("overview")
st.markdown(
    "SourceScout helps a team that builds a medical image classifier to choose the pretrained network to start from, "
    "and to say how sure they are. There is no best source for all tasks: every answer here belongs to one target "
    "task, and no number is shown without what chance would give and how far it can be trusted."
)
show_ways_in()

if current.project:
    st.subheader(f"The walk for {plain(current.task.name if current.task else current.project.name)}", anchor=False)
else:
    st.subheader("The walk", anchor=False)
for first in range(0, len(STEPS), PER_ROW):  # row by row, so that a narrow screen shows them in order
    for i, column in enumerate(st.columns(PER_ROW), first):
        with column:
            show_step(i + 1, STEPS[i], marks.get(STEPS[i].key))
st.caption(RESEARCH_USE)
