"""How alike in meaning: a target and a source property by property, from what their records say.

What is not known stays open: the distance has a range, from all that is unknown alike to all of it different.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import SimilarityError
from core.similarity.taxonomy import Property, Taxonomy
from core.similarity.words import Sentences, Words
from core.sources.record import SourceDataset
from core.target import TargetTask

MATCH, PARTLY, DIFFERS, UNKNOWN = "match", "partly", "differs", "unknown"
RECORD, INFERRED, READING, PERSON = "record", "inferred", "reading", "person"
WITHOUT_CLASSES = {"captions", "none"}


@dataclass(frozen=True)
class Told:
    """What is known of one property: `values` of the taxonomy (several: any of them), `text` as it was written or why,
    and `by`: its record or description, inferred from its modality, our reading of its texts, or a person here."""

    values: tuple[str, ...] = ()
    text: str = ""
    by: str = RECORD


@dataclass(frozen=True)
class Profile:
    """What is told of a data set, by property; a property that is missing is unknown."""

    name: str
    told: dict[str, Told]

    def of(self, about: str) -> Told:
        return self.told.get(about, Told())


@dataclass(frozen=True)
class Row:
    """One property of a comparison. `nearest` is the pair of values that counts, `shared` what both are kinds of;
    `distance` is None where one of the two is unknown."""

    about: str
    state: str
    distance: float | None
    weight: float
    target: Told
    source: Told
    nearest: tuple[str, str] | None = None
    shared: str = ""


@dataclass(frozen=True)
class Comparison:
    """`distance` is the weighted mean over the known properties, None where none is; `low` and `high` are what it would
    be if all that is unknown were the same, or as different as can be. All in [0, 1]."""

    source: str
    rows: tuple[Row, ...] = field(repr=False)
    distance: float | None
    low: float
    high: float

    def count(self, state: str) -> int:
        return sum(row.state == state and row.weight > 0 for row in self.rows)


def profile_of_target(
    task: TargetTask, classes: int | None, taxonomy: Taxonomy, placed: Mapping[str, str] | None = None
) -> Profile:
    """What a target's description tells, its number of `classes`, and what people `placed` (value by property)."""
    written = {
        "modality": [task.modality],
        "anatomy": [task.anatomy or task.modality],  # "Breast ultrasound" tells both
        "colour": [task.color],
        "label_type": [task.label_type],
    }
    counts = [classes] if classes else [2] if task.label_type == "binary" else []
    return Profile(task.name, _told(taxonomy, written, counts, {}, placed or {}))


def profile_of_source(record: SourceDataset, taxonomy: Taxonomy, placed: Mapping[str, str] | None = None) -> Profile:
    """What a record tells, what we read in its texts, and what people `placed` (value by property)."""
    written = {
        "modality": record.terms("modality"),
        "anatomy": record.terms("anatomy"),
        "colour": [fact.value for fact in record.of("color")],
        "label_type": [fact.value for fact in record.of("label_type")],
    }
    counts = [fact.value for fact in record.of("classes")]
    if not counts and record.value("label_type") in WITHOUT_CLASSES:
        counts = [0]
    read = {
        about: Told((reading.value,), reading.because, READING)
        for (key, about), reading in taxonomy.readings.items()
        if key == record.key
    }
    return Profile(record.name, _told(taxonomy, written, counts, read, placed or {}))


def _told(
    taxonomy: Taxonomy, written: Mapping[str, Sequence[str]], counts: Sequence[int], read: dict[str, Told],
    placed: Mapping[str, str],
) -> dict[str, Told]:  # fmt: skip
    """The record's own words come first, then our readings, then what people placed, then what the modality implies."""
    properties = taxonomy.properties
    told = {about: _understood(properties[about], texts) for about, texts in written.items() if any(texts)}
    if counts:
        values = dict.fromkeys(properties["granularity"].value_of_count(count) for count in counts)
        told["granularity"] = Told(tuple(values), ", ".join(f"{count:,}" for count in counts))
    known = {about: one for about, one in told.items() if one.values} | read
    known |= {
        about: Told((value,), "", PERSON)
        for about, value in placed.items()
        if about not in known and about in properties and value in properties[about].values
    }
    return told | _inferred(properties["modality"], known) | known


def _understood(about: Property, texts: Sequence[str]) -> Told:
    values = dict.fromkeys(value for text in texts for value in about.values_in(text))
    return Told(tuple(values), ", ".join(texts))


def _inferred(modality: Property, known: dict[str, Told]) -> dict[str, Told]:
    """What the modality implies; of several modalities each adds what it implies."""
    found: dict[str, dict[str, None]] = {}
    for value in known.get("modality", Told()).values:
        for about, implied in modality.implied(value).items():
            found.setdefault(about, {})[implied] = None
    return {about: Told(tuple(values), "from the modality", INFERRED) for about, values in found.items()}


def compare(
    target: Profile, source: Profile, taxonomy: Taxonomy, weights: Mapping[str, float] | None = None
) -> Comparison:
    """How far a source is from the target in meaning. `weights` by property, 0 or more, the default ones where None;
    a weight of 0 leaves a property out. SimilarityError where all are 0."""
    weights = taxonomy.weights if weights is None else weights
    total = sum(weights.values())
    if total <= 0:
        raise SimilarityError("All weights are 0, so nothing is compared.", "Give at least one property a weight.")
    rows = tuple(
        _row(about, target.of(key), source.of(key), weights[key]) for key, about in taxonomy.properties.items()
    )
    known = [row for row in rows if row.distance is not None]
    of_known, far = sum(row.weight for row in known), sum(row.weight * row.distance for row in known)
    return Comparison(
        source.name, rows, far / of_known if of_known else None, far / total, (far + total - of_known) / total
    )


def _row(about: Property, target: Told, source: Told, weight: float) -> Row:
    pairs = [(one, other) for one in target.values for other in source.values]
    if not pairs:
        return Row(about.key, UNKNOWN, None, weight, target, source)
    nearest = min(pairs, key=lambda pair: about.distance(*pair))
    distance = about.distance(*nearest)
    state = MATCH if distance == 0 else DIFFERS if distance == 1 else PARTLY
    return Row(about.key, state, distance, weight, target, source, nearest, about.shared(*nearest))


def of_another_kind(target: Profile, source: Profile, taxonomy: Taxonomy) -> bool:
    """Whether the modalities of both are known and have nothing in common."""
    modality = taxonomy.properties["modality"]
    return _row(modality, target.of("modality"), source.of("modality"), 1.0).state == DIFFERS


def in_order(comparisons: Mapping[str, Comparison]) -> dict[str, Comparison]:
    """By distance, the nearest first; without one last. An order is no ranking: ranges overlap."""
    return dict(
        sorted(
            comparisons.items(), key=lambda item: (item[1].distance is None, item[1].distance or 0.0, item[1].source)
        )
    )


def farther_for_sure(comparisons: Mapping[str, Comparison]) -> list[str]:
    """Keys of those that are farther than the first of `in_order`, whatever the unknown turns out to be."""
    ordered = in_order(comparisons)
    first = next(iter(ordered.values()))
    return [key for key, one in ordered.items() if one.low > first.high]


def as_rows(
    comparisons: Mapping[str, Comparison], words: Words, taxonomy: Taxonomy, sentences: Sentences | None = None
) -> list[dict]:
    """One row per source (key), in the order given, with every property: for the download."""
    parts = ("state", "distance", "weight")
    return [
        {
            "source": one.source,
            "key": key,
            "distance": one.distance,
            "low": one.low,
            "high": one.high,
            **{f"{row.about}_{part}": getattr(row, part) for row in one.rows for part in parts},
            **_cosine("words", words, key),
            **(_cosine("sentences", sentences, key) | {"sentence_encoder": sentences.model} if sentences else {}),
            "taxonomy": taxonomy.version,
        }
        for key, one in comparisons.items()
    ]


def _cosine(name: str, found: Words | Sentences, key: str) -> dict:
    floor = found.floor
    return {
        name: found.cosine[key],
        f"{name}_unrelated_median": floor.median if floor else None,
        f"{name}_unrelated_highest": floor.highest if floor else None,
        f"{name}_unrelated_n": floor.n if floor else 0,
    }
