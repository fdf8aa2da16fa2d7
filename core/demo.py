"""The demo project: its targets, checkpoints and computed results, as they ship with SourceScout."""

from core.catalog import load_checkpoints
from core.images.index import build_index
from core.images.readers import read_listing
from core.metrics import METRICS
from core.scoring import spool
from core.scoring.plan import Contender, make_plan
from core.settings import demo_folder
from core.store import Store
from core.target import load_target

PROJECT_ID = "demo"
TARGETS = ("tissue", "radiograph")


def demo_plan(name: str) -> dict:
    """The plan that scores the demo target `name` ("tissue" or "radiograph") with all metrics, on the CPU."""
    task = load_target(demo_folder() / f"{name}.toml")
    listing = read_listing(task, (demo_folder(),))
    contenders = [Contender(c) for c in load_checkpoints(demo_folder() / "checkpoints.toml")]
    return make_plan(task, listing, build_index(listing), contenders, list(METRICS))


def shipped_plan(name: str) -> dict:
    """The plan of the run that ships with the demo, as a summary, with the checkpoints where they lie here."""
    plan = spool.read_plan(demo_folder() / "runs" / name)
    for candidate in plan["candidates"]:
        checkpoint = candidate["checkpoint"]
        if checkpoint["weights"] not in ("timm", "random"):
            checkpoint["weights"] = str(demo_folder() / checkpoint["weights"])
    return plan


def open_demo(store: Store) -> str:
    """Put the demo project into the database, unless it is there; returns the id of its first target."""
    store.add_project("Demo (synthetic)", synthetic=True, id=PROJECT_ID)
    if not store.candidates(PROJECT_ID):
        for checkpoint in load_checkpoints(demo_folder() / "checkpoints.toml"):
            store.save_checkpoint(PROJECT_ID, checkpoint)
    for name in TARGETS:
        target_id, run_id, run = f"demo-{name}", f"demo-{name}-shipped", demo_folder() / "runs" / name
        if store.project_of_target(target_id) is None:
            store.save_target(PROJECT_ID, load_target(demo_folder() / f"{name}.toml"), target_id)
        store.add_run(run_id, target_id, run, shipped_plan(name), shipped=True)
        store.add_scores(run_id, list(spool.read_results(run).values()))
    return f"demo-{TARGETS[0]}"
