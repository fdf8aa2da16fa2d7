"""The sources page: one record, every fact with who states it."""

import streamlit as st

from core import catalog_tags
from core.known_files import known_files
from core.sources.catalogue import THEN, checkpoints_of
from core.sources.leakage import Leak
from core.sources.record import FIELDS, RELATIONS, Fact, Reading, SourceDataset
from pages import _state
from pages._sources_shared import show_badges, value_text
from pages._sources_shortlist import show_decision
from pages._text import code, count, plain

SECTIONS = {
    "What is in it": (
        "modality", "anatomy", "content", "images", "classes", "patients", "label_type", "color", "resolution",
    ),
    "The labels": ("label_source", "label_quality"),
    "People and biases": ("population", "demographics", "bias"),
    "May we use it": ("access", "access_at", "data_licence", "data_commercial", "weights_licence"),
    "Images that other sets have, too": ("overlap",),
    "Custom": ("custom",),
    "How to cite it": ("reference",),
}  # fmt: skip
TAGS_SHOWN = 6
SHORT_TITLE = 48
TOO_GOOD = "A network that saw the target's images in pretraining does too well on them: scores and tests mislead."


def show_record(current: _state.View, record: SourceDataset, warning: Leak | None) -> None:
    """The whole record, its checkpoints, and what is not known."""
    st.header(plain(record.name), anchor=False)
    with st.container(horizontal=True, gap="small"):
        show_badges(record, warning)
    st.markdown(plain(record.summary))
    if record.also_known_as:
        st.caption(f"Also known as {plain(', '.join(record.also_known_as))}")
    if len(_days(record)) == 1:
        st.caption(f"All its sources were read on {_days(record)[0]:%d %B %Y}. In quotation marks: as printed.")
    if warning:
        st.warning(f"{warning_text(warning)}\n\n{TOO_GOOD}", icon=":material/warning:")
    show_decision(current, record)
    if st.button("Look at samples of its images", icon=":material/photo_library:", type="tertiary"):
        st.session_state["sources_next"] = {"sources_view": "Samples", "samples_source": record.name}
        st.query_params.pop("source", None)
        st.rerun()
    left, right = st.columns([2, 1], gap="large")
    with left:
        for title, fields in SECTIONS.items():
            _show_section(record, title, fields)
    with right:
        _show_checkpoints(current, record)
        _show_unknown(record)
        _show_readings(record)


def warning_text(warning: Leak) -> str:
    """Why target images may be in the source, with the facts that say so, as Markdown."""
    lines = [plain(warning.why)]
    for link in warning.links:
        lines.append(
            f"- {plain(link.record.name)}: {plain(str(link.fact.value))} :gray[{_cited(link.record, link.fact)}]"
        )
    return "\n".join(lines)


def _show_section(record: SourceDataset, title: str, fields: tuple[str, ...]) -> None:
    if not any(record.of(about) for about in fields):
        return
    st.subheader(title, anchor=False)
    if title == "Custom":
        st.caption("How common it is as a source. What others do is no evidence that it helps.")
    lines = []
    for about in fields:
        for number, fact in enumerate(record.of(about)):
            name = f"**{FIELDS[about].title}:** " if number == 0 and len(fields) > 1 else ""
            relation = f" ({RELATIONS[fact.relation]}: {plain(', '.join(fact.others))})" if fact.relation else ""
            note = f"  \n  :small[{plain(fact.note)}]" if fact.note else ""
            cited = f"  \n  :small[:gray[{_cited(record, fact)}]]"
            lines.append(f"- {name}{value_text(fact)}{relation}{note}{cited}")
    st.markdown("\n".join(lines))


def _days(record: SourceDataset) -> list:
    return sorted({reading.on for reading in record.readings.values()})


def _cited(record: SourceDataset, fact: Fact) -> str:
    """What is printed, where, and, unless all of the record was read on one day, when."""
    reading = record.readings[fact.by]
    read = f", read {reading.on:%d %B %Y}" if len(_days(record)) > 1 else ""
    return f"“{plain(fact.printed)}” {_linked(reading, SHORT_TITLE)}{read}"


def _linked(reading: Reading, longest: int = 400) -> str:
    title = reading.title if len(reading.title) <= longest else reading.title[:longest].rsplit(" ", 1)[0] + " …"
    at_hand = reading.address.startswith("http")
    return f"[{plain(title)}]({reading.address})" if at_hand else f"{plain(title)} ({plain(reading.address)})"


def _show_checkpoints(current: _state.View, record: SourceDataset) -> None:
    """What was pretrained on it: timm's tags, known files, candidates of the project."""
    links = checkpoints_of(record, [candidate.checkpoint for candidate in current.candidates])
    st.subheader("Checkpoints", anchor=False)
    if not (links.tags or links.files or links.candidates):
        st.caption("None is known to SourceScout. A weights file of your own can name it as its source.")
    if links.candidates:
        st.markdown("Registered here: " + ", ".join(f"**{plain(name)}**" for name in links.candidates))
    if links.tags:
        usual = [tag for tags in catalog_tags.QUICK_PICKS.values() for tag in tags if tag in links.tags]
        shown = (usual or list(links.tags))[:TAGS_SHOWN]
        st.markdown(f"**{count(len(links.tags), 'timm tag')}**, such as")
        st.markdown("\n".join(f"- {code(tag)}" for tag in shown))
        if current.project and st.button("Choose among them", icon=":material/list:", key="sources_record_tags"):
            _open_tags(record)
    for key in links.files:
        file = known_files()[key]
        with st.expander(plain(file["name"])):
            st.markdown(plain(file["obtain"]))
            st.caption(f"Licence: {plain(file.get('licence', '') or 'not stated')}")
            st.caption("Once you have it, register it under *Checkpoints*: *known files* fill the form.")


def _open_tags(record: SourceDataset) -> None:
    """The list of tags, filtered to this data set. Widgets can only be set before they are drawn: next time."""
    wanted = set(record.timm)
    steps = [named for named in catalog_tags.choices("data") if wanted.intersection(named.split(THEN))]
    form = st.session_state.setdefault("sources_form", 0)
    st.session_state["sources_next"] = {
        "sources_view": "Checkpoints", f"sources_new{form}_kind": "timm", "sources_tags_data": steps,
    }  # fmt: skip
    st.query_params.pop("source", None)
    st.rerun()


def _show_unknown(record: SourceDataset) -> None:
    missing = [about for about in FIELDS if not record.of(about) and about not in record.unknown]
    st.subheader("What is not known", anchor=False)
    for about, looked in record.unknown.items():
        st.markdown(f"**{FIELDS[about].title}**  \n:small[:gray[Looked in: {plain(looked)}]]")
    if missing:
        st.caption("Not looked for: " + ", ".join(FIELDS[about].title.lower() for about in missing))


def _show_readings(record: SourceDataset) -> None:
    with st.expander(f"All {len(record.readings)} sources of this record"):
        st.markdown("\n".join(f"- {_linked(r)}: {plain(r.what)}, {r.on:%d %B %Y}" for r in record.readings.values()))
