"""Checkpoints: networks that could be fine-tuned for a target, described well enough to be loaded and used rightly.

Nothing here imports torch: a checkpoint is a description, `core.backbone` makes the network.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import tomli_w

from core.errors import CheckpointError

LIBRARIES = ("timm", "torchvision")
LARGEST_SEED = 2**32 - 1
MOST_CLASSES = 1_000_000
COLORS = ("RGB", "BGR", "grey")
# Arguments that only shape the network. Anything that names a file, a cache or another checkpoint stays out.
ALLOWED_KWARGS = (
    "act_layer", "aux_logits", "depth", "drop_path_rate", "drop_rate", "dynamic_img_size", "global_pool", "img_size",
    "in_chans", "init_values", "norm_layer", "output_stride", "pad_type", "patch_size", "qkv_bias", "reg_tokens",
    "transform_input", "width_mult",
)  # fmt: skip


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a network's input: the whole image is resized to `input_size` (height, width), its
    channels are put in the order `color`, its values mapped to `pixel_range`, then (x - mean) / std per channel.
    Grey images are repeated to three channels; colour images become luminance for a `grey` network."""

    input_size: tuple[int, int] = (224, 224)
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    color: str = "RGB"
    pixel_range: tuple[float, float] = (0.0, 1.0)

    @property
    def channels(self) -> int:
        return 1 if self.color == "grey" else 3

    def __post_init__(self):
        if self.color not in COLORS:
            raise CheckpointError(f'Preprocessing: `color` is "{self.color}".', f"Use one of {', '.join(COLORS)}.")
        for name in ("mean", "std"):
            if len(getattr(self, name)) != self.channels:
                raise CheckpointError(
                    f"Preprocessing: `{name}` has {len(getattr(self, name))} values for {self.channels} channel(s).",
                    "Give one value per channel.",
                )
        if not all(math.isfinite(value) for value in (*self.mean, *self.std, *self.pixel_range)) or min(self.std) <= 0:
            raise CheckpointError(
                "Preprocessing: `mean`, `std` and `pixel_range` must be finite, and `std` above 0.",
                "Check the checkpoint's documentation.",
            )
        if len(self.input_size) != 2 or not all(8 <= side <= 2048 for side in self.input_size):
            raise CheckpointError(
                f"Preprocessing: `input_size` is {self.input_size}.", "Use sides between 8 and 2048 pixels."
            )
        if len(self.pixel_range) != 2 or self.pixel_range[0] >= self.pixel_range[1]:
            raise CheckpointError(
                f"Preprocessing: `pixel_range` is {list(self.pixel_range)}.", "Use [0, 1], [0, 255] or [-1, 1]."
            )


@dataclass(frozen=True)
class Checkpoint:
    """One candidate. `weights` is an absolute path, "timm" (the pretrained tag in `architecture`) or "random".

    Of a file, `ignore` names tensors that are left out (a name, or the beginning of names up to a dot), `strip_prefix`
    is taken off the names that begin with it, and then `rename` replaces beginnings of names by others (both up to a
    dot). `preprocessing_source` says where the preprocessing is documented; empty: nobody has verified it."""

    name: str
    architecture: str
    library: str
    weights: str
    kwargs: dict = dataclasses.field(default_factory=dict)
    num_classes: int | None = None
    seed: int = 0
    source: str = ""
    licence: str = ""
    preprocessing: Preprocessing = Preprocessing()
    synthetic: bool = False
    strip_prefix: str = ""
    ignore: tuple[str, ...] = ()
    rename: dict[str, str] = dataclasses.field(default_factory=dict)
    preprocessing_source: str = ""

    @property
    def kind(self) -> str:
        return self.weights if self.weights in ("timm", "random") else "file"

    @property
    def verified(self) -> bool:
        """Whether it is known how images must be prepared."""
        return is_verified(dataclasses.asdict(self))

    @property
    def naming(self) -> dict:
        """What is done to the names in the file, where anything is: part of what determines the network."""
        facts = {"strip_prefix": self.strip_prefix, "ignore": list(self.ignore), "rename": self.rename}
        return {key: value for key, value in facts.items() if value}

    def __post_init__(self):
        for name in ("name", "architecture", "weights"):
            if not str(getattr(self, name)).strip():
                raise CheckpointError(f"A checkpoint has no `{name}`.", "Add it; the README shows an example.")
        if self.library not in LIBRARIES:
            raise CheckpointError(f'{self.name}: `library` is "{self.library}".', f"Use one of {', '.join(LIBRARIES)}.")
        if ":" in self.architecture or "/" in self.architecture or "\\" in self.architecture:
            raise CheckpointError(
                f'{self.name}: the architecture "{self.architecture}" would load from somewhere else.',
                "Name a plain timm or torchvision architecture and give the weights as a file.",
            )
        if self.kind == "timm" and self.library != "timm":
            raise CheckpointError(f'{self.name}: weights = "timm" needs library = "timm".', "Change one of them.")
        if self.num_classes is not None and not 0 <= self.num_classes <= MOST_CLASSES:
            raise CheckpointError(
                f"{self.name}: `num_classes` is {self.num_classes}.", "Use 0 for no head, or leave it out."
            )
        if not 0 <= self.seed <= LARGEST_SEED:
            raise CheckpointError(f"{self.name}: `seed` is {self.seed}.", f"Use 0 to {LARGEST_SEED}.")
        self._require_plain_names()
        for key, value in self.kwargs.items():
            if key not in ALLOWED_KWARGS:
                raise CheckpointError(
                    f"{self.name}: the keyword argument `{key}` is not allowed.",
                    f"Allowed are {', '.join(ALLOWED_KWARGS)}; the number of classes has its own entry `num_classes`.",
                )
            plain = isinstance(value, (bool, int, str)) or isinstance(value, float) and math.isfinite(value)
            if not plain or ":" in str(value) or "/" in str(value):
                raise CheckpointError(
                    f"{self.name}: the keyword argument `{key}` is {value!r}.", "Use a plain number, flag or word."
                )

    def _require_plain_names(self) -> None:
        beginnings = [self.strip_prefix, *self.rename, *self.rename.values()]
        if self.naming and self.kind != "file":
            raise CheckpointError(
                f"{self.name}: {', '.join(self.naming)} can only be set for a weights file.", "Leave them out."
            )
        if not all(isinstance(text, str) and text.strip() for text in (*self.ignore, *self.rename)):
            raise CheckpointError(f"{self.name}: an entry of `ignore` or `rename` is no name.", "Give texts.")
        if any(not isinstance(text, str) or text and not text.endswith(".") for text in beginnings):
            raise CheckpointError(
                f"{self.name}: `strip_prefix` and `rename` take beginnings of names that end with a dot.",
                'For example strip_prefix = "module.".',
            )


def is_verified(record: dict) -> bool:
    """Whether a checkpoint's record tells how images must be prepared: stated with a source, or recorded by who made
    the weights (timm's tags, our synthetic ones), or without meaning (a random initialisation was trained on nothing).
    """
    made_known = record.get("weights") in ("timm", "random") or record.get("synthetic")
    return bool(made_known or record.get("preprocessing_source", "").strip())


def parse_checkpoints(text: str, base: Path) -> list[Checkpoint]:
    """The checkpoints in TOML `text` (a list `[[checkpoint]]`); relative paths are taken from the folder `base`."""
    try:
        record = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CheckpointError(f"This is not valid TOML: {error}.", "Compare it with the README's example.") from None
    rows = record.get("checkpoint")
    if set(record) - {"checkpoint"} or not isinstance(rows, list) or not rows:
        raise CheckpointError("The file holds no list of checkpoints.", "Begin each one with a line `[[checkpoint]]`.")
    checkpoints = [parse_checkpoint(row, base) for row in rows]
    names = [checkpoint.name for checkpoint in checkpoints]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CheckpointError(f"Several checkpoints are called {', '.join(twice)}.", "Give each its own name.")
    return checkpoints


def parse_checkpoint(row: dict, base: Path) -> Checkpoint:
    """One checkpoint from its TOML table."""
    if not isinstance(row, dict):
        raise CheckpointError(f"`checkpoint` holds {row!r}.", "Begin each checkpoint with a line `[[checkpoint]]`.")
    name = row.get("name", "a checkpoint without a name")
    known = {field.name for field in dataclasses.fields(Checkpoint)}
    if set(row) - known:
        raise CheckpointError(f"{name}: unknown entries {sorted(set(row) - known)}.", f"Known: {sorted(known)}.")
    missing = [key for key in ("name", "architecture", "library", "weights") if not row.get(key)]
    if missing:
        raise CheckpointError(f"{name}: missing entries {', '.join(missing)}.", "The README shows an example.")
    for key, kinds in _KINDS.items():
        if key in row and (not isinstance(row[key], kinds) or isinstance(row[key], bool) and bool not in kinds):
            raise CheckpointError(f"{name}: `{key}` is {row[key]!r}.", f"It must be {_KIND_NAMES[kinds]}.")
    row = dict(row)
    if row["weights"] not in ("timm", "random"):
        row["weights"] = _absolute(name, row["weights"], base)
    row["ignore"] = tuple(row.get("ignore", ()))
    row["preprocessing"] = _parse_preprocessing(name, row.get("preprocessing", {}))
    return Checkpoint(**row)


def _absolute(name: str, path: str, base: Path) -> str:
    try:
        return str((base / Path(path).expanduser()).resolve())
    except (ValueError, RuntimeError, OSError) as error:  # a null character, an unknown user after ~, a loop of links
        raise CheckpointError(f"{name}: {path!r} is no usable path: {error}.", "Correct `weights`.") from None


_KINDS = {key: (str,) for key in ("name", "architecture", "library", "weights", "source", "licence", "strip_prefix",
                                  "preprocessing_source")}  # fmt: skip
_KINDS |= {"ignore": (list, tuple), "rename": (dict,)}
_KINDS |= {"num_classes": (int,), "seed": (int,), "kwargs": (dict,), "preprocessing": (dict,), "synthetic": (bool,)}
_KIND_NAMES = {(str,): "a text", (int,): "a whole number", (dict,): "a table", (bool,): "true or false",
               (list, tuple): "a list of texts"}  # fmt: skip


def _parse_preprocessing(name: str, table: dict) -> Preprocessing:
    known = {field.name for field in dataclasses.fields(Preprocessing)}
    if set(table) - known:
        raise CheckpointError(
            f"{name}: unknown preprocessing entries {sorted(set(table) - known)}.", f"Known: {sorted(known)}."
        )
    values = dict(table)
    try:
        if "input_size" in values:
            size = values["input_size"]
            sides = [size, size] if isinstance(size, int) else list(size)[-2:]
            values["input_size"] = tuple(int(side) for side in sides)
        channels = 1 if values.get("color") == "grey" else 3
        for key in ("mean", "std"):
            usual = getattr(Preprocessing(), key)
            given = values.get(key, usual if channels == 3 else round(sum(usual) / 3, 3))
            values[key] = tuple(float(v) for v in (given if isinstance(given, (list, tuple)) else [given] * channels))
        if "pixel_range" in values:
            values["pixel_range"] = tuple(float(v) for v in values["pixel_range"])
    except (TypeError, ValueError, OverflowError):
        raise CheckpointError(
            f"{name}: preprocessing holds a value that is no usable number.", "Compare the README's example."
        ) from None
    try:
        return Preprocessing(**values)
    except CheckpointError as error:
        raise CheckpointError(f"{name}: {error.message}", error.remedy) from None


def load_checkpoints(path: str | Path) -> list[Checkpoint]:
    """The checkpoints in the TOML file at `path`."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"`{path}` cannot be read: {error}.", "Check the path.") from None
    return parse_checkpoints(text, path.resolve().parent)


def parse_uploaded(content: bytes) -> list[Checkpoint]:
    """The checkpoints in an uploaded TOML file, which lies in no folder: its paths must be absolute."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CheckpointError("The uploaded file is no text.", "Upload a CHECKPOINTS.toml.") from None
    checkpoints = parse_checkpoints(text, Path.cwd())
    given = [row["weights"] for row in tomllib.loads(text)["checkpoint"]]
    relative = [
        checkpoint.name
        for checkpoint, path in zip(checkpoints, given, strict=True)
        if checkpoint.kind == "file" and not Path(path).expanduser().is_absolute()
    ]
    if relative:
        raise CheckpointError(
            f"The weights of {', '.join(relative)} have relative paths, and an uploaded file lies in no folder.",
            "Write absolute paths, or give the path of the TOML file on this machine.",
        )
    return checkpoints


def dump_checkpoints(checkpoints: list[Checkpoint]) -> str:
    """TOML text that `parse_checkpoints` reads back."""
    return tomli_w.dumps({"checkpoint": [checkpoint_record(checkpoint) for checkpoint in checkpoints]})


def checkpoint_record(checkpoint: Checkpoint) -> dict:
    """The checkpoint as plain values (for TOML and JSON); entries that were left empty are left out."""
    record = dataclasses.asdict(checkpoint)
    record["preprocessing"] = {
        key: list(value) if isinstance(value, tuple) else value for key, value in record["preprocessing"].items()
    }
    record["ignore"] = list(checkpoint.ignore)
    return {key: value for key, value in record.items() if value not in (None, "", {}, []) and value is not False}


def identity(checkpoint: Checkpoint, weights_file: str | Path | None = None) -> str:
    """What the weights are: `sha256:...` of the file, or for a random initialisation of all that determines it.

    `weights_file` is the downloaded file of a timm tag (`core.backbone.tag_file`), which only torch's side knows.
    """
    if checkpoint.kind == "random":
        versions = {name: version_of(name) for name in (checkpoint.library, "torch")}
        recipe = [checkpoint.architecture, checkpoint.kwargs, checkpoint.num_classes, checkpoint.seed, versions]
        return "random:" + hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    if checkpoint.kind == "timm" and not weights_file:
        raise CheckpointError(
            f"{checkpoint.name}: the weights of this tag were not fetched yet.", "Check it on the sources page first."
        )
    path = Path(weights_file or checkpoint.weights)
    try:
        stat = path.stat()
        return "sha256:" + _file_sha256(str(path), stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise CheckpointError(
            f"{checkpoint.name}: the weights cannot be read: {error}.", "Check that the file is there."
        ) from None


def file_stamp(path: str | Path | None) -> str | None:
    """What changes when a file changes, without reading it: size and time. None where there is no such file."""
    try:
        stat = Path(path).stat() if path else None
    except (OSError, ValueError):
        stat = None
    if stat is None:
        return None
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def version_of(package: str) -> str:
    """The installed version, without importing the package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@lru_cache(maxsize=256)
def _file_sha256(path: str, size: int, mtime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
