"""Sentences that go with a score: where the numbers of images, features and classes make it untrustworthy."""

from core.metrics.case import Case

SCOREABLE = 10  # fewer images than this on one side of a label tell nothing
COMFORTABLE = 20


def wide_caution(case: Case) -> tuple[str, ...]:
    """For metrics that fit the features: a warning when there are no more images than features."""
    if not case.wide:
        return ()
    n, d = case.features.shape
    return (
        f"{n} images for {d} features: with no more images than features a fit can follow accidents of this sample; "
        "go by the distance to shuffled labels and the interval, not by the value alone.",
    )


def smallest_side(case: Case) -> tuple[int, int]:
    """Over the label columns, the smallest and the largest number of images on the rarer side."""
    positives = case.columns.sum(axis=0)
    rarer = [int(min(p, len(case.columns) - p)) for p in positives]
    return min(rarer), max(rarer)
