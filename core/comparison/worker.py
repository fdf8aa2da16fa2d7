"""The process that compares sets of images: `python -m core.comparison.worker FOLDER`.

It reads the plan, makes each finding that is not there yet and writes it in one step. A set or an encoder that cannot
be read or loaded is told in the progress; the others go on.
"""

import io
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from core.catalog import parse_checkpoint
from core.comparison import job
from core.comparison.sets import Looks, look_through, places_of, read_looks
from core.errors import RunError, SimilarityError, SourceScoutError
from core.images.pixels import Pixels
from core.scoring import spool
from core.scoring.plan import features_key, sample_hash
from core.scoring.worker import Cancelled, main
from core.similarity.embedding import Sample, compare_features
from core.similarity.moments import moments_of
from core.similarity.projection import UNLABELLED, project

log = logging.getLogger("comparison")
_WRITE_SECONDS = 0.25
MAPPED = 400  # images of a set on a map: each is drawn with its picture


class Progress:
    """What the folder tells about this worker: written at most four times a second."""

    def __init__(self, folder: Path, tell: Callable[[str], None] | None):
        self.folder, self.tell, self.record, self._written = folder, tell, {"at": "", "errors": []}, 0.0

    def at(self, text: str, now: bool = True) -> None:
        if (self.folder / "cancel").exists():
            raise Cancelled
        self.record["at"] = text
        if now or time.monotonic() - self._written > _WRITE_SECONDS:
            self.write()

    def failed(self, about: str, error: Exception) -> None:
        if isinstance(error, SourceScoutError):
            log.error("%s: %s", about, error)
            told = {"message": f"{about}: {error.message}", "remedy": error.remedy}
        else:
            log.error("%s: unexpected error", about, exc_info=error)
            told = {
                "message": f"{about}: unexpected error ({type(error).__name__}: {error}).",
                "remedy": f"This is a fault of SourceScout; {self.folder / 'log.txt'} has the details.",
            }
        self.record["errors"].append(told)
        self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        if self.tell:
            self.tell(self.record["at"])
        with suppress(RunError):  # findings matter, progress does not
            spool.write_json(self.folder / "progress.json", self.record)


class Comparison:
    """The work of one plan; what several steps need is kept while they follow each other."""

    def __init__(self, plan: dict, progress: Progress):
        self.plan, self.progress = plan, progress
        self.looks = lru_cache(maxsize=None)(self._looks)
        self.network = lru_cache(maxsize=1)(self._network)

    def make(self, step: job.Step) -> None:
        """Make the finding of `step` and write it."""
        if step.kind == "looks":
            self.looks(step.image_set)
        elif step.kind == "moments":
            self._moments(step)
        elif step.kind == "distances":
            self._distances(step)
        else:
            self._projection(step, step.kind.removeprefix("projection "))

    def name(self, step: job.Step) -> str:
        """What the step is about, for people."""
        names = []
        if step.encoder is not None:
            names.append(self.plan["encoders"][step.encoder]["name"])
        if step.image_set is not None:
            names.append(self.plan["sets"][step.image_set]["name"])
        return ", ".join(names)

    def _looks(self, number: int) -> Looks:
        images = self.plan["sets"][number]
        file = job.looks_file(images)
        if file.exists():
            return read_looks(file)

        def tell(done: int, total: int) -> None:
            self.progress.at(f"Measuring the images of {images['name']}: {done:,} of {total:,}", now=False)

        looks = look_through(images, os.cpu_count() or 1, tell)
        arrays = {f"measure/{name}": values for name, values in looks.measures.items()}
        write_npz(file, {"rows": looks.rows, "hashes": np.array(looks.hashes), **arrays})
        return looks

    def _network(self, number: int):
        from core.backbone import load_network
        from core.features import require_device

        encoder = self.plan["encoders"][number]
        require_device(self.plan["device"])
        self.progress.at(f"Loading {encoder['name']}")
        return load_network(parse_checkpoint(encoder["checkpoint"], Path("/")), self.plan["device"])

    def features(self, number: int, image_set: int) -> np.ndarray:
        """(N, D) float32 of the readable images of a set; the same file that scoring uses where the images are."""
        from core.features import extract_features

        encoder, images, looks = self.plan["encoders"][number], self.plan["sets"][image_set], self.looks(image_set)
        checkpoint = parse_checkpoint(encoder["checkpoint"], Path("/"))
        key = features_key(sample_hash(list(looks.hashes)), checkpoint, encoder["identity"])
        file = Path(self.plan["features_folder"]) / f"{key}.npy"
        with suppress(OSError, ValueError, EOFError):
            known = np.load(file, mmap_mode="r", allow_pickle=False)
            if known.ndim == 2 and len(known) == len(looks.rows):
                return known
        network, n = self.network(number), len(looks.rows)

        def tell(done: int) -> None:
            self.progress.at(f"{encoder['name']} looks at {images['name']}: {done:,} of {n:,}", now=False)

        return extract_features(
            network, checkpoint.preprocessing, Pixels(places_of(images["places"])), looks.rows, file,
            self.plan["device"], on_batch=tell,
        )  # fmt: skip

    def labels(self, image_set: int) -> np.ndarray | None:
        """(N,) class of each readable image; None where a set has none, or several per image."""
        labels = self.plan["sets"][image_set]["labels"]
        if labels is None or isinstance(labels[0], list):
            return None
        return np.array(labels)[self.looks(image_set).rows]

    def _moments(self, step: job.Step) -> None:
        features = self.features(step.encoder, step.image_set)
        write_npz(step.file, moments_of(features, self.labels(step.image_set)).to_arrays())

    def _distances(self, step: job.Step) -> None:
        self.progress.at(f"Comparing {self.name(step)}")
        found = compare_features(self.sample(step.encoder, 0), self.sample(step.encoder, step.image_set))
        spool.write_json(step.file, {key: asdict(distance) for key, distance in found.items()})

    def sample(self, number: int, image_set: int) -> Sample:
        looks, groups = self.looks(image_set), self.plan["sets"][image_set]["groups"]
        groups = None if groups is None else np.array(groups)[looks.rows]
        return Sample(self.features(number, image_set), looks.hashes, self.labels(image_set), groups)

    def _projection(self, step: job.Step, method: str) -> None:
        """All sets on one map: at most MAPPED images of each, evenly spread over its rows."""
        self.progress.at(f"Drawing a map ({method}), {self.name(step)}")
        features = [self.features(step.encoder, number) for number in range(len(self.plan["sets"]))]
        chosen = [np.linspace(0, len(one), min(MAPPED, len(one)), endpoint=False).astype(int) for one in features]
        known = self.labels(0)
        labels = [np.full(len(rows), UNLABELLED) for rows in chosen]
        labels[0] = labels[0] if known is None else known[chosen[0]]
        together = np.concatenate([one[rows] for one, rows in zip(features, chosen, strict=True)])
        try:
            found = project(together, method, np.concatenate(labels))
        except SimilarityError as error:
            spool.write_json(step.file, {"reason": str(error)})
            return
        drawn = {"points": found.points.round(4).tolist(), "rows": [rows.tolist() for rows in chosen]}
        trust = {"preservation": found.preservation, "trustworthiness": found.trustworthiness}
        spool.write_json(step.file, drawn | trust)


def write_npz(file: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays in one step. RunError when the disk is full or the folder cannot be written."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    spool.write_bytes(file, content.getvalue())


def work(folder: Path, tell: Callable[[str], None] | None = None) -> list[dict]:
    """Make all missing findings of `folder`; what could not be made is returned, with its `message` and `remedy`.

    `tell` hears what it is at. RunError when another worker is at it, or nothing can be written."""
    try:
        held = FileLock(folder / "lock", timeout=5).acquire()
    except Timeout:
        raise RunError("Another worker is at this comparison.") from None
    with held:
        plan = spool.read_plan(folder)
        spool.sweep(job.findings())
        progress = Progress(folder, tell)
        comparison = Comparison(plan, progress)
        with suppress(Cancelled):
            for step in job.steps(plan):
                if step.done:
                    continue
                began = time.monotonic()
                try:
                    comparison.make(step)
                    log.info("%s, %s: %.1f s", step.kind, comparison.name(step), time.monotonic() - began)
                except (Cancelled, RunError):
                    raise
                except Exception as error:  # of one set or encoder: the others go on
                    progress.failed(comparison.name(step), error)
        progress.write()
        return progress.record["errors"]


if __name__ == "__main__":
    raise SystemExit(main(work))
