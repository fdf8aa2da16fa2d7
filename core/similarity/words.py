"""How alike the words are in which a target and the sources are described: character n-grams, TF-IDF, cosine.

A light method that knows no synonyms and no other language. It stands beside the distance in meaning, never in it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.similarity.taxonomy import words_of
from core.sources.record import SourceDataset
from core.target import TargetTask

SHORTEST, LONGEST = 3, 5  # characters of an n-gram
SHORTEST_WORD = 4  # of the words that are shown as shared
SAY_NOTHING = {"from", "into", "made", "many", "more", "other", "than", "that", "them", "their", "this", "three",
               "small", "with", "without", "which"}  # fmt: skip


@dataclass(frozen=True)
class Floor:
    """What texts that have nothing to do with the target's give: `n` of them, their median, and the highest."""

    n: int
    median: float
    highest: float


@dataclass(frozen=True)
class Words:
    """`cosine` in [0, 1] by source, the words that both texts share, the rarest first, and the floor; None without
    unrelated texts."""

    cosine: dict[str, float]
    shared: dict[str, tuple[str, ...]]
    floor: Floor | None


@dataclass(frozen=True)
class Sentences:
    """What the sentence encoder `model` says of the same texts: `cosine` in [-1, 1] by source, and the floor."""

    model: str
    cosine: dict[str, float]
    floor: Floor | None


def text_of_target(task: TargetTask, class_names: Sequence[str]) -> str:
    """Name, modality, anatomy and classes, with what these mean. In any order of the classes the same to `compare`."""
    classes = [task.class_meanings.get(name, name) for name in class_names] or task.class_meanings.values()
    return " ".join([task.name, task.modality, task.anatomy, *classes])


def text_of_source(record: SourceDataset) -> str:
    """Name, summary, modality, anatomy and content, in which the classes are named."""
    content = [str(fact.value) for fact in record.of("content")]
    return " ".join([record.name, record.summary, *record.terms("modality"), *record.terms("anatomy"), *content])


def compare_words(target: str, sources: Mapping[str, str], unrelated: Sequence[str]) -> Words:
    """The target's text against those of `sources` (by key), all of the catalogue: rarity is counted over them.
    `unrelated` are keys of those that are known to be of another kind; they give the floor."""
    texts = [target, *sources.values()]
    vectors = _tfidf([_ngrams(text) for text in texts])
    cosine = dict(zip(sources, (vectors[1:] @ vectors[0]).tolist(), strict=True))
    return Words(cosine, dict(zip(sources, _shared_words(texts), strict=True)), floor_of(cosine, unrelated))


def floor_of(cosine: Mapping[str, float], unrelated: Sequence[str]) -> Floor | None:
    """The floor that the keys `unrelated` give; None without any."""
    far = [cosine[key] for key in unrelated]
    return Floor(len(far), float(np.median(far)), max(far)) if far else None


def _ngrams(text: str) -> Counter:
    """Counts of the n-grams inside words, each word between two blanks, so that the order of words does not count."""
    padded = [f" {word} " for word in words_of(text)]
    return Counter(
        word[i : i + n] for word in padded for n in range(SHORTEST, LONGEST + 1) for i in range(len(word) - n + 1)
    )


def _tfidf(counts: list[Counter]) -> np.ndarray:
    """(texts, n-grams), rows of length 1: term frequency 1 + log(count), times log((1 + n) / (1 + df)) + 1 (Manning,
    Raghavan and Schütze 2008, Introduction to Information Retrieval, 6.4; the ones keep rare and frequent finite)."""
    column = {gram: i for i, gram in enumerate(sorted(set().union(*counts)))}
    matrix = np.zeros((len(counts), len(column)))
    for row, one in enumerate(counts):
        matrix[row, [column[gram] for gram in one]] = 1 + np.log(np.array(list(one.values()), dtype=float))
    matrix *= np.log((1 + len(counts)) / (1 + (matrix > 0).sum(axis=0))) + 1
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths > 0, lengths, 1)


def _shared_words(texts: list[str]) -> list[tuple[str, ...]]:
    """For each text but the first, the words that it has in common with the first, as the first spells them."""
    told = [{words_of(word)[0]: word for word in _spelled(text)} for text in texts]
    times = Counter(stem for one in told for stem in one)
    rare = sorted(told[0], key=lambda stem: (times[stem], stem))
    return [tuple(told[0][stem] for stem in rare if stem in one) for one in told[1:]]


def _spelled(text: str) -> list[str]:
    words = "".join(c if c.isalpha() else " " for c in text.lower()).split()
    return [word for word in words if len(word) >= SHORTEST_WORD and word not in SAY_NOTHING]
