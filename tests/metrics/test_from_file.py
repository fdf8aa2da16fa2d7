"""Metrics of a feature file, good and bad."""

import io
import json
import zipfile

import numpy as np
import pytest

from core.errors import MetricError
from core.metrics import METRICS
from core.metrics.from_file import metrics_of_file


@pytest.fixture
def write(tmp_path):
    def save(**arrays):
        path = tmp_path / "features.npz"
        np.savez(path, **arrays)
        return path

    return save


def test_every_metric_of_features_is_given_with_its_null_and_verdict(write, problem):
    features, labels, _ = problem(n=80, d=10)
    scores = metrics_of_file(write(X=features, y=np.array(["a", "b", "c"])[labels], source_logits=features))
    assert set(scores) == {key for key, metric in METRICS.items() if metric.needs != "gradients"}
    assert scores["ncti"]["value"] is None and list(scores["ncti"]["detail"]["terms"]) == ["seli", "ncc", "vc"]
    for record in scores.values():
        assert {"value", "raw", "null", "p", "z", "low", "high", "verdict"} <= set(record)
        assert record["p"] <= 0.05
    assert json.dumps(scores, allow_nan=False)
    assert scores == metrics_of_file(write(X=features, y=labels * 10 - 3, source_logits=features))


def test_a_metric_that_refuses_the_labels_says_why_and_the_others_go_on(write, problem):
    features, labels, _ = problem(n=80, d=10)
    labels[labels == 2] = np.r_[2, np.zeros(sum(labels == 2) - 1, int)]
    scores = metrics_of_file(write(X=features, y=labels))
    assert scores["gbc"] == {"value": None, "reason": scores["gbc"]["reason"]}
    assert "smallest has 1 of" in scores["gbc"]["reason"] and scores["sfda"]["value"] is not None


def test_rows_of_zero_and_one_are_several_labels_per_image(write, problem):
    features, labels, _ = problem(n=80, d=10)
    rows = np.stack([labels == 0, labels > 0, labels == 2], axis=1)
    scores = metrics_of_file(write(X=features.astype(np.float16), y=rows.astype(int), groups=np.arange(80) // 2))
    assert len(scores["nca"]["detail"]["by_label"]) == 3
    assert scores["linear_probe"]["detail"]["groups"] == 40


def test_reference_quantities_are_flat_numbers(write, problem):
    features, labels, _ = problem(n=60, d=10)
    quantities = metrics_of_file(write(X=features, y=labels), reference=True)
    assert list(quantities)[-1] == "nca_knn_lp"
    assert all(isinstance(v, float) for key, v in quantities.items() if key not in ("ncti_terms", "gbc_exact_pca64"))
    assert all(isinstance(v, float) for v in quantities["ncti_terms"].values())
    assert "more than 64 images" in quantities["gbc_exact_pca64"]["reason"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.ones((4, 2))}, "no array y"),
        ({"X": np.ones(4), "y": np.arange(4)}, "table of numbers"),
        ({"X": np.array([["a", "b"]] * 4), "y": np.arange(4)}, "table of numbers"),
        ({"X": np.ones((4, 2)), "y": np.arange(3)}, "`y` has 3 rows"),
        ({"X": np.ones((4, 2)), "y": np.ones((4, 2, 2))}, "`y` has shape"),
        ({"X": np.ones((4, 2)), "y": np.array([0, 1, np.nan, 1])}, "NaN or fractions"),
        ({"X": np.full((40, 2), np.nan), "y": np.arange(40) % 2}, "NaN or infinite"),
        ({"X": np.ones((4, 2)), "y": np.zeros(4)}, "same label"),
        ({"X": np.ones((40, 2)), "y": np.arange(40) % 2}, "the same for all images"),
        ({"X": np.eye(40) * 1e200, "y": np.arange(40) % 2}, "too large to compute with"),
        ({"X": np.ones((4, 2)), "y": np.array([0, 1, None, 1])}, "pickled"),
        ({"X": np.ones((4, 2)), "y": np.arange(4), "groups": np.arange(3)}, "`groups` has 3 rows"),
        ({"X": np.ones((4, 2)), "y": np.arange(4), "source_logits": np.arange(4)}, "`source_logits` has shape"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unusable_files_are_refused_with_what_to_do(write, arrays, message):
    with pytest.raises(MetricError, match=message) as caught:
        metrics_of_file(write(**arrays), reference=True)
    assert caught.value.remedy


def test_what_is_not_an_npz_file_is_refused(tmp_path):
    path = tmp_path / "features.npz"
    path.write_bytes(b"\x80\x04N.")
    with pytest.raises(MetricError, match="not a .npz"):
        metrics_of_file(path)
    with pytest.raises(MetricError, match="cannot be read"):
        metrics_of_file(tmp_path / "missing.npz")
    np.savez(path, X=np.ones((4, 2)), y=np.arange(4))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(MetricError, match="not a .npz"):
        metrics_of_file(path)


def encrypted(content: bytes) -> bytes:
    """The archive with every entry marked as encrypted."""
    content = bytearray(content)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(signature, at + 4)
    return bytes(content)


def damaged(content: bytes) -> bytes:
    return content[:150] + bytes(60) + content[210:]


@pytest.mark.parametrize("spoil", [encrypted, damaged])
def test_an_archive_that_cannot_be_unpacked_is_refused(tmp_path, spoil):
    path = tmp_path / "features.npz"
    np.savez_compressed(path, X=np.random.default_rng(0).normal(size=(40, 5)), y=np.arange(40) % 2)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(MetricError, match="not a .npz"):
        metrics_of_file(path)


def test_an_array_that_claims_more_than_the_memory_holds_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**5)})
    with zipfile.ZipFile(tmp_path / "features.npz", "w") as archive:
        for name in ("X", "y"):
            archive.writestr(f"{name}.npy", header.getvalue())
    with pytest.raises(MetricError, match="do not fit into memory|not a .npz"):
        metrics_of_file(tmp_path / "features.npz")
