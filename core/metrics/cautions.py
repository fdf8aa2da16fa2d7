"""Sentences that go with a score: where the numbers of images, features and classes make it untrustworthy."""

from core.metrics.case import Case

SCOREABLE = 10  # fewer images than this on one side of a label tell nothing
COMFORTABLE = 20
NO_SPREAD = ("The images of each class have the same features.", "Check whether images or features were repeated.")
POOL_RELATIVE = "It is relative to the candidates listed: it gets its value in a ranking."


def saturated(case: Case, classes: int = 2) -> tuple[str, ...]:
    """For metrics that are at their maximum, whatever the labels, once the features vary in more directions than
    `classes` class means leave to the images: the sentence that says so, else nothing."""
    n, d = case.features.shape
    if d <= n - classes or len(case.spectrum.s) <= n - classes:
        return ()
    return (f"{n} images for {d} features: features in so many directions fit any labels, and it is at its maximum.",)


def smallest_side(case: Case) -> tuple[int, int]:
    """Over the label columns, the smallest and the largest number of images on the rarer side."""
    positives = case.columns.sum(axis=0)
    rarer = [int(min(p, len(case.columns) - p)) for p in positives]
    return min(rarer), max(rarer)
