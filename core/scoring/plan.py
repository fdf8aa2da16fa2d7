"""What a run will do, fully resolved: which images, which candidates, which scores, and the key of each.

A key is a hash of everything that determines a result, so equal keys mean equal results:
features = ordered sample x weights x architecture and the library that defines it x preprocessing x layer x precision;
score = features x labels x groups and folds x metric, its version and parameters x seed.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from core.catalog import Checkpoint, checkpoint_record, identity, version_of
from core.errors import RunError, SourceScoutError
from core.images.near import with_similar_groups
from core.images.parts import draw_sample, effective_groups, stratified_group_folds, training_part
from core.images.readers import Listing
from core.images.source import sample_source
from core.metrics import METRICS
from core.metrics.calibration import VERSION
from core.metrics.labels import label_matrix
from core.scoring.estimate import candidate_costs
from core.settings import home
from core.target import TargetTask

FOLDS = 5
LAYER = "pooled penultimate layer"
PRECISION = "float32"
SMALLEST_SAMPLE = 20


@dataclass(frozen=True)
class Contender:
    """A checkpoint that takes part in a run, and what checking it found (`core.backbone.check_checkpoint`)."""

    checkpoint: Checkpoint
    report: dict = field(default_factory=dict)


def make_plan(
    task: TargetTask,
    listing: Listing,
    index: pd.DataFrame,
    contenders: list[Contender],
    metrics: list[str],
    *,
    max_images: int | None = None,
    device: str = "cpu",
    seed: int = 0,
) -> dict:
    """The plan, as plain values ready for JSON. RunError when there is nothing that could be scored.

    A contender whose weights cannot be read is kept with its `error`, so that the others are scored all the same.
    """
    if max_images is not None and max_images < SMALLEST_SAMPLE:
        raise RunError(f"{max_images} images are too few.", f"At least {SMALLEST_SAMPLE} are needed for {FOLDS} folds.")
    part = training_part(task, listing, index)
    listing = with_similar_groups(task, listing, index)
    rows = draw_sample(part, index, max_images, seed)
    if len(rows) < SMALLEST_SAMPLE:
        raise RunError(
            f"Only {len(rows)} images to compute on.", f"At least {SMALLEST_SAMPLE} are needed for {FOLDS} folds."
        )
    if not contenders:
        raise RunError("No candidate was chosen.", "Register checkpoints on the sources page, or open the demo.")
    applicable = [key for key in metrics if task.label_type in METRICS[key].label_types]
    if not applicable:
        raise RunError("None of the chosen metrics works with these labels.", "Choose another one.")
    labels = listing.labels[rows]
    groups = effective_groups(listing, index, rows)
    columns = label_matrix(labels, len(listing.class_names), task.label_type)
    if not (columns.any(axis=0) & ~columns.all(axis=0)).any():
        raise RunError("All chosen images carry the same label.", "Use more images, or check the labels.")
    hashes = index["pixel_hash"].iloc[rows].tolist()
    sample = {"n": len(rows), "seed": seed, "hash": sample_hash(hashes), "pixels": sample_source(listing, rows, hashes)}
    plan = {
        "version": 1,
        "target": {
            "name": task.name,
            "label_type": task.label_type,
            "class_names": list(listing.class_names),
            "synthetic": task.synthetic,
        },
        "part": {"name": part.name, "n": len(part.indices), "hash": part.hash, "locked": part.locked},
        "sample": sample,
        "labels": labels.tolist(),
        "groups": groups.tolist(),
        "folds": stratified_group_folds(columns, groups, FOLDS, seed).tolist(),
        "grouped": listing.groups is not None,
        "device": device,
        "seed": seed,
        "features_folder": str(home() / "features"),
        "candidates": [],
    }
    truth = digest([
        task.label_type, len(listing.class_names), plan["labels"], plan["groups"], plan["folds"], seed
    ])  # fmt: skip
    plan["candidates"] = _without_twins([_candidate(c, plan, applicable, truth) for c in contenders])
    return plan


def _without_twins(candidates: list[dict]) -> list[dict]:
    """Results belong to their content, so of candidates that are the same only the first is scored."""
    first: dict[str, str] = {}
    for i, candidate in enumerate(candidates):
        twin = first.setdefault(candidate.get("features_key", candidate["name"]), candidate["name"])
        if twin != candidate["name"]:
            error = {
                "message": f"{candidate['name']}: network, weights and preprocessing are those of {twin}.",
                "remedy": "Its scores are the same: leave one of the two out, or correct this one's weights.",
            }
            candidates[i] = {key: candidate[key] for key in ("name", "checkpoint", "identity")}
            candidates[i] |= {"scores": [], "error": error}
    return candidates


def _candidate(contender: Contender, plan: dict, metrics: list[str], truth: str) -> dict:
    checkpoint = contender.checkpoint
    entry = {"name": checkpoint.name, "checkpoint": checkpoint_record(checkpoint), "scores": []}
    if checkpoint.kind == "timm" and contender.report.get("error"):  # its weights could not be fetched
        return entry | {"error": contender.report["error"]}
    try:
        entry["identity"] = identity(checkpoint, contender.report.get("weights_file"))
    except SourceScoutError as error:
        return entry | {"error": {"message": error.message, "remedy": error.remedy}}
    entry["features_key"] = features_key(plan["sample"]["hash"], checkpoint, entry["identity"])
    entry["scores"] = [{"metric": key, "key": _score_key(entry["features_key"], truth, key)} for key in metrics]
    entry["costs"] = candidate_costs(plan, contender.report, metrics)
    entry |= {key: contender.report.get(key) for key in ("feature_dim", "memory_mb")}
    return entry


def features_key(sample: str, checkpoint: Checkpoint, weights: str) -> str:
    """The key of the features of the images whose `sample_hash` is `sample`; `weights` is `core.catalog.identity`."""
    return digest([
        sample, weights, checkpoint.library, version_of(checkpoint.library),
        checkpoint.architecture, checkpoint.kwargs, checkpoint.num_classes,
        checkpoint_record(checkpoint)["preprocessing"],
        LAYER, PRECISION, *([checkpoint.naming] if checkpoint.naming else []),
    ])  # fmt: skip


def sample_hash(hashes: list[str]) -> str:
    """What tells one ordered sample from another, of the hashes of its images' pixels."""
    return digest(hashes)


def _score_key(features_key: str, truth: str, metric: str) -> str:
    facts = METRICS[metric]
    return digest([
        features_key, truth, metric, facts.version, facts.params, facts.permutations, facts.resamples, VERSION,
    ])  # fmt: skip


def digest(facts: list) -> str:
    """SHA-256 (hex) of plain values."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def plan_hash(plan: dict) -> str:
    """What tells one run from another: its scores, its candidates and its device (not where files lie)."""
    candidates = [[c["name"], c.get("identity"), [s["key"] for s in c["scores"]]] for c in plan["candidates"]]
    return digest([plan["target"]["name"], plan["part"]["hash"], plan["device"], candidates])


def summary(plan: dict) -> dict:
    """The plan without its long lists: what the database and the exports keep."""
    short = {key: value for key, value in plan.items() if key not in ("labels", "groups", "folds", "features_folder")}
    sample = {key: value for key, value in plan["sample"].items() if key != "pixels"}
    labels = np.asarray(plan["labels"])
    names = plan["target"]["class_names"]
    counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=len(names))
    return short | {"sample": sample | {"counts": dict(zip(names, counts.tolist(), strict=True))}}


def score_keys(plan: dict) -> list[str]:
    """The keys of all scores that the plan asks for."""
    return [score["key"] for candidate in plan["candidates"] for score in candidate["scores"]]


def features_file(plan: dict, candidate: dict) -> Path:
    """Where the features of a candidate are kept."""
    return Path(plan["features_folder"]) / f"{candidate['features_key']}.npy"
