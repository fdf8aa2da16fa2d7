"""The heuristics page: what each card means for the target in view, its shortlist and its candidates."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from core.availability.standing import availability_of
from core.similarity.semantic import DIFFERS, MATCH, PARTLY, UNKNOWN, Row, compare
from core.sources.catalogue import sources_of
from core.sources.record import ACCESS, SourceDataset
from core.sources.shortlist import shortlisted
from core.survey.responses import latest
from core.survey.signatures import USUAL
from pages import _state
from pages._similarity_meaning import TAXONOMY, profiles_of
from pages._sources_availability import STATES
from pages._sources_shared import COMMERCIAL, records
from pages._text import count, plain

MODALITY = {MATCH: "Same modality", DIFFERS: "Another modality", UNKNOWN: "Modality not known"}
MOST_NAMES = 6


@dataclass(frozen=True)
class Now:
    """What is at hand: `sources` have a record and are on the shortlist or behind a candidate; `modality` compares each
    of them with the target; `pretrained_on` are the known sources of each candidate, by its name."""

    view: _state.View
    sources: dict[str, SourceDataset]
    modality: dict[str, Row]
    pretrained_on: dict[str, list[str]]

    def lines(self, card: str) -> list[str]:
        """What this card means now, as Markdown sentences; [] where nothing can be said."""
        return {
            "habit": self._habit, "similar": self._similar, "usability": self._usability,
            "general_specific": self._general, "intuition_automation": self._scores, "fairness": self._fairness,
        }[card]()  # fmt: skip

    def _habit(self) -> list[str]:
        behind = self.pretrained_on
        usual = [name for name, keys in behind.items() if USUAL.intersection(keys)]
        told = sum(bool(keys) for keys in behind.values())
        lines = [f"Pretrained on ImageNet: {len(usual)} of the {count(told, 'candidate')} with known pretraining"
                 + (f" ({_names(usual)})." if usual else ".")] if told else []  # fmt: skip
        return lines + [
            f"{plain(self.sources[key].name)} is among the sources." for key in self.sources if key in USUAL
        ]

    def _similar(self) -> list[str]:
        if not self.sources:
            return []
        if _state.covered(self.view):
            return ["How alike they are stays covered until you have written down what you expect (Intuition)."]
        words = next(iter(self.modality.values())).target.text
        target = f"The target: {plain(words)}." if words else "The target's modality is not told."
        return [target, *_groups((_likeness(row), self.sources[key].name) for key, row in self.modality.items())]

    def _usability(self) -> list[str]:
        weights = [
            (STATES[availability_of(one.checkpoint, one.report).state][0], one.checkpoint.name)
            for one in self.view.candidates
        ]
        lines = [" ".join(["Weights.", *_groups(weights)])] if weights else []
        if not self.sources:
            return lines
        access = [(_access(record), record.name) for record in self.sources.values()]
        licence = [(_licence(record), record.name) for record in self.sources.values()]
        need = "needs" if self.view.task.commercial_use else "does not need"
        return [
            *lines,
            " ".join(["Images, access.", *_groups(access)]),
            " ".join(["Images, licence.", *_groups(licence), f"As described, the target {need} commercial use."]),
        ]

    def _general(self) -> list[str]:
        modality = TAXONOMY.properties["modality"]
        kinds = [
            (kind.capitalize(), self.sources[key].name)
            for key, row in self.modality.items()
            for kind in dict.fromkeys(modality.path(value)[0] for value in row.source.values) or ["kind not known"]
        ]
        return _groups(kinds)

    def _scores(self) -> list[str]:
        done = [result for run in self.view.runs for result in _state.store().scores(run.id)]
        return [
            f"Scores computed for this target: {len(done)}." if done else "No score was computed for this target yet.",
            self._expected(),
        ]

    def _expected(self) -> str:
        """How many said what they expect; what they said is on their own page."""
        answered = len(latest(_state.store().responses(self.view.target_id)))
        people = count(answered, "person has", "people have")
        return f"{people} said on the page Intuition what they expect of this target's sources."

    def _fairness(self) -> list[str]:
        told = [
            ("Something on age, sex or origin is in the record"
             if record.of("demographics") else "Age, sex and origin unknown", record.name)
            for record in self.sources.values()
        ]  # fmt: skip
        rest = ["Consent and results by subgroup are not fields of a record: unknown here."] if told else []
        return _groups(told) + rest


def look_now(current: _state.View) -> Now:
    """What is at hand for the target in view."""
    known = records()
    listed = shortlisted(_state.store().shortlist(current.target_id))
    behind = {one.checkpoint.name: sources_of(one.checkpoint, known) for one in current.candidates}
    sources = {key: known[key] for key in dict.fromkeys([*listed, *chain(*behind.values())]) if key in known}
    target, profiles = profiles_of(current, sources)
    compared = {key: compare(target, profile, TAXONOMY).rows for key, profile in profiles.items()}
    rows = {key: next(row for row in rows if row.about == "modality") for key, rows in compared.items()}
    return Now(current, sources, rows, behind)


def _likeness(row: Row) -> str:
    """How the modality of a source stands to the target's: of related ones, what both are kinds of."""
    return f"Related, both {plain(row.shared)}" if row.state == PARTLY else MODALITY[row.state]


def _access(record: SourceDataset) -> str:
    access = record.value("access")
    return ACCESS[access].split(":")[0] if access else "Access unknown"


def _licence(record: SourceDataset) -> str:
    return COMMERCIAL.get(record.value("data_commercial"), "Licence unknown")


def _groups(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A line per group with the names in it, from (group, name)."""
    found: dict[str, list[str]] = defaultdict(list)
    for group, name in pairs:
        found[group].append(name)
    return [f"{group}: {_names(names)}." for group, names in found.items()]


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(plain(name) for name in names[:MOST_NAMES]) + more
