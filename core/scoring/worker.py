"""The process that computes a run: `python -m core.scoring.worker RUN_DIR`.

It reads the plan, writes results and progress into the run folder, and never opens the database. It holds the folder's
lock for life, so that its end is noticed whatever the cause, and does only what has no result yet.
"""

import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from core.catalog import identity, parse_checkpoint
from core.errors import CheckpointError, MetricError, RunError, SourceScoutError
from core.scoring import spool
from core.scoring.plan import features_file
from core.settings import home

_WRITE_SECONDS = 0.25
_RESERVE_BYTES = 65_536
_NICE = 19
log = logging.getLogger("worker")


class Cancelled(Exception):
    """The user asked to stop."""


class Progress:
    """What the run folder tells about this worker: written at most four times a second."""

    def __init__(self, run: Path, plan: dict):
        self.run = run
        self.expected = {
            (c["name"], stage): seconds for c in plan["candidates"] for stage, seconds in c.get("costs", {}).items()
        }
        self.spent = self.spent_expected = 0.0
        self.doubts: dict[str, list[str]] = {}
        self.record = {"state": "running", "pid": os.getpid(), "host": socket.gethostname(), "candidates": {}}
        self._written = 0.0
        self._reserve = run / "reserve"
        with contextlib.suppress(OSError):
            self._reserve.write_bytes(os.urandom(_RESERVE_BYTES))  # room for the last words on a full disk

    def stop_if_cancelled(self) -> None:
        if (self.run / "cancel").exists():
            raise Cancelled

    def set(self, name: str, now: bool = True, **facts) -> None:
        """Replace what is told of candidate `name`; with `now` false only when the last write is old enough."""
        self.stop_if_cancelled()
        self.record["candidates"][name] = facts | ({"doubts": self.doubts[name]} if self.doubts.get(name) else {})
        if now or time.monotonic() - self._written > _WRITE_SECONDS:
            self.write()

    def finish(self, name: str, stage: str, seconds: float) -> None:
        """A stage is over: the time left is what was expected for the rest, scaled by how expectations held so far."""
        expected = self.expected.pop((name, stage), None)
        if expected and seconds:
            self.spent += seconds
            self.spent_expected += expected
        log.info("%s: %s took %.2f s", name, stage, seconds)

    def drop(self, name: str) -> None:
        """Nothing more will be done for this candidate."""
        self.expected = {key: value for key, value in self.expected.items() if key[0] != name}

    def write(self) -> None:
        ratio = self.spent / self.spent_expected if self.spent_expected > 1 else 1.0
        known = [seconds for seconds in self.expected.values() if seconds is not None]
        self.record["seconds_left"] = sum(known) * ratio if len(known) == len(self.expected) else None
        self._written = time.monotonic()
        try:
            spool.write_json(self.run / "progress.json", self.record)
        except RunError as error:  # results matter, progress does not: the run goes on while it can
            log.warning("%s", error)

    def end(self, state: str) -> None:
        """The last words of this worker."""
        self._reserve.unlink(missing_ok=True)
        self.record["state"] = state
        self.write()


def work(run: Path) -> None:
    """Compute all missing results of the run folder `run`. Raises RunError when another worker is at it."""
    try:
        held = FileLock(run / "lock", timeout=5).acquire()
    except Timeout:
        raise RunError("Another worker is computing this run.") from None
    with held:
        plan = spool.read_plan(run)
        for folder in (run, run / "results", Path(plan["features_folder"])):
            spool.sweep(folder)
        progress = Progress(run, plan)
        progress.write()
        try:
            with _one_at_a_time(plan["device"], progress):
                for candidate in plan["candidates"]:
                    _score_candidate(run, plan, candidate, progress)
        except Cancelled:
            progress.end("cancelled")
        except SourceScoutError:  # a result could not be kept, so no other could: the rest waits for Resume
            progress.end("stopped")
            raise
        else:
            progress.end("finished")


@contextlib.contextmanager
def _one_at_a_time(device: str, progress: Progress):
    """On a GPU, wait until no other run uses it."""
    if device == "cpu":
        yield
        return
    lock = FileLock(home() / "gpu.lock", timeout=0)
    progress.record["state"] = "waiting"
    progress.write()
    while True:
        progress.stop_if_cancelled()
        with contextlib.suppress(Timeout):
            held = lock.acquire()
            break
        time.sleep(0.5)
    progress.record["state"] = "running"
    with held:
        yield


def _score_candidate(run: Path, plan: dict, candidate: dict, progress: Progress) -> None:
    """All missing scores of one candidate. Its failure is recorded; the other candidates go on."""
    name = candidate["name"]
    todo = [score for score in candidate["scores"] if spool.read_result(run, score["key"]) is None]
    if not todo:
        progress.drop(name)
        return
    try:
        _compute(run, plan, candidate, todo, progress)
        progress.set(name, state="finished")
    except Cancelled:
        raise
    except Exception as error:  # one of ours is kept with its trace; the other candidates still go on
        progress.record["candidates"][name] = {"state": "failed", "error": _failure(error, run, name)}
        if isinstance(error, RunError):
            raise
    progress.drop(name)
    progress.write()


def _failure(error: Exception, run: Path, name: str) -> dict:
    """What to tell about a candidate that could not be scored."""
    if isinstance(error, SourceScoutError):
        log.error("%s: %s", name, error)
        return {"message": error.message, "remedy": error.remedy}
    log.error("%s: unexpected error", name, exc_info=error)
    if isinstance(error, MemoryError) or "memory" in str(error).lower():  # torch raises RuntimeError
        return {
            "message": "The memory of this machine was not enough.",
            "remedy": "Close other programs, use fewer images, or use a machine with more memory.",
        }
    return {
        "message": f"Unexpected error ({type(error).__name__}: {error}).",
        "remedy": f"This is a fault of SourceScout; {run / 'log.txt'} has the details. Resume tries again.",
    }


def _compute(run: Path, plan: dict, candidate: dict, todo: list[dict], progress: Progress) -> None:
    from core.metrics import METRICS

    name = candidate["name"]
    network = cache(lambda: _load(plan, candidate))  # loaded when first needed, once
    features = _features(plan, candidate, network, progress)
    case = cache(lambda: _case(plan, features))  # what serves several metrics is kept in it
    doubts = _doubts(plan, candidate, network)
    progress.doubts[name] = doubts
    for score in todo:
        facts = METRICS[score["metric"]]
        progress.set(name, state="running", stage=facts.name)
        began = time.monotonic()
        result = _evaluate(plan, candidate, score["metric"], case, network)
        told = {"key": score["key"], "metric": score["metric"], "version": facts.version, "candidate": name,
                "device": plan["device"]}  # fmt: skip
        if doubts:
            told["doubts"] = doubts
        spool.write_result(run, told | result)
        progress.finish(name, score["metric"], time.monotonic() - began)


def _case(plan: dict, features):
    """The features with the labels of the sample, as all metrics take them."""
    import numpy as np

    from core.metrics.case import make_case

    return make_case(
        features,
        np.asarray(plan["labels"]),
        plan["target"]["label_type"],
        len(plan["target"]["class_names"]),
        np.asarray(plan["groups"]),
        np.asarray(plan["folds"]),
        plan["seed"],
        plan["device"],
    )


def _evaluate(plan: dict, candidate: dict, metric: str, case: Callable, network: Callable) -> dict:
    """The metric's result; where it has none for these features and labels, the reason."""
    from core.metrics import METRICS
    from core.metrics.calibration import score

    try:
        known = case()
        if METRICS[metric].needs == "gradients":
            known = replace(known, network_inputs=_network_inputs(plan, candidate, network()))
        if METRICS[metric].needs == "source head":
            known = replace(known, source_logits=_source_logits(candidate, network(), known.features))
        return score(metric, known)
    except MetricError as error:
        return {"value": None, "reason": str(error)}


def _source_logits(candidate: dict, network, features):
    """The outputs (N, S) of the head for the classes of the source; None where it has no such head."""
    import torch

    from core.catalog_tags import has_class_head
    from core.metrics.case import finite_table

    if network.head is None or not has_class_head(candidate["checkpoint"]):
        return None
    device = network.head.weight.device
    logits = network.source_logits(torch.from_numpy(features).to(device)).cpu().numpy()
    return finite_table(logits, len(features), "source logits")


def _network_inputs(plan: dict, candidate: dict, network):
    """The network with its first two layers, and a loader of prepared images, for a metric of gradients."""
    import torch

    from core.images.source import pixels_of
    from core.metrics.gradient_ratio import NetworkInputs
    from core.preprocess import prepare

    preprocessing = parse_checkpoint(candidate["checkpoint"], Path("/")).preprocessing
    pixels = pixels_of(plan["sample"]["pixels"])
    network.module.requires_grad_(False)  # the metric asks for the gradients of two layers only
    try:
        (first_name, first), (second_name, second) = network.first_two_layers()
    except CheckpointError as error:
        raise MetricError(error.message, error.remedy) from None

    def load(rows):
        return torch.stack([prepare(pixels[int(row)], preprocessing) for row in rows]).to(plan["device"])

    return NetworkInputs(network.features, (first_name, second_name), first, second, load)


def _load(plan: dict, candidate: dict):
    from core.backbone import load_network, tag_file
    from core.features import require_device

    require_device(plan["device"])
    checkpoint = parse_checkpoint(candidate["checkpoint"], Path("/"))
    if identity(checkpoint, tag_file(checkpoint) if checkpoint.kind == "timm" else None) != candidate["identity"]:
        raise CheckpointError(
            f"{checkpoint.name}: the weights are not the ones that this run was planned with.",
            "Plan a new run, which takes them as they are now.",
        )
    return load_network(checkpoint, plan["device"])


def _features(plan: dict, candidate: dict, network: Callable, progress: Progress):
    """The features (N, D) of the sample, from their file if it is there and whole."""
    import numpy as np

    from core.features import extract_features
    from core.images.source import pixels_of

    name, n, file = candidate["name"], plan["sample"]["n"], features_file(plan, candidate)
    with contextlib.suppress(OSError, ValueError, EOFError):
        features = np.load(file, mmap_mode="r", allow_pickle=False)
        if features.ndim == 2 and len(features) == n:
            progress.finish(name, "features", 0.0)
            return features
    progress.set(name, state="running", stage="Loading the network")
    network()
    began = time.monotonic()

    def on_batch(done: int) -> None:
        speed = done / (time.monotonic() - began)
        progress.set(name, now=False, state="running", stage="Features", images=done, of=n, speed=speed)

    preprocessing = parse_checkpoint(candidate["checkpoint"], Path("/")).preprocessing
    pixels = pixels_of(plan["sample"]["pixels"])
    features = extract_features(network(), preprocessing, pixels, range(n), file, plan["device"], on_batch=on_batch)
    progress.finish(name, "features", time.monotonic() - began)
    return features


def _doubts(plan: dict, candidate: dict, network: Callable) -> list[str]:
    """Warnings about this network on a few images of the sample, kept beside its features, which they belong to."""
    from core.doubts import examine
    from core.images.source import pixels_of

    file = features_file(plan, candidate).with_suffix(".doubts.json")
    known = spool.read_json(file)
    if known is None:
        preprocessing = parse_checkpoint(candidate["checkpoint"], Path("/")).preprocessing
        known = examine(network(), preprocessing, pixels_of(plan["sample"]["pixels"]))
        spool.write_json(file, known)
    return known["warnings"]


def _step_back() -> None:
    """Let the pages have the processor first, so that they stay responsive."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    with contextlib.suppress(OSError):  # Linux weighs whole sessions, and this worker has one of its own
        Path("/proc/self/autogroup").write_text(str(_NICE))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))  # torch reads it when imported


def main(do: Callable[[Path], object]) -> int:
    """The life of a worker: do the work of the folder that the command line names, behind all that the user does."""
    folder = Path(sys.argv[1]).resolve()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    _step_back()
    try:
        do(folder)
    except SourceScoutError as error:
        log.error("%s", error)
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main(work))
