"""The published taxonomy of what images and labels are: per property a tree, or an ordered scale, of values.

`data/similarity/taxonomy.toml` holds it, in a form that people can read and argue with.
"""

import tomllib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "data" / "similarity" / "taxonomy.toml"
Span = tuple[int, int]


@dataclass(frozen=True)
class Value:
    """One value of a property: `parent` is what it is a kind of ("" at the top of a tree), `phrases` how texts call it
    (as words), `implies` what follows for other properties, `least` the smallest count that it stands for."""

    name: str
    parent: str
    phrases: tuple[tuple[str, ...], ...]
    implies: dict[str, str]
    least: int | None


@dataclass(frozen=True)
class Property:
    """One property with its default `weight`; the `values` of a `scale` are in their order."""

    key: str
    title: str
    asks: str
    weight: float
    scale: bool
    values: dict[str, Value]

    def path(self, value: str) -> tuple[str, ...]:
        """From the top of the tree down to `value`."""
        parent = self.values[value].parent
        return (*(self.path(parent) if parent else ()), value)

    def shared(self, one: str, other: str) -> str:
        """The most specific value that both are kinds of; "" where there is none."""
        both = [a for a, b in zip(self.path(one), self.path(other), strict=False) if a == b]
        return both[-1] if both and not self.scale else ""

    def distance(self, one: str, other: str) -> float:
        """From 0 (the same) to 1. In a tree 1 - 2 d(shared) / (d(one) + d(other)), with the depth d counted from a root
        of depth 0, so that values under different tops have distance 1 (Wu and Palmer 1994, Verb semantics and lexical
        selection, ACL). On a scale the number of steps between them, of the steps that it has."""
        if self.scale:
            order = list(self.values)
            return abs(order.index(one) - order.index(other)) / (len(order) - 1)
        shared = self.shared(one, other)
        depths = len(self.path(one)) + len(self.path(other))
        return 1 - 2 * (len(self.path(shared)) if shared else 0) / depths

    def values_in(self, text: str) -> tuple[str, ...]:
        """The values that `text` names, in their order. A phrase inside a longer one that was found does not count,
        and what is named beside a kind of itself does not either. () where nothing is recognised."""
        words = words_of(text)
        found = {name: spans for name, value in self.values.items() if (spans := _spans(words, value.phrases))}
        longest = {span for spans in found.values() for span in spans}
        longest -= {span for span in longest if any(_inside(span, other) for other in longest)}
        named = [name for name, spans in found.items() if longest.intersection(spans)]
        general = {above for name in named for above in self.path(name)[:-1]}
        return tuple(name for name in named if name not in general)

    def value_of_count(self, count: int) -> str:
        """The value of a scale that a count falls under."""
        return [name for name, value in self.values.items() if value.least <= count][-1]

    def implied(self, value: str) -> dict[str, str]:
        """What a value and those above it imply for other properties; the more specific one counts."""
        return {about: other for name in self.path(value) for about, other in self.values[name].implies.items()}


@dataclass(frozen=True)
class Reading:
    """What we read out of the texts of a record for a property that has no field, and from which words."""

    value: str
    because: str


@dataclass(frozen=True)
class Taxonomy:
    """All properties by key, and our readings by source and property."""

    version: int
    properties: dict[str, Property]
    readings: dict[tuple[str, str], Reading]

    @cached_property
    def weights(self) -> dict[str, float]:
        """The default weights."""
        return {key: about.weight for key, about in self.properties.items()}


def parse_taxonomy(text: str) -> Taxonomy:
    """The taxonomy in TOML `text`."""
    content = tomllib.loads(text)
    version, readings = content.pop("version"), content.pop("reading", [])
    return Taxonomy(
        version,
        {key: _property(key, entry) for key, entry in content.items()},
        {(entry["source"], entry["property"]): Reading(entry["is"], entry["because"]) for entry in readings},
    )


@lru_cache(maxsize=1)
def shipped() -> Taxonomy:
    """The taxonomy that ships."""
    return parse_taxonomy(FILE.read_text(encoding="utf-8"))


def _property(key: str, entry: dict) -> Property:
    values = {value["is"]: _value(value) for value in entry["values"]}
    return Property(key, entry["title"], entry["asks"], entry["weight"], entry.get("scale", False), values)


def _value(entry: dict) -> Value:
    phrases = (words_of(phrase) for phrase in [entry["is"], *entry.get("words", [])])
    return Value(entry["is"], entry.get("in", ""), tuple(phrases), entry.get("implies", {}), entry.get("least"))


def words_of(text: str) -> tuple[str, ...]:
    """The words of `text` in small letters, without the s of a plural."""
    spaced = "".join(c if c.isalnum() else " " for c in text.lower())
    return tuple(word.removesuffix("s") if len(word) > 3 else word for word in spaced.split())


def _spans(words: tuple[str, ...], phrases: tuple[tuple[str, ...], ...]) -> list[Span]:
    return [
        (i, i + len(phrase))
        for phrase in phrases
        for i in range(len(words) - len(phrase) + 1)
        if words[i : i + len(phrase)] == phrase
    ]


def _inside(span: Span, other: Span) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]
