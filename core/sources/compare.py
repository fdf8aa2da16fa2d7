"""A source beside the target: what is alike, what differs, what is not known."""

from core.similarity import taxonomy
from core.sources.record import MODALITIES, SourceDataset
from core.target import TargetTask

ALIKE, DIFFERS, UNKNOWN = "alike", "differs", "unknown"
COMPARED = ("modality", "anatomy", "color", "label_type", "classes", "images", "data_commercial")


def modalities_of(task: TargetTask) -> tuple[str, ...]:
    """The catalogue's terms for the target's modality; empty where its description uses none of our words."""
    modality = taxonomy.shipped().properties["modality"]
    terms = {value: term for term in MODALITIES for value in modality.values_in(term)}
    paths = [reversed(modality.path(value)) for value in modality.values_in(task.modality)]
    nearest = (next((above for above in path if above in terms), None) for path in paths)
    return tuple(dict.fromkeys(terms[value] for value in nearest if value))


def target_values(task: TargetTask, classes: int | None, images: int | None) -> dict[str, object]:
    """What of the target can be held against a source; None where the target's description does not say it."""
    return {
        "modality": modalities_of(task) or None,
        "anatomy": tuple(word.strip().lower() for word in task.anatomy.replace(" and ", ",").split(",") if word.strip())
        or None,
        "color": {"color": "colour", "grey": "grey"}.get(task.color),
        "label_type": task.label_type,
        "classes": classes,
        "images": images,
        "data_commercial": "yes" if task.commercial_use else None,
    }


def standing(record: SourceDataset, about: str, wanted) -> str:
    """How a source stands to the target in one field: alike, differs or unknown. Numbers are only shown side by side,
    so that they are alike when both are known."""
    told = record.of(about)
    if wanted is None or not told:
        return UNKNOWN
    if about == "modality":
        return ALIKE if set(record.terms(about)) & set(wanted) else DIFFERS
    if about == "anatomy":
        ours = [word.lower() for word in record.terms(about)]
        return ALIKE if any(mine in word or word in mine for mine in ours for word in wanted) else DIFFERS
    if about in ("classes", "images"):
        return ALIKE
    values = {fact.value for fact in told}
    return ALIKE if wanted in values or (about == "color" and "both" in values) else DIFFERS
