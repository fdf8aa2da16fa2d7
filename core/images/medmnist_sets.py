"""The two-dimensional MedMNIST sets: what is known of each before a file is fetched, and where its file lies."""

import os
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import DownloadError
from core.images.medmnist import LARGEST_ARRAY
from core.settings import medmnist_folder
from core.target import TargetTask

SIZES = (28, 64, 128, 224)
CITATION = "Yang et al. 2023, MedMNIST v2, Scientific Data 10:41"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HEADERS = 2**20  # bytes of an .npz that are neither pixels nor labels, generously


@dataclass(frozen=True)
class MedMnistSet:
    """One set of the catalogue. `labels` in the order of the class numbers; `files` by size: (url, md5)."""

    name: str
    title: str
    description: str
    modality: str
    anatomy: str
    label_type: str
    task: str
    channels: int
    licence: str
    splits: dict[str, int]
    labels: tuple[str, ...]
    files: dict[int, tuple[str, str]]

    @property
    def images(self) -> int:
        return sum(self.splits.values())

    def md5(self, size: int) -> str:
        return self.files[size][1]

    def largest_file(self, size: int) -> int:
        """Bytes that the file cannot exceed: all pixels and labels, uncompressed."""
        labels = 8 * (len(self.labels) if self.label_type == "multi-label" else 1)
        return int(1.01 * self.images * (size * size * self.channels + labels)) + _HEADERS

    def readable(self, size: int) -> bool:
        """Whether its training images fit into what SourceScout opens as one array."""
        return self.splits["train"] * size * size * self.channels <= LARGEST_ARRAY

    def file_name(self, size: int) -> str:
        """The published name of the file, the same on every mirror."""
        return self.name + ("" if size == SIZES[0] else f"_{size}") + ".npz"

    def place(self, size: int) -> Path:
        """Where the file is kept on this machine."""
        return medmnist_folder() / self.file_name(size)

    def url(self, size: int) -> str:
        """Where the file is fetched: the published address, or the mirror's. DownloadError when that is no web
        address, or the published one is not encrypted."""
        mirror = os.environ.get("SOURCESCOUT_MEDMNIST_MIRROR", "").strip()
        url = f"{mirror.rstrip('/')}/{self.file_name(size)}" if mirror else self.files[size][0]
        try:
            parts = urlsplit(url)
            fits = bool(parts.hostname) and parts.scheme in ("https", "http")
            plain_http = parts.scheme == "http" and parts.hostname not in _LOOPBACK
        except ValueError:
            fits = plain_http = False
        if not fits:
            raise DownloadError(
                f"`{mirror or url}` is no web address.", "Set SOURCESCOUT_MEDMNIST_MIRROR to one with https://."
            )
        if plain_http and not mirror:
            raise DownloadError(f"`{url}` is not encrypted.", "Use the catalogue that ships with SourceScout.")
        return url

    def target(self, size: int) -> TargetTask:
        """The target task that this set poses; its classes are called by their numbers in the file."""
        return TargetTask(
            name=self.title,
            images=self.place(size),
            format="npz",
            label_type=self.label_type,
            modality=self.modality,
            anatomy=self.anatomy,
            color="grey" if self.channels == 1 else "color",
            class_meanings={str(number): label for number, label in enumerate(self.labels)},
            notes=f"{self.title}, {size} x {size} pixels, {self.licence}. {CITATION}.",
            origin=(self.name,),
        )


def catalogue_file() -> Path:
    """The catalogue that ships, or the one that SOURCESCOUT_MEDMNIST_CATALOGUE names."""
    shipped = Path(__file__).resolve().parents[2] / "data" / "catalog" / "medmnist.toml"
    return Path(os.environ.get("SOURCESCOUT_MEDMNIST_CATALOGUE") or shipped)


def medmnist_sets() -> dict[str, MedMnistSet]:
    """The sets of the catalogue by name. DownloadError when it cannot be read."""
    return _read_catalogue(catalogue_file())


def medmnist_set(name: str, size: int) -> MedMnistSet:
    """The set called `name`, which must come in that size."""
    sets = medmnist_sets()
    if name not in sets:
        raise DownloadError(f"There is no MedMNIST set called `{name}`.", f"Choose one of {', '.join(sets)}.")
    if size not in sets[name].files:
        raise DownloadError(
            f"{sets[name].title} does not come in the size {size}.", f"Choose one of {', '.join(map(str, SIZES))}."
        )
    return sets[name]


@lru_cache(maxsize=4)
def _read_catalogue(path: Path) -> dict[str, MedMnistSet]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["set"]
        return {row["name"]: _parse(row) for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DownloadError(
            f"The MedMNIST catalogue `{path}` cannot be read: {error}.", "Install SourceScout again."
        ) from None


def _parse(row: dict) -> MedMnistSet:
    files = {int(size): (file["url"], file["md5"]) for size, file in row["files"].items()}
    return MedMnistSet(**row | {"labels": tuple(row["labels"]), "files": files})
