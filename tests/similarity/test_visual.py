"""Distances of looks: an independent oracle, sets that are the same, halves of one set, and changes of real images."""

import itertools

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.stats import wasserstein_distance

from core.images.pixels import read_pixels
from core.similarity.visual import (
    FEWEST,
    LARGEST,
    PROFILE,
    PROFILE_N,
    answers,
    compare,
    counts_of,
    keys_in,
    median,
)
from core.similarity.visual_features import measure
from core.similarity.visual_glossary import BINS, FEATURES, GROUPS, RING_KEYS

COLOURS = {"saturation", "coloured", "colourfulness", "red_green", "blue_yellow"}


def a_table(n: int, seed: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Values around the middle of every axis, `shift` standard deviations further up."""
    rng = np.random.default_rng(seed)
    table = {}
    for key, feature in FEATURES.items():
        low, high = (np.log10([feature.low, feature.high])) if feature.log else (feature.low, feature.high)
        values = (low + high) / 2 + (high - low) / 12 * (rng.normal(size=n) + shift)
        table[key] = 10**values if feature.log else values
    return table | {key: rng.normal(size=n) for key in RING_KEYS}


def part(table: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {key: values[rows] for key, values in table.items()}


def table_of(images) -> dict[str, np.ndarray]:
    rows = [measure(image) for image in images]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def moved(before: dict, after: dict) -> set[str]:
    return {key for key, difference in compare(before, after).items() if difference.seen}


@pytest.mark.parametrize("seed", range(3))
def test_the_distance_is_that_of_scipy_in_units_of_the_standard_deviation_of_both(seed):
    rng = np.random.default_rng(seed)
    a, b = (counts_of(a_table(n, seed + 10 * n, rng.normal())) for n in (80, 300))
    position = np.arange(BINS)
    for key, found in compare(a, b).items():
        p, q = a[key] / a[key].sum(), b[key] / b[key].sum()
        both = (p + q) / 2
        spread = np.sqrt(both @ position**2 - (both @ position) ** 2)
        assert found.value == pytest.approx(wasserstein_distance(position, position, p, q) / spread)


def test_histograms_keep_every_known_value_and_the_outermost_bins_take_what_lies_outside():
    table = a_table(50, 0)
    table["noise"][:3], table["noise"][3], table["noise"][4] = np.nan, 0, 1e6
    counts = counts_of(table)["noise"]
    assert counts.dtype == np.uint32 and counts.shape == (BINS,)
    assert counts.sum() == 47 and counts[0] >= 1 and counts[-1] >= 1


def test_the_order_of_images_does_not_matter():
    table = a_table(60, 0)
    before, after = counts_of(table), counts_of(part(table, np.random.default_rng(0).permutation(60)))
    assert all(np.allclose(before[key], after[key], atol=1e-6) for key in before)


def test_identical_sets_have_no_distance():
    counts = counts_of(a_table(100, 0))
    for found in (*compare(counts, counts).values(), *answers(compare(counts, counts)).values()):
        assert found.value == found.low == 0 and not found.seen


def test_halves_of_a_set_are_not_told_apart():
    contains, below = [], []
    for seed in range(20):
        halves = (counts_of(a_table(100, 2 * seed + half)) for half in (0, 1))
        found = compare(*halves)
        contains += [difference.low == 0 for difference in found.values()]
        below += [not difference.seen for difference in found.values()]
        assert all(answer.low == 0 and not answer.seen for answer in answers(found).values())
    assert np.mean(contains) > 0.95
    assert 0.9 < np.mean(below) < 0.99  # 95 % are promised: neither too narrow nor too wide


def test_intervals_hold_the_distance_of_the_sets_that_samples_are_drawn_from():
    large = [a_table(20_000, 0), a_table(20_000, 1, shift=0.5)]
    true = compare(*map(counts_of, large))
    holds = []
    for seed in range(10):
        rows = np.random.default_rng(seed).permutation(20_000)
        found = compare(counts_of(part(large[0], rows[:80])), counts_of(part(large[1], rows[80:200])))
        holds += [found[key].low <= true[key].value <= found[key].high for key in found]
    assert np.mean(holds) >= 0.95


def test_sets_with_nothing_in_common_have_the_largest_distance():
    table = a_table(30, 0)
    dark, bright = (counts_of(table | {"brightness": np.full(30, value)}) for value in (10.0, 240.0))
    found = compare(dark, bright)["brightness"]
    assert found.value == found.high == LARGEST and found.seen


def test_too_few_images_make_a_distance_unknown_and_the_answer_names_it():
    table = a_table(30, 0)
    table["hue_spread"][FEWEST - 1 :] = np.nan
    found = compare(counts_of(table), counts_of(a_table(30, 1)))
    assert found["hue_spread"].value is None and "fewer than 20" in found["hue_spread"].note
    assert "spread of hues" in answers(found)["colour"].note
    assert answers(found)["colour"].value == pytest.approx(
        np.mean([found[key].value for key in keys_in("colour") if key != "hue_spread"])
    )
    few = compare(counts_of(a_table(FEWEST - 1, 0)), counts_of(a_table(30, 1)))
    assert {difference.value for difference in [*few.values(), *answers(few).values()]} == {None}


def test_the_two_answers_share_no_feature_and_leave_size_out():
    assert not set(keys_in("colour")) & set(keys_in("structure"))
    assert {*keys_in("colour"), *keys_in("structure")} == set(FEATURES) - {"short_side"}


def test_rings_that_few_images_have_are_unknown():
    table = a_table(30, 0)
    table[RING_KEYS[-1]][:15] = np.nan
    counts = counts_of(table)
    assert counts[PROFILE_N][-1] == 15 and np.isnan(counts[PROFILE][-1])
    assert counts[PROFILE][0] == pytest.approx(table[RING_KEYS[0]].mean(), abs=1e-6)


def test_the_median_is_exact_to_half_a_bin():
    table = a_table(101, 0)
    counts = counts_of(table)
    for key, feature in FEATURES.items():
        at = np.searchsorted(feature.edges, np.median(table[key]))
        assert feature.edges[at - 1] <= median(key, counts[key]) <= feature.edges[at]
    assert np.isnan(median("noise", np.zeros(BINS, np.uint32)))


@pytest.fixture(scope="module")
def busi(realdata) -> list[np.ndarray]:
    return [read_pixels(path) for path in sorted((realdata / "targets" / "busi").rglob("*.jpg"))]


@pytest.fixture(scope="module")
def photographs(realdata) -> list[np.ndarray]:
    paths = sorted((realdata / "source_samples" / "imagenet_1k").glob("*.jpg"))
    return [image for path in paths[::4] if (image := read_pixels(path)).ndim == 3]


@pytest.mark.realdata
def test_gray_copies_differ_in_their_colours_alone(photographs):
    copies = [np.asarray(Image.fromarray(image).convert("L")) for image in photographs]
    before, after = counts_of(table_of(photographs)), counts_of(table_of(copies))
    found = compare(before, after)
    assert moved(before, after) == COLOURS
    assert all(found[key].value == 0 for key in FEATURES if key not in {*COLOURS, "hue_spread"})
    assert found["hue_spread"].value is None
    assert answers(found)["colour"].seen and answers(found)["structure"].value == 0


def blurred(image: np.ndarray, _) -> np.ndarray:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)))


def noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same noise in all channels: grey stays grey."""
    noise = rng.normal(0, 8, image.shape[:2]).reshape(image.shape[:2] + (1,) * (image.ndim - 2))
    return (image + noise).round().clip(0, 255).astype(np.uint8)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("change", "may_move", "sharper"),
    [
        # blur takes the brightest specks of speckle away
        (blurred, {"contrast", "skewness", "bright_end", "entropy", "foreground"}, False),
        # noise fills gaps between grey values
        (noisy, {"entropy", "dark_end"}, True),
    ],
)
def test_blur_and_noise_move_structure_and_no_colour(busi, change, may_move, sharper):
    rng = np.random.default_rng(0)
    before, after = (counts_of(table_of(images)) for images in (busi, [change(image, rng) for image in busi]))
    structure = set(keys_in("structure"))
    assert structure <= moved(before, after) <= structure | may_move
    for key in ("sharpness", "noise", "slope", "lbp_irregular"):
        assert (median(key, after[key]) > median(key, before[key])) == sharper, key


@pytest.mark.realdata
def test_halves_of_real_sets_are_not_told_apart(busi, photographs):
    for images in (busi, photographs):
        table, contains, below = table_of(images), [], []
        for seed in range(15):
            first, second = np.array_split(np.random.default_rng(seed).permutation(len(images)), 2)
            found = compare(counts_of(part(table, first)), counts_of(part(table, second)))
            known = [difference for difference in found.values() if difference.value is not None]
            contains += [difference.low == 0 for difference in known]
            below += [not difference.seen for difference in known]
            assert all(answer.low == 0 and not answer.seen for answer in answers(found).values())
        assert np.mean(contains) > 0.95 and np.mean(below) > 0.9


@pytest.mark.realdata
def test_two_sets_of_chest_x_rays_look_more_alike_than_photographs(realdata, photographs):
    def x_rays(name: str) -> dict[str, np.ndarray]:
        paths = sorted((realdata / "targets" / name).rglob("*.jpg"))
        return counts_of(table_of(read_pixels(path) for path in itertools.islice(paths, 0, None, 3)))

    target = x_rays("covid_xray")
    near, far = (answers(compare(target, other)) for other in (x_rays("nih_cxr"), counts_of(table_of(photographs))))
    assert all(near[group].high < far[group].low for group in GROUPS)
