"""What exactly is the task, and is the data fit for it?"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SourceScoutError, TargetError
from core.target import COLORS, TargetTask, dump_target
from pages import _state
from pages._target_alike import show_alike
from pages._target_dialogs import import_target, remove_target
from pages._target_draft import Draft
from pages._target_form import LAYOUTS, TYPE_NAMES, ask_classes, ask_images, ask_task, task_of
from pages._target_found import show_found
from pages._target_medmnist import ask_medmnist
from pages._target_parts import show_groups, show_test_part
from pages._target_reading import Found, read
from pages._target_verdict import verdict_of
from pages._text import plain
from pages._words import show_words

NEW = "new target of "  # the key of the draft of a project's next target
NOTHING_LOST = "Nothing that you typed is lost, and nothing was saved."


def drafts() -> dict[str, Draft]:
    """The forms in progress in this session, by target id, or NEW and the project id."""
    return st.session_state.setdefault("target_drafts", {})


def draft_key(current: _state.View) -> str:
    return current.target_id or NEW + current.project.id


def start_draft(key: str, base: TargetTask | None, imported: bool = False) -> None:
    """Open a form; its number is new, so no widget remembers an earlier one."""
    number = st.session_state.get("target_draft_number", 0) + 1
    st.session_state["target_draft_number"] = number
    drafts()[key] = Draft(number, base, imported)


def new_target(project_id: str, base: TargetTask | None = None) -> None:
    """Open the form for one more target, empty or with what an imported file says."""
    st.session_state["new_target"] = True
    _state.look_at(project_id, None)
    if base or NEW + project_id not in drafts():
        start_draft(NEW + project_id, base, imported=base is not None)


def close_draft(current: _state.View) -> None:
    """Drop the form in view and what was typed into it."""
    drafts().pop(draft_key(current), None)
    st.session_state.pop("new_target", None)


def show_actions(current: _state.View, editing: bool) -> None:
    """What can be done with targets as a whole."""
    with st.container(horizontal=True):
        if current.task and not editing:
            if st.button("Edit", icon=":material/edit:"):
                start_draft(current.target_id, current.task)
                st.rerun()
            if st.button("New target", icon=":material/add:", help="One more target task in this project"):
                new_target(current.project.id)
                st.rerun()
        if not (current.task and editing) and st.button("Import", icon=":material/upload_file:"):
            import_target(lambda task: new_target(current.project.id, task))
        if current.task and not editing:
            st.download_button(
                "Export",
                lambda: dump_target(current.task).encode(),
                "TARGET.toml",
                "application/toml",
                icon=":material/download:",
                on_click="ignore",
                help="The description as TOML, with the locked test part; the images are not in it",
            )
            if st.button("Remove", icon=":material/delete:"):
                remove_target(current)


def edit(current: _state.View, draft: Draft) -> None:
    """The form, what it finds in the images, and saving."""
    if draft.imported:
        st.caption("This is what the imported file says. Press Save target to keep it.")
    left, right = st.columns(2)
    with left:
        answers = ask_task(draft)
    with right:
        images, refused = ask_images(draft, answers["label_type"])
        answers |= images
        chosen = ask_medmnist(draft, answers) if answers["format"] == "npz" else None
        classes = st.container()
    if chosen:
        start_draft(draft_key(current), chosen)
        st.rerun()
    with st.container(horizontal=True):
        check = st.button("Check the images", icon=":material/search:")
        save = st.button("Save target", type="primary", icon=":material/save:")
        st.button("Cancel", on_click=close_draft, args=(current,), disabled=not current.targets)
    if current.task and current.runs:
        st.caption("Runs that are there already stay as they are; the next one uses the corrected description.")
    if check or save:
        st.session_state[draft.key("checked")] = _place(answers)
    if not _is_checked(draft, answers):
        return
    if refused:
        st.caption(f"The CSV file cannot be read: see *The images*. {NOTHING_LOST}")
        return
    try:
        if save and not answers["name"]:
            raise TargetError("The target has no name yet.", "Give it a short one in the block *The task*.")
        task = task_of(answers, current.task or draft.base, "the new target")
        with classes:
            task = ask_classes(draft, task)
        found = read(task)
        if save:
            _keep(current, task, found)
    except SourceScoutError as error:
        _state.show_error(error)
        st.caption(NOTHING_LOST)
    else:
        show_verdict(found, whole=False)
        show_found(task, found)
        st.caption("Groups, the test part, near-duplicates and shortcuts come once the target is saved.")


def _place(answers: dict) -> tuple[str, str]:
    return answers["images"], answers["format"]


def _is_checked(draft: Draft, answers: dict) -> bool:
    """Whether these images are to be looked at: a button was pressed for them, or the form began with them."""
    began_with = (str(draft.base.images), draft.base.format) if draft.base else None
    return _place(answers) in (began_with, st.session_state.get(draft.key("checked")))


def _keep(current: _state.View, task: TargetTask, found: Found) -> None:
    """Save the task if its images can be read, and show it."""
    if not found.inspection.n_images:
        reason = found.index["error"].iat[0]
        raise TargetError(f"None of the {len(found.listing)} images can be read. {reason}", "Then check them again.")
    others = [other.name for id, other in current.targets.items() if id != current.target_id]
    if task.name in others:
        raise TargetError(f"There is a target `{task.name}` in this project already.", "Choose another name.")
    id = _state.store().save_target(current.project.id, task, current.target_id)
    close_draft(current)
    _state.look_at(current.project.id, id)
    st.toast("Saved", icon=":material/check:")
    st.rerun()


def show(current: _state.View, task: TargetTask) -> None:
    """A saved target: its description, what was found, groups, and the test part."""
    show_description(task)
    try:
        found = read(task)
    except SourceScoutError as error:
        _state.show_error(error)
        st.caption("The description is kept. Put the images right and reload, or press Edit to point to others.")
        return
    verdict = show_verdict(found, whole=True)
    show_found(task, found)
    show_groups(current, task, found)
    show_test_part(current, task, found)
    show_alike(task, found)
    verdict.markdown(verdict_of(found, whole=True))  # again: copies and shortcuts have been looked for since


def show_verdict(found: Found, whole: bool) -> DeltaGenerator:
    """Is the data fit for the task? The place of the answer, which is said again when more is known."""
    st.subheader("Is the data fit for it?", anchor=False)
    place = st.empty()
    place.markdown(verdict_of(found, whole))
    return place


def show_description(task: TargetTask) -> None:
    """What the task says about itself, at a glance."""
    facts = {
        "Modality": task.modality,
        "Anatomy": task.anatomy,
        "Label type": TYPE_NAMES[task.label_type],
        "Colour": COLORS[task.color] if task.color else "",
        "Labelled images": "" if task.labelled_images is None else f"{task.labelled_images:,}",
        "Licence": "commercial use needed" if task.commercial_use else "research use is enough",
        "Compute at hand": task.compute,
        "Layout": LAYOUTS[task.format],
    }
    with st.container(border=True):
        labels = list(facts)
        for row in (labels[:4], labels[4:]):
            for column, label in zip(st.columns(4), row, strict=True):
                column.markdown(_fact(label, facts[label]))
        st.markdown(_fact("Images", str(task.images)))
        if task.notes:
            st.caption("Notes")
            st.text(task.notes)


def _fact(label: str, value: str) -> str:
    return f":gray[:small[{label}]]  \n{plain(value) or 'not stated'}"


current = _state.view()
st.title("What exactly is the task, and is the data fit for it?")
with st.container(horizontal_alignment="right"):
    show_words("target")
if current.project is None:
    st.info("A target belongs to a project, and there is none yet. Begin one on the overview, or open the demo.")
    st.page_link("overview.py", label="Overview", icon=":material/home:")
    st.stop()
if current.task:
    st.session_state.pop("new_target", None)
elif NEW + current.project.id not in drafts():
    start_draft(NEW + current.project.id, None)

draft = drafts().get(draft_key(current))
st.header(plain(current.task.name) if current.task else "A new target", anchor=False)
show_actions(current, draft is not None)
if draft:
    edit(current, draft)
else:
    show(current, current.task)
