"""What a run will cost: seconds per stage and memory, from what was measured when the checkpoint was checked."""

from core.metrics import METRICS

_LOAD_SECONDS = 2.0  # opening the weights and building the network
_BASE_MB = 1100.0  # a worker with torch loaded
_GRADIENT_NETWORKS = 3.0  # what the backward pass holds, measured on MobileNetV2 (ResNet-50: 1.7)
_GRADIENT_IMAGES = 384
_FORWARDS_PER_LABELLING = 2.0  # one backward pass to the first two layers, measured on MobileNetV2


def candidate_costs(plan: dict, report: dict, metrics: list[str]) -> dict[str, float | None]:
    """Expected seconds for "features" and for each metric; None where the network was never measured here."""
    n, d = plan["sample"]["n"], report.get("feature_dim")
    speed = report.get("images_per_second") if plan["device"] == "cpu" else None
    columns = len(plan["target"]["class_names"])
    several = plan["target"]["label_type"] == "multi-label"
    costs = {"features": _LOAD_SECONDS + n / speed if speed else None}
    for key in metrics:
        if METRICS[key].needs == "gradients":
            passes = _FORWARDS_PER_LABELLING * (1 + METRICS[key].permutations)
            costs[key] = min(n, _GRADIENT_IMAGES) * passes / speed if speed else None
        else:
            fits, k = (columns, 2) if several and METRICS[key].label_by_label else (1, columns)
            costs[key] = fits * METRICS[key].seconds(n, d, k) if d else None
    return costs


def seconds(candidate: dict, todo: list[str]) -> float | None:
    """Expected seconds for the scores `todo` of a planned candidate; None where they are not known."""
    if not todo or "costs" not in candidate:
        return 0.0
    parts = [candidate["costs"]["features"], *(candidate["costs"][key] for key in todo)]
    return None if None in parts else sum(parts)


def seconds_by_metric(plan: dict, todo: dict[str, list[str]]) -> dict[str, float | None]:
    """Expected seconds of each metric over the candidates that `todo` (metrics by candidate name) has it for, in the
    order of the registry; None where they are not known for some candidate."""
    times: dict[str, list[float | None]] = {}
    for candidate in plan["candidates"]:
        for key in todo[candidate["name"]]:
            times.setdefault(key, []).append(candidate["costs"][key])
    return {key: None if None in times[key] else sum(times[key]) for key in METRICS if key in times}


def memory_mb(plan: dict) -> float:
    """Expected peak of the worker in MB: torch, the largest network with its gradients where a metric takes them, and
    the features in double precision."""
    metrics = {score["metric"] for candidate in plan["candidates"] for score in candidate["scores"]}
    held = 1 + _GRADIENT_NETWORKS * any(METRICS[key].needs == "gradients" for key in metrics)
    networks = [held * (c.get("memory_mb") or 0.0) for c in plan["candidates"]]
    widest = max((c.get("feature_dim") or 0 for c in plan["candidates"]), default=0)
    n = plan["sample"]["n"]
    return _BASE_MB + max(networks, default=0.0) + (3 * n * widest + 3 * n * min(n, 4000)) * 8 / 2**20
