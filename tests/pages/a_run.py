"""A finished run for tests: the linear probe of three candidates of one architecture and one of another."""

from pathlib import Path

from core.store import Store

PROBED = {  # candidate: architecture, data set as a checkpoint names it, AUC with its interval
    "ImageNet weights": ("resnet50", "ImageNet-1K", 0.80, 0.76, 0.84),
    "RadImageNet weights": ("resnet50", "RadImageNet", 0.83, 0.79, 0.87),
    "CheXpert weights": ("resnet50", "CheXpert", 0.79, 0.75, 0.82),
    "Large weights": ("resnet18", "ImageNet-21K", 0.90, 0.88, 0.92),
}


def add_run(store: Store, target_id: str) -> None:
    candidates, results = [], []
    for name, (architecture, source, value, low, high) in PROBED.items():
        record = {"name": name, "architecture": architecture, "library": "timm", "weights": "/w.pt", "source": source}
        candidates.append({"name": name, "checkpoint": record, "scores": []})
        results.append({"key": name, "metric": "linear_probe", "candidate": name, "value": value, "low": low,
                        "high": high, "verdict": "reliable"})  # fmt: skip
    store.add_run("run", target_id, Path("/gone"), {"candidates": candidates, "sample": {"n": 500}})
    store.add_scores("run", results)
