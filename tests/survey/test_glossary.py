"""The glossary: what it promises of every word, and the ambiguous words that it finds in a text."""

import pytest

from core.errors import SurveyError
from core.metrics import METRICS
from core.similarity.measures import MEASURES
from core.similarity.visual_glossary import FEATURES, GROUPS
from core.sources.record import FIELDS
from core.survey.glossary import ABSTRACT, OURS, SECONDARY, ambiguous_in, entry, parse, shipped

ENTRIES = list(shipped().entries.values())
ASKED_FOR = (
    "domain gap", "similarity", "semantic similarity", "visual similarity", "embedding similarity", "image quality",
    "diversity", "size", "label quality", "transferability", "suitability", "adaptability", "negative transfer",
    "transfer learning", "source data set", "fine-tuning", "linear probe", "frozen features", "AUC", "permutation p",
    "interval", "test part", "leakage", "fingerprint", "AUC point", "nats", "tie group", "group", "near-duplicate",
    "shortcut", "checkpoint", "random initialisation", "weighted tau", "regret", "hit",
)  # fmt: skip
AMBIGUOUS = (
    "domain gap", "similarity", "semantic similarity", "visual similarity", "embedding similarity", "image quality",
    "diversity", "size", "label quality", "transferability", "leakage",
)  # fmt: skip
SMALLEST = """
version = 1
[read.one]
text = "A paper"
address = "https://example.org"
kind = "abstract"
[[entry]]
term = "size"
definition = "How many."
here = "A count."
questions = ["Of what?", "Counted how?"]
[[entry.also_meant]]
text = "Said there."
by = "one"
"""


def test_every_word_that_was_asked_for_is_there():
    assert set(shipped().entries) == set(ASKED_FOR)


@pytest.mark.parametrize("one", ENTRIES, ids=lambda one: one.term)
def test_what_stands_for_a_word_exists(one):
    measured = one.measured_by
    assert measured.views  # tests/pages/test_words.py follows them
    assert set(measured.metrics) <= set(METRICS)
    assert set(measured.looks) <= {*FEATURES, *GROUPS}
    assert set(measured.distances) <= set(MEASURES)
    assert set(measured.fields) <= set(FIELDS)


@pytest.mark.parametrize("one", ENTRIES, ids=lambda one: one.term)
def test_ambiguous_words_have_two_questions_and_every_cited_statement_its_kind(one):
    assert len(one.questions) == (2 if one.term in AMBIGUOUS else 0)
    assert all(question.endswith("?") for question in one.questions)
    for statement in one.also_meant:
        if statement.by is None:
            assert statement.kind == OURS
        else:
            assert statement.kind in (ABSTRACT, SECONDARY)
            assert "arXiv:" in statement.by.text and statement.by.address.startswith("https://")


def test_what_the_study_says_is_told_apart_from_what_a_summary_says_of_it():
    told = {statement.kind: statement for statement in entry("domain gap").also_meant}
    assert "ambiguous term in a summary" in told[SECONDARY].text and "summary" in told[SECONDARY].by.text.lower()
    assert "often used ambiguous terminology" in told[ABSTRACT].text and "2510.00902" in told[ABSTRACT].by.address


def test_a_word_is_found_by_any_spelling():
    assert entry("Domain Shift") is entry("domain gap") is not None
    assert entry("auroc").term == "AUC"
    assert entry("no such word") is None


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("The network was trained for 20 epochs.", []),
        ("The domain gap is small.", ["domain gap"]),
        ("Domain-gaps, DOMAIN\nGAP and domaingap", ["domain gap"]),
        ("high visual similarity", ["visual similarity"]),
        ("visual similarities, and similarity", ["visual similarity", "similarity"]),
        ("They look alike.", ["visual similarity"]),
        ("more similar is better", ["similarity"]),
        ("dissimilarity of simile", ["similarity"]),
        ("assimilarity resized oversize", []),
        ("label quality", ["label quality"]),
        ("good image quality, noisy labels", ["image quality", "label quality"]),
        ("a larger dataset of diverse images", ["size", "diversity"]),
        ("a larger data-set", ["size"]),
        ("AUC of a linear probe, fine-tuning", []),
        ("size before diversity before size", ["size", "diversity"]),
        ("negative transfer", []),
        ("it transfers well", ["transferability"]),
        ("(size)", ["size"]),
        ("größe size_of", []),
    ],
)
def test_ambiguous_words_are_found_each_once_in_their_order(text, terms):
    assert [one.term for one in ambiguous_in(text)] == terms


def test_the_smallest_glossary_is_read():
    one = parse(SMALLEST).entries["size"]
    assert (one.definition, one.also, one.also_meant[0].kind) == ("How many.", (), ABSTRACT)


@pytest.mark.parametrize(
    ("changed", "into", "says"),
    [
        ("version = 1", "version = ", "not valid TOML"),
        ("version = 1", "", "no `version`"),
        ('kind = "abstract"', 'kind = "heard"', "kind 'heard'"),
        ('by = "one"', 'by = "two"', "cites `two`"),
        ('["Of what?", "Counted how?"]', '["Of what?"]', "1 questions"),
        ('["Of what?", "Counted how?"]', '"Of what?"', "`questions` is no list"),
        ('["Of what?", "Counted how?"]', '["Of what?", 2]', "no list of texts"),
        ('here = "A count."', "", "no text `here`"),
        ('here = "A count."', 'here = "A count."\nalso = ["SIZE"]', "Several entries are called size"),
        ('here = "A count."', 'here = "A count."\ncolour = 1', "unknown parts: colour"),
        ('here = "A count."', 'here = "A count."\nmeasured_by = {feeling = ["x"]}', "unknown parts: feeling"),
    ],
)
def test_a_bad_file_is_refused_with_what_is_wrong(changed, into, says):
    with pytest.raises(SurveyError, match=says) as error:
        parse(SMALLEST.replace(changed, into))
    assert error.value.remedy


@pytest.mark.parametrize("text", ["version = 1\nread = 2", "version = 1\nread = {a = 2}", "version = 1\nentry = [2]"])
def test_what_should_be_a_table_and_is_none_is_refused(text):
    with pytest.raises(SurveyError, match="no table"):
        parse(text)
