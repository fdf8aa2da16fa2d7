"""Ways in which choices fail, looked for in what a team wrote down: prompts to think again, never a verdict.

What the signatures are, and what was measured of them, is in `data/survey/heuristics.toml`. The rules by which they are
looked for are ours, and rest on words: who writes that likeness does not matter mentions it, too.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from core.sources.shortlist import Step, standing
from core.survey.glossary import ambiguous_in
from core.survey.heuristics import Signature, shipped
from core.survey.instrument import CANNOT_JUDGE, ONCE, PARTS, number
from core.survey.responses import Response, latest

DOMAIN_GAP, DRIFT, HABIT = "domain_gap", "drift", "habit"
USUAL = frozenset({"imagenet_1k", "imagenet_21k"})
LIKENESS_ASKED = {"semantic": "in meaning", "visual": "in looks", "embedding": "to a network"}
FEWEST_JUDGED = 4  # sources: three are in one order by luck once in six times
FEWEST_GRADES = 3
FEWEST_VAGUE = 2  # texts: a single one is pointed out where it is written

LIKENESS_WORDS = {"domain gap", "similarity", "semantic similarity", "visual similarity", "embedding similarity"}


def _any_of(*patterns: str) -> re.Pattern:
    """Any of these, each from the beginning of a word."""
    return re.compile(rf"\b(?:{'|'.join(patterns)})", re.IGNORECASE)


LIKENESS = _any_of(
    r"close(?:r|st)\b(?! (?:look|inspection|examination))", r"close to (?:the (?:target|images)|ours?|what we)\b",
    r"near(?:er|est)\b", r"(?:in|out of|same|other|different)[ -]domain\b",
    r"same (?:modality|kind of image|organ|anatomy|body part)", r"too (?:different|far)\b",
    r"match(?:es|ing)? (?:the |our )?(?:target(?:'s)? )?(?:domain|modality)",
)  # fmt: skip
CUSTOM = _any_of(
    r"every(?:one|body)\b", r"always use", r"(?:is|the) (?:default|usual|standard(?! deviation| error))",
    r"most people", r"common(?:ly)?\b", r"popular\b", r"familiar", r"know it well", r"used (?:it )?before",
    r"community", r"at hand", r"easy to", r"available", r"convenient", r"one click",
)  # fmt: skip
OTHER_GROUNDS = _any_of(
    r"auc\b", r"scor", r"measur", r"experiment", r"valid", r"test(?:ed|s)?\b", r"result", r"benchmark", r"baseline",
    r"compar", r"rival", r"performan", r"accura", r"gain", r"licen[cs]e", r"label", r"class(?:es)?\b", r"patients?\b",
    r"large", r"bigger", r"million", r"divers", r"variet", r"robust", r"fair", r"bias", r"shortcut", r"leak",
    r"consent", r"demograph",
)  # fmt: skip
DISPUTED = _any_of(
    r"no (?:guarantee|proof|reason)", r"irrelevant", r"regardless", r"despite", r"although", r"even (?:if|though)",
    r"ignor", r"(?:not|never|\w+n['’]t) (?:really |always |necessarily )?(?:matter|count|decide|enough|mean|help)",
)  # fmt: skip
MEANINGS = {
    "colour and intensity": _any_of(r"colou?r", r"intensit", r"contrast", r"gr[ae]y", r"brightness", r"stain"),
    "structure and texture": _any_of(r"textur", r"structur", r"edges?\b", r"patterns?\b"),
    "what the images show": _any_of(
        r"modalit", r"anatom", r"organs?\b", r"body part", r"disease", r"ct\b", r"mri\b", r"x-?rays?\b"
    ),
    "what a network computes": _any_of(r"features?\b", r"embedding", r"fid\b", r"kid\b", r"task2vec"),
    "images": _any_of(r"number of images", r"images? per", r"[\d,]+ images", r"million images"),
    "patients": _any_of(r"patients?\b"),
    "hospitals and devices": _any_of(r"hospitals?\b", r"scanners?\b", r"devices?\b", r"sites?\b"),
    "classes": _any_of(r"class(?:es)?\b", r"categories\b"),
    "pixels": _any_of(r"pixels?\b", r"resolution\b"),
    "people": _any_of(r"sex\b", r"ages?\b", r"ethnicity\b", r"origins?\b", r"demographics\b"),
    "labels": _any_of(r"labels?\b", r"annotat", r"raters?\b"),
    "accuracy after training": _any_of(r"auc\b", r"accuracy\b", r"fine-?tun", r"linear probe"),
}


@dataclass(frozen=True)
class Said:
    """A text and who it is from: a pseudonym, or a place of the project."""

    who: str
    text: str


@dataclass(frozen=True)
class Found:
    """A signature that inputs mention: `because` says in a sentence what was noticed, `quotes` are the very words."""

    signature: Signature
    because: str
    quotes: tuple[Said, ...]


def find_signatures(
    responses: Sequence[Response], steps: Iterable[Step], notes: str, pretrained_on: Mapping[str, Sequence[str]]
) -> list[Found]:
    """The signatures in answers, reasons of the shortlist and notes of the target; `pretrained_on` are the known
    sources of each candidate, by its name."""
    answers = latest(list(responses))
    said = texts(answers, steps, notes)
    return [
        *_argued_by_likeness(said, answers),
        *_gains_follow_likeness(answers),
        *_drifting_words(said),
        *_vague_words(said),
        *_argued_by_custom(said, answers),
        *_only_the_usual(pretrained_on),
    ]


def texts(responses: Iterable[Response], steps: Iterable[Step], notes: str) -> list[Said]:
    """All that was said in own words, each text of an author once; of the shortlist the decisions that stand."""
    said = [
        Said(one.person, answer.value)
        for one in responses
        for question in ("reason", "other_reason")
        if (answer := one.value(question, ONCE)) and answer.value != CANNOT_JUDGE
    ]
    said += [Said("Shortlist", step.reason) for step in standing(steps).values() if step.reason]
    said += [Said("Notes of the target", notes)] if notes.strip() else []
    return list(dict.fromkeys(said))


# Domain-gap fallacy ---------------------------------------------------------------------------------------------


def argues_by_likeness(text: str) -> bool:
    """Whether a text gives likeness as its ground, and no other."""
    mentions = LIKENESS.search(text) or LIKENESS_WORDS & {one.term for one in ambiguous_in(text)}
    return bool(mentions) and not (OTHER_GROUNDS.search(text) or DISPUTED.search(text))


def _argued_by_likeness(said: list[Said], responses: list[Response]) -> list[Found]:
    quotes = [one for one in said if argues_by_likeness(one.text)] + _ticked_only(responses, {"domain"})
    return _found(DOMAIN_GAP, "Likeness is the only ground that these reasons mention:", quotes)


def _gains_follow_likeness(responses: list[Response]) -> list[Found]:
    quotes = []
    for response in responses:
        gains = _numbers(response, "gain")
        for question, kind in LIKENESS_ASKED.items():
            if _in_one_order(gains, _numbers(response, question)):
                quotes.append(Said(response.person, f"gains in the order of likeness {kind}"))
    return _found(
        DOMAIN_GAP, "The gains that were expected follow the likeness that was seen, source for source:", quotes
    )


def _numbers(response: Response, question: str) -> dict[str, float]:
    """The numbers that a person gave to a question, by source."""
    given = {one.source: number(one.value) for one in response.answers if one.question == question}
    return {source: value for source, value in given.items() if value is not None}


def _in_one_order(gains: dict[str, float], grades: dict[str, float]) -> bool:
    """Whether of any two sources the one with the higher grade has the higher gain, over enough of them."""
    both = [(gains[source], grades[source]) for source in gains if source in grades]
    if len(both) < FEWEST_JUDGED or len({grade for _, grade in both}) < FEWEST_GRADES:
        return False
    return all(
        (one[0] - other[0]) * (one[1] - other[1]) > 0 or one[1] == other[1] for one, other in combinations(both, 2)
    )


# Terminology drift ----------------------------------------------------------------------------------------------


def meanings_of(text: str) -> set[str]:
    """The measurable things that a text names."""
    return {name for name, pattern in MEANINGS.items() if pattern.search(text)}


def _uses(said: list[Said]) -> dict[str, list[Said]]:
    """The texts that use each ambiguous word."""
    uses = defaultdict(list)
    for one in said:
        for entry in ambiguous_in(one.text):
            uses[entry.term].append(one)
    return uses


def _drifting_words(said: list[Said]) -> list[Found]:
    """Words that two authors use for different measurable things."""
    found = []
    for term, uses in _uses(said).items():
        for one, other in combinations(uses, 2):
            first, second = meanings_of(one.text), meanings_of(other.text)
            if one.who != other.who and first and second and not first & second:
                because = f"“{term}” goes with {_listed(first)} in one place and with {_listed(second)} in another:"
                found += _found(DRIFT, because, [one, other])
                break
    return found


def _vague_words(said: list[Said]) -> list[Found]:
    """Words that no text using them says the measurement of."""
    found = []
    for term, uses in _uses(said).items():
        if len(uses) >= FEWEST_VAGUE and not any(meanings_of(one.text) for one in uses):
            because = f"“{term}” is used {len(uses)} times, and nowhere is it said what of which images is meant:"
            found += _found(DRIFT, because, uses)
    return found


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names))


# Familiar-weights habit -----------------------------------------------------------------------------------------


def argues_by_custom(text: str) -> bool:
    """Whether a text gives custom or ease as its ground, and no other."""
    return bool(CUSTOM.search(text)) and not (
        OTHER_GROUNDS.search(text) or DISPUTED.search(text) or LIKENESS.search(text) or ambiguous_in(text)
    )


def _argued_by_custom(said: list[Said], responses: list[Response]) -> list[Found]:
    quotes = [one for one in said if argues_by_custom(one.text)]
    quotes += _ticked_only(responses, {"community", "availability"})
    return _found(HABIT, "What others use, or what is at hand, is the only ground that these reasons mention:", quotes)


def _only_the_usual(pretrained_on: Mapping[str, Sequence[str]]) -> list[Found]:
    known = {name: set(sources) for name, sources in pretrained_on.items() if sources}
    if not known or not all(sources <= USUAL for sources in known.values()):
        return []
    quotes = [Said("Candidates", name) for name in known]
    return _found(HABIT, "All candidates with known pretraining are from ImageNet:", quotes)


def _ticked_only(responses: list[Response], options: set[str]) -> list[Said]:
    """Answers to what decided that name nothing but `options`."""
    given = [(one.person, one.value("reasons", ONCE)) for one in responses]
    return [
        Said(person, f"ticked only: {answer.value.replace(PARTS, ', ')}")
        for person, answer in given
        if answer and answer.value != CANNOT_JUDGE and set(answer.value.split(PARTS)) <= options
    ]


def _found(key: str, because: str, quotes: Sequence[Said]) -> list[Found]:
    return [Found(shipped().signatures[key], because, tuple(quotes))] if quotes else []
