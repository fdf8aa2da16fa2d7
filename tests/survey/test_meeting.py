"""A meeting serves the form to who has its code, and nothing to anybody else."""

import http.client
import socket
import threading
import urllib.error
import urllib.request

import pytest
from starlette.testclient import TestClient

from core.errors import StoreError, SurveyError
from core.survey import meeting as meetings
from core.survey.instrument import CANNOT_JUDGE, Answer, parse_questions, shipped
from core.survey.meeting import COOKIE, LONGEST_BODY, MOST_WRONG, Meeting
from core.survey.meeting_form import Sheet, field_name, gains, problems, read_answers, write_fields
from core.survey.meeting_server import THIS_MACHINE, Hall, local_addresses
from core.survey.responses import is_code, new_code, person_of

HOST = "192.168.1.5:40123"
SOURCES = {
    "imagenet_1k": ("ImageNet-1K", "Photographs of things."),
    "radimagenet": ("RadImageNet", "CT, MRI and ultrasound."),
    "ecoset": ("<script>alert(1)</script>", 'A "quoted" & <b>bold</b> gist.'),
}
SHEET = Sheet(shipped(), "Breast <i>ultrasound</i>", ("Ultrasound, breast",), SOURCES)
EVERY_KIND = parse_questions("""
key = "every"
version = 1
title = "Every kind"
reference = "imagenet_1k"
origin = "The wording is ours."
consent = "Agreed?"
question = [
  {key = "order", kind = "order", form = "short", per_source = true, asks = "Order?"},
  {key = "gain", kind = "points", form = "short", per_source = true, low = -1, high = 1, asks = "Gain?"},
  {key = "alike", kind = "scale", form = "short", per_source = true, anchors = ["not", "very"], asks = "Alike?"},
  {key = "why", kind = "choices", form = "short", asks = "Why?", options = {size = "size", custom = "custom"}},
  {key = "one", kind = "choice", form = "short", asks = "One?", options = {yes = "yes", no = "no"}},
  {key = "words", kind = "text", form = "short", asks = "Words?"},
  {key = "later", kind = "text", form = "long", asks = "Not in the short form?"},
  {key = "role", kind = "choice", form = "about", asks = "Role?", options = {clinic = "clinical"}},
]
""")
ANSWERS = [
    Answer("order", "imagenet_1k", "2"), Answer("order", "radimagenet", "1"), Answer("order", "ecoset", CANNOT_JUDGE),
    Answer("gain", "radimagenet", "3", "-1", "8"), Answer("gain", "ecoset", CANNOT_JUDGE),
    Answer("reason", "", 'It shows the "same" <img src=x onerror=alert(1)>'), Answer("confidence", "", "4"),
    Answer("years", "", "2-5"),
]  # fmt: skip


class Kept:
    """What was saved, by person: stands for the database."""

    def __init__(self):
        self.all = {}

    def save(self, person, response):
        self.all.setdefault(person, []).append(response)

    def find(self, person):
        return self.all.get(person, [None])[-1]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def meeting(kept) -> Meeting:
    return Meeting(SHEET, HOST, kept.save, kept.find)


@pytest.fixture
def phone(meeting) -> TestClient:
    return phone_of(meeting)


def phone_of(meeting: Meeting) -> TestClient:
    return TestClient(meeting, base_url=f"http://{HOST}", follow_redirects=False)


def filled(answers=ANSWERS, **more) -> dict:
    return write_fields(SHEET, answers) | {"consent": "yes"} | more


def fields_of(sheet: Sheet, answers) -> dict:
    return {name: [value for value in values if value] for name, values in write_fields(sheet, answers).items()}


# Who gets what ---------------------------------------------------------------------------------------------------

NOTHING = (
    "", "/", "//", "/_stcore/health", "/static/js/index.js", "/favicon.ico", "/intuition",
    "/data/survey/questions.toml",
    "/{code}/", "/{code}x", "/x{code}", "//{code}", "/{code}/thanks/", "/{code}/meeting.html", "/{code}/questions.toml",
    "/{code}/../meeting.py", "/{code}/..%2f..%2frequirements.txt", "/{code}/%2e%2e/%2e%2e/README.md", "/..%2f{code}",
    "/{code}/_stcore/health", "/{CODE}", "/rank_list.js", "/meeting.css",
)  # fmt: skip


@pytest.mark.parametrize("path", NOTHING)
def test_nothing_but_the_form_is_served(meeting, phone, path):
    asked = path.replace("{code}", meeting.code).replace("{CODE}", new_code())
    for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
        reply = phone.request(method, asked)
        assert (reply.status_code in (404, 405), reply.content) == (True, b"")
        assert reply.headers["cache-control"] == "no-store"


def test_a_wrong_code_gets_exactly_what_any_other_path_gets(phone):
    other = phone.get("/anything")
    for path in ("/aaaaaaaa", "/aaaaaaaa/rank_list.js", "/aaaaaaaa/thanks"):
        wrong = phone.get(path)
        assert (wrong.status_code, wrong.content, wrong.headers) == (404, b"", other.headers)


def test_the_form_and_its_files_come_with_headers_that_close_the_page(meeting, phone):
    page = phone.get(f"/{meeting.code}")
    assert page.status_code == 200
    assert page.headers["x-content-type-options"] == "nosniff" and page.headers["x-frame-options"] == "DENY"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "//" not in page.text.replace("<!DOCTYPE", "")  # no address of any other site
    for name in meetings.FILES:
        assert phone.get(f"/{meeting.code}/{name}").headers["content-type"].startswith(meetings.FILES[name])
    assert phone.head(f"/{meeting.code}").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(meeting, phone, method):
    reply = phone.request(method, f"/{meeting.code}")
    assert (reply.status_code, reply.content) == (405, b"")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:40123", "192.168.1.5", "127.0.0.1:40123", "", "a/b"])
def test_only_the_announced_address_is_answered(meeting, phone, host):
    reply = phone.get(f"/{meeting.code}", headers={"host": host})
    assert (reply.status_code, reply.content) == (404, b"")


def test_every_meeting_has_a_code_of_its_own(kept):
    codes = {Meeting(SHEET, HOST, kept.save, kept.find).code for _ in range(50)}
    assert len(codes) == 50


def test_wrong_codes_end_the_meeting_and_paths_that_browsers_ask_for_do_not(meeting, phone):
    for _ in range(MOST_WRONG):
        phone.get("/favicon.ico")
    for _ in range(MOST_WRONG - 1):
        phone.get("/aaaaaaaa/meeting.js")
    assert phone.get(f"/{meeting.code}").status_code == 200
    phone.get("/bbbbbbbb")
    assert meeting.over and "wrong codes" in meeting.ended
    assert phone.get(f"/{meeting.code}").status_code == 404


def test_after_its_end_the_code_is_dead(meeting, phone, kept):
    phone.get(f"/{meeting.code}")
    meeting.end("It was ended here.")
    for reply in (phone.get(f"/{meeting.code}"), phone.post(f"/{meeting.code}", data=filled())):
        assert (reply.status_code, reply.content) == (404, b"")
    assert kept.all == {}


def test_it_ends_by_itself(meeting, monkeypatch):
    assert not meeting.over
    later = meetings.time.monotonic() + meetings.LIFETIME
    monkeypatch.setattr(meetings.time, "monotonic", lambda: later)
    assert meeting.over and "two hours" in meeting.ended


# Answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_is_kept_and_its_private_code_shown(meeting, phone, kept):
    phone.get(f"/{meeting.code}")
    cookie = phone.cookies[COOKIE]
    sent = phone.post(f"/{meeting.code}", data=filled())
    assert (sent.status_code, sent.headers["location"]) == (303, f"/{meeting.code}/thanks")
    assert all(word in sent.headers["set-cookie"] for word in ("HttpOnly", "SameSite=strict", f"Path=/{meeting.code}"))
    assert cookie in phone.get(f"/{meeting.code}/thanks").text
    [response] = kept.all[person_of(cookie)]
    assert sorted(map(repr, response.answers)) == sorted(map(repr, ANSWERS))
    assert (response.form, response.asked, response.blinded) == ("short", shipped().name, True)
    assert sorted(response.sources) == sorted(SOURCES)
    assert meeting.people == {person_of(cookie)}


def test_the_same_phone_revises_and_finds_its_answer_filled_in(meeting, phone, kept):
    phone.get(f"/{meeting.code}")
    phone.post(f"/{meeting.code}", data=filled())
    page = phone.get(f"/{meeting.code}").text
    assert "It shows the &#34;same&#34;" in page and 'value="4" checked' in page
    changed = [one for one in ANSWERS if one.question != "confidence"] + [Answer("confidence", "", "1")]
    phone.post(f"/{meeting.code}", data=filled(changed))
    [both] = kept.all.values()
    assert [one.value("confidence", "").value for one in both] == ["4", "1"]
    assert len(meeting.people) == 1


def test_another_person_on_the_same_phone_is_another_person(meeting, phone, kept):
    phone.get(f"/{meeting.code}")
    phone.post(f"/{meeting.code}", data=filled())
    phone.post(f"/{meeting.code}", data={"another": "yes"})
    assert "same&#34;" not in phone.get(f"/{meeting.code}").text
    assert phone.get(f"/{meeting.code}/thanks").status_code == 303
    phone.post(f"/{meeting.code}", data=filled())
    assert len(kept.all) == 2


def test_a_private_code_from_before_makes_it_an_answer_of_that_person(meeting, phone, kept):
    code = new_code()
    phone.get(f"/{meeting.code}")
    wrong = phone.post(f"/{meeting.code}", data=filled(private_code="ABC"))
    assert wrong.status_code == 422 and "private code cannot be right" in wrong.text
    assert phone.post(f"/{meeting.code}", data=filled(private_code=code.lower())).status_code == 303
    assert list(kept.all) == [person_of(code)]


def test_each_phone_sees_an_order_of_its_own_which_stays_and_is_recorded(meeting, kept):
    orders = set()
    for _ in range(20):
        phone = phone_of(meeting)
        page = phone.get(f"/{meeting.code}").text
        shown = tuple(sorted(SOURCES, key=lambda key: page.index(f'data-source="{key}"')))
        again = phone.get(f"/{meeting.code}").text
        assert shown == tuple(sorted(SOURCES, key=lambda key: again.index(f'data-source="{key}"')))
        phone.post(f"/{meeting.code}", data=filled())
        assert kept.all[person_of(phone.cookies[COOKIE])][0].sources == shown
        orders.add(shown)
    assert len(orders) > 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"consent": ""}, "Please agree"),
        ({"0.ecoset": ""}, "Not answered for &lt;script&gt;"),
        ({"0.ecoset": "2"}, "each once"),
        ({"0.ecoset": "9"}, "each once"),
        ({"1.radimagenet": "3", "1.radimagenet.low": "5"}, "RadImageNet: Use points from -20 to 20"),
        ({"1.radimagenet.low": ""}, "RadImageNet: Give all three"),
        ({"1.radimagenet": "1e9"}, "RadImageNet: Use points from -20 to 20"),
        ({"1.radimagenet": "nan"}, "Use points from -20 to 20"),
        ({"1.radimagenet": "", "1.radimagenet.low": "", "1.radimagenet.high": ""}, "Not answered for RadImageNet"),
        ({"2.": "x" * 1001}, "Use 1 to 1000 characters"),
        ({"3.": "6"}, "Use 1 to 5"),
        ({"3.": ""}, "Not answered."),
        ({"13.": "1000"}, "Use one of"),
    ],
)
def test_what_is_wrong_is_said_and_all_that_was_typed_is_kept(meeting, phone, kept, change, says):
    phone.get(f"/{meeting.code}")
    reply = phone.post(f"/{meeting.code}", data=filled(**change))
    assert reply.status_code == 422 and says in reply.text and kept.all == {}
    if "2." not in change:
        assert "It shows the &#34;same&#34; &lt;img src=x onerror=alert(1)&gt;" in reply.text


def test_a_phone_without_cookies_is_told_so(meeting, kept):
    reply = phone_of(meeting).post(f"/{meeting.code}", data=filled())
    assert reply.status_code == 422 and "no cookie" in reply.text and kept.all == {}


def test_what_cannot_be_saved_is_said_on_the_phone(kept):
    def full_disk(person, response):
        raise StoreError("The database could not be written.", "Free disk space.")

    meeting = Meeting(SHEET, HOST, full_disk, kept.find)
    phone = phone_of(meeting)
    phone.get(f"/{meeting.code}")
    reply = phone.post(f"/{meeting.code}", data=filled())
    assert reply.status_code == 422 and "Free disk space." in reply.text and meeting.people == set()


def test_names_and_words_are_shown_as_text(meeting, phone):
    page = phone.get(f"/{meeting.code}").text
    assert "<script>alert" not in page and "<i>ultrasound" not in page and "<b>bold" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "&lt;i&gt;ultrasound" in page
    hurt = {"2.": "</textarea><script>1</script>", "private_code": '"><script>2</script>', "1.radimagenet": "<script>3"}
    reply = phone.post(f"/{meeting.code}", data=filled(**hurt)).text
    assert reply.count("<script") == 1  # our own
    assert all(text not in reply for text in hurt.values())


@pytest.mark.parametrize(
    ("body", "type", "status"),
    [
        (b"2.=" + b"x" * LONGEST_BODY, meetings.FORM, 413),
        (b"&".join(b"a=1" for _ in range(2000)), meetings.FORM, 413),
        (b"{}", "application/json", 415),
        (b"--a\r\n\r\n--a--", "multipart/form-data; boundary=a", 415),
        (b"\xff\xfe%ff=%00&consent=yes", f"{meetings.FORM}; charset=utf-8", 422),
    ],
)
def test_bodies_that_no_form_sends_are_refused(meeting, phone, kept, body, type, status):
    phone.get(f"/{meeting.code}")
    reply = phone.post(f"/{meeting.code}", content=body, headers={"content-type": type})
    assert reply.status_code == status and kept.all == {}


def test_every_kind_of_question_can_be_asked_and_read_back():
    sheet = Sheet(EVERY_KIND, "Target", (), SOURCES)
    answers = [
        *(Answer("order", key, str(place)) for place, key in enumerate(SOURCES, 1)),
        Answer("gain", "radimagenet", "0.3", "-0.1", "1"), Answer("gain", "ecoset", CANNOT_JUDGE),
        *(Answer("alike", key, "5") for key in SOURCES),
        Answer("why", "", "size;custom"), Answer("one", "", CANNOT_JUDGE), Answer("words", "", "two\nlines"),
        Answer("role", "", "clinic"),
    ]  # fmt: skip
    assert read_answers(sheet, fields_of(sheet, answers)) == answers
    assert problems(sheet, answers) == {}
    assert set(problems(sheet, [])) == {"order", "alike", "why", "one"}
    assert set(problems(sheet, [one for one in answers if one.question != "gain"])) == {"gain"}
    kept = Kept()
    meeting = Meeting(sheet, HOST, kept.save, kept.find)
    page = phone_of(meeting).get(f"/{meeting.code}").text
    asked = [one for one in EVERY_KIND.of_form("short")]
    assert all(f'name="{field_name(sheet, one, one.per_source and "ecoset" or "")}"' in page for one in asked)
    assert "Not in the short form?" not in page


def test_gains_are_offered_in_steps_that_suit_their_limits():
    wide, fine = shipped().questions["gain"], EVERY_KIND.questions["gain"]
    assert (gains(wide)[0], gains(wide)[-1], len(gains(wide))) == (("20", "+20"), ("-20", "−20"), 41)
    assert (gains(fine)[0], ("0", "0") in gains(fine), gains(fine)[-1]) == (("1", "+1"), True, ("-1", "−1"))
    assert gains(fine)[1] == ("0.9", "+0.9")


# The server ------------------------------------------------------------------------------------------------------


@pytest.fixture
def hall():
    hall = Hall()
    yield hall
    hall.end()


def raw(host: str, path: str) -> tuple[int, bytes]:
    """What comes for a path that is sent as it is."""
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path)
    reply = connection.getresponse()
    return reply.status, reply.read()


def test_one_meeting_at_a_time_is_served_from_a_thread_that_ends(hall, kept):
    first = hall.begin(THIS_MACHINE, SHEET, kept.save, kept.find)
    with urllib.request.urlopen(first.url, timeout=10) as page:
        assert page.status == 200 and "server" not in page.headers
    for path in ("*", f"/../{first.code}", f"http://{first.host}/../../{first.code}", f"/{first.code}/../../README.md"):
        assert raw(first.host, path) == (404, b"")  # as no client would clean it up
    with pytest.raises(SurveyError, match="Another meeting is on"):
        hall.begin(THIS_MACHINE, SHEET, kept.save, kept.find)
    hall.end()
    assert "meeting" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(first.url, timeout=10)
    second = hall.begin(THIS_MACHINE, SHEET, kept.save, kept.find)
    assert second.code != first.code
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{second.host}/{first.code}", timeout=10)


def test_a_meeting_that_is_over_by_itself_frees_its_port(hall, kept):
    meeting = hall.begin(THIS_MACHINE, SHEET, kept.save, kept.find)
    meeting.end("after two hours")
    hall._thread.join(10)
    assert not hall._thread.is_alive()
    address, port = meeting.host.split(":")
    with socket.socket() as free:
        assert free.connect_ex((address, int(port))) != 0


def test_an_address_that_is_not_of_this_machine_is_refused(hall, kept):
    with pytest.raises(SurveyError, match="cannot be used") as error:
        hall.begin("198.51.100.7", SHEET, kept.save, kept.find)
    assert "reload" in error.value.remedy and hall.meeting is None


def test_addresses_for_phones_are_never_of_this_machine_only():
    assert not [one for one in local_addresses() if one.startswith(("127.", "169.254.", "0."))]


def test_private_codes_are_never_the_code_of_the_meeting(meeting):
    assert not is_code(meeting.code)
