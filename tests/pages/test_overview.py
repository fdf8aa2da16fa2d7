"""The overview: where we are, the two ways in, and links that name what is not there."""

import tomllib

import pytest
from streamlit.testing.v1 import AppTest

from core.demo import PROJECT_ID, TARGETS
from core.errors import StoreError
from core.settings import RESEARCH_USE
from core.starter import NAME as STARTER
from core.starter import create_starter, starter_checkpoints, starter_set
from core.target import TargetTask
from pages import _overview_starter, _state
from pages._registry import STEPS
from tests.hub_server import use_hub
from tests.images.medmnist_server import Mirror, small_npz, write_catalogue
from tests.pages.conftest import SHELL


def open_app(**link: str) -> AppTest:
    at = AppTest.from_file(SHELL, default_timeout=60)
    for name, value in link.items():
        at.query_params[name] = value
    return run(at)


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return run(at)


def text_of(at: AppTest) -> str:
    return "\n".join(str(element.value) for element in [*at.title, *at.subheader, *at.markdown, *at.caption])


def states(at: AppTest) -> list[str]:
    """The badges of the steps, in order."""
    words = ("Done", "Next", "To do", "To read, any time", "Not in this version")
    return [word for mark in at.markdown for word in words if f"{word}]" in mark.value]


def test_without_a_project_the_first_step_is_next():
    at = open_app()
    assert [button.label for button in at.button] == ["Open the demo project", "New project", STARTER]
    walk = ["Next", *["To do"] * 4, *["To read, any time"] * 2]
    assert states(at) == [*walk, *["Not in this version"] * 2]
    assert RESEARCH_USE in text_of(at)
    assert "No project yet" in text_of(at)


def test_every_step_says_its_question():
    captions = {caption.value for caption in open_app().caption}
    assert {step.question for step in STEPS} <= captions


def test_the_demo_opens_on_the_ranking_of_its_shipped_results():
    at = press(open_app(), "Open the demo project")
    assert at.query_params["project"] == PROJECT_ID
    assert "comes first" in text_of(at)
    assert len(at.dataframe[0].value) == 5
    assert next(s for s in at.selectbox if s.label == "Run").options[0].startswith("Shipped with the demo")


def test_opening_the_demo_twice_adds_nothing():
    for _ in range(2):
        press(open_app(), "Open the demo project")
    store = _state.store()
    assert len(store.projects()) == 1
    assert len(store.candidates(PROJECT_ID)) == 5
    assert set(store.targets(PROJECT_ID)) == {f"demo-{name}" for name in TARGETS}
    assert all(len(store.runs(f"demo-{name}")) == 1 for name in TARGETS)


def test_the_demo_is_labelled_synthetic_and_nothing_waits_for_similarity():
    press(open_app(), "Open the demo project")
    at = open_app(project=PROJECT_ID)
    assert any("Synthetic data" in mark.value for mark in at.sidebar.markdown)
    assert states(at)[:5] == ["Done", "Done", "To do", "To do", "Done"]


def test_a_new_project_is_made_and_the_target_page_opens():
    at = press(open_app(), "New project")
    at.text_input[0].input("Lung *study*")
    next(button for button in at.button if button.label == "New project").click()  # AppTest knows no fragment runs
    run(at)
    for label in ("New project", "Create"):
        next(button for button in at.button if button.label == label).click()
    run(at)
    (project,) = _state.store().projects()
    assert (project.name, project.synthetic) == ("Lung *study*", False)
    assert at.query_params["project"] == project.id
    assert at.title[0].value == "What exactly is the task, and is the data fit for it?"


def test_the_walk_is_that_of_the_target_in_view(tmp_path):
    project = _state.store().add_project("Study")
    task = TargetTask(name="Lungs *new*", images=tmp_path, format="folder", label_type="binary")
    target = _state.store().save_target(project, task)
    at = open_app(project=project, target=target)
    assert [heading.value for heading in at.subheader] == [r"The walk for Lungs \*new\*"]
    assert states(at)[:2] == ["Done", "Next"]


def test_a_link_to_an_unknown_target_says_so_and_shows_what_there_is(tmp_path):
    project = _state.store().add_project("Study")
    task = TargetTask(name="Lungs", images=tmp_path, format="folder", label_type="binary")
    target = _state.store().save_target(project, task)
    at = open_app(target="gone`**x**")
    assert "`gone'**x**`" in at.warning[0].value
    assert at.query_params["target"] == target


def test_two_targets_of_one_name_can_be_told_apart(tmp_path):
    project = _state.store().add_project("Study")
    task = TargetTask(name="Lungs", images=tmp_path, format="folder", label_type="binary")
    first, second = (_state.store().save_target(project, task) for _ in range(2))
    at = open_app(target=first)
    choice = next(found for found in at.selectbox if found.label == "Target task")
    assert choice.options == ["Lungs", "Lungs (2)"]
    choice.select(second)
    assert run(at).query_params["target"] == second


def test_a_link_to_an_unknown_project_opens_one_that_there_is():
    project = _state.store().add_project("Study")
    assert open_app(project="gone").query_params["project"] == project


def test_a_database_that_cannot_be_opened_is_told_and_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCESCOUT_HOME", str(tmp_path))
    file = tmp_path / "sourcescout.duckdb"
    file.write_bytes(b"not a database" * 100)
    at = open_app()
    assert "cannot open its database" in at.title[0].value
    assert "What to do" in at.error[0].value
    assert file.read_bytes() == b"not a database" * 100


def test_an_unforeseen_fault_is_told_in_our_words_and_without_its_details():
    def page():
        from app import tell_of_fault

        assert tell_of_fault(KeyError("secret")) is True  # Streamlit then shows nothing of its own

    at = AppTest.from_function(page).run()
    assert not at.exception
    assert "What to do" in at.error[0].value and "secret" not in at.error[0].value
    settings = tomllib.loads((SHELL.parents[1] / ".streamlit" / "config.toml").read_text())
    assert settings["client"]["showErrorDetails"] == "none"


# The starter -------------------------------------------------------------------------------------------------------


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    content = small_npz(starter_set())
    served = Mirror(content)
    catalogue = write_catalogue(tmp_path / "medmnist.toml", {("pneumoniamnist", 28): content})
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_CATALOGUE", str(catalogue))
    monkeypatch.setenv("SOURCESCOUT_MEDMNIST_MIRROR", served.url)
    yield served
    served.close()


def start_real_project() -> AppTest:
    at = press(open_app(), STARTER)
    for label in (STARTER, "Fetch and create"):  # AppTest knows no fragment runs
        next(button for button in at.button if button.label == label).click()
    return run(at)


def pretend_checks(monkeypatch, *oks: bool) -> None:
    """Reports as torch's side would give them, without its minutes of downloading."""
    bad = {"ok": False, "error": {"message": "It is damaged.", "remedy": "Fetch it again."}}
    monkeypatch.setattr(_overview_starter, "check", lambda checkpoints: [{"ok": True} if ok else bad for ok in oks])


def test_the_starter_makes_a_real_project_of_what_it_fetched(mirror, hub, monkeypatch):
    pretend_checks(monkeypatch, True, True, True)
    at = start_real_project()
    (project,) = _state.store().projects()
    ((target, task),) = _state.store().targets(project.id).items()
    assert (project.name, project.synthetic) == (STARTER, False)
    assert (task.name, task.label_type, task.class_meanings) == (
        "PneumoniaMNIST", "binary", {"0": "normal", "1": "pneumonia"},
    )  # fmt: skip
    assert task.images.read_bytes() == mirror.content
    assert [candidate.checkpoint for candidate in _state.store().candidates(project.id)] == starter_checkpoints()
    assert at.query_params["target"] == target
    assert at.title[0].value == "What exactly is the task, and is the data fit for it?"


STARTER_FAILS = {
    "no mirror": "cannot be reached", "a wrong file": "not the published", "no hub": "does not answer (Connection",
    "weights that do not load": "cannot be used here",
}  # fmt: skip


@pytest.mark.parametrize("trouble", STARTER_FAILS)
def test_a_starter_that_cannot_be_fetched_says_why_and_leaves_no_project(mirror, hub, monkeypatch, tmp_path, trouble):
    pretend_checks(monkeypatch, False, True, True)
    if trouble == "no mirror":
        mirror.close()
    if trouble == "a wrong file":
        mirror.manner = "wrong"
    if trouble == "no hub":
        use_hub(monkeypatch, "http://127.0.0.1:9", tmp_path / "cache")
    at = start_real_project()
    assert STARTER_FAILS[trouble] in at.error[0].value and "What to do" in at.error[0].value
    assert _state.store().projects() == []
    if trouble == "no hub":
        assert "python -m core fetch" in at.error[0].value
        assert mirror.asked == []  # nothing is fetched in vain


def test_a_starter_that_cannot_be_saved_whole_is_not_saved_at_all(monkeypatch):
    store, checkpoints = _state.store(), starter_checkpoints()

    def full(*_):
        raise StoreError("The disk is full.")

    monkeypatch.setattr(store, "save_target", full)
    with pytest.raises(StoreError):
        create_starter(store, starter_set().target(28), checkpoints, [{}] * len(checkpoints))
    assert store.projects() == []


def test_opening_the_overview_asks_no_server(mirror):
    press(open_app(), STARTER)
    assert mirror.asked == []
