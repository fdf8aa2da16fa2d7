"""The order of the sources says no more than the intervals do."""

from core.similarity.order import seen, tiers


def distance(value, low=None, high=None, floor=0.0):
    return {"value": value, "floor": floor, "excess": value - floor, "low": low, "high": high}


def test_sources_whose_intervals_overlap_have_no_order():
    distances = {"far": distance(9, 8, 10), "near": distance(1, 0.5, 1.5), "also near": distance(1.2, 0.9, 1.6)}
    assert tiers(distances, "low") == [["near", "also near"], ["far"]]


def test_much_mixing_is_alike_and_without_an_interval_each_stands_alone():
    assert tiers({"a": distance(0.1), "b": distance(0.4)}, "high") == [["b"], ["a"]]


def test_the_order_is_that_of_what_exceeds_the_floor_and_an_unknown_value_has_none():
    distances = {
        "few images": distance(30.0, 1, 3, floor=28.0),
        "many images": distance(9.0, 4, 6, floor=4.0),
        "unknown": distance(0.0) | {"value": None},
    }
    assert tiers(distances, "low") == [["few images"], ["many images"]]


def test_a_difference_is_seen_where_the_interval_leaves_0_out():
    assert seen(distance(1, 0.5, 2)) is True
    assert seen(distance(1, -0.5, 2)) is False
    assert seen(distance(1)) is None
