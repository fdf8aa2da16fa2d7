"""The shortlist: a funnel that a team fills together. Every step keeps its reason, and a later one can undo it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from core.catalog import Checkpoint
from core.sources.catalogue import sources_of
from core.sources.record import SourceDataset

CRITERIA = {
    "access": "Access",
    "licence": "Licence",
    "modality": "Modality",
    "looks": "Looks",
    "size": "Size",
    "custom": "Custom in the field",
    "leakage": "Leakage",
    "other": "Other",
}
IN, OUT, OPEN = "in", "out", "open"


@dataclass(frozen=True)
class Step:
    """One decision on one source (its key): `verdict` in, out or open (undecided again), the key of its criterion, and
    the reason in people's own words."""

    source: str
    verdict: str
    criterion: str
    reason: str
    made: datetime


def standing(steps: Iterable[Step]) -> dict[str, Step]:
    """The last step of every source that is in or out, by its key."""
    last = {step.source: step for step in steps}
    return {key: step for key, step in last.items() if step.verdict != OPEN}


def shortlisted(steps: Iterable[Step]) -> list[str]:
    """Keys of the sources that are on the list, in the order in which they came."""
    return [key for key, step in standing(steps).items() if step.verdict == IN]


def left_after(records: Iterable[str], steps: Iterable[Step]) -> dict[str, int]:
    """How many sources are left after what was dropped by each criterion, one criterion after the other."""
    dropped = [step.criterion for step in standing(steps).values() if step.verdict == OUT]
    left, counts = len(list(records)), {}
    for criterion in CRITERIA:
        left -= dropped.count(criterion)
        counts[criterion] = left
    return counts


def drop(records: Iterable[SourceDataset], criterion: str, reason: str, made: datetime) -> list[Step]:
    """The steps that take these sources off for one reason."""
    return [Step(record.key, OUT, criterion, reason, made) for record in records]


def dropped_candidates(
    checkpoints: Iterable[Checkpoint], records: dict[str, SourceDataset], steps: Iterable[Step]
) -> list[str]:
    """Names of the checkpoints of which every known source was dropped."""
    out = {key for key, step in standing(steps).items() if step.verdict == OUT}
    named = {checkpoint.name: set(sources_of(checkpoint, records)) for checkpoint in checkpoints}
    return [name for name, sources in named.items() if sources and sources <= out]


def as_rows(records: dict[str, SourceDataset], steps: Iterable[Step]) -> list[dict]:
    """All steps as they happened, one row each, for the record of the decision. Times in UTC."""
    words = {IN: "on the list", OUT: "dropped", OPEN: "undecided again"}
    return [
        {
            "when (UTC)": step.made.isoformat(sep=" ", timespec="seconds"),
            "source": records[step.source].name if step.source in records else step.source,
            "decision": words[step.verdict],
            "criterion": CRITERIA.get(step.criterion, step.criterion),
            "reason": step.reason,
        }
        for step in steps
    ]
