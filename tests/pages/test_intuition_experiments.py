"""The Intuition page, view *Try it out*: three people guess on the demo, and see what was measured."""

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import open_demo
from pages import _state
from tests.pages.conftest import SHELL

STAINS, TEXTURES, OBJECTS = "Synthetic stain names", "Synthetic textures", "Synthetic objects"


def open_view(target: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=60)
    at.query_params["target"] = target
    at.run()
    at.session_state["intuition_view"] = "Try it out"
    at.switch_page("intuition.py").run()
    assert not at.exception
    return at


def choose(at: AppTest, label: str, option: str) -> None:
    next(one for one in at.segmented_control if one.label == label).set_value(option).run()


def press(at: AppTest, label: str) -> None:
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception


def guess(at: AppTest, best: str, second: str, then: str) -> None:
    choose(at, "Best", best)
    choose(at, "Second", second)
    press(at, then)


def text_of(at: AppTest) -> str:
    return "\n".join(one.value for one in [*at.markdown, *at.caption]).replace("\\", "")


@pytest.fixture
def demo(store) -> None:
    open_demo(store)


def test_three_guess_unseen_and_then_see_where_the_rule_failed(demo):
    at = open_view("demo-tissue")
    guess(at, STAINS, TEXTURES, "Done, next person")
    assert "Person 2 of 3" in text_of(at) and f"Your order: {STAINS}" not in text_of(at)
    guess(at, TEXTURES, STAINS, "Done, next person")
    guess(at, TEXTURES, OBJECTS, "Show what was measured")
    text = text_of(at)
    assert f"{STAINS} looks more like the target than {TEXTURES} and scores lower" in text
    assert "**failed**" in text and "Person 1 had 1 of 2 right" in text and "Person 3 had 2 of 2 right" in text
    table = at.dataframe[0].value.set_index("Source")
    assert list(table["Person 1"][[STAINS, TEXTURES, OBJECTS]]) == [1, 2, 3]
    press(at, "Play again")
    assert "Person 1 of 3" in text_of(at)


def test_who_is_alone_may_look_after_one_guess(demo):
    at = open_view("demo-tissue")
    assert not any(one.label.startswith("Nobody else") for one in at.button)
    guess(at, STAINS, TEXTURES, "Done, next person")
    press(at, "Nobody else is here: show")
    assert "Person 1 had 1 of 2 right" in text_of(at)


def test_what_was_measured_of_ones_own_target_stays_covered(demo, monkeypatch):
    monkeypatch.setattr(_state, "covered", lambda current: True)
    at = open_view("demo-tissue")
    guess(at, STAINS, TEXTURES, "Done, next person")
    press(at, "Nobody else is here: show")
    assert "stays covered" in text_of(at) and not at.dataframe


def test_without_scores_it_says_what_is_needed(store, project, tmp_path):
    from core.target import TargetTask

    task = TargetTask(name="ultrasound", images=tmp_path, format="folder", label_type="binary")
    at = open_view(store.save_target(project, task))
    assert "0 of this target have one" in at.info[0].value
