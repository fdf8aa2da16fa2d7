"""timm's pretrained tags, from the table data/catalog/timm_tags.csv: searched and described without timm or a network.

The table is made by data/catalog/make_tags.py, which says how each column was found.
"""

import csv
from functools import lru_cache
from pathlib import Path

import pandas as pd

from core.catalog import Checkpoint, Preprocessing
from core.errors import CheckpointError

CSV = Path(__file__).resolve().parent.parent / "data" / "catalog" / "timm_tags.csv"
_NUMBERS = ("input_height", "input_width", "classes", "parameters_m", "backbone_m", "multiply_adds_g", "features")
UNKNOWN = "unknown"
# What a network costs: without its classifier, whose size says how many classes the source had.
SIZES = {
    "tiny": "Tiny: below 10 million parameters",
    "small": "Small: 10 to 45 million parameters",
    "base": "Base: 45 to 130 million parameters",
    "large": "Large: above 130 million parameters",
    "resnet50": "ResNet-50 class: 3 to 6.5 G multiply-adds",
}
_PARAMETERS = {"tiny": (0, 10), "small": (10, 45), "base": (45, 130), "large": (130, float("inf"))}
# Pretraining first, then architecture: (label, tags from small to large); tests hold each label to the table.
QUICK_PICKS = {
    "ImageNet-1K, supervised": (
        "vit_small_patch16_224.augreg_in1k", "vit_base_patch16_224.augreg_in1k", "resnet50.a1_in1k",
    ),
    "ImageNet-21K or -22K, supervised": (
        "vit_small_patch16_224.augreg_in21k", "vit_base_patch16_224.augreg_in21k", "resnetv2_50x1_bit.goog_in21k",
        "convnext_tiny.fb_in22k", "convnext_base.fb_in22k",
    ),
    "Self-supervised: DINO on ImageNet-1K, DINOv2, DINOv3": (
        "vit_small_patch16_224.dino", "vit_base_patch16_224.dino",
        "vit_small_patch14_dinov2.lvd142m", "vit_base_patch14_dinov2.lvd142m",
        "vit_small_patch16_dinov3.lvd1689m", "vit_base_patch16_dinov3.lvd1689m", "convnext_tiny.dinov3_lvd1689m",
    ),
    "CLIP on LAION": (
        "vit_medium_patch32_clip_224.tinyclip_laion400m", "vit_base_patch16_clip_224.laion2b",
        "vit_base_patch32_clip_224.laion2b", "convnext_base.clip_laion2b",
    ),
    "CLIP on other image-text pairs": (
        "vit_base_patch16_clip_224.openai", "resnet50_clip.openai", "vit_base_patch16_clip_224.datacompxl",
    ),
}  # fmt: skip


@lru_cache(maxsize=1)
def load() -> pd.DataFrame:
    """One row per tag, indexed by it; `size` is its size class and `resnet50_class` whether it costs about as much."""
    with CSV.open(encoding="utf-8", newline="") as file:
        table = pd.DataFrame(list(csv.DictReader(file))).set_index("tag", drop=False)
    for column in _NUMBERS:
        table[column] = pd.to_numeric(table[column])
    table["size"] = ""
    for size, (low, high) in _PARAMETERS.items():
        table.loc[(table["backbone_m"] >= low) & (table["backbone_m"] < high), "size"] = size
    table["resnet50_class"] = table["multiply_adds_g"].between(3, 6.5)
    return table


def search(
    text: str = "", data: tuple[str, ...] = (), kinds: tuple[str, ...] = (), size: str | None = None,
    licences: tuple[str, ...] = (), input_sizes: tuple[int, ...] = (),
) -> pd.DataFrame:  # fmt: skip
    """The rows that fit everything asked: every word of `text` occurs somewhere in tag, family, data or licence;
    of each other filter any of its values; an empty filter lets all pass. `size` is a key of SIZES."""
    table = load()
    fits = pd.Series(True, index=table.index)
    everything = table[["tag", "family", "data", "kind", "licence"]].agg(" ".join, axis=1).str.lower()
    for word in text.lower().split():
        fits &= everything.str.contains(word, regex=False)
    for column, values in {"data": data, "kind": kinds, "licence": licences, "input_height": input_sizes}.items():
        if values:
            fits &= table[column].isin(values)
    if size:
        fits &= table["resnet50_class"] if size == "resnet50" else table["size"] == size
    return table[fits]


def choices(column: str) -> list:
    """The values of a column, the most frequent first; not "unknown" or empty ones before the others."""
    counts = load()[column].value_counts()
    return sorted(counts.index, key=lambda value: (value in ("", UNKNOWN), -counts[value], value))


def why_not(tag: str) -> str:
    """Why `tag` cannot become a candidate; empty when it can."""
    row = load().loc[tag]
    if not row["hub_id"]:
        return "timm names no repository on the hub for it: download its weights and register them as a file."
    if pd.isna(row["features"]):
        return "It gives no embedding of an image in the way that scoring needs."
    return ""


def checkpoint_of(tag: str) -> Checkpoint:
    """A candidate for `tag`, filled in from the table. CheckpointError when it can be none."""
    if reason := why_not(tag):
        raise CheckpointError(f"{tag} cannot be registered.", reason)
    row = load().loc[tag]
    source = f"{row['data']} ({row['kind']})" if row["data"] != UNKNOWN else ""
    return Checkpoint(
        tag, tag, "timm", "timm", source=source, licence=row["licence"], preprocessing=preprocessing_of(tag)
    )


def has_class_head(record: dict) -> bool:
    """Whether the head of a checkpoint (its record), if it has one, gives classes of its source: that of a timm tag
    trained on image-text pairs, or without labels, and not fine-tuned since, gives a projection."""
    if record["weights"] != "timm" or record["architecture"] not in load().index:
        return True
    row = load().loc[record["architecture"]]
    return row["kind"] not in ("image-text", "self-supervised") or ", then " in row["data"]


def preprocessing_of(tag: str) -> Preprocessing:
    """The preprocessing that timm records for `tag`; the usual one for a tag that is not in the table."""
    if tag not in load().index:
        return Preprocessing()
    row = load().loc[tag]
    mean, std = (tuple(float(value) for value in row[key].split()) for key in ("mean", "std"))
    return Preprocessing((int(row["input_height"]), int(row["input_width"])), mean, std)


def download_mb(tags: list[str]) -> float:
    """About what the weights of `tags` take, as 4 bytes per parameter."""
    return float(4 * load().loc[tags, "parameters_m"].sum())
