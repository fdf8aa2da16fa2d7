"""A candidate that may have seen the target's images is named wherever its scores are shown or asked for."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.catalog import Checkpoint
from core.demo import open_demo
from pages._sources_leakage import guessed_origin

SHELL = Path(__file__).resolve().parents[2] / "pages" / "_shell.py"


def text_of(app) -> str:
    return " ".join(str(element.value) for element in [*app.markdown, *app.warning, *app.caption])


@pytest.fixture
def leaking(store):
    """The demo, as if its images came from ChestMNIST and a candidate were trained on NIH ChestX-ray14."""
    target = open_demo(store)
    project = store.project_of_target(target)
    task = store.targets(project)[target]
    store.save_target(project, replace(task, origin=("chestmnist",)), target)
    store.save_checkpoint(project, Checkpoint("seen", "resnet18", "timm", "/w.pth", source="NIH ChestX-ray14"))
    return store


@pytest.mark.parametrize(("view", "says"), [
    ("Leakage", "May have seen images of the target"),
    ("Checkpoints", "Target images inside"),
    ("Shortlist", "it holds images of the target"),
])  # fmt: skip
def test_views_of_the_sources_page_name_it(leaking, view, says):
    app = AppTest.from_file(str(SHELL), default_timeout=60)
    app.run()
    app.session_state["sources_view"] = view
    app.switch_page("sources.py").run()
    assert not app.exception
    assert says in text_of(app)


def test_a_target_without_an_origin_is_not_called_safe(store):
    open_demo(store)
    app = AppTest.from_file(str(SHELL), default_timeout=60)
    app.run()
    app.session_state["sources_view"] = "Leakage"
    app.switch_page("sources.py").run()
    assert "no warning can be given, which is not the same as none being due" in text_of(app)


def test_the_origin_is_guessed_from_names(tmp_path):
    from core.sources.catalogue import shipped
    from core.target import TargetTask

    def guess(name, path):
        return set(guessed_origin(TargetTask(name, tmp_path / path, "folder", "binary"), shipped()))

    assert guess("breast ultrasound", "targets/busi") == {"busi"}
    assert guess("pneumonia", "data/pneumoniamnist.npz") == {"pneumoniamnist"}
    assert guess("our archive", "archive/2024") == set()
