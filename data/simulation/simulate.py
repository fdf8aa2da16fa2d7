"""How far each metric can be trusted, by number of images, features and classes: a simulation with known truth.

    python -m data.simulation.simulate [--processes 2]        # from the top of the repository; hours on two cores

A candidate is a Gaussian class model of which the truth is known: all classes have one covariance and lie at the same
Mahalanobis distance from each other, so that the best possible classifier of two classes has the AUC
Phi(distance / sqrt(2)). Candidates differ, as networks do, in how fast the variance of their features falls off and in
where among the directions the classes differ; that is what a metric can mistake for a signal. See README.md.

What is finished is kept in `parts/` (not in the repository), so a run that is broken off goes on where it was.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from itertools import combinations, product
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from core.errors import MetricError
from core.metrics import METRICS, trust
from core.metrics.calibration import LEVEL, score
from core.metrics.case import Case, make_case
from core.metrics.ncti import SIGNS, ncti_terms
from core.metrics.threads import one_thread
from core.scoring.ranking import among_all
from tests.benchmarks.metrics import OF_FEATURES, point_value

HERE = Path(__file__).parent
PARTS = HERE / "parts"
IMAGES, FEATURES, CLASSES, BALANCES = (60, 200, 600, 2000), (128, 1024), (2, 5), ("even", "skewed")
MAJORITY = {2: 0.8, 5: 0.6}  # the share of the largest class where classes are skewed; the others are even
DISTANCES = (0.0, 0.75, 1.25, 1.75, 2.5)  # between classes; the best AUC of two is 0.50, 0.70, 0.81, 0.89 and 0.96
POOLS = {60: 40, 200: 40, 600: 20, 2000: 5}  # pools of one candidate per distance, each with images of its own
CALIBRATED = {60: 6, 200: 6, 600: 0, 2000: 0}  # samples with null and interval: of noise, and of one candidate
FRESH = 16  # samples of that candidate whose mean is what its intervals should hold
MIDDLE = 1.25  # its distance
SOURCE_CLASSES = 50


@dataclass(frozen=True)
class Cell:
    """One situation: N images, D features, C classes, and whether they are equally large."""

    n: int
    d: int
    classes: int
    balance: str

    def shares(self) -> np.ndarray:
        if self.balance == "even":
            return np.full(self.classes, 1 / self.classes)
        largest = MAJORITY[self.classes]
        return np.r_[largest, np.full(self.classes - 1, (1 - largest) / (self.classes - 1))]

    def labels(self) -> np.ndarray:
        """(N,) class ids with these shares as exactly as whole images allow."""
        ends = np.round(np.cumsum(self.shares()) * self.n).astype(int)
        return np.repeat(np.arange(self.classes), np.diff(ends, prepend=0))


@dataclass(frozen=True)
class Candidate:
    """A class model: the standard deviation of each feature, the class means, and a random source head."""

    spread: np.ndarray
    means: np.ndarray
    head: np.ndarray

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Features (N, D) of new images with these labels, and what the head says of them (N, S)."""
        x = rng.normal(size=(len(labels), len(self.spread))) + self.means[labels]
        x = x * self.spread
        return x, x @ self.head


def candidate(d: int, classes: int, distance: float, rng: np.random.Generator) -> Candidate:
    """The variance falls off like j^-a with a from 0.3 to 1.2; leading directions take more part in the signal."""
    j = 1 + np.arange(d)
    spread = j ** (-rng.uniform(0.3, 1.2) / 2)
    directions = np.linalg.qr(rng.normal(size=(d, classes)) * j[:, None] ** -0.5)[0]
    means = distance / np.sqrt(2) * directions.T  # orthogonal, hence all at the same distance
    head = rng.normal(size=(d, SOURCE_CLASSES))
    return Candidate(spread, means, 2 * head / np.linalg.norm(spread))


def case_of(cell: Cell, of: Candidate, rng: np.random.Generator, seed: int) -> Case:
    labels = cell.labels()
    features, logits = of.sample(labels, rng)
    folds = np.empty(cell.n, dtype=int)
    for c in range(cell.classes):
        members = np.flatnonzero(labels == c)
        folds[members] = (rng.permutation(len(members)) + c) % 5
    kind = "binary" if cell.classes == 2 else "multi-class"
    return make_case(features, labels, kind, cell.classes, folds=folds, seed=seed, source_logits=logits)


def values(case: Case) -> dict[str, float | dict | None]:
    """The value of every metric of features, None where it refuses; of NCTI the terms that a pool makes a value of."""
    found = {}
    for key in OF_FEATURES:
        try:
            found[key] = terms(case) if key == "ncti" else point_value(key, case)
        except MetricError:
            found[key] = None
    return found


def terms(case: Case) -> dict[str, float]:
    components = case.spectrum.leading(METRICS["ncti"].params["components"])
    return dict(zip(SIGNS, ncti_terms(components, case.tensor(case.labels)).tolist(), strict=True))


def pool(cell: Cell, number: int) -> list[dict]:
    """The values of one candidate per distance, the smallest first."""
    found = []
    for k, distance in enumerate(DISTANCES):
        rng = np.random.default_rng([1, *numbers(cell), number, k])
        found.append(values(case_of(cell, candidate(cell.d, cell.classes, distance, rng), rng, number)))
    result = {"verdict": "", "reason": ""}
    pooled = {
        str(k): result | {"detail": {"terms": row["ncti"], "half_terms": [], "share": 0.5}}
        for k, row in enumerate(found)
        if row["ncti"] is not None
    }
    pooled = among_all(pooled)
    return [row | {"ncti": pooled.get(str(k), {}).get("value")} for k, row in enumerate(found)]


def calibration(cell: Cell) -> dict:
    """Nulls and intervals of a few samples of noise and of one candidate, and its values on fresh samples."""
    found = {}
    for name, distance in {"noise": 0.0, "signal": MIDDLE}.items():
        rng = np.random.default_rng([2, *numbers(cell), len(found)])
        of = candidate(cell.d, cell.classes, distance, rng)
        cases = [case_of(cell, of, rng, number) for number in range(CALIBRATED[cell.n])]
        found[name] = [{key: calibrated(key, case) for key in OF_FEATURES} for case in cases]
        found[f"{name}_fresh"] = [values(case_of(cell, of, rng, number)) for number in range(FRESH)]
    return found


def calibrated(key: str, case: Case) -> dict:
    """Value, p and interval; without the verdict, which rests on the tables that are made here."""
    try:
        with patch.object(trust, "remarks", lambda *_: ([], [])):
            record = score(key, case)
    except MetricError:
        return {}
    return {name: record[name] for name in ("value", "p", "low", "high")}


def numbers(cell: Cell) -> tuple[int, ...]:
    return cell.n, cell.d, cell.classes, BALANCES.index(cell.balance)


def compute(job: tuple[Cell, int | None]) -> None:
    """One pool, or with None the calibration of a cell, into a file of its own."""
    cell, number = job
    part = PARTS / ("-".join(str(value) for value in (*asdict(cell).values(), number)) + ".json")
    if part.exists():
        return
    with one_thread():
        found = calibration(cell) if number is None else pool(cell, number)
    scratch = part.with_suffix(".new")
    scratch.write_text(json.dumps({"cell": asdict(cell), "found": found}), encoding="utf-8")
    scratch.rename(part)


def jobs() -> list[tuple[Cell, int | None]]:
    """What there is to do, the first pools of every cell before the second ones."""
    cells = [Cell(*of) for of in product(IMAGES, FEATURES, CLASSES, BALANCES)]
    pools = sorted(((cell, number) for cell in cells for number in range(POOLS[cell.n])), key=lambda job: job[1])
    return pools + [(cell, None) for cell in cells if CALIBRATED[cell.n]]


def in_order(rows: list[dict], key: str) -> float:
    """The share of the pairs of candidates that a metric puts in the right order; a tie or a refusal counts a half."""
    found = [row[key] for row in rows]
    pairs = [(low, high) for low, high in combinations(found, 2)]
    return float(np.mean([0.5 if None in pair else 0.5 + np.sign(pair[1] - pair[0]) / 2 for pair in pairs]))


def ordered_table(parts: list[dict]) -> pd.DataFrame:
    """One row per metric and cell: how many pools, and the mean share of pairs in the right order."""
    rows = [part["cell"] | {key: in_order(part["found"], key) for key in OF_FEATURES} for part in parts]
    tidy = pd.DataFrame(rows).melt(id_vars=list(parts[0]["cell"]), var_name="metric", value_name="ordered")
    cells = tidy.groupby(["metric", "n", "d", "classes", "balance"], sort=False)["ordered"]
    return cells.agg(pools="size", ordered="mean").reset_index()


def calibration_table(parts: list[dict]) -> pd.DataFrame:
    """One row per metric, N and D: how many samples of each kind, how often noise gets p <= 0.05, how often the signal
    does, and how often an interval holds the mean over fresh samples."""
    rows = []
    for part, key, kind in product(parts, OF_FEATURES, ("noise", "signal")):
        fresh = [row[key] for row in part["found"][f"{kind}_fresh"]]
        truth = None if key == "ncti" or None in fresh else float(np.mean(fresh))
        for sample in part["found"][kind]:
            rows.append(
                {"metric": key, "n": part["cell"]["n"], "d": part["cell"]["d"]}
                | {f"{kind}_found": _at_most(sample[key].get("p"), LEVEL), "covered": _holds(sample[key], truth)}
            )
    cells = pd.DataFrame(rows).groupby(["metric", "n", "d"], sort=False)
    return cells.mean().assign(samples=cells.size() // 2).reset_index()


def _at_most(p: float | None, level: float) -> float:
    return np.nan if p is None else float(p <= level)


def _holds(record: dict, truth: float | None) -> float:
    if truth is None or record.get("low") is None:
        return np.nan
    return float(record["low"] <= truth <= record["high"])


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--processes", type=int, default=2)
    PARTS.mkdir(exist_ok=True)
    with get_context("spawn").Pool(arguments.parse_args().processes) as workers:
        for _ in workers.imap_unordered(compute, jobs()):
            pass
    parts = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(PARTS.glob("*.json"))]
    pools = [part for part in parts if isinstance(part["found"], list)]
    calibrations = [part for part in parts if isinstance(part["found"], dict)]
    for name, table in {"ordered": ordered_table(pools), "calibrated": calibration_table(calibrations)}.items():
        table = table.sort_values(["metric", "n", "d"], kind="stable")
        table.to_csv(HERE / f"{name}.csv", index=False, float_format="%.3f", lineterminator="\n")


if __name__ == "__main__":
    main()
