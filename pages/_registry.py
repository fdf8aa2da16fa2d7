"""The steps of the walk, once: the menu, the overview and the progress marks are all made from this list."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """`file` is the page in this folder; None for a step that this version does not have yet."""

    key: str
    title: str
    question: str
    icon: str
    file: str | None = None


STEPS = (
    Step("target", "Target", "What exactly is the task, and is the data fit for it?", "target", "target.py"),
    Step(
        "sources",
        "Sources",
        "What could we start from, what is in it, may and can we use it?",
        "inventory_2",
        "sources.py",
    ),  # fmt: skip
    Step("intuition", "Intuition", "What do we believe, before we look?", "psychology", "intuition.py"),
    Step(
        "similarity",
        "Similarity",
        "How alike are they: in meaning, in looks, to a network?",
        "compare",
        "similarity.py",
    ),  # fmt: skip
    Step("scoring", "Scoring", "What do the metrics say, and can they be trusted here?", "speed", "scoring.py"),
    Step(
        "heuristics",
        "Heuristics",
        "What do practitioners go by, and when does it mislead?",
        "lightbulb",
        "heuristics.py",
    ),  # fmt: skip
    Step(
        "evidence",
        "Evidence",
        "What was each measure worth where the truth is known?",
        "fact_check",
        "evidence.py",
    ),  # fmt: skip
    Step("validate", "Validate", "What does a short fine-tuning experiment say?", "science"),
    Step("decide", "Decide", "What do we choose, why, and how sure are we?", "gavel"),
)
BUILT = tuple(step for step in STEPS if step.file)
