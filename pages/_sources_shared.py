"""What the views of the sources page share: the catalogue, how its facts are written, and badges."""

from collections.abc import Iterable

import streamlit as st

from core.catalog import Checkpoint
from core.sources.catalogue import catalogue, sources_of
from core.sources.leakage import CERTAIN, Leak, find_leaks
from core.sources.record import ACCESS, FIELDS, Fact, SourceDataset
from pages import _state
from pages._text import plain

ACCESS_COLORS = {
    "open": "green", "registration": "blue", "gated": "orange", "on request": "orange", "not released": "red",
}  # fmt: skip
COMMERCIAL_COLORS = {"yes": "green", "no": "red", "unclear": "orange"}
COMMERCIAL = {"yes": "Commercial use allowed", "no": "No commercial use", "unclear": "Commercial use unclear"}
UNKNOWN = "unknown"


def value_text(fact: Fact) -> str:
    """The value as Markdown."""
    kind = FIELDS[fact.about].kind
    if kind == "number":
        return f"{fact.value:,}"
    if kind == "terms":
        return plain(", ".join(fact.value))
    if kind == "choice":
        return FIELDS[fact.about].choices[fact.value]
    return f"<{fact.value}>" if kind == "address" else plain(fact.value)


def short(record: SourceDataset, about: str) -> str:
    """What a field says in a few words; "unknown" where nothing is known."""
    facts = record.of(about)
    if not facts:
        return UNKNOWN
    if FIELDS[about].kind == "terms":
        return plain(", ".join(record.terms(about)))
    if FIELDS[about].kind == "choice":
        return ", or ".join(dict.fromkeys(fact.value for fact in facts))
    if FIELDS[about].kind == "number":
        values = list(dict.fromkeys(f"{fact.value:,}" for fact in facts))
        return values[0] + (f" (also {', '.join(values[1:])})" if values[1:] else "")
    more = f" :gray[({len(facts) - 1} more in the record)]" if len(facts) > 1 else ""
    return value_text(facts[0]) + more


def gist(record: SourceDataset) -> str:
    """Modality, anatomy and size, in one line."""
    images, classes = record.value("images"), record.value("classes")
    parts = [short(record, "modality")]
    if record.of("anatomy"):
        parts.append(short(record, "anatomy"))
    parts.append(f"{images:,} images" if images is not None else "number of images unknown")
    if classes is not None:
        parts.append(f"{classes:,} classes")
    return "  ·  ".join(parts)


def records() -> dict[str, SourceDataset]:
    """The catalogue with the records of this installation."""
    return catalogue(_state.store().own_sources())


def leaks(current: _state.View, known: dict[str, SourceDataset]) -> dict[str, Leak]:
    """Sources that may hold images of the target in view, as far as its origin is told."""
    return find_leaks(current.task.origin, known) if current.task else {}


def show_badges(record: SourceDataset, warning: Leak | None) -> None:
    """Access, licence, and the risk of leakage."""
    access, commercial = record.value("access"), record.value("data_commercial")
    st.badge(ACCESS[access].split(":")[0] if access else "Access unknown", color=ACCESS_COLORS.get(access, "gray"),
             help=ACCESS.get(access, "No source says how one gets the images."))  # fmt: skip
    st.badge(COMMERCIAL.get(commercial, "Licence unknown"), color=COMMERCIAL_COLORS.get(commercial, "gray"),
             help=f"Our reading of the images' licence, not legal advice: {short(record, 'data_licence')}")  # fmt: skip
    if warning:
        show_leak(warning)
    if record.own:
        st.badge("Own record", icon=":material/edit_note:", color="violet")


def warn_of_leaks(current: _state.View, checkpoints: Iterable[Checkpoint]) -> None:
    """Say which of the checkpoints were trained on what may hold images of the target."""
    if current.task is None or not current.task.origin:
        return
    known = records()
    warned = leaks(current, known)
    lines = []
    for checkpoint in checkpoints:
        inside = [known[key].name for key in sources_of(checkpoint, known) if key in warned]
        if inside:
            lines.append(f"- **{plain(checkpoint.name)}**, trained on {plain(', '.join(inside))}")
    if lines:
        st.warning("May have seen images of the target in pretraining, so that their scores mislead (see *Leakage* on "
                   "the sources page):\n" + "\n".join(lines), icon=":material/warning:")  # fmt: skip


def show_leak(warning: Leak) -> None:
    sure = warning.sure == CERTAIN
    st.badge("Target images inside" if sure else "May share images", icon=":material/warning:",
             color="red" if sure else "orange", help=warning.why)  # fmt: skip


def open_record(key: str) -> None:
    st.query_params["source"] = key
    st.rerun()
