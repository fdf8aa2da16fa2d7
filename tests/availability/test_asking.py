"""What the hub says of weights: each of its answers becomes a state with evidence, and silence is no answer."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from core import hub as hub_module
from core.availability import asking, records
from core.availability.asking import ask, ask_all, verify_cached
from core.availability.licence import licence_of
from core.availability.records import Address, address_of, keep_answer, read_answer, read_verified
from core.availability.standing import availability_of
from core.catalog import Checkpoint
from core.images import web
from core.known_files import fields_of_known, known_files
from tests.availability.conftest import ADDRESS, REPOSITORY, TAG, WEIGHTS
from tests.hub_server import use_hub


def quiet(*_):
    pass


def ask_now(checkpoint=TAG):
    """Ask about one checkpoint as the job does; how it stands then."""
    ask_all([address_of(checkpoint)], quiet, lambda: False)
    return availability_of(checkpoint, {})


def test_before_anyone_asked_it_is_unknown_and_nothing_is_asked_by_looking(hub, weights):
    now = availability_of(TAG, {})
    assert (now.state, now.asked) == ("unknown", "") and "not asked" in now.evidence
    assert hub.requests == []


def test_what_can_be_had_is_told_with_size_licence_and_date(hub, weights):
    hub.describe(REPOSITORY, license="cc-by-nc-4.0")
    now = ask_now()
    assert now.state == "downloadable" and f"{len(WEIGHTS) / 1e6:,.1f} MB" in now.evidence
    assert now.answer["licence"] == "cc-by-nc-4.0" and now.answer["sha256"]
    assert (datetime.now(UTC) - datetime.fromisoformat(now.asked)).total_seconds() < 60


GATES = {
    "no token, by hand": ("manual", None, "by hand", "No token is set"),
    "no token, automatic": ("auto", None, "automatic once", "No token is set"),
    "another account's token": ("manual", "hf_other", "by hand", "its account has no approval yet"),
    "a card that says nothing": (None, None, "not stated", "No token is set"),
}


@pytest.mark.parametrize("gated, token, approval, says", GATES.values(), ids=GATES)
def test_a_gate_says_how_one_is_approved_and_whether_a_token_is_set(
    hub, weights, monkeypatch, gated, token, approval, says
):
    hub.gated[REPOSITORY] = "hf_ours"
    if gated:
        hub.describe(REPOSITORY, gated=gated, license="other", license_name="own-terms")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    now = ask_now()
    assert now.state == "gated" and approval in now.evidence and says in now.evidence
    assert f"{hub.url}/{REPOSITORY}" in now.evidence
    stored = (records.folder() / "hub" / f"{ADDRESS.key}.json").read_text()
    assert not token or token not in stored


def test_a_gate_is_open_to_the_right_token(hub, weights, monkeypatch):
    hub.gated[REPOSITORY] = "hf_ours"
    hub.describe(REPOSITORY, gated="auto")
    monkeypatch.setenv("HF_TOKEN", "hf_ours")
    now = ask_now()
    assert now.state == "downloadable" and "token that is set was accepted" in now.evidence


ANSWERS = {
    "no repository": ((404, "RepoNotFound"), "broken", "not there"),
    "no repository, to somebody unknown": ((401, "RepoNotFound"), "broken", "or not shown to you"),
    "no such file in it": ((404, "EntryNotFound"), "broken", "holds neither model.safetensors nor pytorch_model.bin"),
    "a bare 404": ((404, ""), "broken", "answers 404"),
    "out of order": ((503, ""), "unknown", "answers 503"),
    "too many questions": ((429, ""), "unknown", "answers 429"),
}


@pytest.mark.parametrize("refusal, state, says", ANSWERS.values(), ids=ANSWERS)
def test_a_link_is_broken_only_where_the_hub_says_so(hub, refusal, state, says):
    hub.refusal = refusal
    now = ask_now()
    assert now.state == state and says in now.evidence


@pytest.mark.parametrize("manner", ["mute", "nobody", "offline"])
def test_silence_is_found_once_and_the_answer_before_it_is_kept(hub, weights, tmp_path, monkeypatch, manner):
    assert ask_now().state == "downloadable"
    monkeypatch.setattr(web, "CONNECT_SECONDS", 0.5)
    if manner == "mute":
        hub.manner = "mute"
    else:
        use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache", offline=manner == "offline")
    hub.requests.clear()
    addresses = [ADDRESS, Address("timm/other"), Address("timm/another")]
    ask_all(addresses, quiet, lambda: False)
    assert hub.requests == (["HEAD /"] if manner == "mute" else [])
    now = availability_of(TAG, {})
    assert now.state == "unknown" and "When the hub last answered" in now.evidence
    assert "it could be downloaded" in now.evidence and now.answer["state"] == "downloadable"
    ask_all([ADDRESS], quiet, lambda: False)  # a second silence does not push the answer out
    assert read_answer(ADDRESS)["before"]["answer"]["state"] == "downloadable"
    assert read_answer(addresses[1])["before"] is None


def test_a_hub_that_stops_answering_in_the_middle_is_not_waited_for(hub, weights, monkeypatch):
    monkeypatch.setattr(hub_module, "TIMEOUT", 0.3)
    hub.manner = "mute"
    answer = ask(ADDRESS)
    assert answer["state"] == "unknown" and "does not answer" in answer["says"]


def test_a_card_that_does_not_come_leaves_the_file_downloadable(hub, weights):
    answer = ask(ADDRESS)  # no card was published
    assert answer["state"] == "downloadable" and "licence" not in answer


def test_a_known_file_that_the_hub_has_is_asked_about_under_its_own_name(hub, tmp_path):
    known = known_files()["uni"]
    checkpoint = Checkpoint("U", known["architecture"], "timm", str(tmp_path / "u.bin"), source=known["source"])
    assert address_of(checkpoint) == Address("MahmoodLab/UNI", ("pytorch_model.bin",))
    hub.put("MahmoodLab/UNI", "pytorch_model.bin", b"x")
    hub.gated["MahmoodLab/UNI"] = "hf_ours"
    assert ask_now(checkpoint).state == "gated"


@pytest.mark.parametrize("key", [key for key, record in known_files().items() if "hub" in record])
def test_the_hub_s_place_of_a_known_file_is_the_one_that_its_record_tells(key):
    record = known_files()[key]
    assert record["hub"]["repository"] in record["obtain"] and record["hub"]["file"] in record["obtain"]
    assert fields_of_known(key)  # the form still reads it


def test_what_people_obtain_themselves_is_on_request_with_how(tmp_path):
    known = known_files()["radimagenet_resnet50"]
    checkpoint = Checkpoint("R", "resnet50", "torchvision", str(tmp_path / "r.pt"), source=known["source"])
    now = availability_of(checkpoint, {})
    assert now.state == "on_request" and known["obtain"] in now.evidence and now.address is None


def test_a_file_of_ours_that_is_not_there_is_a_broken_link(tmp_path):
    now = availability_of(Checkpoint("F", "resnet50", "timm", str(tmp_path / "f.pth")), {})
    assert now.state == "broken" and "where it came from is not known" in now.evidence


def test_a_random_network_needs_nothing():
    assert availability_of(Checkpoint("F", "resnet50", "timm", "random"), {}).state == "ready"


# Licences ----------------------------------------------------------------------------------------------------------

CARDS = {
    "Creative Commons": ({"license": "cc-by-nc-4.0"}, "cc-by-nc-4.0", "excludes commercial",
                         "https://creativecommons.org/licenses/by-nc/4.0/legalcode"),
    "a name and an address of its own": (
        {"license": "other", "license_name": "x-research-only", "license_link": "https://x.org/terms"},
        "x-research-only", "excludes commercial", "https://x.org/terms"),
    "a file beside the weights": ({"license": "other", "license_name": "y", "license_link": "LICENSE"}, "y", "",
                                  "{hub}/{repository}/blob/main/LICENSE"),
    "no address": ({"license": "apache-2.0"}, "apache-2.0", "", "{hub}/{repository}"),
    "an address that would break out of its link": (
        {"license": "mit", "license_link": "https://x.org/) [y](javascript:alert(1)"}, "mit", "", "{hub}/{repository}"),
    "an address that is none": ({"license": "mit", "license_link": "javascript:alert(1)"}, "mit", "",
                                "{hub}/{repository}"),
}  # fmt: skip


@pytest.mark.parametrize("card, name, question, link", CARDS.values(), ids=CARDS)
def test_the_licence_is_the_one_on_the_card_now_with_a_link_to_its_text(hub, weights, card, name, question, link):
    hub.describe(REPOSITORY, **card)
    licence = licence_of(TAG, ask_now(), commercial_use=True)
    assert (licence.name, licence.registered) == (name, "apache-2.0")
    assert licence.link == link.format(hub=hub.url, repository=REPOSITORY)
    assert question in licence.question and bool(question) == bool(licence.question) and licence.read
    assert licence_of(TAG, ask_now(), commercial_use=False).question == ""


def test_without_a_card_the_registered_licence_counts(hub):
    nc = Checkpoint("a", TAG.architecture, "timm", "timm", licence="CC BY-NC 4.0")
    licence = licence_of(nc, availability_of(nc, {}), commercial_use=True)
    assert licence.name == "CC BY-NC 4.0" and licence.question and not licence.read


# In a process of its own -------------------------------------------------------------------------------------------


def test_candidates_are_asked_about_in_the_background(hub, weights, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    hub.pause = 0.05
    asking.start([ADDRESS, Address("timm/not-there")])
    deadline = time.monotonic() + 30
    while asking.standing().active:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert asking.standing().error is None
    assert read_answer(ADDRESS)["answer"]["state"] == "downloadable"
    assert read_answer(Address("timm/not-there"))["answer"]["state"] == "broken"


def test_a_damaged_answer_is_as_if_none_was_given(hub):
    keep_answer(ADDRESS, {"state": "broken", "says": "x"})
    (records.folder() / "hub" / f"{ADDRESS.key}.json").write_text("{")
    assert availability_of(TAG, {}).state == "unknown"


def test_a_cached_file_is_hashed_once_and_again_only_when_it_changed(hub, cached, monkeypatch):
    verify_cached(ADDRESS)
    first = read_verified(ADDRESS)
    monkeypatch.setattr(asking, "keep_verified", lambda *_: pytest.fail("the file was hashed again"))
    verify_cached(ADDRESS)
    assert read_verified(ADDRESS) == first and availability_of(TAG, {}).state == "ready"


def test_the_asking_side_needs_no_torch():
    code = (
        "import sys, core.availability.asking, core.availability.fetching, core.availability.fit;"
        "print([m for m in ('torch', 'timm', 'streamlit', 'duckdb') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []
