"""The meeting: the rating form on the phones of those present, and nothing else of SourceScout."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import segno
import streamlit as st

from core.errors import SurveyError
from core.store import Inquiry
from core.survey.instrument import FEWEST_SOURCES
from core.survey.meeting import LIFETIME, MOST_WRONG, Find, Meeting, Save
from core.survey.meeting_form import Sheet
from core.survey.meeting_server import THIS_MACHINE, Hall, is_private, local_addresses
from core.survey.responses import Response, latest
from core.target import LABEL_TYPES, TargetTask
from pages import _state
from pages._intuition_asked import asked_in, inquiry_of, names_of
from pages._sources_shared import records
from pages._text import count, plain

NOBODY_YET = ""  # a person who has neither answered nor skipped
EVERY = 2.0  # seconds between two looks at how many have answered
QR_BORDER = 4  # modules of white around the code, which readers need
QR_SCALE = 8  # pixels per module


@st.cache_resource(on_release=lambda hall: hall.end(), show_spinner=False)
def _hall() -> Hall:
    return Hall()


def show_meeting(current: _state.View) -> None:
    """Begin a meeting on the target in view, or show the one that is on, whatever its target."""
    hall = _hall()
    if hall.meeting and not hall.meeting.over:
        _show_meeting_on(hall)
        return
    if hall.meeting:
        st.info(f"The last meeting is over. {hall.meeting.ended}", icon=":material/event_busy:")
    st.write(
        "Everyone answers on a phone, at the same time, before anybody sees the evidence. SourceScout shows a QR code; "
        "whoever scans it gets the short form for this target."
    )
    _say_what_is_served()
    inquiry = inquiry_of(current)
    if len(inquiry.sources) < FEWEST_SOURCES:
        st.info("Choose first which sources are asked about, under *Your answer*.")
        return
    _offer_to_begin(current, inquiry)


def _say_what_is_served() -> None:
    with st.container(border=True):
        st.markdown(
            "- **Served:** the form with the target's name, modality and classes and with what the sources are, to "
            "whoever has the code, which is new for each meeting.\n"
            "- **Not served:** images, paths, results, other people's answers, any other page. A meeting does not open "
            "SourceScout itself to other machines.\n"
            "- **Not encrypted:** others on the same network who listen can read the code, the form and what is "
            "sent. Use a network that you trust, and not for what must stay secret.\n"
            "- **It ends** when you end it, after two hours, with SourceScout itself, or after "
            f"{MOST_WRONG} wrong codes."
        )


def _offer_to_begin(current: _state.View, inquiry: Inquiry) -> None:
    addresses = local_addresses()
    if not addresses:
        st.warning(
            "This machine has no address on a local network, so phones cannot reach it. Connect it to the Wi-Fi that "
            "the phones use, then reload this page."
        )
    options = {one: f"{one}, for phones on that network" for one in addresses}
    options[THIS_MACHINE] = f"{THIS_MACHINE}, only this machine, to try it"
    address = st.radio("Where it is served", options, format_func=options.get, key="meeting_address")
    if not is_private(address):
        st.warning("This is a public address: without a firewall, the form can be reached from anywhere.")
    if not _state.covered_for(_state.store(), current, NOBODY_YET):
        st.caption("The evidence on this target is open to everyone, so answers are recorded as not blinded.")
    if st.button("Start the meeting", type="primary", icon=":material/groups:"):
        try:
            _hall().begin(address, _sheet(current.task, inquiry), *_keep_for(current))
        except SurveyError as error:
            _state.show_error(error)
            return
        _state.store().save_inquiry(current.target_id, inquiry)
        st.rerun()


def _keep_for(current: _state.View) -> tuple[Save, Find]:
    """How the meeting saves and finds answers on the target in view; both run in its thread, outside of any page."""
    store, target_id = _state.store(), current.target_id

    def save(person: str, response: Response) -> None:
        store.submit(target_id, person, replace(response, blinded=_state.covered_for(store, current, person)))

    def find(person: str) -> Response | None:
        return next(iter(latest(store.responses(target_id, person))), None)

    return save, find


def _sheet(task: TargetTask, inquiry: Inquiry) -> Sheet:
    """What phones are told. Of the target: what one needs to judge sources, and nothing of where its images are."""
    known = records()
    classes = ", ".join(task.class_meanings.values())
    facts = (", ".join(filter(None, (task.modality, task.anatomy))), LABEL_TYPES[task.label_type], classes)
    about = {key: known[key].summary if key in known else "" for key in inquiry.sources}
    sources = {key: (name, about[key]) for key, name in names_of(inquiry.sources).items()}
    return Sheet(asked_in(inquiry), task.name, tuple(filter(None, facts)), sources)


def _show_meeting_on(hall: Hall) -> None:
    meeting = hall.meeting
    ends = (meeting.began + timedelta(seconds=LIFETIME)).astimezone()
    st.subheader(f"The meeting on {plain(meeting.sheet.target)} is on")
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.image(_qr_code(meeting.url), alt=f"QR code of the address {meeting.url}", width="stretch")
    with right:
        st.write("Scan the code with the camera of a phone, or type this address:")
        st.code(meeting.url, language=None, wrap_lines=True)
        st.fragment(_show_count, run_every=EVERY)(meeting)
        st.caption(
            f"It ends by itself at {ends:%H:%M}. If a phone finds nothing: is it on the same network? Guest networks "
            "often keep devices apart, and a firewall on this machine may ask whether Python may be reached; allow it "
            "for this network only."
        )
        if st.button("End the meeting", icon=":material/stop_circle:"):
            hall.end()
            st.rerun()
    with st.expander("What is served, and what others can see"):
        _say_what_is_served()


def _show_count(meeting: Meeting) -> None:
    if meeting.over:
        st.rerun()
    st.metric("Have answered", count(len(meeting.people), "person", "people"))


def _qr_code(address: str) -> bytes:
    """Black on white in either theme, as readers expect it."""
    image = BytesIO()
    segno.make(address, error="m").save(image, kind="png", scale=QR_SCALE, border=QR_BORDER)
    return image.getvalue()
