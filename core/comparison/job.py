"""A comparison of a target with sources, as a folder: what to do, where each finding is kept, starting and watching.

The findings of sets, encoders and pairs are files named by the hash of all that decides them, and shared by all
comparisons, so that nothing is measured twice:

looks-KEY.npz         the measures of each image of a set
moments-KEY.npz       what a set's fingerprint holds for one encoder
distances-KEY.json    the distances of two sets that need their features, for one encoder
projection-KEY.json   all sets on one map, for one encoder
"""

from dataclasses import dataclass
from pathlib import Path

from core.catalog import Checkpoint, checkpoint_record, identity
from core.errors import RunError
from core.scoring import runner, spool
from core.scoring.plan import digest
from core.settings import home
from core.similarity import embedding, moments, projection


@dataclass(frozen=True)
class Step:
    """One finding of a comparison: what it is about, and its `file`, which is there once it is done."""

    kind: str  # looks | moments | distances | projection
    file: Path
    image_set: int | None = None  # index of the set, 0 the target
    encoder: int | None = None

    @property
    def done(self) -> bool:
        return self.file.exists()


@dataclass(frozen=True)
class Standing:
    """How a comparison stands: `state` is running | finished | failed | stopped | cancelled; what the worker is at."""

    state: str
    done: int
    total: int
    at: str = ""
    errors: tuple[dict, ...] = ()

    @property
    def active(self) -> bool:
        return self.state == "running"


def make_plan(
    sets: list[dict],
    encoders: list[tuple[Checkpoint, dict]],
    methods: tuple[str, ...] = (),
    device: str = "cpu",
    target_id: str = "",
) -> dict:
    """What to do, as plain values. `sets`: the target first, then the sources that it is compared with, if any;
    `encoders`: checkpoints, each with what checking it found; `methods` of projection; `target_id` in the database."""
    return {
        "version": 1,
        "target_id": target_id,
        "sets": sets,
        "encoders": [_encoder(checkpoint, report) for checkpoint, report in encoders],
        "methods": list(methods),
        "device": device,
        "features_folder": str(home() / "features"),
    }


def _encoder(checkpoint: Checkpoint, report: dict) -> dict:
    """A network and how images are prepared for it; the key of both."""
    weights = identity(checkpoint, report.get("weights_file"))
    record = checkpoint_record(checkpoint)
    facts = [weights, checkpoint.architecture, checkpoint.kwargs, checkpoint.num_classes, record["preprocessing"]]
    return {
        "name": checkpoint.name,
        "identity": weights,
        "checkpoint": record,
        "key": digest([*facts, checkpoint.naming]),
    }


def findings() -> Path:
    """Where findings are kept."""
    return home() / "comparisons"


def folder_of(plan: dict) -> Path:
    """Where this comparison runs: the same one always in the same folder."""
    keys = [entry["key"] for entry in (*plan["sets"], *plan["encoders"])]
    return findings() / f"job-{plan['target_id']}-{digest([keys, plan['methods'], plan['device']])[:16]}"


def begun(target_id: str) -> bool:
    """Whether a comparison of that target was ever started."""
    return any(findings().glob(f"job-{target_id}-*"))


def looks_file(image_set: dict) -> Path:
    return findings() / f"looks-{image_set['key']}.npz"


def moments_file(image_set: dict, encoder: dict) -> Path:
    return findings() / f"moments-{digest([image_set['key'], encoder['key'], moments.VERSION])}.npz"


def distances_file(target: dict, source: dict, encoder: dict) -> Path:
    return findings() / f"distances-{digest([target['key'], source['key'], encoder['key'], embedding.VERSION])}.json"


def projection_file(plan: dict, encoder: dict, method: str) -> Path:
    facts = [[one["key"] for one in plan["sets"]], encoder["key"], method, projection.VERSION]
    return findings() / f"projection-{digest(facts)}.json"


def steps(plan: dict) -> list[Step]:
    """All findings that the comparison asks for, in the order in which they are made."""
    target, *sources = plan["sets"]
    found = [Step("looks", looks_file(one), number) for number, one in enumerate(plan["sets"])]
    for number, encoder in enumerate(plan["encoders"]):
        found += [Step("moments", moments_file(one, encoder), i, number) for i, one in enumerate(plan["sets"])]
        found += [
            Step("distances", distances_file(target, source, encoder), i, number)
            for i, source in enumerate(sources, start=1)
        ]
    for method in plan["methods"]:  # last: they take longest and say least
        found += [
            Step(f"projection {method}", projection_file(plan, encoder, method), None, number)
            for number, encoder in enumerate(plan["encoders"])
        ]
    return found


def start(plan: dict) -> None:
    """Start a worker on what is missing, unless one is alive. RunError when it does not come up."""
    if not runner.alive(folder_of(plan)) and not all(step.done for step in steps(plan)):
        folder = prepare(plan)
        runner.launch(folder, "core.comparison.worker", str(folder))


def prepare(plan: dict) -> Path:
    """The folder of the comparison, with the plan in it. RunError when it cannot be written."""
    folder = folder_of(plan)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("cancel", "progress.json"):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}.", "Check the rights and the space.") from None
    runner.require_space(folder)
    spool.write_json(folder / "plan.json", plan)
    return folder


def standing(plan: dict) -> Standing:
    """How the comparison stands, from its files and its lock."""
    folder = folder_of(plan)
    living = runner.alive(folder)  # before the files are read: what a worker wrote before its end is then seen
    todo = steps(plan)
    done = sum(step.done for step in todo)
    said = spool.read_json(folder / "progress.json") or {}
    errors = tuple(said.get("errors", ()))
    if living:
        state = "running"
    elif done == len(todo):
        state, errors = "finished", ()
    elif errors:
        state = "failed"
    else:
        state = "cancelled" if (folder / "cancel").exists() else "stopped"
    return Standing(state, done, len(todo), said.get("at", "") if living else "", errors)


def cancel(plan: dict) -> None:
    """Ask the worker to stop at the next batch; what is finished is kept."""
    runner.cancel(folder_of(plan))
