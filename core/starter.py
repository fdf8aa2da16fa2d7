"""A real project to begin with: PneumoniaMNIST, two small ImageNet networks of timm, and a random initialisation."""

from core.catalog import Checkpoint
from core.catalog_tags import checkpoint_of
from core.errors import CheckpointError
from core.images.medmnist_sets import MedMnistSet, medmnist_set
from core.store import Store
from core.target import TargetTask

NAME = "PneumoniaMNIST with timm checkpoints"
SET, SIZE = "pneumoniamnist", 28
TAGS = ("resnet18.a1_in1k", "mobilenetv3_small_100.lamb_in1k")


def starter_set() -> MedMnistSet:
    """The set whose file must be on this machine before the project is made."""
    return medmnist_set(SET, SIZE)


def starter_checkpoints() -> list[Checkpoint]:
    """Both tags as the catalogue knows them, and the first one's architecture without its weights as a control."""
    control = Checkpoint("Random initialisation", TAGS[0].partition(".")[0], "timm", "random")
    return [*map(checkpoint_of, TAGS), control]


def require_usable(checkpoints: list[Checkpoint], reports: list[dict]) -> None:
    """CheckpointError with the reason of the first checkpoint that cannot be used here."""
    for checkpoint, report in zip(checkpoints, reports, strict=True):
        if report and not report["ok"]:
            error = report["error"]
            raise CheckpointError(f"{checkpoint.name} cannot be used here. {error['message']}", error["remedy"])


def create_starter(
    store: Store, task: TargetTask, checkpoints: list[Checkpoint], reports: list[dict], creator: str = ""
) -> str:
    """The whole project or none of it; returns the id of its target. `reports` are empty where torch is missing."""
    require_usable(checkpoints, reports)
    project_id = store.add_project(NAME, creator=creator)
    try:
        for checkpoint, report in zip(checkpoints, reports, strict=True):
            store.save_checkpoint(project_id, checkpoint, report)
        return store.save_target(project_id, task)
    except Exception:
        store.remove_project(project_id)
        raise
