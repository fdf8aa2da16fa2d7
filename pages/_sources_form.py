"""The sources page: the form in which a checkpoint is described, for a new one and for one that is edited."""

import dataclasses

import streamlit as st

from core.availability import require_new_names
from core.catalog import ALLOWED_KWARGS, COLORS, LIBRARIES
from core.checkpoint_form import (
    BLANK,
    KINDS,
    OWN,
    RANGES,
    SHARED,
    STATISTICS,
    checkpoint_of,
    fields_of,
    in_words,
    preprocessing_of,
)
from core.errors import SourceScoutError
from core.known_files import BY, fields_of_known, known_files, read_on
from core.store import Candidate
from pages import _state
from pages._sources_admit import checked, located, say, show_failure
from pages._text import plain

ABOUT = {
    "file": "Weights on this machine, as a state dict (`.pth`, `.pt`, `.bin` or `.safetensors`). "
    "The file is opened without running anything in it.",
    "timm": "Weights that timm publishes, fetched into the hub's cache of this machine unless they are there.",
    "random": "A control: the same network without any pretraining. What it scores comes from its architecture alone, "
    "so a source that does not beat it has not shown that it helps. "
    "Take the architecture of another candidate.",
}
EXAMPLES = "`resnet50`, `mobilenetv2_100`, `densenet121`, `efficientnet_b0`, `convnext_tiny`, `vit_small_patch16_224`"
COLOR_NAMES = {"RGB": "RGB", "BGR": "BGR", "grey": "Grey"}


def choose_kind() -> str:
    """What kind of checkpoint the next candidate is: a key of KINDS."""
    st.subheader("Register a checkpoint")
    return _show_kind(_new_scope(), BLANK)


def show_registration(current: _state.View) -> None:
    """The form for a new candidate of the chosen kind, a file or a random initialisation."""
    scope = _new_scope()
    fields = _show_fields(scope, BLANK, current.candidates)
    if st.button("Register", type="primary", icon=":material/add:", key=f"sources_{scope}_register"):
        names = [candidate.checkpoint.name for candidate in current.candidates]
        if _admit(scope, current.project.id, fields, names):
            st.session_state["sources_form"] += 1
            st.rerun()
    _show_last_failure(scope)


def _new_scope() -> str:
    return f"new{st.session_state.setdefault('sources_form', 0)}"


@st.dialog("Edit the checkpoint", width="large", dismissible=False)
def edit(current: _state.View, candidate: Candidate) -> None:
    """The same form for a candidate that is there; saved when it passes the check again."""
    scope = f"edit_{candidate.id}"
    others = tuple(other for other in current.candidates if other.id != candidate.id)
    _show_kind(scope, fields_of(candidate.checkpoint))
    fields = _show_fields(scope, fields_of(candidate.checkpoint), others)
    with st.container(horizontal=True):
        saving = st.button("Save", type="primary", key=f"sources_{scope}_save")
        if st.button("Cancel", key=f"sources_{scope}_cancel"):
            _forget(scope)
            st.rerun()
    if saving and _admit(scope, current.project.id, fields, [o.checkpoint.name for o in others], candidate):
        _forget(scope)
        st.rerun()
    _show_last_failure(scope)


def _admit(scope: str, project_id: str, fields: dict, taken: list[str], edited: Candidate | None = None) -> bool:
    """Check what was typed and save it; what is wrong with it is kept for showing, and nothing is saved."""
    st.session_state.pop(_key(scope, "failure"), None)
    try:
        checkpoint = checkpoint_of(fields)
        require_new_names([checkpoint], taken)
        checkpoint = located(checkpoint)
        if edited:
            checkpoint = dataclasses.replace(checkpoint, synthetic=edited.checkpoint.synthetic)
        recorded = checkpoint.kind == "timm" and fields["as_recorded"]
        checkpoint, report = checked(checkpoint, recorded)
        _state.store().save_checkpoint(project_id, checkpoint, report, edited.id if edited else None)
    except SourceScoutError as error:
        st.session_state[_key(scope, "failure")] = error
        return False
    done = "saved" if edited else "registered"
    say(f"{plain(checkpoint.name)} is {'checked and ' if report else ''}{done}{'' if report else ', not checked yet'}.")
    return True


def _show_last_failure(scope: str) -> None:
    """Why the last try failed, until the next one: nothing typed is lost meanwhile."""
    error = st.session_state.get(_key(scope, "failure"))
    if error:
        show_failure(error)


def _show_kind(scope: str, start: dict) -> str:
    """Begin with the values `start` and ask what kind of checkpoint it is."""
    for field, value in start.items():
        st.session_state.setdefault(_key(scope, field), value)
    kind = st.segmented_control("Kind", list(KINDS), format_func=KINDS.get, required=True,
                                key=_key(scope, "kind"), persist_state="session")  # fmt: skip
    st.caption(ABOUT[kind])
    return kind


def _show_fields(scope: str, start: dict, others: tuple[Candidate, ...]) -> dict:
    """Draw the fields that the chosen kind needs; returns all of them, those not drawn as they were."""
    kind = st.session_state[_key(scope, "kind")]

    def bound(field: str) -> dict:
        return {"key": _key(scope, field), "persist_state": "session"}

    name, like = st.columns(2)
    name.text_input("Name", max_chars=80, placeholder="MobileNetV2, ImageNet", **bound("name"))
    if others:
        _show_like(like, scope, others)
    if kind == "file":
        _show_known(scope)
        st.text_input("Weights file", placeholder="/home/you/models/mobilenetv2_imagenet.pth", **bound("weights"),
                      help="A path on the machine that runs the app.")  # fmt: skip
    _show_network(kind, bound)
    source, licence = st.columns(2)
    source.text_input("Pretraining data set", placeholder="ImageNet-1K" if kind != "random" else "none",
                      **bound("source"))  # fmt: skip
    licence.text_input("Licence of the weights", placeholder="Apache-2.0", **bound("licence"))
    _show_preprocessing(kind, scope, bound)
    return {field: st.session_state[_key(scope, field)] for field in start}


def _show_like(column, scope: str, others: tuple[Candidate, ...]) -> None:
    """Takes network and preprocessing over from another candidate."""
    by_id = {candidate.id: candidate for candidate in others}

    def take_over() -> None:
        chosen = by_id.get(st.session_state[_key(scope, "like")])
        if chosen:
            copied = fields_of(chosen.checkpoint)
            for field in SHARED:
                st.session_state[_key(scope, field)] = copied[field]

    column.selectbox(
        "Network and preprocessing as in", by_id, index=None, placeholder="another candidate", on_change=take_over,
        format_func=lambda id: by_id[id].checkpoint.name, key=_key(scope, "like"),
        help="Fills in the architecture, its keyword arguments and the preprocessing.",
    )  # fmt: skip


def _show_known(scope: str) -> None:
    """Fills in what is known of a kind of file, with the preprocessing that the user chooses."""
    known = known_files()
    choices = {
        (key, i): record["name"] + (f": {one['label']}" if len(record["preprocessing"]) > 1 else "")
        for key, record in known.items()
        for i, one in enumerate(record["preprocessing"] or [{}])
    }

    def fill_in() -> None:
        chosen = st.session_state[_key(scope, "known")]
        for field, value in (fields_of_known(*chosen) if chosen else {}).items():
            st.session_state[_key(scope, field)] = value

    chosen = st.selectbox(
        "A known file", choices, index=None, placeholder="none of these", format_func=choices.get, on_change=fill_in,
        key=_key(scope, "known"),
        help="Fills in architecture, names, preprocessing, source and licence as far as they are known. "
        "Where two preprocessings are documented, the choice is yours, and is stated with the checkpoint.",
    )  # fmt: skip
    if chosen:
        _show_facts(known[chosen[0]])


def _show_facts(record: dict) -> None:
    """How to obtain the file, and what is known of it: who says so, and where it was read."""
    st.caption(plain(f"Obtain it: {record['obtain']}"))
    for by, heading in BY.items():
        lines = [_fact(fact) for fact in record["fact"] if fact["by"] == by]
        if lines:
            st.caption("\n".join([f"**{heading}**", "", *lines]))
    day = f"{read_on():%d %B %Y}".lstrip("0")
    st.caption(f"Sources read on {day}. No such file was opened for this: the check of your file is the judge.")


def _fact(fact: dict) -> str:
    about = fact["about"][0].upper() + fact["about"][1:]
    return f"- **{plain(about)}:** {plain(fact['says'])} *Read: {plain(fact['read'])}.*"


def _show_naming(bound) -> None:
    with st.expander("Names in the file", expanded=False):
        st.caption("Only where the check says so: nothing is left out or renamed unless it stands here.")
        left, right = st.columns(2)
        left.text_input("Strip prefix", placeholder="module.", **bound("strip_prefix"))
        left.text_area("Ignore", placeholder="projection_head.", height=72, **bound("ignore"),
                       help="Names, or beginnings of names with a dot at the end, one per line.")  # fmt: skip
        right.text_area("Rename", placeholder="0. = conv1.", height=150, **bound("rename"),
                        help="One `old = new` per line, both beginnings of names with a dot at the end.")  # fmt: skip


def _show_network(kind: str, bound) -> None:
    left, right = st.columns(2)
    tag_help = "A tag is an architecture and its training recipe, such as `resnet50.a1_in1k`."
    left.text_input(
        "Architecture", placeholder="resnet50.a1_in1k" if kind == "timm" else "resnet50", **bound("architecture"),
        help=tag_help if kind == "timm" else f"Its name in the library, for example {EXAMPLES}.",
    )  # fmt: skip
    if kind != "timm":
        right.segmented_control("Library", LIBRARIES, required=True, **bound("library"))
    left, right = st.columns(2)
    left.text_area(
        "Keyword arguments", height=72, placeholder="pad_type = same", **bound("kwargs"),
        help=f"One `key = value` per line, where the network needs them. Allowed: {', '.join(ALLOWED_KWARGS)}.",
    )  # fmt: skip
    if kind == "random":
        right.number_input("Seed", min_value=0, step=1, **bound("seed"))
    elif kind == "file":
        right.number_input(
            "Number of classes", min_value=0, step=1, placeholder="read from the file", **bound("num_classes"),
            help="Outputs of the pretraining head; 0 for weights without one. Empty: read from the file.",
        )  # fmt: skip
        _show_naming(bound)


def _show_preprocessing(kind: str, scope: str, bound) -> None:
    st.markdown("**Preprocessing**")
    if kind == "timm" and st.toggle("As timm records it for this tag", **bound("as_recorded")):
        st.caption("Size, mean and standard deviation come from timm; the whole image is resized, without cropping.")
        return
    size, color = st.columns(2)
    statistics, values = st.columns(2)
    size.text_input("Input size", **bound("input_size"), help="One side, such as 224, or height x width: 224 x 320.")
    color.segmented_control("Channels", COLORS, format_func=COLOR_NAMES.get, required=True, **bound("color"))
    ranges = list(RANGES)
    if (other := st.session_state[_key(scope, "pixel_range")]) not in ranges:
        ranges.append(other)
    values.selectbox("Pixel range", ranges, **bound("pixel_range"))
    statistics.selectbox("Mean and standard deviation", [*STATISTICS, OWN], **bound("statistics"))
    if st.session_state[_key(scope, "statistics")] == OWN:
        mean, std = st.columns(2)
        mean.text_input("Mean", placeholder="0.485, 0.456, 0.406", **bound("mean"))
        std.text_input("Standard deviation", placeholder="0.229, 0.224, 0.225", **bound("std"))
    if kind == "file":
        st.text_input(
            "Where this preprocessing is documented", placeholder="a paper, a model card, a line of code",
            **bound("preprocessing_source"), help="Empty: the checkpoint is marked \"preprocessing unverified\".",
        )  # fmt: skip
    try:
        st.caption(in_words(preprocessing_of({field: st.session_state[_key(scope, field)] for field in SHARED})))
    except SourceScoutError as error:
        st.caption(f":material/error: {plain(str(error))}")


def _key(scope: str, field: str) -> str:
    return f"sources_{scope}_{field}"


def _forget(scope: str) -> None:
    """Drop what was typed, so that the next time begins with what is saved."""
    for key in [key for key in st.session_state if str(key).startswith(_key(scope, ""))]:
        del st.session_state[key]
