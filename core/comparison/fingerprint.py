"""Fingerprints: the statistics of a set of images that can be shared where its images cannot.

A fingerprint is an .npz of plain arrays. What it holds, and all that it holds: `about` (JSON: format and version, the
name that its maker gave, the key of the data set's record, number of images, sizes of the classes, a hash over the
pixels of all images together, whether they are synthetic, and of each network its name, the hash of its weights, its
architecture and preprocessing), for each measure of looks how many images fall into each of its fixed bins and the mean
radial power profile, and for each network what `core.similarity.moments` keeps. No image, no file name, no class name,
no patient, no label of a single image.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.comparison import job
from core.comparison.sets import read_looks
from core.errors import SimilarityError
from core.scoring.plan import sample_hash
from core.similarity.moments import Moments
from core.similarity.visual import counts_of
from core.similarity.visual_features import VERSION
from core.similarity.visual_glossary import BINS, FEATURES

FORMAT = 1
ABOUT = {"name", "source", "n", "sample", "class_sizes", "synthetic", "measures", "encoders"}
LARGEST_FILE = 5_000_000  # bytes
_LARGEST_UNPACKED = 50_000_000
FEWEST_TO_SHARE = 50
FEW = 200  # images, below which averages can come close to single images


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """`about` as above, `looks` (measure -> counts), and `encoders` (key of a network -> what it sees)."""

    about: dict
    looks: dict[str, np.ndarray]
    encoders: dict[str, Moments]

    @property
    def name(self) -> str:
        return self.about["name"]

    @property
    def n(self) -> int:
        return self.about["n"]


def of_set(plan: dict, number: int = 0) -> Fingerprint | None:
    """The fingerprint of a set of a comparison, with the networks that have looked at it so far; None before it was
    measured."""
    images = plan["sets"][number]
    if not job.looks_file(images).exists():
        return None
    looks = read_looks(job.looks_file(images))
    moments, networks = {}, {}
    for encoder in plan["encoders"]:
        file = job.moments_file(images, encoder)
        if file.exists():
            with np.load(file, allow_pickle=False) as arrays:
                moments[encoder["key"]] = Moments.from_arrays({name: arrays[name] for name in arrays.files})
            networks[encoder["key"]] = about_network(encoder)
    labels = None if images["labels"] is None else np.array(images["labels"])[looks.rows]
    about = {
        "name": images["name"],
        "source": images["source"],
        "n": len(looks.rows),
        "sample": sample_hash(list(looks.hashes)),
        "class_sizes": class_sizes(labels, len(images["classes"])),
        "synthetic": images["synthetic"],
        "measures": VERSION,
        "encoders": networks,
    }
    return Fingerprint(about, counts_of(looks.measures), moments)


def about_network(encoder: dict) -> dict:
    """What a fingerprint says about a network: no path of this machine."""
    checkpoint = encoder["checkpoint"]
    told = {key: checkpoint[key] for key in ("architecture", "library", "preprocessing")}
    return {"name": encoder["name"], "identity": encoder["identity"], **told}


def class_sizes(labels: np.ndarray | None, classes: int) -> list[int]:
    """Images of each class, without its name; [] where there are no labels."""
    if labels is None:
        return []
    return (labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=classes)).tolist()


def save(fingerprint: Fingerprint) -> bytes:
    """The fingerprint as the content of a file. SimilarityError when it is of too few images, or too large."""
    if fingerprint.n < FEWEST_TO_SHARE:
        raise SimilarityError(
            f"{fingerprint.n} images are too few for a fingerprint that leaves this machine.",
            f"With fewer than {FEWEST_TO_SHARE}, averages come close to single images.",
        )
    arrays = {f"looks/{name}": counts for name, counts in fingerprint.looks.items()}
    for key, moments in fingerprint.encoders.items():
        arrays |= {f"encoder/{key}/{name}": values for name, values in moments.to_arrays().items()}
    about = json.dumps(fingerprint.about | {"format": FORMAT}, sort_keys=True, allow_nan=False)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.frombuffer(about.encode(), dtype=np.uint8), **arrays)
    content = buffer.getvalue()
    if len(content) > LARGEST_FILE:
        raise SimilarityError(
            f"The fingerprint would have {len(content) / 1e6:.1f} MB, more than {LARGEST_FILE / 1e6:.0f}.",
            "Take fewer networks.",
        )
    return content


def load(file: Path) -> Fingerprint:
    """The fingerprint in `file`. SimilarityError when it is not one, or from another version."""
    try:
        content = file.read_bytes() if file.stat().st_size <= LARGEST_FILE else None
    except OSError as error:
        raise SimilarityError(f"`{file.name}` cannot be read: {error.strerror}.", "Check the path.") from None
    if content is None:
        raise SimilarityError(f"`{file.name}` is larger than a fingerprint.", "Choose a file that SourceScout made.")
    return parse(content, file.name)


def parse(content: bytes, name: str) -> Fingerprint:
    """The fingerprint in the content of a file called `name`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _LARGEST_UNPACKED:
                raise ValueError("too large when unpacked")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {key: arrays[key] for key in arrays.files}
        about = json.loads(found.pop("about").tobytes())
        if (about["format"], about["measures"]) != (FORMAT, VERSION):
            raise SimilarityError(
                f"`{name}` was made by another version of SourceScout.",
                "Make it anew with this one, or use the other's version.",
            )
        looks = {key.split("/", 1)[1]: values for key, values in found.items() if key.startswith("looks/")}
        encoders = {
            key: Moments.from_arrays(
                {path.split("/", 2)[2]: values for path, values in found.items() if path.startswith(f"encoder/{key}/")}
            )
            for key in about["encoders"]
        }
        if any(looks[measure].shape != (BINS,) for measure in FEATURES) or not set(about) >= ABOUT:
            raise ValueError("incomplete")
        return Fingerprint(about, looks, encoders)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise SimilarityError(
            f"`{name}` is no fingerprint, or damaged ({type(error).__name__}).", "Choose a file that SourceScout made."
        ) from None


def warning(n: int) -> str:
    """What to think of before a fingerprint of `n` images is given away; "" when nothing."""
    if n >= FEW:
        return ""
    return (
        f"Averages of {n} images can come close to single images. Give such a fingerprint only to people who may see "
        "the images, or make one of more images."
    )


def without_small_counts(fingerprint: Fingerprint, below: int) -> Fingerprint:
    """The same with every count of 1 to `below` - 1 images set to 0, of classes and of bins, so that no single image
    stands out in a bin of its own. What a network sees is then kept only of the whole set, not of its classes."""
    about = fingerprint.about | {"class_sizes": [n if n >= below else 0 for n in fingerprint.about["class_sizes"]]}
    looks = {
        name: np.where(counts < below, 0, counts) if np.issubdtype(counts.dtype, np.integer) else counts
        for name, counts in fingerprint.looks.items()
    }
    encoders = {key: moments.without_small_counts(below) for key, moments in fingerprint.encoders.items()}
    return Fingerprint(about | {"counts_suppressed_below": below}, looks, encoders)
