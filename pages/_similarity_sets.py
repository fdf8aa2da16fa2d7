"""What the similarity page compares: images of the target and, for each source, samples of it or a fingerprint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from core.comparison import fingerprint as fingerprints
from core.comparison import job
from core.comparison.fingerprint import FEWEST_TO_SHARE, Fingerprint
from core.comparison.sets import MOST_IMAGES, places_of, read_looks, sample_set, size, target_set
from core.errors import SourceScoutError, TargetError
from core.images.pixels import Pixels
from core.images.samples import kept_samples
from core.scoring import spool
from core.scoring.plan import digest
from core.settings import data_folder, home
from core.store import Candidate
from core.target import TargetTask
from pages import _state
from pages._sources_samples_reading import Shown, read_samples
from pages._target_reading import Found, read, thumbnail
from pages._text import count, plain

MORE_PICTURES = 3  # of either end of a measure
SUPPRESSED = 5  # images, below which a count may be set to 0


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison. `visual` is None until its images were measured."""

    name: str
    fingerprint: Fingerprint | None
    images: dict | None  # the set, where the images are at hand

    @property
    def n(self) -> int:
        return self.fingerprint.n if self.fingerprint else size(self.images)

    @property
    def visual(self) -> dict[str, np.ndarray] | None:
        return self.fingerprint.looks if self.fingerprint else None

    def pictures(self, measure: str, end: str) -> list[tuple[str, str]]:
        """Names and pictures of the images with the lowest or highest value; [] of a fingerprint."""
        measured = self.images is not None and _measured_here(self)
        return _pictures(self.images["key"], measure, end, self.images) if measured else []


@dataclass(frozen=True, eq=False)
class Comparison:
    """The target in view and the chosen sources: `sides` has the target first; `missing` are sources of which there
    is neither image nor fingerprint; `errors` what kept samples from being listed, or fingerprints from being read."""

    plan: dict
    sides: tuple[Side, ...]
    missing: tuple[tuple[str, str], ...]
    errors: tuple[SourceScoutError, ...]


@st.cache_data(max_entries=8, show_spinner=False)
def _target_set(key: str, most: int, _task: TargetTask, _found: Found) -> dict:
    return target_set(_task, _found.listing, _found.index, most)


@st.cache_data(max_entries=16, show_spinner=False)
def _sample_set(key: str, name: str, source: str, most: int, _shown: Shown) -> dict:
    return sample_set(name, source, _shown.samples, most)


def ask_images() -> int:
    """How many images of each set are compared, at most."""
    return int(st.number_input(
        "Images of each set, at most", min_value=FEWEST_TO_SHARE, max_value=MOST_IMAGES, value=MOST_IMAGES, step=50,
        key="similarity_images", bind="query-params", persist_state="session", width=320,
        help="Drawn at random, the same ones each time; of the target only images of its training part.",
    ))  # fmt: skip


def compare(
    current: _state.View,
    names: dict[str, str],
    encoders: Sequence[Candidate] = (),
    methods: tuple[str, ...] = (),
) -> Comparison:
    """What is to be compared with the target in view: `names` of the chosen sources by key, the candidates that look
    at the images, and the maps to draw. SourceScoutError where the target's own images cannot be read."""
    task, most = current.task, ask_images()
    found = read(task)
    target = _target_set(found.key, most, task, found)
    kept, (shared, errors) = kept_samples(), known_fingerprints()
    sets, others, missing = [target], [], []
    for key, name in names.items():
        try:
            if key in kept:
                shown = read_samples(kept[key])
                sets.append(_sample_set(shown.key, name, key, most, shown))
                continue
        except SourceScoutError as error:
            errors.append(error)
        if key in shared:
            others.append(Side(name, shared[key], None))
        elif key not in kept:
            missing.append((key, name))
    plan = job.make_plan(
        sets, [(one.checkpoint, one.report) for one in encoders], methods, target_id=current.target_id
    )  # fmt: skip
    # Until a set is measured, the fingerprint of the same images, or of the same source, that ships or was brought in.
    of_target = next((made for made in shared.values() if made.about["sample"] == target["sample"]), None)
    until = [of_target, *(shared.get(images["source"]) for images in sets[1:])]
    measured = [Side(images["name"], _measured(plan, i) or until[i], images) for i, images in enumerate(sets)]
    others = [side for side in others if side.fingerprint is not of_target]
    return Comparison(plan, (*measured, *others), tuple(missing), tuple(errors))


def _measured(plan: dict, number: int) -> Fingerprint | None:
    images = plan["sets"][number]
    if not job.looks_file(images).exists():
        return None
    seen = [encoder["key"] for encoder in plan["encoders"] if job.moments_file(images, encoder).exists()]
    return _made(digest([images["key"], images["name"], seen]), number, plan)


@st.cache_resource(max_entries=32, show_spinner=False)
def _made(key: str, number: int, _plan: dict) -> Fingerprint:
    return fingerprints.of_set(_plan, number)


@st.cache_data(max_entries=256, show_spinner=False)
def _pictures(key: str, measure: str, end: str, _images: dict) -> list[tuple[str, str]]:
    looks = read_looks(job.findings() / f"looks-{key}.npz")
    values = looks.measures[measure]
    order = np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")[: np.isfinite(values).sum()]
    chosen = order[:MORE_PICTURES] if end == "low" else order[::-1][:MORE_PICTURES]
    pixels, shown = Pixels(places_of(_images["places"])), []
    for row in looks.rows[chosen]:
        try:
            shown.append((Path(pixels.places.ids[row]).name, thumbnail(pixels[row])))
        except TargetError:  # it was there when it was measured
            continue
    return shown


def shared_folder() -> Path:
    """Where fingerprints that were imported are kept."""
    return home() / "fingerprints"


def known_fingerprints() -> tuple[dict[str, Fingerprint], list[SourceScoutError]]:
    """Those that ship and those that were imported, by the key of their data set, or else their name; and what kept
    others from being read."""
    files = sorted((data_folder() / "fingerprints").glob("*.npz")) + sorted(shared_folder().glob("*.npz"))
    found, errors = {}, []
    for file in files:
        try:
            made = _loaded(str(file), file.stat().st_mtime_ns)
        except SourceScoutError as error:
            errors.append(error)
        else:
            found[made.about["source"] or made.name] = made
    return found, errors


@st.cache_resource(max_entries=64, show_spinner=False)
def _loaded(file: str, stamp: int) -> Fingerprint:
    return fingerprints.load(Path(file))


def measurable() -> dict[str, str]:
    """Names, by key, of the sets of which samples or a fingerprint are at hand; synthetic ones only for a project
    that is synthetic itself."""
    here = _state.view().project.synthetic
    shared = {key: made.name for key, made in known_fingerprints()[0].items() if here or not made.about["synthetic"]}
    return shared | {key: key for key in kept_samples() if key not in shared}


def keep_fingerprint(content: bytes, name: str) -> Fingerprint:
    """Check an uploaded fingerprint and keep it. SimilarityError when it is none."""
    made = fingerprints.parse(content, name)
    spool.write_bytes(shared_folder() / f"{digest(made.about)[:16]}.npz", content)
    return made


def show_state(comparison: Comparison) -> None:
    """Which images are compared, what has been measured, and how to begin."""
    for error in comparison.errors:
        _state.show_error(error)
    for key, name in comparison.missing:
        st.info(
            f"**{plain(name)}: no images and no fingerprint of it are at hand.** Name samples of it on the sources "
            "page (*Samples*), or ask someone who has the images to make a fingerprint with one command:\n\n"
            f"`python -m core fingerprint FOLDER --out {key}.npz --source {key}`",
            icon=":material/fingerprint:",
        )
    for side in comparison.sides:
        if side.fingerprint and (below := side.fingerprint.about.get("counts_suppressed_below")):
            st.caption(f"{plain(side.name)}: counts below {below} images were set to 0 in its fingerprint, which "
                       "moves distances a little.")  # fmt: skip
    standing = job.standing(comparison.plan)
    st.fragment(_show_job, run_every=1.0 if standing.active else None)(comparison.plan, standing.active)


def _show_job(plan: dict, was_active: bool) -> None:
    standing = job.standing(plan)
    if was_active and not standing.active:
        st.rerun()
    for error in standing.errors:
        _state.show_error(SourceScoutError(error["message"], error["remedy"]))
    if standing.state == "finished":
        return
    if standing.active:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(standing.done / standing.total, standing.at or "Starting")
            if st.button("Cancel", icon=":material/stop:"):
                job.cancel(plan)
        return
    sets, networks = len(plan["sets"]), len(plan["encoders"])
    what = f"{count(sets, 'set')} of images" + (f" with {count(networks, 'network')}" if networks else "")
    label = "Measure" if not standing.done else "Measure what is missing"
    if st.button(label, type="primary", icon=":material/straighten:"):
        try:
            job.start(plan)
        except SourceScoutError as error:
            _state.show_error(error)
            return
        st.rerun()
    st.caption(f"{what}. It goes on in the background, and what is measured is kept.")


def show_fingerprints(sides: tuple[Side, ...]) -> None:
    """Taking fingerprints away and bringing others in."""
    with st.expander("Fingerprints: compare without giving images away", icon=":material/fingerprint:"):
        st.markdown(
            "A fingerprint holds statistics of a set: how many images fall into each bin of each measure, and for each "
            "network averages over the images. **It holds no image, no file name, no class name and nothing about "
            "patients.** Everything on *Looks*, and what *To a network* marks as such, can be computed from it."
        )
        below = SUPPRESSED if st.toggle(
            f"Set counts of fewer than {SUPPRESSED} images to 0, and leave classes out", key="similarity_suppress",
            help="So that no single image stands out in a bin of its own. Distances change a little.",
        ) else 0  # fmt: skip
        with st.container(horizontal=True):
            for number, side in enumerate(sides):
                if side.images and _measured_here(side):
                    _offer(number, side, below)
        given = st.file_uploader("Bring one in", type="npz", key="similarity_fingerprint")
        if given is not None:
            try:
                made = keep_fingerprint(given.getvalue(), given.name)
            except SourceScoutError as error:
                _state.show_error(error)
            else:
                st.success(f"Kept: {plain(made.name)}, {made.n:,} images. Choose it among the sources.")


def _measured_here(side: Side) -> bool:
    return job.looks_file(side.images).exists()


def _offer(number: int, side: Side, below: int) -> None:
    warning = fingerprints.warning(side.n)
    if side.n < fingerprints.FEWEST_TO_SHARE:
        st.caption(f"{plain(side.name)}: too few images for a fingerprint")
        return
    st.download_button(
        f"Fingerprint of {plain(side.name)}", lambda: _content(side.fingerprint, below), "fingerprint.npz",
        icon=":material/download:", on_click="ignore", key=f"similarity_fingerprint_{number}", help=warning or None,
    )  # fmt: skip


def _content(made: Fingerprint, below: int) -> bytes:
    return fingerprints.save(fingerprints.without_small_counts(made, below) if below else made)
