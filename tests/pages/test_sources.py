"""The Sources page: registering, correcting, checking again, editing, removing, import and export of checkpoints."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants
from streamlit.testing.v1 import AppTest

from core.catalog import Checkpoint, dump_checkpoints, file_stamp
from core.known_files import BY
from core.target import TargetTask
from pages import _sources_admit, _sources_import, _sources_tags
from tests.pages.conftest import SHELL

NO_MATCH = (
    "net: the weights do not match the architecture. Missing in the file (2): conv1.weight, bn1.bias; "
    "not in the network (1): stem.weight."
)
ABSENT = {
    "resnet50.a1_in1k": {"message": "timm/resnet50.a1_in1k is not in the cache.", "remedy": "Unset HF_HUB_OFFLINE."},
    "vit_small_patch16_dinov3.lvd1689m": {"message": "It is gated.", "remedy": "Accept its terms, set HF_TOKEN."},
}


def report_of(checkpoint: Checkpoint) -> dict:
    """A stand-in for torch's side: everything passes but the architecture `wrong`."""
    if checkpoint.architecture == "wrong":
        return {"ok": False, "error": {"message": NO_MATCH, "remedy": "Check the architecture's name."}}
    if checkpoint.architecture in ABSENT:
        return {"ok": False, "error": ABSENT[checkpoint.architecture], "not_downloaded": True}
    file = checkpoint.weights if checkpoint.kind == "file" else None
    return {
        "ok": True, "error": None, "identity": "sha256:0", "parameters": 3_504_872, "feature_dim": 1280,
        "head": "1001 outputs", "layers": ["stem", "conv"], "images_per_second": 24.3, "memory_mb": 308,
        "weights_file": file, "problems": [], "stamp": file_stamp(file),
    }  # fmt: skip


@pytest.fixture(autouse=True)
def no_torch(monkeypatch):
    for module in (_sources_admit, _sources_import, _sources_tags):
        monkeypatch.setattr(module, "check", lambda checkpoints: [report_of(c) for c in checkpoints])
    monkeypatch.setattr("core.availability.identity", lambda *_: "sha256:0")


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def weights(tmp_path) -> Path:
    (tmp_path / "w.pth").write_bytes(b"weights")
    return tmp_path / "w.pth"


@pytest.fixture
def registered(store, project, weights) -> Checkpoint:
    checkpoint = Checkpoint(
        "MobileNetV2 **x**", "mobilenetv2_100", "timm", str(weights), {"pad_type": "same"},
        source="ImageNet", licence="CC-BY-NC-4.0",
    )  # fmt: skip
    store.save_checkpoint(project, checkpoint, report_of(checkpoint), id="first")
    return checkpoint


@pytest.fixture
def page():
    def open_page() -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=30)
        app.run()
        app.session_state["sources_view"] = "Checkpoints"
        app.switch_page("sources.py").run()
        assert not app.exception
        return app

    return open_page


def named(elements, label: str):
    return next(element for element in elements if element.label == label)


def text_of(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.error, *app.info, *app.warning, *app.toast, *app.subheader, *app.code]
    return "\n".join(str(part.value) for part in parts)


def describe(app: AppTest, **fields: str) -> AppTest:
    labels = {"name": "Name", "weights": "Weights file", "architecture": "Architecture"}
    for field, value in fields.items():
        named(app.text_input, labels[field]).set_value(value)
    return app.run()


def confirm(app: AppTest, opened_by: str, label: str) -> None:
    """Press a button of an open dialog; AppTest knows no fragment runs, so what opened it is pressed along."""
    named(app.button, opened_by).click()
    named(app.button, label).click().run()
    assert not app.exception


def register(app: AppTest) -> AppTest:
    named(app.button, "Register").click()
    app.run()
    assert not app.exception
    return app


def test_without_a_project_the_page_says_where_to_begin(page):
    assert "There is no project yet" in text_of(page())


def test_a_file_that_passes_is_saved_and_the_form_is_empty_again(page, store, project, weights):
    app = describe(page(), name="Net", weights=str(weights), architecture="mobilenetv2_100")
    named(app.text_area, "Keyword arguments").set_value("pad_type = same")
    register(app)
    [candidate] = store.candidates(project)
    assert candidate.checkpoint == Checkpoint(
        "Net", "mobilenetv2_100", "timm", str(weights.resolve()), {"pad_type": "same"}
    )
    assert candidate.report["ok"]
    assert named(app.text_input, "Name").value == ""
    assert "Checked" in text_of(app) and "source head with 1001 outputs" in text_of(app)


def test_a_failed_check_lists_the_reasons_and_keeps_what_was_typed(page, store, project, weights):
    app = register(describe(page(), name="Net", weights=str(weights), architecture="wrong"))
    assert store.candidates(project) == []
    [error] = app.error
    assert "- Missing in the file (2): conv1.weight, bn1.bias" in error.value
    assert "- Not in the network (1): stem.weight" in error.value and "What to do" in error.value
    assert named(app.text_input, "Weights file").value == str(weights)
    register(describe(app, architecture="mobilenetv2_100"))
    assert [c.checkpoint.name for c in store.candidates(project)] == ["Net"] and not app.error


def test_what_was_typed_survives_a_look_at_another_kind_and_at_another_page(page, project):
    app = describe(page(), name="Net", weights="/x/w.pth")
    named(app.button_group, "Kind").set_value("random").run()
    assert not [t for t in app.text_input if t.label == "Weights file"]
    named(app.button_group, "Kind").set_value("file").run()
    assert named(app.text_input, "Weights file").value == "/x/w.pth"
    app.switch_page("overview.py").run()
    app.switch_page("sources.py").run()
    assert named(app.text_input, "Weights file").value == "/x/w.pth"


BAD = {
    "nothing at all": ({}, "has no name"),
    "no file": ({"name": "a", "architecture": "resnet18"}, "No weights file"),
    "a missing file": ({"name": "a", "architecture": "resnet18", "weights": "{folder}/absent.pth"}, "is not there"),
    "a folder": ({"name": "a", "architecture": "resnet18", "weights": "{folder}"}, "is a folder"),
    "a file elsewhere": ({"name": "a", "architecture": "resnet18", "weights": "/etc/passwd"}, "outside the folders"),
    "a null character": ({"name": "a", "architecture": "resnet18", "weights": "a\0b"}, "no usable path"),
    "an architecture on the hub": ({"name": "a", "architecture": "hf-hub:x", "weights": "w"}, "somewhere else"),
}


@pytest.mark.parametrize("fields, words", BAD.values(), ids=BAD)
def test_a_bad_description_is_refused_with_words_and_a_remedy(fields, words, page, store, project, tmp_path):
    filled = {field: value.replace("{folder}", str(tmp_path)) for field, value in fields.items()}
    app = register(describe(page(), **filled))
    [error] = app.error
    assert words in error.value and "What to do" in error.value
    assert store.candidates(project) == []


def test_a_name_is_given_once(page, store, project, registered, weights):
    app = register(describe(page(), name=registered.name, weights=str(weights), architecture="resnet18"))
    assert "already" in app.error[0].value and len(store.candidates(project)) == 1


def test_a_control_takes_network_and_preprocessing_from_another_candidate(page, store, project, registered):
    app = page()
    named(app.button_group, "Kind").set_value("random").run()
    named(app.selectbox, "Network and preprocessing as in").set_value("first").run()
    register(describe(app, name="Control"))
    control = store.candidates(project)[1].checkpoint
    assert (control.weights, control.seed, control.source) == ("random", 0, "")
    assert (control.architecture, control.kwargs) == (registered.architecture, registered.kwargs)
    assert "a control without pretraining" in text_of(app)


def test_the_help_for_a_known_file_says_what_is_confirmed_and_what_is_not(page, store, project, weights):
    app = page()
    named(app.selectbox, "A known file").set_value(("rad_dino", 0)).run()
    groups = [caption.value.splitlines()[0] for caption in app.caption if caption.value.startswith("**")]
    assert groups == [f"**{BY['authors']}**", f"**{BY['others']}**"]
    assert "Sources read on 21 November 2026" in text_of(app)
    register(describe(app, weights=str(weights)))
    saved = store.candidates(project)[0].checkpoint
    assert saved.ignore == ("mask_token",) and saved.preprocessing.mean == (0.5307,) * 3 and not saved.verified


def test_an_unchecked_candidate_can_be_checked(page, store, project, registered):
    store.save_checkpoint(project, registered, {}, "first")
    app = page()
    assert "Not checked yet" in text_of(app)
    named(app.button, "Check").click().run()
    assert store.candidates(project)[0].report["ok"] and "Not checked yet" not in text_of(app)


def test_all_that_are_open_are_checked_at_once_and_failures_are_kept(page, store, project, weights):
    store.save_checkpoint(project, Checkpoint("good", "net", "timm", str(weights)))
    store.save_checkpoint(project, Checkpoint("bad", "wrong", "timm", str(weights)))
    app = page()
    named(app.button, "Check all 2").click().run()
    assert [c.report["ok"] for c in store.candidates(project)] == [True, False]
    assert "Cannot be used" in text_of(app) and "Missing in the file" in app.error[0].value
    assert "1 of 2 can be used" in app.warning[0].value


def test_a_file_that_changed_or_went_away_is_marked(page, registered, weights, monkeypatch):
    monkeypatch.setattr("core.availability.identity", lambda *_: "sha256:1")
    weights.write_bytes(b"others")
    assert "Changed since its check" in text_of(page())
    weights.unlink()
    assert "File is gone" in text_of(page())


def test_an_edit_is_checked_and_replaces_the_candidate(page, store, project, registered):
    app = page()
    named(app.button, "Edit").click().run()
    key = "sources_edit_first_name"
    assert app.text_input(key=key).value == registered.name
    app.text_input(key=key).set_value("Renamed")
    app.text_input(key="sources_edit_first_architecture").set_value("wrong")
    confirm(app, "Edit", "Save")
    assert "Missing in the file" in app.error[0].value
    assert store.candidates(project)[0].checkpoint == registered
    app.text_input(key="sources_edit_first_architecture").set_value("resnet18")
    confirm(app, "Edit", "Save")
    [candidate] = store.candidates(project)
    assert (candidate.id, candidate.checkpoint.name) == ("first", "Renamed")
    assert candidate.checkpoint.kwargs == registered.kwargs


def test_removing_asks_first(page, store, project, registered):
    app = page()
    named(app.button, "Remove").click().run()
    assert len(store.candidates(project)) == 1
    confirm(app, "Remove", "Remove it")
    assert store.candidates(project) == [] and "None yet" in text_of(app)


def test_names_are_shown_as_typed_and_the_licence_raises_a_question(page, store, project, registered):
    assert "excludes commercial use" not in text_of(page())
    store.save_target(project, TargetTask("t", Path("/x"), "folder", "binary", commercial_use=True))
    app = page()
    assert "excludes commercial use" in text_of(app)
    assert r"MobileNetV2 \*\*x\*\*" in text_of(app)


def test_details_show_the_preprocessing_the_hash_and_the_code(page, registered):
    app = page()
    app.session_state["sources_details_first"] = True
    app.run()
    shown = text_of(app)
    assert "The whole image is resized to 224 x 224 pixels" in shown and "`sha256:0`" in shown
    assert "`stem` and `conv`" in shown and "timm.create_model('mobilenetv2_100'" in shown


def open_tags(page) -> AppTest:
    app = page()
    named(app.button_group, "Kind").set_value("timm").run()
    assert not app.exception
    return app


def pick(app: AppTest, label: str, *tags: str) -> AppTest:
    named(app.button_group, label).set_value(list(tags)).run()
    assert not app.exception
    return app


def test_timm_tags_are_picked_by_pretraining_and_registered_together(page, store, project):
    app = pick(open_tags(page), "ImageNet-1K, supervised", "vit_small_patch16_224.augreg_in1k")
    pick(app, "CLIP on LAION", "vit_base_patch16_clip_224.laion2b")
    assert "About 433 MB" in text_of(app)
    named(app.button, "Register 2 tags").click().run()
    first, second = (candidate.checkpoint for candidate in store.candidates(project))
    assert (first.name, first.kind) == ("vit_small_patch16_224.augreg_in1k", "timm")
    assert (first.source, first.licence) == ("ImageNet-1K (supervised)", "apache-2.0")
    assert (second.source, second.preprocessing.mean) == ("LAION-2B (image-text)", (0.48145466, 0.4578275, 0.40821073))
    assert all(candidate.report["ok"] for candidate in store.candidates(project))
    assert named(app.button, "Register").disabled


def test_tags_that_are_not_downloaded_are_registered_and_say_what_to_do(page, store, project):
    app = pick(open_tags(page), "ImageNet-1K, supervised", "resnet50.a1_in1k")
    pick(app, "Self-supervised: DINO on ImageNet-1K, DINOv2, DINOv3", "vit_small_patch16_dinov3.lvd1689m")
    named(app.button, "Register 2 tags").click().run()
    assert len(store.candidates(project)) == 2 and not app.error
    shown = text_of(app)
    assert "Not downloaded yet" in shown
    assert "Unset HF_HUB_OFFLINE" in shown and "set HF_TOKEN" in shown
    assert "2 not downloaded yet" in app.warning[0].value


def test_a_tag_is_registered_once(page, store, project):
    app = pick(open_tags(page), "ImageNet-1K, supervised", "resnet50.a1_in1k")
    named(app.button, "Register 1 tag").click().run()
    pick(app, "ImageNet-1K, supervised", "resnet50.a1_in1k")
    named(app.button, "Register 1 tag").click().run()
    assert "already" in app.error[0].value and len(store.candidates(project)) == 1


def test_all_tags_are_searched_by_data_size_and_words(page, project):
    app = open_tags(page)
    assert len(app.dataframe[0].value) == 1826 and "1,826 tags" in text_of(app)
    named(app.multiselect, "Pretraining data").set_value(["LVD-142M"]).run()
    assert len(app.dataframe[0].value) == 8
    named(app.selectbox, "Network size").set_value("small").run()
    named(app.text_input, "Search tags").set_value("reg4").run()
    assert list(app.dataframe[0].value["tag"]) == ["vit_small_patch14_reg4_dinov2.lvd142m"]
    named(app.text_input, "Search tags").set_value("no such words").run()
    assert not app.dataframe and "No tag fits" in text_of(app)


def test_chosen_tags_stay_while_searching_on_and_can_be_removed(page, project):
    app = pick(open_tags(page), "CLIP on LAION", "vit_base_patch16_clip_224.laion2b", "convnext_base.clip_laion2b")
    named(app.text_input, "Search tags").set_value("no such words").run()
    pick(app, "Self-supervised: DINO on ImageNet-1K, DINOv2, DINOv3", "vit_small_patch16_dinov3.lvd1689m")
    assert "Chosen: 3 tags" in text_of(app) and "perhaps terms to accept, judging by its licence" in text_of(app)
    app.button(key="sources_tags_drop_vit_base_patch16_clip_224.laion2b").click().run()
    assert "Chosen: 2 tags" in text_of(app)
    assert named(app.button_group, "CLIP on LAION").value == ["convnext_base.clip_laion2b"]
    named(app.button, "Remove all").click().run()
    assert "Nothing chosen yet" in text_of(app) and named(app.button_group, "CLIP on LAION").value == []


def test_a_tag_that_cannot_be_registered_says_so_where_it_is_chosen(page, project):
    app = open_tags(page)
    app.session_state["sources_tags_chosen"] = ["gcvit_base.in1k"]
    app.run()
    assert "cannot be registered" in text_of(app)
    named(app.button, "Register 1 tag").click().run()
    assert "cannot be registered" in app.error[0].value


def test_an_edited_tag_takes_its_preprocessing_from_the_table(page, store, project):
    store.save_checkpoint(project, Checkpoint("T", "resnet18.a1_in1k", "timm", "timm"), {}, id="first")
    app = page()
    named(app.button, "Edit").click().run()
    app.text_input(key="sources_edit_first_architecture").set_value("vit_small_patch14_dinov2.lvd142m")
    named(app.toggle, "As timm records it for this tag").set_value(True)
    confirm(app, "Edit", "Save")
    assert store.candidates(project)[0].checkpoint.preprocessing.input_size == (518, 518)


def import_from(app: AppTest, path: str) -> AppTest:
    named(app.text_input, "Path of a CHECKPOINTS.toml").set_value(path)
    named(app.button, "Import").click().run()
    assert not app.exception
    return app


def test_a_list_is_imported_but_for_those_that_fail(page, store, project, registered, tmp_path):
    rows = [
        Checkpoint("good", "resnet18", "timm", "random"),
        Checkpoint("bad", "wrong", "timm", "random"),
        Checkpoint("absent", "resnet18", "timm", str(tmp_path / "absent.pth")),
        Checkpoint(registered.name, "resnet18", "timm", "random"),
    ]
    (tmp_path / "c.toml").write_text(dump_checkpoints(rows))
    app = import_from(page(), str(tmp_path / "c.toml"))
    assert [c.checkpoint.name for c in store.candidates(project)] == [registered.name, "good"]
    reasons = [error.value for error in app.error]
    assert len(reasons) == 3
    for words in ("do not match", "is not there", "already"):
        assert any(words in reason for reason in reasons)


@pytest.mark.parametrize(
    "path, words",
    [("", "Nothing was chosen"), ("/etc/passwd", "outside the folders"), ("{folder}/absent.toml", "cannot be read")],
)
def test_a_list_that_cannot_be_read_is_refused_with_words(path, words, page, project, tmp_path):
    app = import_from(page(), path.replace("{folder}", str(tmp_path)))
    assert words in app.error[0].value


def test_an_uploaded_list_needs_absolute_paths(page, store, project, weights):
    app = page()
    text = dump_checkpoints([Checkpoint("a", "resnet18", "timm", str(weights))])
    relative = text.replace(str(weights), "../w.pth")
    app.file_uploader[0].upload("c.toml", relative.encode(), "application/toml").run()
    named(app.button, "Import").click().run()
    assert "relative paths" in app.error[0].value and store.candidates(project) == []
    app.file_uploader[0].upload("c.toml", text.encode(), "application/toml").run()
    named(app.button, "Import").click().run()
    assert not app.error and store.candidates(project)[0].checkpoint.weights == str(weights)


def test_without_torch_checkpoints_are_registered_unchecked(page, store, project, weights, monkeypatch):
    places = ("_sources_checkpoints", "_sources_admit", "_sources_list", "_sources_import")
    for name in ("core.checking", *(f"pages.{place}" for place in places)):
        monkeypatch.setattr(f"{name}.torch_installed", lambda: False)
    app = register(describe(page(), name="Net", weights=str(weights), architecture="resnet18"))
    assert store.candidates(project)[0].report == {}
    assert "not installed here" in text_of(app) and "Not checked yet" in text_of(app)


def test_the_page_needs_no_torch():
    code = (
        "import sys, json, pages._sources_list, pages._sources_form, pages._sources_import;"
        "print(json.dumps([m for m in ('torch', 'timm', 'torchvision', 'sklearn') if m in sys.modules]))"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []
