"""What there is to know about a metric before it is computed. Pages, the README and the tests all read it here."""

from collections.abc import Callable
from dataclasses import dataclass, field

LABEL_TYPES = ("binary", "multi-class", "multi-label", "ordinal")


@dataclass(frozen=True)
class Metric:
    """One transferability metric. `version` and `params` belong to the cache key of every score."""

    key: str
    name: str
    unit: str
    meaning: str  # one sentence: what the number says
    question: str  # the question that it answers
    paper: str
    range: str
    limits: str  # when it misleads
    formula: str  # Markdown with TeX: the definition, and what its letters mean
    assumptions: str  # what has to hold for the number to mean what it says
    needs: str  # "features", "source head" or "gradients"
    order: int  # place in tables and menus
    version: int
    label_types: tuple[str, ...] = LABEL_TYPES
    why_not: dict[str, str] = field(default_factory=dict)  # label type -> why it is not offered
    differs: str = ""  # how this definition differs from the paper's or from public code, and why
    multi_label: str = ""  # how several findings per image are treated
    ordinal: str = ""  # how ordered grades are treated
    params: dict = field(default_factory=dict)
    permutations: int = 0
    resamples: int = 0
    # Expected seconds on one core, null and interval included, for N images, D features and K label columns; fitted to
    # measurements on a 2-core Xeon machine. None for a metric of gradients, whose cost is the network's.
    seconds: Callable[[int, int, int], float] | None = None
    one_architecture: bool = False  # True: values of different architectures cannot be compared
    label_by_label: bool = False  # True: several labels per image are fitted one by one, each at the cost of `seconds`
    pool_relative: bool = False  # True: the number changes when a candidate is added
