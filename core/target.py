"""The question: which task, on which images. A `TargetTask` is a description; `core.images` reads what it points to."""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from core.errors import TargetError

LABEL_TYPES = {
    "binary": "Binary: one of two classes",
    "multi-class": "Multi-class: one of several classes",
    "multi-label": "Multi-label: any number of findings at once",
    "ordinal": "Ordinal: one of several ordered grades",
}
FORMATS = {
    "folder": "A folder with one sub-folder per class",
    "manifest": "A CSV file that lists paths and labels",
    "npz": "A MedMNIST file (.npz)",
}
MOST_IMAGES = 10**9
COLORS = {"": "not stated", "grey": "grey", "color": "colour"}


@dataclass(frozen=True)
class TargetTask:
    """One target task. `images` is absolute; `test_part` holds the ids of the images that SourceScout locked away."""

    name: str
    images: Path
    format: str
    label_type: str
    modality: str = ""
    anatomy: str = ""
    color: str = ""
    class_meanings: dict[str, str] = dataclasses.field(default_factory=dict)
    class_order: tuple[str, ...] = ()
    labelled_images: int | None = None
    commercial_use: bool = False
    compute: str = ""
    notes: str = ""
    origin: tuple[str, ...] = ()  # known public sets that the images come from: keys or names of source records
    label_columns: tuple[str, ...] = ()
    group_column: str = ""
    split_column: str = ""
    group_pattern: str = ""
    group_similar: bool = False  # near-duplicates of the training part form a group
    synthetic: bool = False
    test_part: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.name.strip():
            raise TargetError("The target has no name.", "Give it a short one, such as `breast ultrasound`.")
        _require_one_of("label_type", self.label_type, LABEL_TYPES)
        _require_one_of("format", self.format, FORMATS)
        _require_one_of("color", self.color, COLORS)


def _require_one_of(field: str, value: str, choices: dict) -> None:
    if value not in choices:
        names = ", ".join(f'"{name}"' for name in choices if name)
        raise TargetError(f'`{field}` is "{value}".', f"Use one of {names}.")


_FIELDS = {field.name: field for field in dataclasses.fields(TargetTask)}
_SPELLINGS = {"multiclass": "multi-class", "multilabel": "multi-label"}
_TEXT = {
    "name",
    "format",
    "label_type",
    "modality",
    "anatomy",
    "color",
    "compute",
    "notes",
    "group_column",
    "split_column",
    "group_pattern",
    "images",
}
_LISTS = {"class_order", "label_columns", "origin", "test_part"}
_FLAGS = {"commercial_use", "group_similar", "synthetic"}


def parse_target(text: str, base: Path) -> TargetTask:
    """The task in TOML `text`; relative paths are taken from the folder `base`. TargetError when it cannot be one."""
    try:
        record = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(f"This is not valid TOML: {error}.", "Compare it with the example in the README.") from None
    unknown = sorted(set(record) - set(_FIELDS))
    if unknown:
        raise TargetError(f"Unknown entries: {', '.join(unknown)}.", f"Known ones are {', '.join(_FIELDS)}.")
    missing = [name for name in ("name", "images", "format", "label_type") if not record.get(name)]
    if missing:
        raise TargetError(f"Missing entries: {', '.join(missing)}.", "Add them; the README shows an example.")
    for name, value in record.items():
        _check_kind(name, value)
    label_type = record["label_type"].lower().replace("_", "-")
    record["label_type"] = _SPELLINGS.get(label_type, label_type)
    try:
        record["images"] = (base / Path(record["images"]).expanduser()).resolve()
    except (ValueError, RuntimeError, OSError) as error:  # a null character, an unknown user after ~, a loop of links
        raise TargetError(f"{record['images']!r} is no usable path: {error}.", "Correct `images`.") from None
    for name in _LISTS & set(record):
        record[name] = tuple(record[name])
    return TargetTask(**record)


def _check_kind(name: str, value) -> None:
    fine = (
        isinstance(value, str)
        if name in _TEXT
        else isinstance(value, list) and all(isinstance(v, str) for v in value)
        if name in _LISTS
        else isinstance(value, bool)
        if name in _FLAGS
        else isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
        if name == "class_meanings"
        else isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_IMAGES
    )
    if not fine:
        kind = (
            "a text"
            if name in _TEXT
            else "a list of texts"
            if name in _LISTS
            else "true or false"
            if name in _FLAGS
            else "a table of texts"
            if name == "class_meanings"
            else f"a whole number up to {MOST_IMAGES}"
        )
        raise TargetError(f"`{name}` is {value!r}.", f"It must be {kind}.")


def load_target(path: str | Path) -> TargetTask:
    """The task in the TOML file at `path`."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"`{path}` cannot be read: {error}.", "Check the path and that it is a text file.") from None
    return parse_target(text, path.resolve().parent)


def dump_target(task: TargetTask) -> str:
    """TOML text that `parse_target` reads back as `task`; entries that were left empty are left out."""
    record = dataclasses.asdict(task) | {"images": str(task.images)}
    return tomli_w.dumps({name: value for name, value in record.items() if value not in ("", (), {}, None, False)})
