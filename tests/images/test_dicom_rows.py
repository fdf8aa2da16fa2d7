"""DICOM files in a manifest: frames, patients as salted hashes, and what is kept of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.errors import SourceScoutError, TargetError
from core.images.dicom_rows import chosen_frames, patient_hash, patient_salt
from core.images.index import build_index
from core.images.pixels import Pixels
from core.images.source import pixels_of, sample_source
from core.settings import home
from tests.dicoms import SECRETS, write_dicom, write_study

ROOT = Path(__file__).resolve().parents[2]


def listed(tmp_path, *lines, columns="path,label"):
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([columns, *lines]))
    return path


def one(seed=0, *shape):
    return np.random.default_rng(seed).integers(0, 4096, shape or (8, 8), dtype=np.uint16)


def test_a_dicom_folder_is_listed_with_frames_and_hashed_patients(tmp_path, examine):
    _, listing, index = examine(write_study(tmp_path / "study"), "manifest")
    assert len(listing) == 12 * 2 + 3 * 3 and (index["error"] == "").all()
    assert listing.ids[:5] == (
        "00/a.dcm", "00/IM0001", "00/clip.dcm#frame2", "00/clip.dcm#frame6", "00/clip.dcm#frame9",
    )  # fmt: skip
    assert len(set(listing.groups)) == 12 and len(set(listing.groups[:5])) == 1
    assert index["pixel_hash"].is_unique
    assert "3 multi-frame files" in listing.notes[0] and listing.problems == ()
    assert not [secret for secret in SECRETS if secret in f"{listing} {index.to_csv()}"]


@pytest.mark.parametrize("n, frames", [(1, [0]), (2, [0, 1]), (3, [0, 1, 2]), (30, [5, 15, 25]), (4, [0, 2, 3])])
def test_frames_are_spread_evenly(n, frames):
    assert chosen_frames(n) == frames


def test_a_group_column_and_a_pattern_come_before_the_header_and_never_split_a_clip(tmp_path, read):
    for name, shape in (("p1_a", (8, 8)), ("p1_b", (9, 8, 8)), ("x", (9, 8, 8))):
        write_dicom(tmp_path / name, one(0, *shape))
    csv = listed(tmp_path, "p1_a,0,u", "p1_b,1,", "x,1,v", columns="path,label,patient")
    named = read(csv, "manifest", label_columns=("label",), group_column="patient")[1]
    assert named.groups == ("u", "p1_b", "p1_b", "p1_b", "v", "v", "v")
    assert "given for 1 image" in " ".join(named.problems)
    pattern = read(csv, "manifest", label_columns=("label",), group_pattern=r"^(p\d)_|frame\d+")[1]
    assert pattern.groups == ("p1",) * 4 + ("x",) * 3


def test_a_column_of_the_csv_may_have_any_name(tmp_path, read):
    for name in "ab":
        write_dicom(tmp_path / name, one())
    csv = listed(tmp_path, "a,0,u,1,2", "b,1,v,1,2", columns="path,label,patient,frame,whole")
    assert read(csv, "manifest", group_column="patient")[1].groups == ("u", "v")


@pytest.mark.parametrize(
    "patients, groups, said",
    [
        (("A", "B", "A"), 2, ""),
        (("A", "B", ""), 3, "No patient id is given in 1 DICOM file"),
        (("A", "A", "A"), None, "3 DICOM files carry the same patient id"),
        (("", "", ""), None, "No patient id is given in 3 DICOM files"),
    ],
)
def test_groups_come_from_patient_ids_that_tell_patients_apart(tmp_path, read, patients, groups, said):
    for number, patient in enumerate(patients):
        write_dicom(tmp_path / f"{number}", one(number), patient)
    listing = read(listed(tmp_path, "0,a", "1,b", "2,b"), "manifest")[1]
    assert (None if listing.groups is None else len(set(listing.groups))) == groups
    assert said in " ".join(listing.problems)


def test_a_png_beside_dicom_files_is_read_as_before(tmp_path, examine, save_image):
    save_image(tmp_path / "a.png")
    write_dicom(tmp_path / "b", one(), "B")
    write_dicom(tmp_path / "c", one(1), "C")
    _, listing, index = examine(listed(tmp_path, "a.png,0", "b,1", "c,1"), "manifest")
    assert listing.frames == (-1, 0, 0) and listing.groups[0] == "a.png" and (index["error"] == "").all()


def test_volumes_and_damaged_files_are_one_row_each_that_says_why(tmp_path, examine):
    write_dicom(tmp_path / "ct", one(0, 9, 8, 8), Modality="CT")
    write_dicom(tmp_path / "cut", one()).write_bytes((tmp_path / "cut").read_bytes()[:300])
    write_dicom(tmp_path / "fine", one())
    _, listing, index = examine(listed(tmp_path, "ct,0", "cut,1", "fine,1"), "manifest")
    assert listing.ids == ("ct", "cut", "fine")
    assert "volume" in index["error"][0] and "`cut`" in index["error"][1] and index["error"][2] == ""


def test_a_sample_of_frames_goes_through_json_to_the_worker(tmp_path, examine):
    _, listing, index = examine(write_study(tmp_path / "study"), "manifest")
    rows = [3, 0, 4, 1]
    source = json.loads(json.dumps(sample_source(listing, rows, index["pixel_hash"].iloc[rows])))
    sample, pixels = pixels_of(source), Pixels(listing)
    assert all(np.array_equal(sample[k], pixels[i]) for k, i in enumerate(rows))
    assert not [secret for secret in SECRETS if secret in json.dumps(source)]


def test_a_dicom_is_read_again_when_another_decoder_is_there(tmp_path, read, monkeypatch):
    write_dicom(tmp_path / "a", one())
    write_dicom(tmp_path / "b", one(1))
    _, listing = read(listed(tmp_path, "a,0", "b,1"), "manifest")
    known = {row["id"]: row for row in build_index(listing).to_dict("records")}
    reads = []
    monkeypatch.setattr("core.images.pixels.read_dicom_frame", lambda path, frame: reads.append(path) or one())
    build_index(listing, known)
    assert not reads
    monkeypatch.setattr("core.images.index.dicom_decoders", lambda: "another")
    build_index(listing, known)
    assert len(reads) == 2


def test_the_salt_is_random_kept_private_and_the_same_for_every_reading():
    salt = patient_salt()
    path = home() / "patient_salt"
    assert salt == patient_salt() == path.read_bytes() and len(salt) == 32
    assert os.name == "nt" or path.stat().st_mode & 0o077 == 0
    assert patient_hash("A", salt) != patient_hash("B", salt) != patient_hash("B", b"another")
    path.unlink()
    assert patient_salt() != salt
    path.write_bytes(b"short")
    with pytest.raises(SourceScoutError, match="is damaged"):
        patient_salt()


def test_pydicom_is_loaded_only_when_a_dicom_is_met():
    code = "import core.images.readers, core.images.index, core.scoring.plan, sys; print('pydicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_class_folders_of_dicom_files_are_refused_with_the_way_to_list_them(tmp_path, read):
    for name in "ab":
        write_dicom(tmp_path / "images" / name / "IM0001", one())
    with pytest.raises(TargetError, match="hold DICOM files") as caught:
        read(tmp_path / "images")
    assert "`path` and `label`" in caught.value.remedy


ODD = st.one_of(
    st.none(), st.integers(-(2**15), 2**16), st.floats(), st.text(max_size=12), st.binary(max_size=8),
    st.lists(st.integers(-5, 70000), max_size=4),
)  # fmt: skip
KEYWORDS = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsStored", "BitsAllocated", "HighBit", "PatientID",
    "PixelRepresentation", "PhotometricInterpretation", "WindowCenter", "WindowWidth", "RescaleSlope", "Modality",
    "RescaleIntercept", "VOILUTFunction", "PixelPaddingValue", "PlanarConfiguration", "SpecificCharacterSet",
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(elements=st.dictionaries(st.sampled_from(KEYWORDS), ODD, max_size=4))
def test_odd_headers_give_rows_and_images_or_a_sentence(tmp_path, read, elements):
    write_dicom(tmp_path / "a", one(), "A")
    write_dicom(tmp_path / "b", one(), "B")
    data = pydicom.dcmread(tmp_path / "b")
    try:
        for keyword, value in elements.items():
            setattr(data, keyword, value)
        data.save_as(tmp_path / "b")
    except Exception:  # what pydicom does not even write
        assume(False)
    listing = read(listed(tmp_path, "a,0", "b,1"), "manifest")[1]
    index = build_index(listing)
    assert index["error"][0] == "" and len(listing) <= 4
    assert all(error == "" or "`b`" in error for error in index["error"])
