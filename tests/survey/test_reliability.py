"""Krippendorff's alpha: published values, those of an independent implementation, and known cases."""

import numpy as np
import pytest

from core.survey.reliability import (
    INTERVAL,
    NOMINAL,
    ORDINAL,
    RESAMPLES,
    alpha_interval,
    krippendorff_alpha,
)

_ = None
# Krippendorff 2011, Computing Krippendorff's Alpha-Reliability: its parts A (binary) and C (nominal, missing)
BINARY = ([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0])
MISSING = (
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
)
RATINGS = ([5, 4, 2, 1, 3], [4, 4, 2, 2, _], [5, 3, 1, _, 2])
REVERSED = ([1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [3, _, 3, 1, 5])
POINTS = ([5, -2.5, 0, 8, _, 3], [2, -4, 1.5, 10, 0, _], [-3, _, 2, 6, 1, 4], [_, 0, -1, 7.5, 2, 2])
# nominal, ordinal, interval: computed once with krippendorff 0.9.0 (PyPI), numpy 2.4.6, on 2026-11-22:
# krippendorff.alpha(reliability_data=np.array(raters, float), level_of_measurement=...), missing values as NaN
BY_PACKAGE = [
    (MISSING, 0.743421, 0.815388, 0.849107),
    (RATINGS, 0.090909, 0.789847, 0.798658),
    (REVERSED, 0.155844, -0.302135, -0.293367),
    (POINTS, -0.049724, 0.631117, 0.690419),
]


def units_of(raters) -> list[list]:
    return [[value for value in unit if value is not None] for unit in zip(*raters, strict=True)]


@pytest.mark.parametrize(("raters", "alpha"), [(BINARY, 0.095), (MISSING, 0.743), (([1, 2], [1, 2]), 1.0)])
def test_alpha_is_the_published_one(raters, alpha):
    units = units_of(raters)
    assert krippendorff_alpha(units) == pytest.approx(alpha, abs=5e-4)
    assert krippendorff_alpha(units[::-1]) == pytest.approx(krippendorff_alpha(units))


@pytest.mark.parametrize(("raters", "nominal", "ordinal", "interval"), BY_PACKAGE)
def test_alpha_is_that_of_an_independent_implementation(raters, nominal, ordinal, interval):
    found = [krippendorff_alpha(units_of(raters), level) for level in (NOMINAL, ORDINAL, INTERVAL)]
    assert found == pytest.approx([nominal, ordinal, interval], abs=1e-6)


@pytest.mark.parametrize("level", [NOMINAL, ORDINAL, INTERVAL])
def test_alpha_of_known_cases(level):
    assert krippendorff_alpha([[1, 1, 1], [4, 4], [2, 2, 2]], level) == pytest.approx(1)
    assert krippendorff_alpha([[3, 3], [3, 3]], level) is None  # no spread: not defined
    assert krippendorff_alpha([[1], [2]], level) is None  # nothing is judged twice
    assert krippendorff_alpha([], level) is None
    noise = np.random.default_rng(0).integers(1, 6, (2000, 4)).tolist()
    assert abs(krippendorff_alpha(noise, level)) < 0.03


def test_order_and_scale_matter_only_where_the_level_says_so():
    units = units_of(RATINGS)
    stretched = [[10.0**value for value in unit] for unit in units]
    assert krippendorff_alpha(stretched, NOMINAL) == pytest.approx(krippendorff_alpha(units, NOMINAL))
    assert krippendorff_alpha(stretched, ORDINAL) == pytest.approx(krippendorff_alpha(units, ORDINAL))
    assert krippendorff_alpha(stretched, INTERVAL) != pytest.approx(krippendorff_alpha(units, INTERVAL), abs=0.01)
    moved = [[2 * value - 7 for value in unit] for unit in units]
    assert krippendorff_alpha(moved, INTERVAL) == pytest.approx(krippendorff_alpha(units, INTERVAL))


def test_the_interval_is_that_of_the_definition_and_the_same_at_every_call():
    units = units_of(POINTS)
    found = alpha_interval(units, INTERVAL)
    assert found == alpha_interval(units, INTERVAL) and found.resamples == RESAMPLES
    draws = np.random.default_rng(0).integers(0, len(units), (RESAMPLES, len(units)))
    alphas = [krippendorff_alpha([units[i] for i in draw], INTERVAL) for draw in draws]
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(alphas, (2.5, 97.5))))


def test_the_interval_covers_the_alpha_of_many_units_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    truth = 0.5  # of the interval alpha of two raters whose values share half of their variance

    def units():
        shared = rng.normal(size=(60, 1))
        return (shared + rng.normal(size=(60, 2))).tolist()

    hits = [one.low <= truth <= one.high for one in (alpha_interval(units(), INTERVAL) for _ in range(60))]
    assert np.mean(hits) > 0.85  # 95 % are wanted; the percentile bootstrap falls short of it a little


def test_draws_without_alpha_are_left_out_and_too_many_of_them_leave_no_interval():
    one_differs = [[1, 1]] * 5 + [[2, 2]]
    assert 0.5 * RESAMPLES < alpha_interval(one_differs, ORDINAL).resamples < RESAMPLES
    assert alpha_interval([[1, 1], [1, 1], [1, 2]][:2], ORDINAL) is None
    assert alpha_interval([], ORDINAL) is None
