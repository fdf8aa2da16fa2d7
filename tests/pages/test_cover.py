"""What stays covered, for whom, and how it is opened."""

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import open_demo
from core.store import Inquiry, Store
from core.survey.instrument import Answer, shipped
from core.survey.responses import Response, new_code, person_of
from core.target import TargetTask
from tests.pages.conftest import SHELL

COVERED = "stays covered until you have written down"


@pytest.fixture(autouse=True)
def look_freely():
    """Here everything is covered as it is for users."""


@pytest.fixture
def target(store: Store, project: str, tmp_path) -> str:
    return store.save_target(project, TargetTask("ultrasound", tmp_path, "folder", label_type="binary"))


def visit(target: str, page: str, code: str, view: dict | None = None) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=60)
    at.query_params["target"] = target
    at.session_state["person_code"] = code
    at.run()
    for key, value in (view or {}).items():
        at.session_state[key] = value
    at.switch_page(page).run()
    assert not at.exception
    return at


def text_of(at: AppTest) -> str:
    return "\n".join(one.value for one in [*at.markdown, *at.info, *at.caption])


PAGES = [("similarity.py", {}), ("scoring.py", {"scoring_view": "Ranking"}), ("evidence.py", {})]


@pytest.mark.parametrize(("page", "view"), PAGES)
def test_it_is_covered_until_this_person_looks_and_for_others_still(target, store, page, view):
    one, other = new_code(), new_code()
    at = visit(target, page, one, view)
    assert COVERED in text_of(at)
    next(button for button in at.button if button.label == "Skip and look").click().run()
    assert COVERED not in text_of(at) and store.has_skipped(target, person_of(one))
    assert COVERED not in text_of(visit(target, page, one.lower().replace("-", " "), view))
    assert COVERED in text_of(visit(target, page, other, view))


@pytest.mark.parametrize(("page", "view"), PAGES)
def test_an_answer_opens_it_and_withdrawing_covers_it_again(target, store, project, page, view):
    code = new_code()
    given = (Answer("confidence", "", "3"),)
    answered = Response("", "short", shipped().name, ("ecoset", "imagenet_1k"), True, 0, None, given)
    store.submit(target, person_of(code), answered)
    assert COVERED not in text_of(visit(target, page, code, view))
    store.withdraw(project, person_of(code))
    assert COVERED in text_of(visit(target, page, code, view))


@pytest.mark.parametrize(("page", "view"), PAGES)
def test_it_can_be_opened_for_everybody(target, store, page, view):
    store.save_inquiry(target, Inquiry(("ecoset", "imagenet_1k"), shipped().name))
    assert COVERED in text_of(visit(target, page, new_code(), view))
    store.save_inquiry(target, Inquiry(("ecoset", "imagenet_1k"), shipped().name, opened=True))
    assert COVERED not in text_of(visit(target, page, new_code(), view))


@pytest.mark.parametrize(("page", "view"), PAGES)
def test_the_demo_is_never_covered(store, page, view):
    assert COVERED not in text_of(visit(open_demo(store), page, new_code(), view))


def test_runs_can_be_started_and_heuristics_read_while_covered(target):
    assert COVERED not in text_of(visit(target, "scoring.py", new_code(), {"scoring_view": "Run"}))
    assert not visit(target, "heuristics.py", new_code()).exception
