"""The meeting on the laptop's page: it begins with a click, shows how to come in and how many did, and ends."""

import re
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar

import pytest
from streamlit.testing.v1 import AppTest

from core.store import Inquiry
from core.survey.instrument import CANNOT_JUDGE, Answer, shipped
from core.survey.meeting_form import Sheet, write_fields
from core.survey.meeting_server import THIS_MACHINE
from core.target import TargetTask
from pages import _intuition_meeting
from tests.pages.conftest import SHELL

SOURCES = ("imagenet_1k", "radimagenet")
SHEET = Sheet(shipped(), "", (), dict.fromkeys(SOURCES, ("", "")))
ANSWERS = [
    Answer("order", "imagenet_1k", "1"), Answer("order", "radimagenet", "2"),
    Answer("gain", "radimagenet", CANNOT_JUDGE), Answer("confidence", "", "2"),
]  # fmt: skip


@pytest.fixture
def target(store, project, tmp_path) -> str:
    classes = {"0": "benign", "1": "malignant"}
    secret = tmp_path / "secret_folder"
    task = TargetTask("Breast lesions", secret, "folder", "binary", "Ultrasound", "breast", class_meanings=classes,
                      notes="secret notes")  # fmt: skip
    return store.save_target(project, task)


@pytest.fixture
def asked(store, target) -> str:
    store.save_inquiry(target, Inquiry(SOURCES, shipped().name))
    return target


def open_page(target: str) -> AppTest:
    at = AppTest.from_file(SHELL, default_timeout=60)
    at.query_params["target"] = target
    at.query_params["intuition_view"] = "Meeting"
    at.run()
    return run(at.switch_page("intuition.py"))


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return run(at)


def begin(target: str) -> AppTest:
    at = open_page(target)
    at.radio(key="meeting_address").set_value(THIS_MACHINE)
    return press(at, "Start the meeting")


class Phone:
    """A browser that keeps its cookies."""

    def __init__(self, address: str):
        self.address = address
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def read(self) -> str:
        return self.browser.open(self.address, timeout=10).read().decode()

    def answer(self, **more: str) -> str:
        self.read()
        fields = write_fields(SHEET, ANSWERS) | {"consent": ["yes"]} | more
        body = urllib.parse.urlencode(fields, doseq=True).encode()
        return self.browser.open(self.address, body, timeout=10).read().decode()


def test_without_sources_to_ask_about_there_is_no_meeting(target):
    at = open_page(target)
    assert "Choose first which sources" in at.info[0].value
    assert "Start the meeting" not in [button.label for button in at.button]


def test_nothing_is_served_before_the_click_and_what_others_see_is_said(asked):
    at = open_page(asked)
    assert _intuition_meeting._hall().meeting is None
    text = "\n".join(one.value for one in at.markdown)
    assert "Not encrypted" in text and "Not served" in text and "does not open SourceScout itself" in text


def test_a_meeting_is_begun_answered_counted_and_ended(store, asked):
    at = begin(asked)
    phone = Phone(at.code[0].value)
    form = phone.read()
    assert all(word in form for word in ("Breast lesions", "Ultrasound, breast", "malignant", "RadImageNet"))
    assert "secret" not in form
    assert at.metric[0].value == "0 people"
    private = re.search(r'class="code">([\w-]+)<', phone.answer()).group(1)
    at = run(at)
    assert at.metric[0].value == "1 person"
    assert private not in str(at)
    phone.answer()
    first, second = store.responses(asked)
    assert (first.person, first.revision, first.blinded) == (second.person, 1, True)
    assert (second.revision, second.blinded) == (2, False)  # the first answer uncovered the evidence
    press(at, "End the meeting")
    assert "It was ended here." in at.info[0].value
    with pytest.raises(urllib.error.URLError):
        phone.read()


def test_phones_that_send_at_once_lose_nothing(store, asked):
    address = begin(asked).code[0].value
    phones = [Phone(address) for _ in range(12)]
    with ThreadPoolExecutor(len(phones)) as pool:
        pages = list(pool.map(Phone.answer, phones))
    assert all("Thank you" in page for page in pages)
    found = store.responses(asked)
    assert len({one.person for one in found}) == len(found) == len(phones)
    assert all(one.blinded and set(one.answers) == set(ANSWERS) for one in found)


def test_a_meeting_is_shown_wherever_one_looks_and_again_after_a_reload(store, project, asked, tmp_path):
    address = begin(asked).code[0].value
    other = store.save_target(project, TargetTask("Other", tmp_path, "folder", "binary"))
    at = open_page(other)
    assert at.code[0].value == address and "Breast lesions" in at.subheader[0].value


def test_the_code_is_new_each_time(asked):
    at = begin(asked)
    first = at.code[0].value
    press(at, "End the meeting")
    assert press(at, "Start the meeting").code[0].value.rsplit("/")[-1] != first.rsplit("/")[-1]


def test_evidence_that_is_open_for_all_is_on_record(store, asked):
    store.save_inquiry(asked, Inquiry(SOURCES, shipped().name, opened=True))
    assert any("not blinded" in one.value for one in open_page(asked).caption)
    Phone(begin(asked).code[0].value).answer()
    assert [one.blinded for one in store.responses(asked)] == [False]


def test_the_app_that_stops_ends_the_meeting(asked):
    phone = Phone(begin(asked).code[0].value)
    phone.read()
    _intuition_meeting._hall.clear()
    with pytest.raises(urllib.error.URLError):
        phone.read()


def test_a_machine_without_a_network_says_what_to_do(asked, monkeypatch):
    monkeypatch.setattr(_intuition_meeting, "local_addresses", list)
    at = open_page(asked)
    assert "Connect it to the Wi-Fi" in at.warning[0].value
    assert at.radio(key="meeting_address").value == THIS_MACHINE


def test_a_public_address_is_pointed_out(asked, monkeypatch):
    monkeypatch.setattr(_intuition_meeting, "local_addresses", lambda: ["8.8.8.8"])
    at = open_page(asked)
    assert "public address" in at.warning[0].value
    press(at, "Start the meeting")
    assert "cannot be used" in at.error[0].value
