"""Whatever bytes a file holds, reading it gives a result or an error of ours, with what to do. Bounded, repeatable."""

import io
import json
import struct
import tempfile
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from core.backbone import load_network
from core.catalog import Checkpoint, load_checkpoints, parse_checkpoints
from core.errors import SourceScoutError
from core.images.index import build_index
from core.images.pixels import read_pixels
from core.images.readers import manifest_columns, read_listing
from core.metrics.from_file import _read
from core.target import LABEL_TYPES, TargetTask, load_target, parse_target
from core.weights import open_state_dict

pytestmark = [pytest.mark.filterwarnings("ignore")]


def bounded(examples: int):
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@contextmanager
def only_our_errors():
    """Passes over a SourceScoutError that says what happened; anything else fails the test."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SourceScoutError as error:
        assert error.message


@st.composite
def damaged(draw, whole: bytes) -> bytes:
    """`whole` with a few bytes, a piece or the end changed, taken away or doubled."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        kind = draw(st.sampled_from(("byte", "number", "cut", "drop", "double", "insert")))
        if kind == "byte" and content:
            content[at] = draw(st.integers(0, 255))
        elif kind == "number":
            content[at : at + 4] = struct.pack("<I", draw(st.sampled_from((0, 1, 2**16 - 1, 2**31 - 1, 2**32 - 1))))
        elif kind == "cut":
            del content[at:]
        elif kind == "drop":
            del content[at : at + draw(st.integers(1, 40))]
        elif kind == "double":
            content[at:at] = content[at : at + 40]
        else:
            content[at:at] = draw(st.binary(max_size=20))
    return bytes(content)


def image_bytes(kind: str, mode: str) -> bytes:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (24, 20, 4), dtype=np.uint8)
    image = {
        "L": lambda: Image.fromarray(values[..., 0]),
        "RGB": lambda: Image.fromarray(values[..., :3]),
        "RGBA": lambda: Image.fromarray(values),
        "P": lambda: Image.fromarray(values[..., 0]).convert("P"),
        "CMYK": lambda: Image.fromarray(values[..., :3]).convert("CMYK"),
        "I;16": lambda: Image.fromarray(values[..., 0].astype(np.uint16) * 16),
    }[mode]()
    buffer = io.BytesIO()
    options = {"compression": "tiff_lzw"} if kind == "TIFF" and mode in ("RGB", "I;16") else {}
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(buffer, kind, **options, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}))
    return buffer.getvalue()


IMAGES = [
    image_bytes(kind, mode)
    for kind, modes in {
        "PNG": ("L", "RGBA", "P", "I;16"), "JPEG": ("L", "RGB", "CMYK"), "TIFF": ("L", "RGB", "CMYK", "I;16"),
        "BMP": ("RGB", "P"), "GIF": ("P",), "WEBP": ("RGB", "RGBA"),
    }.items()
    for mode in modes
]  # fmt: skip


def write(content: bytes, name: str) -> Path:
    """A file in a folder that goes with the test run."""
    path = Path(tempfile.gettempdir()) / "sourcescout-fuzz" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@bounded(1500)
@given(st.one_of(*map(damaged, IMAGES), st.binary(max_size=300)))
def test_images(content):
    with only_our_errors():
        values = read_pixels(write(content, "x.png"))
        assert values.dtype == np.uint8 and values.ndim in (2, 3)


TABLE = (
    b"path,patient_id,label,mass,edema,split\na.png,p1,x,0,1,train\nb.png,p1,y,1,1,train\n"
    b'"c.png",p2,x,0,0,val\nd.png,,y,1,0,test\n'
)
CELLS = st.one_of(
    st.sampled_from(["a.png", "b.png", "c.png", "..", "/", "~", "~x/y", "x\0y", "label", "path", "split", "0", "1",
                     "nan", "train", "test", '"', "", "\ufeff", "x" * 300, "a/" * 600]),
    st.text(max_size=8),
)  # fmt: skip
TABLES = st.one_of(
    damaged(TABLE),
    st.binary(max_size=200),
    st.lists(st.lists(CELLS, max_size=6), max_size=6).map(
        lambda rows: "\n".join(",".join(row) for row in rows).encode("utf-8", "surrogatepass")
    ),
    st.lists(CELLS, min_size=1, max_size=5).map(
        lambda paths: ("path,label\n" + "".join(f"{p},{i % 2}\n" for i, p in enumerate(paths))).encode()
    ),
)
LABEL_KINDS = st.sampled_from(list(LABEL_TYPES))
COLUMNS = st.sampled_from(["", "patient_id", "split", "label", "nothing"])


@bounded(500)
@given(TABLES, LABEL_KINDS, COLUMNS, COLUMNS, st.sampled_from(["", "p", "(", "(a)|b"]))
def test_manifests(content, label_type, group_column, split_column, pattern):
    path = write(content, "manifest.csv")
    for seed, name in enumerate("abcd"):
        if not (path.parent / f"{name}.png").exists():
            Image.new("L", (4, 4), seed).save(path.parent / f"{name}.png")
    task = TargetTask("t", path, "manifest", label_type, group_column=group_column, split_column=split_column,
                      group_pattern=pattern)  # fmt: skip
    with only_our_errors():
        manifest_columns(path, (path.parent,))
    with only_our_errors():
        assert len(build_index(read_listing(task, (path.parent,)))) > 0


def npz_bytes(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


SMALL = {
    f"{split}_{what}": np.zeros((6, 4, 4), np.uint8) if what == "images" else np.uint8([[0], [1]] * 3)
    for split in ("train", "val") for what in ("images", "labels")
}  # fmt: skip
ARRAYS = st.one_of(
    st.tuples(
        st.sampled_from(["u1", "i8", "f4", "f8", "U3", "S2", "c8", "?", "M8[s]", "O", "u8", [("a", "i4")]]),
        st.lists(st.integers(0, 6), max_size=4),
    ).map(lambda given: np.zeros(given[1], np.dtype(given[0]))),
    st.sampled_from([np.array([np.nan] * 6), np.array([np.inf] * 6), np.full((6, 1), 2**63, np.uint64), np.array(1)]),
)
FILES = st.one_of(
    damaged(npz_bytes(**SMALL)),
    st.dictionaries(st.sampled_from(list(SMALL)), ARRAYS, max_size=2).map(lambda odd: npz_bytes(**SMALL | odd)),
)


@bounded(500)
@given(FILES, LABEL_KINDS)
def test_medmnist_files(content, label_type):
    path = write(content, "x.npz")
    with only_our_errors():
        build_index(read_listing(TargetTask("t", path, "npz", label_type), (path.parent,)))


FEATURES = {"X": np.arange(40, dtype=np.float32).reshape(10, 4), "y": np.arange(10) % 2, "groups": np.arange(10)}


@bounded(400)
@given(
    st.one_of(
        damaged(npz_bytes(**FEATURES)),
        st.dictionaries(st.sampled_from([*FEATURES, "source_logits"]), ARRAYS, max_size=2).map(
            lambda odd: npz_bytes(**FEATURES | odd)
        ),
    )
)
def test_feature_files(content):
    with only_our_errors():
        _read(write(content, "features.npz"))


@bounded(12)
@given(st.dictionaries(st.sampled_from([*FEATURES, "source_logits"]), ARRAYS, min_size=1, max_size=2))
def test_metrics_of_odd_features(odd):
    from core.metrics.from_file import metrics_of_file

    with only_our_errors():
        json.dumps(metrics_of_file(write(npz_bytes(**FEATURES | odd), "features.npz")), allow_nan=False)


ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w", zipfile.ZIP_DEFLATED) as _file:
    for _i, _content in enumerate(IMAGES[:4]):
        _file.writestr(f"{'ab'[_i % 2]}/{_i}.png", _content)


@bounded(300)
@given(damaged(ZIP.getvalue()))
def test_archives(content):
    path = write(content, "x.zip")
    with only_our_errors():
        build_index(read_listing(TargetTask("t", path, "folder", "binary"), (path.parent,)))


TARGET = {
    "name": "t", "images": "busi", "format": "folder", "label_type": "binary", "class_order": ["a", "b"],
    "labelled_images": 5, "commercial_use": True, "class_meanings": {"a": "x"},
    "group_pattern": "x", "test_part": ["i"],
}  # fmt: skip
CANDIDATE = {
    "name": "n", "architecture": "test_resnet", "library": "timm", "weights": "w.pth", "kwargs": {"in_chans": 3},
    "num_classes": 5, "seed": 1, "source": "s",
    "preprocessing": {"input_size": 32, "mean": [0.5] * 3, "std": 0.5, "color": "RGB", "pixel_range": [0, 1]},
}  # fmt: skip
SCALARS = st.one_of(
    st.booleans(), st.integers(-(2**62), 2**62), st.floats(), st.text(max_size=6),
    st.sampled_from(["timm", "random", "grey", "~nobody", "\0", "a/b", "folder", "../x", "", "a" * 5000]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)


def with_odd(record: dict):
    """`record` with some entries replaced by any value that TOML can hold."""
    return st.dictionaries(st.sampled_from([*record, "unheard"]), VALUES, min_size=1, max_size=3).map(
        lambda odd: record | odd
    )


def toml(record: dict) -> bytes:
    return tomli_w.dumps(record).encode("utf-8", "surrogatepass")


@bounded(700)
@given(st.one_of(damaged(toml(TARGET)), with_odd(TARGET).map(toml), st.binary(max_size=100)))
def test_target_descriptions(content):
    path = write(content, "TARGET.toml")
    with only_our_errors():
        load_target(path)
    with only_our_errors():
        parse_target(content.decode("utf-8", "replace"), path.parent)


PREPROCESSING = with_odd(CANDIDATE["preprocessing"]).map(lambda odd: CANDIDATE | {"preprocessing": odd})
KWARGS = st.dictionaries(
    st.sampled_from(["in_chans", "img_size", "pad_type", "checkpoint_path", "global_pool"]), VALUES, max_size=2
).map(lambda odd: CANDIDATE | {"kwargs": odd})


@bounded(900)
@given(
    st.one_of(
        damaged(toml({"checkpoint": [CANDIDATE]})),
        st.one_of(with_odd(CANDIDATE), PREPROCESSING, KWARGS).map(lambda record: toml({"checkpoint": [record]})),
        with_odd({"checkpoint": [CANDIDATE, CANDIDATE]}).map(toml),
    )
)
def test_checkpoint_descriptions(content):
    path = write(content, "CHECKPOINTS.toml")
    with only_our_errors():
        load_checkpoints(path)
    with only_our_errors():
        parse_checkpoints(content.decode("utf-8", "replace"), path.parent)


def weights_bytes(kind: str) -> bytes:
    state = {"conv.weight": torch.ones(2, 3, 3, 3), "conv.bias": torch.zeros(2), "n": torch.tensor(3)}
    buffer = io.BytesIO()
    if kind == "safetensors":
        with tempfile.TemporaryDirectory() as folder:
            save_file(state, f"{folder}/x.safetensors")
            return Path(folder, "x.safetensors").read_bytes()
    torch.save(state, buffer, _use_new_zipfile_serialization=kind == "zip")
    return buffer.getvalue()


WEIGHTS = [
    ("x.safetensors", weights_bytes("safetensors")),
    ("x.pth", weights_bytes("zip")),
    ("x.pt", weights_bytes("old")),
]


@pytest.mark.parametrize("name, whole", WEIGHTS, ids=[name for name, _ in WEIGHTS])
def test_weights_files(name, whole):
    @bounded(300)
    @given(st.one_of(damaged(whole), st.binary(max_size=200)))
    def any_bytes(content):
        with only_our_errors():
            assert open_state_dict(write(content, name))[0]

    any_bytes()


STATES = st.dictionaries(
    st.text(max_size=8) | st.sampled_from(["conv1.weight", "fc.weight", "module.fc.bias", "state_dict", "model"]),
    st.sampled_from([torch.ones(2), torch.tensor(1), torch.zeros(0), torch.ones(1, 2, 3), torch.ones(2).bool(),
                     torch.ones(3).half(), torch.ones(2).to_sparse(), torch.ones(2, dtype=torch.complex64), 3, "x",
                     None, {"conv1.weight": torch.ones(1)}, [1], {}]),
    max_size=4,
)  # fmt: skip


@bounded(60)
@given(STATES | st.sampled_from([[], 3, None, "x", torch.ones(2), {1: torch.ones(2)}, {(1, 2): torch.ones(1)}]))
def test_checkpoints_of_other_networks(state):
    path = write(b"", "x.pth")
    torch.save(state, path)
    with only_our_errors():
        load_network(Checkpoint("c", "test_resnet", "timm", str(path)))
