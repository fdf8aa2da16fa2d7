"""The sources page: records of one's own, and the catalogue in and out."""

import datetime
from dataclasses import replace

import streamlit as st

from core.errors import SourceScoutError
from core.sources.catalogue import require_new
from core.sources.record import (
    ACCESS,
    FIELDS,
    KEY,
    LABELS,
    MODALITIES,
    Fact,
    Reading,
    SourceDataset,
    dump_source,
    dump_sources,
    parse_source,
    parse_sources,
)
from pages import _state
from pages._sources_shared import COMMERCIAL
from pages._text import count, plain

LARGEST_UPLOAD = 2  # MB
OUR_WORD = "own"  # the reading that a record made by the form rests on


def show_sharing(known: dict[str, SourceDataset]) -> None:
    """Add a record, change one's own, export and import."""
    st.subheader("Records of your own", anchor=False)
    st.caption(
        "A hospital's archive, a collection of a partner, a set that is missing here: records are kept on this "
        "machine, for all projects, and can be shared as one TOML file."
    )
    own = [record for record in known.values() if record.own]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button("Add a record", icon=":material/add:", key="sources_own_add"):
            _add(known)
        for record in own:
            if st.button(
                f"Edit {record.name}", icon=":material/edit:", type="tertiary", key=f"sources_own_{record.key}"
            ):
                _edit(record)
    with st.expander("Share or import a catalogue", key="sources_share", on_change="rerun") as share:
        if share.open:
            _show_exchange(known, own)
    for notice in st.session_state.pop("sources_own_said", []):
        st.success(notice, icon=":material/check:")


def _show_exchange(known: dict[str, SourceDataset], own: list[SourceDataset]) -> None:
    with st.container(horizontal=True):
        st.download_button("Export the whole catalogue", lambda: dump_sources(known.values()), "catalogue.toml",
                           "application/toml", icon=":material/download:", on_click="ignore")  # fmt: skip
        if own:
            st.download_button("Export your records", lambda: dump_sources(own), "own_sources.toml",
                               "application/toml", icon=":material/download:", on_click="ignore")  # fmt: skip
    number = st.session_state.setdefault("sources_own_upload", 0)
    file = st.file_uploader(
        "Import records", type="toml", max_upload_size=LARGEST_UPLOAD, key=f"sources_own_file{number}",
        help="A file exported here, or a single record. Records that ship stay as they are.",
    )  # fmt: skip
    if file is not None and st.button("Import", icon=":material/upload_file:", key="sources_own_import"):
        try:
            new = _import(file.getvalue(), known)
        except SourceScoutError as error:
            _state.show_error(error)
        else:
            st.session_state["sources_own_upload"] += 1
            _say(f"{count(len(new), 'record')} imported." if new else "Nothing new: all of them are here already.")
            st.rerun()


def _import(content: bytes, known: dict[str, SourceDataset]) -> list[SourceDataset]:
    """Keep the records that are new or differ from an own one; those that ship stay as they are."""
    records = parse_sources(content.decode("utf-8", errors="replace"))
    new = [
        record for record in records if record.key not in known or known[record.key].own and record != known[record.key]
    ]
    for record in new:
        _state.store().save_source(record)
    return new


@st.dialog("Add a record", width="large")
def _add(known: dict[str, SourceDataset]) -> None:
    st.caption("Leave out what you do not know: it is shown as unknown. More can be added as TOML later.")
    name = st.text_input("Name", max_chars=80, key="sources_new_name")
    summary = st.text_input("In one sentence", max_chars=300, key="sources_new_summary")
    left, right = st.columns(2)
    values = {
        "modality": left.multiselect("Modality", MODALITIES, key="sources_new_modality"),
        "anatomy": _words(right.text_input("Anatomy", placeholder="Chest, Heart", key="sources_new_anatomy")),
        "images": left.number_input("Images", min_value=0, value=None, step=1, key="sources_new_images"),
        "classes": right.number_input("Classes", min_value=0, value=None, step=1, key="sources_new_classes"),
        "patients": left.number_input("Patients", min_value=0, value=None, step=1, key="sources_new_patients"),
        "label_type": right.selectbox("Labels", list(LABELS), index=None, format_func=LABELS.get,
                                      key="sources_new_labels"),
        "color": left.selectbox("Colour", ["grey", "colour", "both"], index=None, key="sources_new_color"),
        "access": right.selectbox("Access", list(ACCESS), index=None, format_func=ACCESS.get,
                                  key="sources_new_access"),
        "data_licence": left.text_input("Licence of the images", key="sources_new_licence"),
        "data_commercial": right.selectbox("Commercial use", list(COMMERCIAL), index=None, format_func=COMMERCIAL.get,
                                           key="sources_new_commercial"),
        "content": st.text_area("What they show", key="sources_new_content"),
        "bias": st.text_area("Known biases", key="sources_new_bias"),
    }  # fmt: skip
    st.markdown("**Who states this?**  \n:gray[Every fact needs a source that others can look at.]")
    left, middle, right = st.columns([2, 2, 1])
    reading = {
        "title": left.text_input("Title", placeholder="Data catalogue of our department", key="sources_new_title"),
        "address": middle.text_input("Address or place", placeholder="https://", key="sources_new_address"),
        "on": right.date_input("Read on", value=datetime.date.today(), key="sources_new_on"),
    }
    if st.button("Keep the record", type="primary", key="sources_new_keep"):
        try:
            record = _record(name, summary, values, reading)
            require_new(record, known)
        except SourceScoutError as error:
            _state.show_error(error)
        else:
            _state.store().save_source(record)
            _say(f"{plain(record.name)} is in the catalogue.")
            st.rerun()


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _record(name: str, summary: str, values: dict, reading: dict) -> SourceDataset:
    """The record that the answers make, validated as any other."""
    given = {about: value for about, value in values.items() if value not in (None, "", [])}
    facts = tuple(
        Fact(about, tuple(value) if FIELDS[about].kind == "terms" else value,
             ", ".join(value) if isinstance(value, list) else str(value), OUR_WORD)
        for about, value in given.items()
    )  # fmt: skip
    key = "_".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split())[:60]
    key = key if KEY.fullmatch(key) else f"own_{key}"
    readings = {OUR_WORD: Reading(reading["title"], reading["address"], "as given here", reading["on"])}
    return parse_source(dump_source(SourceDataset(key, name, summary or name, facts, readings)), own=True)


@st.dialog("Your record", width="large")
def _edit(record: SourceDataset) -> None:
    """The whole record as TOML: all fields, several sources, overlaps."""
    text = st.text_area("The record as TOML", dump_source(record), height=480, key=f"sources_edit_{record.key}")
    with st.container(horizontal=True):
        if st.button("Save", type="primary", key="sources_edit_save"):
            try:
                changed = replace(parse_source(text, own=True), key=record.key)  # results and lists go by the key
            except SourceScoutError as error:
                _state.show_error(error)
            else:
                _state.store().save_source(changed)
                _say(f"{plain(changed.name)} is saved.")
                st.rerun()
        if st.button("Remove this record", icon=":material/delete:", type="tertiary", key="sources_edit_remove"):
            _state.store().remove_source(record.key)
            _say(f"{plain(record.name)} is removed.")
            st.rerun()
    st.caption("Fields: " + ", ".join(FIELDS))


def _say(text: str) -> None:
    st.session_state.setdefault("sources_own_said", []).append(text)
