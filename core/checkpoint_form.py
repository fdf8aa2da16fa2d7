"""A checkpoint as a person types it: from the fields of a form to a `Checkpoint`, and back for editing.

The fields are plain values by name, as `BLANK` shows; what cannot be understood raises CheckpointError and names it.
"""

import re
import tomllib

from core.catalog import Checkpoint, Preprocessing
from core.errors import CheckpointError

KINDS = {"file": "File", "timm": "timm tag", "random": "Random initialisation"}
STATISTICS = {
    "ImageNet statistics": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "0.5 / 0.5": ((0.5,) * 3, (0.5,) * 3),
    "None": ((0.0,) * 3, (1.0,) * 3),
}
OWN = "Own values"
RANGES = {"0 to 1": (0.0, 1.0), "0 to 255": (0.0, 255.0), "-1 to 1": (-1.0, 1.0)}
BLANK = {
    "kind": "file", "name": "", "weights": "", "library": "timm", "architecture": "", "kwargs": "",
    "num_classes": None, "seed": 0, "source": "", "licence": "", "as_recorded": True,
    "input_size": "224", "color": "RGB", "statistics": "ImageNet statistics", "mean": "", "std": "",
    "pixel_range": "0 to 1", "preprocessing_source": "", "strip_prefix": "", "ignore": "", "rename": "",
}  # fmt: skip
SHARED = ("library", "architecture", "kwargs", "as_recorded", "input_size", "color", "statistics", "mean", "std",
          "pixel_range", "preprocessing_source")  # fmt: skip


def checkpoint_of(fields: dict) -> Checkpoint:
    """The checkpoint that the fields describe."""
    kind = fields["kind"]
    if not fields["name"].strip():
        raise CheckpointError("The checkpoint has no name.", "Fill in `Name`; results are shown under it.")
    if not fields["architecture"].strip():
        raise CheckpointError("No architecture is given.", "Fill in `Architecture`, for example `resnet50`.")
    if kind == "file" and not fields["weights"].strip():
        raise CheckpointError("No weights file is given.", "Fill in `Weights file` with a path on this machine.")
    return Checkpoint(
        name=" ".join(fields["name"].split()),
        architecture=fields["architecture"].strip(),
        library="timm" if kind == "timm" else fields["library"],
        weights=fields["weights"].strip().strip("\"'") if kind == "file" else kind,
        kwargs=parse_kwargs(fields["kwargs"]),
        num_classes=None if fields["num_classes"] is None else int(fields["num_classes"]),
        seed=int(fields["seed"]) if kind == "random" else 0,
        source=fields["source"].strip(),
        licence=fields["licence"].strip(),
        preprocessing=Preprocessing() if kind == "timm" and fields["as_recorded"] else preprocessing_of(fields),
        preprocessing_source=fields["preprocessing_source"].strip() if kind == "file" else "",
        **(_naming_of(fields) if kind == "file" else {}),
    )


def _naming_of(fields: dict) -> dict:
    """What is done to the names in the file, as typed: one per line or with commas between."""
    renamed = [line.partition("=") for line in re.split(r"[\n,]", fields["rename"]) if line.strip()]
    return {
        "strip_prefix": fields["strip_prefix"].strip().strip("\"'"),
        "ignore": tuple(part.strip("\"'") for part in re.split(r"[\s,]+", fields["ignore"].strip("[] \n")) if part),
        "rename": {old.strip(" {\"'"): new.strip(" }\"'") for old, _, new in renamed},
    }


def fields_of(checkpoint: Checkpoint) -> dict:
    """The fields that describe `checkpoint`; `checkpoint_of` reads them back as the same."""
    ours = checkpoint.preprocessing
    statistics = next(
        (name for name in STATISTICS if _statistics(name, ours.color) == (ours.mean, ours.std)), OWN
    )  # fmt: skip
    return {
        "kind": checkpoint.kind,
        "name": checkpoint.name,
        "weights": checkpoint.weights if checkpoint.kind == "file" else "",
        "library": checkpoint.library,
        "architecture": checkpoint.architecture,
        "kwargs": "\n".join(f"{key} = {_plain(value)}" for key, value in checkpoint.kwargs.items()),
        "num_classes": checkpoint.num_classes,
        "seed": checkpoint.seed,
        "source": checkpoint.source,
        "licence": checkpoint.licence,
        "as_recorded": False,
        "input_size": _size_text(ours.input_size),
        "color": ours.color,
        "statistics": statistics,
        "mean": _numbers_text(ours.mean) if statistics == OWN else "",
        "std": _numbers_text(ours.std) if statistics == OWN else "",
        "pixel_range": next((n for n, r in RANGES.items() if r == ours.pixel_range), _numbers_text(ours.pixel_range)),
        "preprocessing_source": checkpoint.preprocessing_source,
        "strip_prefix": checkpoint.strip_prefix,
        "ignore": "\n".join(checkpoint.ignore),
        "rename": "\n".join(f"{old} = {new}" for old, new in checkpoint.rename.items()),
    }


def preprocessing_of(fields: dict) -> Preprocessing:
    """The preprocessing that the fields describe."""
    size = _numbers("Input size", fields["input_size"])
    if len(size) not in (1, 2) or any(side != int(side) for side in size):
        raise CheckpointError(
            f"`Input size` is {fields['input_size']}.", "Give one side, such as 224, or height x width: 224 x 320."
        )
    if fields["statistics"] == OWN:
        mean, std = _numbers("Mean", fields["mean"]), _numbers("Standard deviation", fields["std"])
    else:
        mean, std = _statistics(fields["statistics"], fields["color"])
    pixel_range = RANGES.get(fields["pixel_range"]) or _numbers("Pixel range", fields["pixel_range"])
    sides = tuple(int(side) for side in size)
    return Preprocessing(sides * (2 // len(sides)), mean, std, fields["color"], pixel_range)


def parse_kwargs(text: str) -> dict:
    """Lines (or a comma-separated list) of `key = value`: numbers, true / false, or words with or without quotes."""
    found = {}
    for line in filter(None, (part.strip() for part in re.split(r"[\n,]", text))):
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key or not value:
            raise CheckpointError(
                f"The keyword argument `{line}` is not understood.", "Write one per line, such as `pad_type = same`."
            )
        found[key] = _value(value)
    return found


def _value(text: str) -> bool | int | float | str:
    if text in ("True", "False"):
        return text == "True"
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _plain(value: bool | int | float | str) -> str:
    """A value as `_value` reads it back: words stay bare unless they would be read as something else."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _value(text) == value and type(_value(text)) is type(value) else f'"{value}"'


def _numbers(name: str, text: str) -> tuple[float, ...]:
    parts = [part for part in re.split(r"[\s,;x×\[\]()]+", text.strip()) if part and part != "to"]
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        raise CheckpointError(f"`{name}` is {text}.", "Give numbers, such as 0.485, 0.456, 0.406.") from None


def _statistics(name: str, color: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of a preset; a grey network takes the average of the three channels."""
    mean, std = STATISTICS[name]
    if color == "grey":
        return (round(sum(mean) / 3, 3),), (round(sum(std) / 3, 3),)
    return mean, std


def _numbers_text(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" if float(f"{value:g}") == value else repr(value) for value in values)


def _size_text(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else f"{size[0]} x {size[1]}"


def in_words(preprocessing: Preprocessing) -> str:
    """What happens to an image, in one or two sentences."""
    height, width = preprocessing.input_size
    shape = f"{height} x {width} pixels" + ("" if height == width else " (height x width)")
    channels = {
        "RGB": "Grey images are repeated to three channels.",
        "BGR": "Channels go in as blue, green, red; grey images are repeated to three channels.",
        "grey": "Colour images become grey (luminance).",
    }[preprocessing.color]
    low, high = preprocessing.pixel_range
    unit = f"Values are mapped to {low:g} to {high:g}"
    mean, std = _numbers_text(preprocessing.mean), _numbers_text(preprocessing.std)
    if set(preprocessing.mean) == {0.0} and set(preprocessing.std) == {1.0}:
        scaling = f"{unit} and used as they are."
    else:
        scaling = f"{unit}, then {mean} is subtracted and the result divided by {std}."
    return f"The whole image is resized to {shape}, without cropping. {channels} {scaling}"
