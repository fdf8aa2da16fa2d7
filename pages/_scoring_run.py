"""The scoring page, view *Run*: choose, see the cost, start, watch, cancel, resume."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core.catalog import dump_checkpoints, file_stamp, parse_checkpoints
from core.checking import torch_installed
from core.errors import SourceScoutError, TargetError
from core.metrics import METRICS
from core.report.ranking import NO_TEST_PART, part_sentence
from core.scoring import runner
from core.scoring.estimate import memory_mb, seconds, seconds_by_metric
from core.scoring.overview import FIRST
from core.scoring.plan import SMALLEST_SAMPLE, Contender, features_file, make_plan, score_keys, summary
from core.settings import home
from core.sources.shortlist import dropped_candidates
from core.store import Candidate, Run
from core.target import TargetTask, dump_target, parse_target
from pages import _state
from pages._sources_shared import records
from pages._target_reading import Found, read
from pages._text import code, count, plain

STATES = {
    "running": ("Running", "blue"),
    "waiting": ("Waiting for the GPU: another run is using it", "orange"),
    "finished": ("Finished", "green"),
    "failed": ("No candidate could be scored", "red"),
    "cancelled": ("Cancelled: what was finished is kept", "orange"),
    "stopped": ("Stopped before the end: what was finished is kept", "orange"),
}
DEVICES = {"cpu": "CPU", "cuda": "NVIDIA GPU"}
DEFAULT_IMAGES = 2000
METRIC_GROUPS = {
    "first": "Metrics of the first view",
    "features": "More metrics on the same features",
    "source head": "Metrics that need the classifier the network was trained with",
    "gradients": "Metrics that need the network's gradients",
}
UNKNOWN_TIME = {"cpu": "unknown until it is checked", "cuda": "unknown: speeds are measured on the CPU"}
NO_TORCH = "PyTorch is not installed here, so nothing new can be scored. The README has the install lines."


def show_run(current: _state.View, task: TargetTask) -> None:
    """The run that was started last, and, unless it is going on, the choice for a new one."""
    last = _last_started(current.runs)
    if last:
        _watch(last)
        if runner.alive(last.folder):
            return
    st.subheader("New run", anchor=False)
    if not current.candidates:
        st.info("There are no candidates yet. Register at least two checkpoints, so that they can be compared.")
        st.page_link("sources.py", label="Register checkpoints", icon=":material/inventory_2:",
                     query_params={"sources_view": "Checkpoints"})  # fmt: skip
        return
    if not torch_installed():
        st.info(NO_TORCH)
        return
    try:
        _choose_and_start(current, task)
    except SourceScoutError as error:
        _state.show_error(error)


def _last_started(runs: tuple[Run, ...]) -> Run | None:
    """A run writes its plan anew each time it is started; shipped runs were never started here."""
    there = [run for run in runs if not run.shipped and (run.folder / "plan.json").exists()]
    return max(there, key=lambda run: (run.folder / "plan.json").stat().st_mtime, default=None)


def _choose_and_start(current: _state.View, task: TargetTask) -> None:
    found = read(task)
    if found.part is None:
        raise TargetError("No image of the training part can be read.", "See what was found on the target page.")
    most = len(found.part.indices)
    names = [candidate.checkpoint.name for candidate in current.candidates]
    offered = [key for key, metric in METRICS.items() if task.label_type in metric.label_types]
    dropped = _dropped(current)
    chosen = st.pills(
        "Candidates", names, selection_mode="multi", default=[name for name in names if name not in dropped],
        key="scoring_candidates", format_func=plain,
    )  # fmt: skip
    if dropped:
        names = plain(", ".join(dropped))
        st.caption(f"Not chosen at first, because the shortlist dropped what they were trained on: {names}")
    metrics = _choose_metrics(offered)
    for metric in METRICS.values():
        if metric.key not in offered:
            st.caption(f"{metric.name} is not offered. {metric.why_not.get(task.label_type, '')}")
    left, right = st.columns(2)
    images = left.number_input(
        "Images to use, at most", min_value=SMALLEST_SAMPLE, max_value=most, value=min(most, DEFAULT_IMAGES),
        key="scoring_images", help="Drawn at random, the same ones each time, whatever their labels.",
    )  # fmt: skip
    device = right.segmented_control(
        "Device", DEVICES, default="cpu", required=True, key="scoring_device", format_func=DEVICES.get
    )  # fmt: skip
    if not chosen or not metrics:
        st.caption("Choose at least one candidate and one metric.")
        return
    contenders = [c for c in current.candidates if c.checkpoint.name in chosen]
    with st.spinner("Working out what will run", show_time=False):
        plan = _plan(
            found.key, dump_target(task), dump_checkpoints([c.checkpoint for c in contenders]),
            [c.report for c in contenders], [_stamp(c) for c in contenders], tuple(metrics), int(images), device,
            str(home()), found,
        )  # fmt: skip
    known = _state.store().known_scores(score_keys(plan))
    _show_cost(plan, known)
    new = len(score_keys(plan)) - len(known)
    if st.button("Start" if new else "Show the ranking", type="primary", icon=":material/play_arrow:"):
        start(current.target_id, plan, known)


def _dropped(current: _state.View) -> list[str]:
    """Candidates that the team's shortlist rules out."""
    steps = _state.store().shortlist(current.target_id)
    return dropped_candidates([c.checkpoint for c in current.candidates], records(), steps) if steps else []


def _choose_metrics(offered: list[str]) -> list[str]:
    """The metrics to compute, all unless some are taken out: first those of the first view, then by what they need."""
    groups = {group: [] for group in METRIC_GROUPS}
    for key in offered:
        groups["first" if key in FIRST else METRICS[key].needs].append(key)
    chosen = []
    for group, keys in groups.items():
        if keys:
            chosen += st.pills(
                METRIC_GROUPS[group], keys, selection_mode="multi", default=keys, key=f"scoring_metrics_{group}",
                format_func=lambda key: METRICS[key].name,
            )  # fmt: skip
    return chosen


def _stamp(candidate: Candidate) -> str | None:
    """Changes when the weights file does."""
    return file_stamp(candidate.report.get("weights_file") or candidate.checkpoint.weights)


@st.cache_data(max_entries=32, show_spinner=False)
def _plan(
    images_key: str, task: str, checkpoints: str, reports: list[dict], stamps: list[str | None],
    metrics: tuple[str, ...], images: int, device: str, data_folder: str, _found: Found,
) -> dict:  # fmt: skip
    """The plan; every argument but the last is there because the plan depends on it."""
    contenders = [Contender(c, r) for c, r in zip(parse_checkpoints(checkpoints, Path("/")), reports, strict=True)]
    task = parse_target(task, Path("/"))
    return make_plan(task, _found.listing, _found.index, contenders, list(metrics), max_images=images, device=device)


def start(target_id: str, plan: dict, known: dict[str, dict]) -> None:
    """Prepare the run folder, remember the run, start a worker for what is missing, and show the run."""
    folder = runner.run_folder(plan)
    runner.prepare(plan, folder, known)
    run_id = f"{target_id}-{folder.name}"
    _state.store().add_run(run_id, target_id, folder, summary(plan))
    runner.start(folder)
    _state.show_scoring("Run" if runner.missing(folder) else "Ranking", run_id)


def _show_cost(plan: dict, known: dict[str, dict]) -> None:
    """What will run, what is there already, and what the rest will take."""
    todo = {c["name"]: [s["metric"] for s in c["scores"] if s["key"] not in known] for c in plan["candidates"]}
    times = [seconds(candidate, todo[candidate["name"]]) for candidate in plan["candidates"]]
    st.markdown(f"**What will run**, on {part_sentence(plan)}")
    if not plan["part"]["locked"]:
        st.caption(NO_TEST_PART)
    rows = [
        _cost_row(plan, candidate, todo[candidate["name"]], time)
        for candidate, time in zip(plan["candidates"], times, strict=True)
    ]
    frame = pd.DataFrame(rows)
    st.dataframe(frame if frame["Note"].any() else frame.drop(columns="Note"), hide_index=True, alt="What will run")
    if not any(todo.values()):
        st.caption("Everything is computed already.")
        return
    together = f"Together {duration(sum(times))}. " if None not in times else ""
    st.caption(
        f"{together}Times are estimates from the speed measured when a checkpoint was checked (sources page). "
        f"Memory: about {memory_mb(plan):,.0f} MB."
    )
    by_metric = [
        f"{METRICS[key].name} {duration(time)}"
        for key, time in seconds_by_metric(plan, todo).items()
        if time is not None
    ]
    if by_metric:
        st.caption(f"Of this, for all candidates together: {', '.join(by_metric)}.")


def _cost_row(plan: dict, candidate: dict, todo: list[str], time: float | None) -> dict[str, str]:
    cached = "features_key" in candidate and features_file(plan, candidate).exists()
    if "error" in candidate:
        return {"Candidate": candidate["name"], "Features": "", "Scores to compute": "left out", "Time": "",
                "Note": candidate["error"]["message"]}  # fmt: skip
    return {
        "Candidate": candidate["name"],
        "Features": "in the cache" if cached or not todo else "to extract",
        "Scores to compute": f"{len(todo)} of {len(candidate['scores'])}",
        "Time": "none" if not todo else duration(time) if time is not None else UNKNOWN_TIME[plan["device"]],
        "Note": "",
    }


def duration(seconds: float) -> str:
    """A time as people say it: "about 40 s", "about 3 min"."""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def _watch(run: Run) -> None:
    """How the run stands, refreshed while it goes on."""
    living = runner.alive(run.folder)
    st.fragment(_show_progress, run_every=1.0 if living else None)(run, living)


def _show_progress(run: Run, was_alive: bool) -> None:
    _state.ingest(run)
    runner.enforce_cancel(run.folder)
    try:
        status = runner.status(run.folder)
    except SourceScoutError as error:
        _state.show_error(error)
        return
    if was_alive and not status.active:
        st.rerun()
    label, color = STATES[status.state]
    failed = sum(candidate["state"] == "failed" for candidate in status.candidates.values())
    if status.state == "finished" and failed:
        label, color = f"Finished, without {count(failed, 'candidate')} that failed", "orange"
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Run of {run.created:%d %B, %H:%M} UTC**")
            st.badge(label, color=color)
            left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
            st.caption(f"{status.done} of {status.total} scores{left}")
        for name, candidate in status.candidates.items():
            _show_candidate(name, candidate)
        _show_actions(run, status)


def _show_candidate(name: str, candidate: dict) -> None:
    if candidate["state"] == "failed":
        st.markdown(code(name))
        _state.show_error(SourceScoutError(candidate["message"], candidate.get("remedy", "")))
        return
    text = {"finished": "finished", "waiting": "waiting"}.get(candidate["state"], candidate.get("stage", ""))
    share = candidate["done"] / max(candidate["total"], 1)
    if "images" in candidate and candidate["state"] == "running":
        share = candidate["images"] / candidate["of"]
        rest = (candidate["of"] - candidate["images"]) / max(candidate["speed"], 1e-9)
        text = f"features of {candidate['images']} of {candidate['of']} images, {candidate['speed']:.0f} images/s, "
        text += f"{rest:.0f} s left"
    elif candidate["state"] == "running":
        text = f"{text}; {candidate['done']} of {candidate['total']} scores"
    st.progress(min(max(share, 0.0), 1.0), f"{code(name)}: {text}")
    for doubt in candidate.get("doubts", []):
        st.caption(f":material/warning: {plain(doubt)}")


def _show_actions(run: Run, status: runner.RunStatus) -> None:
    if status.active:
        if (run.folder / "cancel").exists():
            st.caption("Stopping after the batch that is under way.")
        elif st.button("Cancel", icon=":material/stop:"):
            runner.cancel(run.folder)
            st.rerun(scope="fragment")
        return
    with st.container(horizontal=True):
        if status.done and st.button("See the ranking", icon=":material/leaderboard:"):
            _state.show_scoring("Ranking", run.id)
        resume = status.done < status.total and torch_installed()
        if resume and st.button(
            "Resume", icon=":material/play_arrow:", help="Computes what is missing; what is finished is kept."
        ):
            _resume(run)


def _resume(run: Run) -> None:
    try:
        runner.start(run.folder)
    except SourceScoutError as error:
        _state.show_error(error)
    else:
        st.rerun()
