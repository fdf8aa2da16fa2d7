"""The cards and the cases: every statement has its kind and citation, and the figures are those that were read."""

import re
from pathlib import Path

import pytest

from core.errors import SurveyError
from core.sources.catalogue import shipped as catalogue
from core.survey import cases, heuristics
from core.survey.heuristics import GROUPS, KINDS, RELATIONS, parse_heuristics
from pages._registry import BUILT

SHIPPED = (Path(__file__).parents[2] / "data" / "survey" / "heuristics.toml").read_text(encoding="utf-8")
CASES = (Path(__file__).parents[2] / "data" / "survey" / "cases.toml").read_text(encoding="utf-8")
CARDS = heuristics.shipped().cards

# Typed from the notes on DovileDo/choice-intuitions @ 9d8b196, figures/results_macro_auc_stats.txt.
AUC = {
    "tissue": """
        ImageNet-1K  0.9897 [.9862,.9931]
        RadImageNet  0.9875 [.9842,.9908]
        Ecoset       0.9864 [.9834,.9895]
        Ecoset DVD-S 0.9938 [.9924,.9952]
        Random init. 0.9768 [.9725,.9812]""",
    "xray": """
        ImageNet-1K  0.7245 [.7081,.7410]
        RadImageNet  0.7323 [.7209,.7437]
        Ecoset       0.7359 [.7175,.7544]
        Ecoset DVD-S 0.7464 [.7356,.7571]
        Random init. 0.7170 [.7022,.7318]""",
}
SHORT = {"Im": "ImageNet-1K", "Rad": "RadImageNet", "Eco": "Ecoset", "DVD": "Ecoset DVD-S", "scratch": "Random init."}
PAIRS = {
    "tissue": "Im-Rad +.0022 (.757), Im-Eco +.0032 (.605), Rad-Eco +.0011 (.757), Im-DVD -.0042 (.045), "
    "Rad-DVD -.0064 (<.001), Eco-DVD -.0074 (<.001), Im-scratch +.0128 (<.001), Rad-scratch +.0106 (<.001), "
    "Eco-scratch +.0096 (<.001), DVD-scratch +.0170 (<.001)",
    "xray": "Im-Rad -.0078 (.823), Im-Eco -.0114 (.823), Rad-Eco -.0036 (.823), Im-DVD -.0218 (.041), "
    "Rad-DVD -.0141 (.158), Eco-DVD -.0104 (.680), Im-scratch +.0075 (.450), Rad-scratch +.0153 (.330), "
    "Eco-scratch +.0189 (.330), DVD-scratch +.0294 (.024)",
}


def test_there_is_a_card_of_every_group_and_every_statement_has_its_kind_and_citation():
    assert [card.group for card in CARDS] == ["social", "similar", "friction", "trade_off", "trade_off", "ethics"]
    assert {card.group for card in CARDS} == set(GROUPS)
    assert "summary" in heuristics.shipped().participants_citation
    for card in CARDS:
        assert card.where and card.evidence and card.sentence and card.misleads and card.instead
        for told in (*card.where, *card.evidence):
            assert told.kind in KINDS and len(told.citation) > 10, told
        assert {figure.relation for figure in card.evidence} <= set(RELATIONS)


def test_what_only_the_summary_says_is_marked_so():
    """Mechanisms, trade-offs and failure signatures are not in the abstract."""
    told = [one for card in CARDS for one in card.where]
    words = re.compile(r"mechanism|trade-off|fallacy|inertia|friction")
    assert {one.kind for one in told if words.search(one.says)} == {"secondary"}


def test_unpublished_figures_name_repository_and_commit_and_are_marked():
    figures = [figure for card in CARDS for figure in card.evidence]
    followup = [figure for figure in figures if "choice-intuitions" in figure.citation]
    assert followup and all(figure.unpublished for figure in followup)
    assert all(re.search(r"choice-intuitions @ [0-9a-f]{7}", figure.citation) for figure in followup)


def test_figures_of_a_relation_come_from_the_study_that_gives_it_its_name():
    relation = {figure.relation: set() for card in CARDS for figure in card.evidence}
    for card in CARDS:
        for figure in card.evidence:
            relation[figure.relation].add(figure.citation)
    assert all("2510.00902" in citation for citation in relation["rating"])
    assert all("2107.05940" in citation for citation in relation["similarity"])
    assert "expectation" not in relation  # nothing was collected of any team


def test_every_page_that_a_card_leads_to_exists():
    built = {step.file for step in BUILT}
    assert all(card.pages and set(card.pages) <= built for card in CARDS)


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('kind = "abstract"', 'kind = "rumour"', "rumour"),
        ('cite = "summary"', 'cite = "hearsay"', "hearsay"),
        ('relation = "score"', 'relation = "vibe"', "vibe"),
        ('group = "social"', 'group = "luck"', "luck"),
        ('kind = "secondary"\n', "", "kind"),
        ("@ b48ce42", "", "commit"),
        ("version = 1", "version = ", "TOML"),
    ],
)
def test_a_card_that_lacks_its_origin_is_refused(good, bad, says):
    with pytest.raises(SurveyError, match=says) as refused:
        parse_heuristics(SHIPPED.replace(good, bad))
    assert refused.value.remedy


@pytest.mark.parametrize("key", AUC)
def test_the_cases_hold_the_figures_that_were_read(key):
    case = cases.shipped().cases[key]
    rows = [re.fullmatch(r"(.+?) +([\d.]+) \[([\d.]+),([\d.]+)\]", line.strip()) for line in AUC[key].split("\n")[1:]]
    assert case.auc == {row[1]: tuple(float(row[i]) for i in (2, 3, 4)) for row in rows}
    pairs = re.findall(r"(\w+)-(\w+) ([+-][\d.]+) \(([<\d.]+)\)", PAIRS[key])
    assert {(p.one, p.other, p.difference, p.p) for p in case.pairs} == {
        (SHORT[one], SHORT[other], float(difference), p) for one, other, difference, p in pairs
    }


def test_differences_are_those_of_the_means():
    for case in cases.shipped().cases.values():
        for pair in case.pairs:
            assert case.auc[pair.one][0] - case.auc[pair.other][0] == pytest.approx(pair.difference, abs=1.01e-4)


def test_what_we_say_of_the_cases_follows_from_the_figures():
    told = cases.shipped()
    assert not any(pair.differs for case in told.cases.values() for pair in case.pairs_of(told.asked))
    tissue, xray = told.cases["tissue"], told.cases["xray"]
    random = [pair for pair in tissue.pairs if pair.other == "Random init."]
    assert all(pair.differs for pair in random)
    assert (min(p.difference for p in random), max(p.difference for p in random)) == (0.0096, 0.0170)
    assert {(p.one, p.other) for p in xray.pairs if p.differs} == {
        ("Ecoset DVD-S", "Random init."), ("ImageNet-1K", "Ecoset DVD-S"),
    }  # fmt: skip
    first = [max(told.asked, key=lambda name: case.auc[name][0]) for case in (tissue, xray)]
    last = min(told.asked, key=lambda name: xray.auc[name][0])
    assert first[0] == last == "ImageNet-1K"


def test_the_survey_s_sources_have_records():
    assert set(cases.shipped().asked) <= {record.name for record in catalogue().values()}


def test_the_guess_stands_beside_what_was_measured():
    told = cases.shipped()
    frame = cases.measured(told.cases["xray"], told.asked, ["RadImageNet", "ImageNet-1K", "Ecoset"])
    assert list(frame["name"]) == [
        "Ecoset (your 3rd)", "RadImageNet (your 1st)", "ImageNet-1K (your 2nd)", "Ecoset DVD-S", "Random init.",
    ]  # fmt: skip
    assert list(frame["group"]) == ["asked about in the survey"] * 3 + ["for comparison"] * 2


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("[0.9897, 0.9862, 0.9931]", "[0.9897, 0.9962, 0.9931]", "interval"),
        ('of = ["Ecoset", "Random init."]', 'of = ["Ecoset", "Chance"]', "Chance"),
        ('commit = "9d8b196"', "", "commit"),
    ],
)
def test_cases_that_cannot_be_right_are_refused(good, bad, says):
    with pytest.raises(SurveyError, match=says):
        cases.parse_cases(CASES.replace(good, bad))
