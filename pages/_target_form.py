"""The form that describes a target: its two blocks, and the task that its answers make."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.errors import TargetError
from core.images.listing import all_numbers
from core.settings import allowed_roots, full_path
from core.target import COLORS, LABEL_TYPES, TargetTask
from pages._target_columns import ask_columns
from pages._target_draft import Draft, ask_text, choice_or_own, segments
from pages._target_reading import class_names
from pages._text import code
from pages._words import point_out

MODALITIES = (
    "Ultrasound", "Radiograph (X-ray)", "CT", "MRI", "PET or SPECT", "Mammography", "Histopathology",
    "Cytology", "Dermoscopy", "Fundus photograph", "OCT", "Endoscopy",
)  # fmt: skip
ANATOMIES = (
    "Brain", "Eye", "Head and neck", "Chest", "Breast", "Heart", "Abdomen", "Liver", "Kidney", "Colon", "Prostate",
    "Skin", "Bone and joints",
)  # fmt: skip
COMPUTE = ("A laptop without GPU", "One consumer GPU", "One data-centre GPU", "A cluster")
TYPE_NAMES = {key: text.split(":")[0] for key, text in LABEL_TYPES.items()}
TYPE_CAPTIONS = {
    "binary": "Each image has one of two classes: lesion or no lesion.",
    "multi-class": "Each image has one of several classes: benign, malignant or normal.",
    "multi-label": "Each image has any number of findings, or none: effusion and nodule.",
    "ordinal": "Each image has one of several grades in an order: none, mild, severe.",
}
LAYOUTS = {"folder": "Folder per class", "manifest": "CSV manifest", "npz": "MedMNIST file"}
LAYOUT_EXAMPLES = {
    "folder": "images/\n  benign/     0001.png  0002.png ...\n  malignant/  0001.png ...\n  normal/     0001.png ...",
    "manifest": "path,patient_id,effusion,nodule,split\nimages/0001.png,p001,1,0,train\nimages/0002.png,p002,0,0,test",
    "npz": "pneumoniamnist.npz\n  train_images  train_labels\n  val_images    val_labels     (optional)\n"
    "  test_images   test_labels    (optional)",
}
PATH_HELP = {
    "folder": "The folder that holds one sub-folder per class, on the machine that SourceScout runs on. Or a .zip "
    "of it, which is unpacked into SourceScout's data folder.",
    "manifest": "The CSV file, or a folder or .zip that holds it: as manifest.csv, or as the only CSV file. Paths in "
    "it are taken from its folder.",
    "npz": "The .npz file with train_images and train_labels. Pickled arrays are not opened.",
}
PATH_PLACEHOLDERS = {
    "folder": "/home/me/breast_ultrasound",
    "manifest": "/home/me/chest/manifest.csv",
    "npz": "/home/me/pneumoniamnist.npz",
}
MOST_MEANINGS = 30  # classes with a text box each


def ask_task(draft: Draft) -> dict:
    """The block "The task"; its answers by field of TargetTask."""
    answers = {}
    with st.container(border=True):
        st.subheader("The task", anchor=False)
        answers["name"] = ask_text(draft, "name", "Name", "breast ultrasound, three classes", max_chars=80)
        left, right = st.columns(2)
        with left:
            answers["modality"] = choice_or_own(draft, "modality", "Modality", MODALITIES)
        with right:
            answers["anatomy"] = choice_or_own(draft, "anatomy", "Anatomy", ANATOMIES)
        types = list(LABEL_TYPES)
        answers["label_type"] = st.radio(
            "Label type",
            types,
            index=types.index(draft.base.label_type) if draft.base else None,
            format_func=TYPE_NAMES.get,
            captions=[TYPE_CAPTIONS[key] for key in types],
            key=draft.key("label_type"),
            persist_state="session",
        )
        answers["color"] = segments(draft, "color", "Colour", {k: v.capitalize() for k, v in COLORS.items()})
        left, right = st.columns(2)
        with left:
            answers["labelled_images"] = st.number_input(
                "Labelled images your team has",
                min_value=0,
                step=1,
                value=draft.start("labelled_images", None),
                placeholder="not stated",
                key=draft.key("labelled_images"),
                persist_state="session",
            )
        with right:
            answers["compute"] = choice_or_own(draft, "compute", "Compute at hand", COMPUTE)
        answers["commercial_use"] = st.toggle(
            "The licence must allow commercial use",
            value=draft.start("commercial_use", False),
            key=draft.key("commercial_use"),
            persist_state="session",
        )
        answers["notes"] = st.text_area(
            "Notes", draft.start("notes"), height=80, key=draft.key("notes"), persist_state="session"
        ).strip()
        point_out(answers["notes"])
        st.caption("Only the name and the label type are needed to begin; the rest can follow.")
    return answers


def ask_images(draft: Draft, label_type: str | None) -> tuple[dict, bool]:
    """The block "The images": layout, path and, for a manifest, columns; its answers by field of TargetTask, and
    whether a reason why they cannot be read is shown already."""
    with st.container(border=True):
        st.subheader("The images", anchor=False)
        layout = segments(draft, "format", "Layout", LAYOUTS)
        st.code(LAYOUT_EXAMPLES[layout], language=None)
        path = ask_text(draft, "images", "Path to the images", PATH_PLACEHOLDERS[layout], help=PATH_HELP[layout]).strip(
            "\"'"
        )
        if not path:
            st.caption("Images stay where they are. SourceScout reads them there and stores numbers and hashes only.")
        columns = ask_columns(draft, path, label_type) if layout == "manifest" and path else {}
        refused, columns = columns is None, columns or {}
        pattern = _keep_pattern(draft) if layout != "npz" and not columns.get("group_column") else ""
    return {"format": layout, "images": path, "group_pattern": pattern, **columns}, refused


def _keep_pattern(draft: Draft) -> str:
    """The file-name pattern that the form began with, unless it is given up; a new one is made on the saved target."""
    pattern = draft.start("group_pattern")
    if pattern and not st.toggle(
        f"Groups from the file names: {code(pattern)}", True, key=draft.key("group_pattern"), persist_state="session"
    ):
        return ""
    return pattern


def ask_classes(draft: Draft, task: TargetTask) -> TargetTask:
    """The block "The classes", once their names are known: order of grades, meanings. Returns the task with them."""
    names = class_names(task)
    if not names:
        return task
    order = task.class_order if set(task.class_order) == set(names) else ()
    with st.container(border=True):
        st.subheader("The classes", anchor=False)
        if task.label_type == "ordinal":
            order = _ask_order(draft, names, order)
        if len(names) > MOST_MEANINGS:
            st.caption(f"{len(names)} classes: say in the notes what they mean.")
            return replace(task, class_order=order)
        st.caption("What do the classes mean? A word or a sentence each; it stands beside the counts and in reports.")
        meanings = _ask_meanings(draft, order or names)
    return replace(task, class_order=order, class_meanings=meanings)


def _ask_order(draft: Draft, names: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """All grades, lowest first; numbers are in order by themselves. TargetError until every grade is there."""
    order = st.multiselect(
        "Order of the grades, lowest first",
        names,
        default=known or (names if all_numbers(names) else ()),
        key=draft.key("class_order", *names),
        placeholder="Choose the lowest grade, then the next one",
        persist_state="session",
    )
    if len(order) < len(names):
        raise TargetError(
            f"{len(names) - len(order)} of {len(names)} grades have no place in the order yet.",
            "Choose all of them in the block *The classes*, from the lowest to the highest.",
        )
    return tuple(order)


def _ask_meanings(draft: Draft, names: Sequence[str]) -> dict[str, str]:
    known = draft.start("class_meanings", {})
    columns = st.columns(min(3, len(names)))
    meanings = {}
    for i, name in enumerate(names):
        with columns[i % len(columns)]:
            meanings[name] = st.text_input(
                code(name), known.get(name, ""), key=draft.key("meaning", name), persist_state="session"
            ).strip()
    return {name: meaning for name, meaning in meanings.items() if meaning}


def task_of(answers: dict, base: TargetTask | None, placeholder_name: str = "") -> TargetTask:
    """The task that the answers make; what the form does not ask for is taken from `base`."""
    if not answers["label_type"]:
        raise TargetError("The label type is not chosen yet.", "Choose it in the block *The task*.")
    if not answers["images"]:
        raise TargetError("There is no path to the images yet.", "Give it in the block *The images*.")
    path = full_path(answers["images"])
    if not path.is_absolute():
        raise TargetError(
            f"`{path}` is not a full path.", f"Begin it with `{allowed_roots()[0]}`, or with another allowed folder."
        )
    columns = {name: answers.get(name, empty) for name, empty in _NO_COLUMNS.items()}
    answers = answers | columns | {"images": path, "name": answers["name"] or placeholder_name}
    return replace(base, **answers) if base else TargetTask(**answers)


_NO_COLUMNS = {"group_column": "", "split_column": "", "label_columns": ()}
