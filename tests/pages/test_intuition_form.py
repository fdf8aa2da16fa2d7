"""The intuition page, view *Your answer*: consent, the form, drafts, submissions, codes, and what is asked."""

from dataclasses import replace
from datetime import datetime

import pytest
from streamlit.testing.v1 import AppTest

from core.catalog import Checkpoint
from core.demo import open_demo
from core.sources.shortlist import IN, Step
from core.store import Inquiry, Store
from core.survey.instrument import CANNOT_JUDGE, ONCE, Question, dump_questions, shipped
from core.survey.responses import is_code, new_code, person_of
from core.target import TargetTask
from tests.pages.conftest import SHELL

SOURCES = ("ecoset", "imagenet_1k", "radimagenet")
CODE = new_code()
ME = person_of(CODE)
CONSENT = "nobody is graded"


@pytest.fixture(autouse=True)
def look_freely():
    """Here everything is covered as it is for users."""


@pytest.fixture
def target(store: Store, project: str, tmp_path) -> str:
    return store.save_target(project, TargetTask("ultrasound", tmp_path, "folder", label_type="binary"))


@pytest.fixture
def asked(store: Store, target: str) -> str:
    """A target of which it was said what is asked."""
    store.save_inquiry(target, Inquiry(SOURCES, shipped().name))
    return target


def visit(target: str, code: str = CODE, **state) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=60)
    at.query_params["target"] = target
    for name, value in ({"person_code": code} if code else {} | state).items():
        at.session_state[name] = value
    at.run()
    return run(at.switch_page("intuition.py"))


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return run(at)


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def text_of(at: AppTest) -> str:
    shown = [*at.markdown, *at.info, *at.warning, *at.error, *at.success, *at.caption]
    return "\n".join([str(one.value) for one in shown] + [one.label for one in at.expander])


def draft(store: Store, target: str, person: str = ME) -> dict:
    return store.draft(target, person)


def key(store: Store, target: str, *parts: str) -> str:
    return "_".join(("belief", draft(store, target)["id"], *parts))


def begun(store: Store, target: str) -> AppTest:
    return press(visit(target), "I agree, begin")


def rank(at: AppTest, store: Store, target: str, *order: str) -> AppTest:
    """Put the sources in order, as the list in the browser tells it."""
    at.session_state[key(store, target, "order")] = {"order": list(order)}
    at.session_state[key(store, target, "order", "said")] = True
    return run(at)


def expect_gain(at: AppTest, store: Store, target: str, source: str, *points: float) -> AppTest:
    for part, value in zip(("low", "value", "high"), points, strict=True):
        at.number_input(key=key(store, target, "gain", source, part)).set_value(value)
    return run(at)


def answer_short(at: AppTest, store: Store, target: str) -> AppTest:
    rank(at, store, target, "radimagenet", "ecoset", "imagenet_1k")
    expect_gain(at, store, target, "ecoset", -1, 0.5, 2)
    at.checkbox(key=key(store, target, "gain", "radimagenet", "unsure")).check()
    at.button_group(key=key(store, target, "confidence")).set_value("4")
    return run(at)


def given(store: Store, target: str, person: str = ME) -> dict[tuple[str, str], tuple[str, str, str]]:
    last = store.responses(target, person)[-1]
    return {(one.question, one.source): (one.value, one.low, one.high) for one in last.answers}


def test_consent_comes_first_and_is_remembered(asked, store):
    at = visit(asked)
    assert CONSENT in text_of(at) and "courtesy, not access control" in text_of(at) and not at.number_input
    press(at, "I agree, begin")
    assert CONSENT not in text_of(at) and len(at.number_input) == 6
    assert CONSENT not in text_of(visit(asked))
    assert CONSENT in text_of(visit(asked, new_code()))


def test_the_short_form_is_submitted_and_opens_the_evidence(asked, store):
    at = answer_short(begun(store, asked), store, asked)
    shown = draft(store, asked)["sources"]
    at.text_area(key=key(store, asked, "reason")).set_value("It looks alike").run()
    press(at, "Submit")
    (response,) = store.responses(asked, ME)
    assert (response.form, response.asked, response.blinded) == ("short", shipped().name, True)
    assert list(response.sources) == shown and set(shown) == set(SOURCES)
    assert given(store, asked) == {
        ("order", "radimagenet"): ("1", "", ""),
        ("order", "ecoset"): ("2", "", ""),
        ("order", "imagenet_1k"): ("3", "", ""),
        ("gain", "ecoset"): ("0.5", "-1", "2"),
        ("gain", "radimagenet"): (CANNOT_JUDGE, "", ""),
        ("reason", ""): ("It looks alike", "", ""),
        ("confidence", ""): ("4", "", ""),
    }
    assert CODE in [one.value for one in at.code]
    assert "Revision 1, short form" in text_of(at) and "UTC, before the evidence" in text_of(at)
    assert at.dataframe[0].value.set_index("Source").loc["Ecoset"].to_list() == ["2", "0.5 (-1 to 2)"]


def test_what_is_missing_is_named_and_nothing_is_lost(asked, store):
    at = begun(store, asked)
    expect_gain(at, store, asked, "ecoset", -1, 0.5, 2)
    before = draft(store, asked)
    press(at, "Submit")
    told = at.warning[0].value
    assert "Which source would you start from" in told and "How sure are you" in told
    assert store.responses(asked) == [] and draft(store, asked) == before
    press(rank(at, store, asked, "imagenet_1k", "radimagenet", "ecoset"), "Submit")
    gain = next(line for line in at.warning[0].value.splitlines() if "AUC points" in line)
    assert "RadImageNet" in gain and "Ecoset" not in gain  # the first place but for the reference


def test_an_order_that_nobody_touched_is_no_answer_until_it_is_said_to_be_right(asked, store):
    at = begun(store, asked)
    assert not [one for one in draft(store, asked)["answers"] if one["question"] == "order"]
    shown = draft(store, asked)["sources"]
    press(at, "It is my order already")
    places = [one for one in draft(store, asked)["answers"] if one["question"] == "order"]
    assert [one["source"] for one in places] == shown and [one["value"] for one in places] == ["1", "2", "3"]
    at.checkbox(key=key(store, asked, "order", "unsure")).check()
    run(at)
    places = [one for one in draft(store, asked)["answers"] if one["question"] == "order"]
    assert {one["value"] for one in places} == {CANNOT_JUDGE}


def test_an_order_of_other_sources_is_not_taken(asked, store):
    at = begun(store, asked)
    at.session_state[key(store, asked, "order")] = {"order": ["ecoset", "dtd", "imagenet_1k"]}
    run(at)
    assert draft(store, asked)["answers"] == []


def test_points_in_the_wrong_order_are_told_and_not_submitted(asked, store):
    at = answer_short(begun(store, asked), store, asked)
    expect_gain(at, store, asked, "ecoset", 2, 0.5, -1)
    assert "the lowest first" in text_of(at)
    press(at, "Submit")
    assert at.error and store.responses(asked) == []
    expect_gain(at, store, asked, "ecoset", -1, 0.5, 2)
    press(at, "Submit")
    assert len(store.responses(asked)) == 1


def test_a_draft_is_there_again_in_another_session_also_half_a_range(asked, store):
    at = begun(store, asked)
    at.number_input(key=key(store, asked, "gain", "ecoset", "low")).set_value(-3.0)
    at.text_area(key=key(store, asked, "reason")).set_value("Its domain gap is small")
    run(at)
    assert "domain gap" in text_of(at) and "What is meant here?" in text_of(at)  # an ambiguous word, with questions
    rank(at, store, asked, "imagenet_1k", "radimagenet", "ecoset")
    again = visit(asked)
    assert again.number_input(key=key(store, asked, "gain", "ecoset", "low")).value == -3
    assert again.number_input(key=key(store, asked, "gain", "ecoset", "high")).value is None
    assert again.text_area(key=key(store, asked, "reason")).value == "Its domain gap is small"
    press(again, "Submit")
    assert "Which source" not in again.warning[0].value and "RadImageNet" in again.warning[0].value


def test_the_long_form_asks_all_and_needs_all(asked, store):
    at = answer_short(begun(store, asked), store, asked)
    at.toggle[0].set_value(True).run()
    press(at, "Submit")
    assert "How willing would you be" in at.warning[0].value and "What decided your order" in at.warning[0].value
    for question in (one for one in shipped().of_form("long") if one.form == "long"):
        for source in shipped().asked_of(question, SOURCES):
            widget = key(store, asked, *filter(None, (question.key, source)))
            if question.kind in ("scale", "choices"):
                value = CANNOT_JUDGE if source == "ecoset" else "5"
                at.button_group(key=widget).set_value(value if source else ["size", "other"])
    run(at)
    at.toggle[0].set_value(False).run()
    assert not [one for one in at.button_group if (one.key or "").endswith("visual_ecoset")]
    at.toggle[0].set_value(True).run()
    at.button_group(key=key(store, asked, "years")).set_value("2-5")
    press(at, "Submit")
    found = given(store, asked)
    assert store.responses(asked)[-1].form == "long" and found["reasons", ""][0] == "size;other"
    assert found["visual", "ecoset"][0] == CANNOT_JUDGE and found["visual", "imagenet_1k"][0] == "5"
    assert found["years", ""][0] == "2-5" and len(found) == 3 + 2 + 1 + 6 * 3 + 1 + 1


def test_any_question_set_can_be_asked(asked, store):
    options = {"y": "yes", "n": "no"}
    questions = [
        Question("take", "choice", "short", "Take *it*?", per_source=True, options=options, word="no such word"),
        Question("why", "text", "short", "Why?", per_source=True),
        Question("more", "points", "short", "How many more?", per_source=True, low=-0.5, high=0.5),
        Question("which", "choices", "short", "Which?", options=options),
    ]
    own = replace(shipped(), key="own", consent="Ours", questions={one.key: one for one in questions})
    store.add_question_set(own)
    store.save_inquiry(asked, Inquiry(("ecoset", "a candidate"), own.name))
    at = begun(store, asked)
    for source, value in (("ecoset", "y"), ("a candidate", CANNOT_JUDGE)):
        at.button_group(key=key(store, asked, "take", source)).set_value(value)
        at.number_input(key=key(store, asked, "more", source, "low")).set_value(-0.1)
        at.number_input(key=key(store, asked, "more", source, "value")).set_value(0.0)
        at.number_input(key=key(store, asked, "more", source, "high")).set_value(0.25)
    at.button_group(key=key(store, asked, "which")).set_value(["y", CANNOT_JUDGE])
    at.text_area(key=key(store, asked, "why", "ecoset")).set_value("So")
    press(run(at), "Submit")
    found = given(store, asked)
    assert found["more", "a candidate"] == ("0", "-0.1", "0.25") and found["which", ""][0] == CANNOT_JUDGE
    assert (
        found["take", "ecoset"][0] == "y" and found["why", "ecoset"][0] == "So" and ("why", "a candidate") not in found
    )


def submitted(store: Store, target: str) -> AppTest:
    return press(answer_short(begun(store, target), store, target), "Submit")


def test_answers_are_changed_as_a_revision_and_the_first_stays(asked, store):
    at = press(submitted(store, asked), "Change my answers")
    assert at.number_input(key=key(store, asked, "gain", "ecoset", "value")).value == 0.5
    assert at.button_group(key=key(store, asked, "confidence")).value == "4"
    at.button_group(key=key(store, asked, "confidence")).set_value("1")
    press(run(at), "Submit")
    first, second = store.responses(asked, ME)
    assert (first.value("confidence", "").value, second.value("confidence", "").value) == ("4", "1")
    assert (first.blinded, second.blinded) == (True, False)
    assert second.value("order", "radimagenet") == first.value("order", "radimagenet")
    assert "Revision 1" in text_of(at) and "Revision 2" in text_of(at) and "not blinded" in text_of(at)


def test_a_change_can_be_given_up(asked, store):
    at = press(press(submitted(store, asked), "Change my answers"), "Leave it as it was")
    assert draft(store, asked) == {} and len(store.responses(asked)) == 1 and "Change my answers" in labels(at)


def test_withdrawing_asks_first_and_then_deletes_all(asked, store, project):
    at = press(press(submitted(store, asked), "Change my answers"), "Leave it as it was")
    press(at, "Withdraw")
    assert len(store.responses(asked)) == 1
    for button in (one for one in at.button if one.label in ("Withdraw", "Delete all of it")):
        button.click()  # AppTest knows no fragment runs, so what opened the dialog is pressed along
    run(at)
    assert store.responses(asked) == [] and CONSENT in text_of(at)
    assert CODE not in [one.value for one in at.code] and all(is_code(one.value) for one in at.code)


def test_skipping_is_recorded_and_answers_are_then_not_blinded(asked, store):
    at = press(visit(asked), "Skip and look")
    assert (
        store.has_skipped(asked, ME) and "recorded as not blinded" in text_of(at) and "Skip and look" not in labels(at)
    )
    press(answer_short(press(at, "I agree, begin"), store, asked), "Submit")
    assert [one.blinded for one in store.responses(asked, ME)] == [False]


@pytest.mark.parametrize(
    ("creator", "may"), [("", True), (ME, True), ("somebody else", False)], ids=["not known", "me", "another"]
)
def test_who_created_the_project_can_open_the_evidence_for_all(store, tmp_path, creator, may):
    project = store.add_project("Ours", creator=creator)
    target = store.save_target(project, TargetTask("ct", tmp_path, "folder", label_type="binary"))
    store.save_inquiry(target, Inquiry(SOURCES, shipped().name))
    at = visit(target)
    assert ("Open the evidence for everybody" in labels(at)) is may
    if may:
        press(at, "Open the evidence for everybody")
        assert store.inquiry(target) == Inquiry(SOURCES, shipped().name, True) and "open to everybody" in text_of(at)
        press(at, "Cover it again")
        assert not store.inquiry(target).opened


def test_the_next_person_sees_nothing_of_the_one_before_also_after_a_reload(asked, store):
    at = visit(asked, "", browser_secret="secret")
    at.session_state["browser_secret"] = "secret"
    press(run(at), "I agree, begin")
    (code,) = [one.value for one in at.code]
    first = person_of(code)
    assert store.draft(asked, first) and "You are the person" not in text_of(at)
    press(at, "I have noted it: next person")
    (other,) = [one.value for one in at.code]
    assert other != code and f"private code **{other}**" in text_of(at) and CONSENT in text_of(at)
    again = visit(asked, "")
    again.session_state["browser_secret"] = "secret"
    assert [one.value for one in run(again).code] == [other]
    again.text_input[0].set_value(code.lower().replace("-", ""))
    press(again, "Use this code")
    assert [one.value for one in again.code] == [code] and len(again.number_input) == 6


def test_what_is_no_code_is_refused(asked, store):
    at = visit(asked)
    at.text_input[0].set_value("my name")
    press(at, "Use this code")
    assert "no private code" in at.error[0].value and [one.value for one in at.code] == [CODE]


def test_proposed_are_the_sources_of_candidates_and_the_shortlist(target, store, project, tmp_path):
    for name, source, weights in (
        ("One", "RadImageNet", "x.pt"),
        ("Two", "our own set", "y.pt"),
        ("Zero", "", "random"),
    ):
        path = weights if weights == "random" else str(tmp_path / weights)
        store.save_checkpoint(project, Checkpoint(name, "resnet18", "timm", path, source=source))
    at = visit(target)
    assert at.multiselect[0].value == ["radimagenet", "Two"]
    store.add_to_shortlist(target, [Step("dtd", IN, "other", "", datetime(2026, 1, 1))])
    at = visit(target)
    assert at.multiselect[0].value == ["radimagenet", "Two", "dtd"] and store.inquiry(target) is None
    press(at, "I agree, begin")
    assert store.inquiry(target) == Inquiry(("radimagenet", "Two", "dtd"), shipped().name)


def test_without_two_sources_nobody_is_asked_until_they_are_chosen(target, store):
    at = visit(target)
    assert "I agree, begin" not in labels(at) and "Choose at least 2 sources" in text_of(at)
    at.multiselect[0].set_value(["ecoset", "dtd"])
    press(run(at), "Ask this")
    assert store.inquiry(target).sources == ("ecoset", "dtd") and "I agree, begin" in labels(at)


def test_a_changed_list_is_warned_of_and_answered_anew(asked, store):
    at = submitted(store, asked)
    assert "1 person has answered already" in text_of(at)
    at.multiselect[0].set_value(["ecoset", "radimagenet", "dtd"])
    press(run(at), "Ask this")
    assert "changed the list of sources since you answered" in text_of(at)
    press(at, "Change my answers")
    assert draft(store, asked)["sources"][2] == "dtd"
    assert at.number_input(key=key(store, asked, "gain", "ecoset", "value")).value == 0.5
    press(at, "Submit")
    assert "start from" in at.warning[0].value and len(store.responses(asked)) == 1


def test_a_draft_follows_a_list_that_changes_meanwhile(asked, store):
    at = expect_gain(begun(store, asked), store, asked, "ecoset", -1, 0.5, 2)
    store.save_inquiry(asked, Inquiry(("ecoset", "dtd"), shipped().name))
    run(at)
    assert set(draft(store, asked)["sources"]) == {"ecoset", "dtd"}
    assert at.number_input(key=key(store, asked, "gain", "ecoset", "high")).value == 2


def test_other_questions_ask_for_consent_again_and_keep_what_fits(asked, store):
    at = answer_short(begun(store, asked), store, asked)
    own = replace(shipped(), version=2, consent="Another consent text")
    at.get("file_uploader")[0].upload("own.toml", dump_questions(own).encode(), "application/toml")
    press(run(at), "Add these questions")
    at.selectbox(key=f"asked_set_{asked}_{shipped().name}").set_value(own.name)
    press(run(at), "Ask this")
    assert "Another consent text" in text_of(at) and not at.number_input
    press(at, "I agree, begin")
    press(at, "Submit")
    assert store.responses(asked, ME)[0].asked == own.name


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe", "no text in UTF-8"),
        (b"key = [", "TOML"),
        (dump_questions(replace(shipped(), title="Ours")).encode(), "is the set that ships"),
    ],
)
def test_a_question_set_that_cannot_be_used_is_told(asked, store, content, says):
    at = visit(asked)
    at.get("file_uploader")[0].upload("own.toml", content, "application/toml")
    press(run(at), "Add these questions")
    assert says in at.error[0].value and store.question_sets() == []


def test_the_demo_is_asked_of_its_own_networks_and_never_blinded(store):
    target = open_demo(store)
    at = visit(target)
    assert "synthetic data the evidence is never covered" in text_of(at)
    press(at, "I agree, begin")
    assert len(draft(store, target)["sources"]) >= 2 and not at.exception


def test_every_item_but_those_about_the_person_can_be_left_unjudged(asked, store):
    at = begun(store, asked)
    at.toggle[0].set_value(True).run()
    for question in shipped().questions.values():
        for source in shipped().asked_of(question, SOURCES):
            parts = list(filter(None, (question.key, source if question.kind != "order" else ONCE)))
            if question.form == "about":
                continue
            if question.kind in ("order", "points", "text"):
                at.checkbox(key=key(store, asked, *parts, "unsure")).check()
            else:
                several = question.kind == "choices"
                at.button_group(key=key(store, asked, *parts)).set_value([CANNOT_JUDGE] if several else CANNOT_JUDGE)
    press(run(at), "Submit")
    assert {value for value, *_ in given(store, asked).values()} == {CANNOT_JUDGE}
