"""Guess the source: which source to start from, over the targets of arXiv:2412.20172, scored in AUC points lost.

The pool: ImageNet, RadImageNet, MedMNIST without the target, and single MedMNIST sets; ResNet-18, fine-tuned.
"""

import random
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from core.evidence.outcomes import Study, chosen_twice, outcomes, studies
from core.images.medmnist_sets import medmnist_sets

STUDY = "juodelyte2024_datasets"
USUAL = "imagenet"
UNION = "medmnist"  # all sets but the target
LARGE = ("radimagenet", UNION)
OFFERED = 4
TRAINED_ON = 100  # target images per class, in the study


@dataclass(frozen=True)
class Round:
    """One question: start from which of the `offered`?"""

    target: str
    offered: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a pick came to: AUC points `lost` against the `best` of those offered, beside always taking ImageNet and the
    mean of a `random` pick; `lead` of the best over the next; `moves`, how much the AUC of a source moves on this
    target (root mean square, AUC points) when its settings are chosen by validation AUC instead of loss."""

    best: str
    lost: float
    usual: float
    random: float
    lead: float
    moves: float

    @property
    def clear(self) -> bool:
        """Whether the best leads by more than what a choice of settings moves. No interval was published."""
        return self.lead > self.moves

    @property
    def told_apart(self) -> bool:
        """Whether the pick lost more than that."""
        return self.lost > self.moves


def cited() -> Study:
    """The study that the outcomes are from."""
    return studies().studies[STUDY]


@lru_cache(maxsize=1)
def measured() -> dict[str, pd.Series]:
    """Per target the test AUC (0 to 1) by source, highest first."""
    found = outcomes().query("study == @STUDY").set_index("source")
    return {target: rows["value"].sort_values(ascending=False) for target, rows in found.groupby("target")}


def same_images(source: str, target: str) -> bool:
    """Whether a source was trained on images of the origin of the target, so that test images may be among them."""
    origins = studies().origins
    kin = {name for name in measured() if origins[name] == origins[target]} - {target}
    return source in kin or (source == UNION and bool(kin))


def rounds(seed: int) -> list[Round]:
    """The questions of a game in their order: one target per origin of images, each with ImageNet, a large source, one
    akin to the target where there is one, and another; shuffled."""
    chance = random.Random(seed)
    by_origin: dict[str, list[str]] = {}
    for target in sorted(measured()):
        by_origin.setdefault(studies().origins[target], []).append(target)
    targets = [chance.choice(names) for names in by_origin.values()]
    chance.shuffle(targets)
    return [Round(target, _offer(target, chance)) for target in targets]


def _offer(target: str, chance: random.Random) -> tuple[str, ...]:
    pool = [source for source in sorted(measured()[target].index) if not same_images(source, target)]
    single = [source for source in pool if source not in (USUAL, *LARGE)]
    akin = [source for source in single if _akin(source, target)]
    offered = [USUAL, chance.choice([source for source in LARGE if source in pool])]
    offered += [chance.choice(akin)] if akin else []
    rest = [source for source in single if source not in offered]
    offered += chance.sample(rest, OFFERED - len(offered))
    chance.shuffle(offered)
    return tuple(offered)


def _akin(source: str, target: str) -> bool:
    """Of one modality or anatomy: what looks like the natural choice."""
    one, other = (medmnist_sets()[name] for name in (source, target))
    return one.modality == other.modality or one.anatomy == other.anatomy


def outcome(asked: Round, pick: str) -> Outcome:
    """What picking `pick` came to."""
    auc = 100 * measured()[asked.target][list(asked.offered)].sort_values(ascending=False)
    lost = auc.iloc[0] - auc
    return Outcome(
        best=auc.index[0],
        lost=float(lost[pick]),
        usual=float(lost[USUAL]),
        random=float(lost.mean()),
        lead=float(lost.iloc[1]),
        moves=_moves(asked.target),
    )


def _moves(target: str) -> float:
    twice = chosen_twice().query("target == @target")
    return float(100 * np.sqrt(((twice["by_auc"] - twice["by_loss"]) ** 2).mean()))


def all_measured(target: str) -> pd.DataFrame:
    """One row per source of the pool, best first: `source`, `value` (the published test AUC), `low` and `high`, the
    range between the two ways of choosing its settings."""
    twice = chosen_twice().query("target == @target").set_index("source")
    frame = measured()[target].rename("value").reset_index()
    both = twice.loc[frame["source"], ["by_loss", "by_auc"]]
    return frame.assign(low=both.min(axis=1).to_numpy(), high=both.max(axis=1).to_numpy())
