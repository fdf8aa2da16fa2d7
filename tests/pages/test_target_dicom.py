"""The Target page on a DICOM folder with a label CSV: described, shown, and nothing of a header on it."""

import numpy as np

from core.settings import home
from core.target import dump_target
from pages import _state
from tests.dicoms import SECRETS, write_dicom, write_study
from tests.pages.test_target import describe, open_page, press, shown, widget


def everything_kept() -> bytes:
    return b"".join(path.read_bytes() for path in home().rglob("*") if path.is_file())


def test_a_dicom_folder_is_described_shown_and_saved_without_its_patients(project, tmp_path):
    csv = write_study(tmp_path / "study")
    at = describe(open_page(project), "chest", "binary", "manifest", csv)
    at = press(at, "Save target")
    (task,) = _state.store().targets(project).values()
    assert (task.images, task.group_column) == (csv, "")
    numbers = {metric.label: metric.value for metric in at.metric}
    assert (numbers["Images read"], numbers["Patients or groups"]) == ("33", "12")
    assert "salted hashes" in shown(at) and "3 multi-frame files" in shown(at)
    tables = " ".join(frame.value.to_csv() for frame in at.dataframe)
    assert "clip.dcm#frame2" in tables

    at = press(at, "Lock a test part")
    (task,) = _state.store().targets(project).values()
    patients = [{id_.split("/")[0] for id_ in ids} for ids in (task.test_part, _ids(task) - set(task.test_part))]
    assert task.test_part and not patients[0] & patients[1]

    index = _state.store().image_index(str(csv))
    told = f"{shown(at)} {tables} {dump_target(task)} {index}"
    assert not [secret for secret in SECRETS if secret in told]
    assert not [secret for secret in SECRETS if secret.encode() in everything_kept()]


def _ids(task) -> set[str]:
    return set(_state.store().image_index(str(task.images)))


def test_a_volume_among_the_files_is_listed_with_the_reason(project, tmp_path):
    csv = write_study(tmp_path / "study")
    write_dicom(tmp_path / "study" / "ct.dcm", np.zeros((9, 8, 8), np.int16), Modality="CT")
    csv.write_text(csv.read_text() + "\nct.dcm,1")
    at = describe(open_page(project), "chest", "binary", "manifest", csv)
    at = press(at, "Check the images")
    assert "1 of 34 images cannot be read" in shown(at) and "only 2-D images are read" in shown(at)
    assert widget(at, "button", "Save target")


def test_a_dicom_file_that_was_replaced_is_read_again(project, tmp_path):
    csv = write_study(tmp_path / "study")
    press(describe(open_page(project), "chest", "binary", "manifest", csv), "Save target")
    shape = (10, 8, 8)
    write_dicom(tmp_path / "study" / "01" / "IM0001", np.random.default_rng(9).integers(0, 99, shape, np.uint16), "new")
    numbers = {metric.label: metric.value for metric in open_page(project).metric}
    assert (numbers["Images read"], numbers["Patients or groups"]) == ("35", "13")
