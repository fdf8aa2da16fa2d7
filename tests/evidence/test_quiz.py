"""Guess the source: what is offered is sensible, honest about shared images, and scored as measured."""

import pytest

from core.evidence.outcomes import studies
from core.evidence.quiz import LARGE, USUAL, Round, all_measured, measured, outcome, rounds, same_images

CT = ("organamnist", "organcmnist", "organsmnist")


@pytest.mark.parametrize("seed", range(20))
def test_a_game_asks_about_each_origin_once_and_offers_no_source_with_images_of_the_target(seed):
    asked = rounds(seed)
    assert len({studies().origins[one.target] for one in asked}) == len(asked) == 10
    for one in asked:
        assert len(set(one.offered)) == 4 and set(one.offered) <= set(measured()[one.target].index)
        assert USUAL in one.offered and set(LARGE) & set(one.offered)
        assert not any(same_images(source, one.target) for source in one.offered)


def test_the_seed_alone_decides_the_game():
    assert rounds(7) == rounds(7) != rounds(8)
    assert len({one.target for seed in range(20) for one in rounds(seed)}) == 12


def test_a_source_of_the_same_kind_is_offered_where_there_is_one():
    for target, kin in (("chestmnist", "pneumoniamnist"), ("retinamnist", "octmnist"), ("octmnist", "retinamnist")):
        assert all(kin in one.offered for seed in range(5) for one in rounds(seed) if one.target == target)


@pytest.mark.parametrize(
    ("source", "target", "shared"),
    [
        ("organcmnist", "organamnist", True),
        ("medmnist", "organamnist", True),  # it holds the other two planes
        ("medmnist", "bloodmnist", False),
        ("chestmnist", "pneumoniamnist", False),
        ("octmnist", "pneumoniamnist", False),  # one paper, other images
    ],
)
def test_the_three_planes_of_the_same_scans_are_one_origin(source, target, shared):
    assert same_images(source, target) == shared


def test_points_lost_are_differences_of_the_published_values():
    asked = Round("octmnist", ("imagenet", "radimagenet", "retinamnist", "bloodmnist"))  # .9258 .9693 .8760 .8963
    found = outcome(asked, "retinamnist")
    assert found.best == "radimagenet"
    assert found.lost == pytest.approx(9.33, abs=0.02)
    assert found.usual == pytest.approx(4.35, abs=0.02) == found.lead
    assert found.random == pytest.approx((0 + 4.35 + 9.33 + 7.30) / 4, abs=0.02)
    assert outcome(asked, "radimagenet").lost == 0


@pytest.mark.parametrize(
    ("target", "offered", "clear"),
    [
        ("retinamnist", ("imagenet", "medmnist", "octmnist", "bloodmnist"), True),  # 6.4 points ahead
        ("breastmnist", ("imagenet", "chestmnist", "pathmnist", "bloodmnist"), False),  # 1.8 ahead, 156 test images
        ("organsmnist", ("imagenet", "tissuemnist", "bloodmnist", "octmnist"), True),
        ("pneumoniamnist", ("imagenet", "medmnist", "chestmnist", "octmnist"), False),  # 0.1 ahead
    ],
)
def test_a_lead_within_what_a_choice_of_settings_moves_is_no_clear_winner(target, offered, clear):
    assert outcome(Round(target, offered), "imagenet").clear == clear


def test_all_sources_are_shown_with_the_range_of_the_two_choices():
    frame = all_measured("pneumoniamnist")
    assert len(frame) == 14 and frame["value"].is_monotonic_decreasing
    assert (frame["low"] - 1e-6 <= frame["value"]).all() and (frame["value"] <= frame["high"] + 1e-6).all()
    assert (frame["high"] - frame["low"]).max() > 0.01
