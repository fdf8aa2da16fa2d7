"""Could target images be inside a source? What the catalogue tells of shared images, followed from set to set.

Sets are nested: "part of" says that a set's images are in the other. Two sets inside one third may share images,
unless that third is a collection of parts that need not overlap (MedMNIST holds chest and blood images alike).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from core.sources.record import Fact, SourceDataset

CERTAIN, POSSIBLE = "certain", "possible"


@dataclass(frozen=True)
class Link:
    """`record` tells of `fact`, an overlap with `other`."""

    record: SourceDataset
    fact: Fact
    other: str


@dataclass(frozen=True)
class Leak:
    """Why images of the target may be in the source: `sure` is certain or possible, `why` a sentence, `links` the facts
    that it rests on."""

    source: str
    sure: str
    why: str
    links: tuple[Link, ...]


class Overlaps:
    """All overlaps that the records tell of, as steps between sets. Sets without a record go by their name."""

    def __init__(self, records: dict[str, SourceDataset]):
        self.records = records
        self.key_of = {plain(name): record.key for record in records.values() for name in record.names}
        self.inside: dict[str, dict[str, Link]] = defaultdict(dict)  # set -> sets that hold its images
        self.beside: dict[str, dict[str, Link]] = defaultdict(dict)  # set -> sets that share some images
        for record in records.values():
            for fact in record.of("overlap"):
                for other in fact.others:
                    self._add(record, fact, self.key(other))

    def _add(self, record: SourceDataset, fact: Fact, other: str) -> None:
        link = Link(record, fact, other)
        if fact.relation in ("part of", "same"):
            self.inside[record.key].setdefault(other, link)
        if fact.relation in ("holds", "same"):
            self.inside[other].setdefault(record.key, link)
        if fact.relation == "shares":
            self.beside[record.key].setdefault(other, link)
            self.beside[other].setdefault(record.key, link)

    def key(self, name: str) -> str:
        """The key of the record that goes by this name, else the name itself."""
        return self.key_of.get(plain(name), name)

    def name(self, key: str) -> str:
        return self.records[key].name if key in self.records else key

    def wholes(self, key: str) -> dict[str, tuple[Link, ...]]:
        """Every set that holds the images of `key`, itself among them, with the steps that lead there."""
        found, waiting = {key: ()}, [key]
        while waiting:
            here = waiting.pop(0)
            for whole, link in self.inside[here].items():
                if whole not in found:
                    found[whole] = (*found[here], link)
                    waiting.append(whole)
        return found

    def between(self, target: str, source: str) -> Leak | None:
        """Why images of the set `target` may be in `source`; None where the catalogue tells of nothing."""
        above, over = self.wholes(target), self.wholes(source)
        name, other = self.name(target), self.name(source)
        if source == target:
            return Leak(source, CERTAIN, f"The target's images come from {other} itself.", ())
        if source in above:
            return Leak(source, CERTAIN, f"Images of {name} are in {other}.", above[source])
        if target in over:
            return Leak(source, POSSIBLE, f"{other} was drawn from {name}: some target images are in it.", over[target])
        origin = next((whole for whole in above if whole in over and not self._is_collection(whole)), None)
        if origin is not None:
            why = f"{name} and {other} were both drawn from {self.name(origin)}."
            return Leak(source, POSSIBLE, why, (*above[origin], *over[origin]))
        for whole, steps in above.items():
            for beside, link in self.beside[whole].items():
                if self._reaches(target, whole) and (source in self.wholes(beside) or self._reaches(source, beside)):
                    why = f"{self.name(whole)} and {self.name(beside)} have images or patients in common."
                    return Leak(source, POSSIBLE, why, (*steps, link))
        return None

    def _reaches(self, part: str, whole: str) -> bool:
        """Whether what is told of `whole` may hold for `part` inside it: of a part of a collection it need not."""
        return part == whole or (whole in self.wholes(part) and not self._is_collection(whole))

    def _is_collection(self, key: str) -> bool:
        return key in self.records and self.records[key].collection


def plain(name: str) -> str:
    """A name without what spellings differ in."""
    return "".join(c for c in name.lower() if c.isalnum())


def find_leaks(origins: Sequence[str], records: dict[str, SourceDataset]) -> dict[str, Leak]:
    """Per source (key) the gravest reason to fear that it holds images of a target from `origins` (keys or names)."""
    if not origins:
        return {}
    overlaps, found = Overlaps(records), {}
    for origin in origins:
        for key in records:
            warning = overlaps.between(overlaps.key(origin), key)
            if warning and (key not in found or warning.sure == CERTAIN != found[key].sure):
                found[key] = warning
    return found
