"""How long every metric takes, beside the public way to compute it: `python -m tests.benchmarks.metrics`.

    python -m tests.benchmarks.metrics [--quick] [--large] [--device cuda] [--no-public] [--only nca,logme]

Synthetic features (4000, 2048), 8 classes, 1,000 source classes; prints a table and JSON. Aims on 2 cores: all point
values under 40 s, with calibration under 5 minutes; the public routes together 10 times slower. `--large`: point
values of (20000, 768) in a process of its own, with its peak memory (aims: 3 minutes, 6 GiB). `--quick`: small sizes,
to try it. Metrics of one candidate share one decomposition; the first that needs it pays for it. On a busy machine
the seconds of processor time (cpu) compare better.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from unittest.mock import patch

import numpy as np

from core.metrics import METRICS
from core.metrics.calibration import score
from core.metrics.case import Case, make_case
from core.metrics.threads import threads_for
from tests.benchmarks import public_metrics

STANDARD, LARGE, QUICK = (4000, 2048, 8, 1000), (20_000, 768, 8, 1000), (300, 96, 4, 50)
TINY = (60, 12, 2, 5)
OF_FEATURES = [key for key, metric in METRICS.items() if metric.needs != "gradients"]


def synthetic(n: int, d: int, classes: int, source_classes: int, seed: int = 0):
    """Features like those behind a ReLU, with a spectrum that falls off; labels; logits of a source head; folds."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    spread = (1 + np.arange(d)) ** -0.5
    means = 0.2 * rng.normal(size=(classes, d)) * spread
    features = np.maximum(rng.normal(size=(n, d)) * spread + means[labels], 0)
    logits = 4 * features @ rng.normal(size=(d, source_classes))
    return features.astype(np.float32), labels, logits.astype(np.float32), np.arange(n) // classes % 5


def case_of(size: tuple[int, ...], device: str) -> Case:
    features, labels, logits, folds = synthetic(*size)
    return make_case(features, labels, "multi-class", size[2], folds=folds, device=device, source_logits=logits)


def timed(compute: Callable) -> tuple[float, float, object]:
    """Seconds of the clock, seconds of processor time, and what was computed."""
    began, cpu = time.perf_counter(), time.process_time()
    result = compute()
    return time.perf_counter() - began, time.process_time() - cpu, result


def point_value(key: str, case: Case) -> float:
    """The value as the product computes it, without its permutations and resamples."""
    module = import_module(f"core.metrics.{key}")
    alone = replace(module.METRIC, permutations=0, resamples=0)
    with patch.object(module, "METRIC", alone), threads_for(case.features.size), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of means over no permutations
        return module.calibrated(case).value


def ours(size: tuple[int, ...], device: str, keys: list[str], calibrated: bool) -> dict[str, dict]:
    """Per metric the seconds for the value, and with calibration; each on one new case for all metrics. Libraries are
    loaded, and the device is started, on a tiny case before."""
    figures = {key: {} for key in keys}
    for key in keys:
        point_value(key, case_of(TINY, device))
    case = case_of(size, device)
    for key in keys:
        wall, cpu, value = timed(lambda key=key: point_value(key, case))
        figures[key] |= {"value": value, "value_s": wall, "value_cpu_s": cpu}
    case = case_of(size, device)
    for key in keys if calibrated else ():
        wall, cpu, record = timed(lambda key=key: score(key, case))
        figures[key] |= {"calibrated_s": wall, "calibrated_cpu_s": cpu, "permutations": record["permutations"]}
    return figures


def theirs(size: tuple[int, ...], keys: list[str]) -> dict[str, dict]:
    """Per metric the seconds of the public route on the CPU, where there is one."""
    features, labels, logits, folds = synthetic(*size)
    inputs = public_metrics.Inputs(features.astype(float), labels, logits.astype(float), folds)
    figures = {}
    for key in keys:
        if key in public_metrics.ROUTES:
            wall, cpu, value = timed(lambda key=key: public_metrics.ROUTES[key](inputs))
            figures[key] = {"public": value, "public_s": wall, "public_cpu_s": cpu}
    return figures


def nca_beside_scikit_learn(size: tuple[int, ...], device: str) -> dict:
    """The fit alone, on the same features: seconds and objective per image, of ours, of scikit-learn's with its own
    (randomised) PCA, and of scikit-learn's from the same start as ours."""
    from core.metrics.nca import nca, prepare

    case = case_of(size, device)
    x, start = prepare(case)
    wall, cpu, (_, objective) = timed(lambda: nca(x, case.labels, start))
    figures = {"ours": {"s": wall, "cpu_s": cpu, "objective": objective}}
    x, start = x.cpu().numpy(), start.cpu().numpy()
    for name, init in (("scikit-learn", "pca"), ("scikit-learn, same start", start)):
        wall, cpu, objective = timed(lambda init=init: public_metrics.nca_objective(x, case.labels, init))
        figures[name] = {"s": wall, "cpu_s": cpu, "objective": objective}
    return figures


def suite(figures: dict[str, dict]) -> dict[str, float]:
    """The sums over the metrics; the ratio over those that have a public route.

    With calibration the public routes are not timed but calculated: each permutation of the labels would repeat them
    (our half samples come on top, on our side alone)."""
    total = {
        name: sum(row[name] for row in figures.values())
        for name in ("value_s", "value_cpu_s", "calibrated_s", "calibrated_cpu_s")
        if all(name in row for row in figures.values())
    }
    both = [row for row in figures.values() if "public_s" in row]
    if both:
        total |= {name: sum(row[name] for row in both) for name in ("public_s", "public_cpu_s")}
        total["times_faster"] = total["public_s"] / sum(row["value_s"] for row in both)
        total["times_faster_cpu"] = total["public_cpu_s"] / sum(row["value_cpu_s"] for row in both)
        if "calibrated_s" in total:
            repeated = sum(row["public_s"] * (1 + row["permutations"]) for row in both)
            total["calculated_public_s_with_permutations"] = repeated
            total["calculated_times_faster_calibrated"] = repeated / sum(row["calibrated_s"] for row in both)
    return total


def print_table(figures: dict[str, dict]) -> None:
    seconds = ("value_s", "value_cpu_s", "calibrated_s", "calibrated_cpu_s", "public_s", "public_cpu_s")
    columns = (*seconds, "times_faster", "value", "public")
    print(f"{'metric':20}" + "".join(f"{name:>17}" for name in columns))
    for key, row in figures.items():
        cells = (f"{row[name]:17.4g}" if row.get(name) is not None else f"{'-':>17}" for name in columns)
        print(f"{key:20}" + "".join(cells))


def large(size: tuple[int, ...], device: str, keys: list[str]) -> dict:
    """Point values in a process of its own, and its peak memory."""
    command = [sys.executable, "-m", "tests.benchmarks.metrics", "--child", json.dumps([size, device, keys])]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def child(size: tuple[int, ...], device: str, keys: list[str]) -> dict:
    figures = ours(size, device, keys, calibrated=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"size": size, "metrics": figures, "suite": suite(figures), "peak_gib": peak}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--no-public", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default=",".join(OF_FEATURES))
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(*arguments.child)))
        return
    keys = [key for key in OF_FEATURES if key in arguments.only.split(",")]
    if arguments.large:
        answer = large(QUICK if arguments.quick else LARGE, arguments.device, keys)
    else:
        size = QUICK if arguments.quick else STANDARD
        figures = ours(size, arguments.device, keys, calibrated=True)
        for key, row in {} if arguments.no_public else theirs(size, keys).items():
            figures[key] |= row | {"times_faster": row["public_s"] / figures[key]["value_s"]}
        answer = {"size": size, "metrics": figures, "suite": suite(figures)}
        if "nca" in keys and not arguments.no_public:
            answer["nca"] = nca_beside_scikit_learn(size, arguments.device)
    print_table(answer["metrics"] | {"all": answer["suite"]})
    print(json.dumps({"cores": os.cpu_count(), "device": arguments.device} | answer, indent=1))


if __name__ == "__main__":
    main()
