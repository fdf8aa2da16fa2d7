"""What a checkpoint takes on this machine: parameters, memory and time for the features of a target, and disk."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from huggingface_hub import constants

from core import catalog_tags
from core.catalog import Checkpoint
from core.scoring.estimate import candidate_costs, memory_mb


@dataclass(frozen=True)
class Fit:
    """None stands for unknown. `parameters`: without the classifier where only timm's table knows them; `memory_mb`: at
    least what a worker that computes the features takes (before a check without what the batch itself takes);
    `seconds`: for the features of `images` images on the CPU; `scaled_from`: the candidate whose measured speed the
    time was estimated from, empty where its own was measured."""

    parameters: float | None
    memory_mb: float | None
    seconds: float | None
    images: int
    scaled_from: str = ""


def fit_of(checkpoint: Checkpoint, report: dict, images: int, others: list[tuple[Checkpoint, dict]]) -> Fit:
    """From what its check measured, else from timm's table and the speed that `others` showed at their checks."""
    if report.get("ok"):
        return Fit(report["parameters"], _memory(report, images), _seconds(report, images), images)
    row = _row(checkpoint)
    if row is None:
        return Fit(None, None, None, images)
    speed, of = _scaled_speed(row["multiply_adds_g"], others)
    parameters = float(row["backbone_m"]) * 1e6
    known = {"memory_mb": 4 * parameters / 2**20, "feature_dim": row["features"], "images_per_second": speed}
    return Fit(parameters, _memory(known, images), _seconds(known, images), images, of)


def _memory(report: dict, images: int) -> float | None:
    if pd.isna(report["feature_dim"]):
        return None
    candidate = {"scores": [], "memory_mb": report["memory_mb"], "feature_dim": report["feature_dim"]}
    return memory_mb({"candidates": [candidate], "sample": {"n": images}})


def _seconds(report: dict, images: int) -> float | None:
    plan = {"sample": {"n": images}, "device": "cpu", "target": {"class_names": [], "label_type": ""}}
    return candidate_costs(plan, report, [])["features"]


def _row(checkpoint: Checkpoint) -> pd.Series | None:
    """What timm's table says of a tag; None for other networks."""
    table = catalog_tags.load()
    return table.loc[checkpoint.architecture] if checkpoint.architecture in table.index else None


def _scaled_speed(multiply_adds_g: float, others: list[tuple[Checkpoint, dict]]) -> tuple[float | None, str]:
    """Images per second if it did as many multiply-adds per second as the nearest measured network, and its name."""
    measured = {}
    for checkpoint, report in others:
        row = _row(checkpoint) if report.get("ok") else None
        if row is not None and pd.notna(row["multiply_adds_g"]):
            measured[checkpoint.name] = (row["multiply_adds_g"], report["images_per_second"])
    if not measured or pd.isna(multiply_adds_g):
        return None, ""
    name = min(measured, key=lambda name: abs(measured[name][0] - multiply_adds_g))
    work, speed = measured[name]
    return float(speed * work / multiply_adds_g), name


def free_disk() -> int:
    """Free bytes on the disk of huggingface_hub's cache, which may not have been made yet."""
    place = Path(constants.HF_HUB_CACHE)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
