"""The questionnaire: distances by hand, agreement against published values, answers in and out."""

import math

import pytest

from core.errors import SimilarityError
from core.similarity.questionnaire import (
    CANNOT_JUDGE,
    TARGET,
    Answer,
    agreement,
    distances,
    expert_distance,
    from_csv,
    shipped,
    to_csv,
)
from core.sources.record import KEY

ASKED = shipped()
CHEST = {
    "medical": "yes", "modality": "xray", "body_part": "chest", "foreground": "yes", "objects": "one",
    "orientation": "yes", "colour": "one", "diverse": "no", "classes": "two", "texture": "object",
}  # fmt: skip
HEAD = "person,data_set,question,answer,version\n"


def answers_of(person: str, data_set: str, told: dict[str, str]) -> list[Answer]:
    return [Answer(person, data_set, question, answer, ASKED.version) for question, answer in told.items()]


def test_there_are_ten_characteristics_each_with_an_answer_that_holds_of_either_side():
    assert len(ASKED.questions) == 10 and set(CHEST) == set(ASKED.questions)
    for key, question in ASKED.questions.items():
        assert question.both in question.answers and CHEST[key] in question.answers
        assert len(question.answers) > 2 and CANNOT_JUDGE not in question.answers
    assert not KEY.fullmatch(TARGET)  # so that no source is taken for the target


@pytest.mark.parametrize(("changes", "value", "answered"), [
    ({}, 0, 10),
    ({"medical": "no"}, 1, 10),
    ({"medical": "both"}, 0.5, 10),
    ({"medical": "no", "modality": "photograph", "body_part": "none", "colour": "both"}, math.sqrt(3.25), 10),
    ({"medical": "no", "colour": CANNOT_JUDGE}, math.sqrt(10 / 9), 9),
    (dict.fromkeys(CHEST, CANNOT_JUDGE), None, 0),
])  # fmt: skip
def test_the_expert_distance_is_the_norm_over_what_was_answered(changes, value, answered):
    for one, other in ((CHEST, CHEST | changes), (CHEST | changes, CHEST)):
        found = expert_distance(ASKED, one, other)
        assert found.answered == answered and found.value == (value if value is None else pytest.approx(value))


def test_all_different_is_the_square_root_of_ten_also_where_some_is_missing():
    other = {key: next(a for a in question.answers if a not in (CHEST[key], question.both))
             for key, question in ASKED.questions.items()}  # fmt: skip
    assert expert_distance(ASKED, CHEST, other).value == pytest.approx(math.sqrt(10))
    del other["colour"]
    assert expert_distance(ASKED, CHEST, other).value == pytest.approx(math.sqrt(10))


def test_distances_are_per_person_and_need_both_sides():
    told = [
        *answers_of("1", TARGET, CHEST), *answers_of("1", "dtd", CHEST | {"medical": "no"}),
        *answers_of("2", TARGET, CHEST), *answers_of("3", "dtd", CHEST),
    ]  # fmt: skip
    found = distances(ASKED, told, ["dtd", "busi"])
    assert {person: one.value for person, one in found["dtd"].items()} == {"1": 1.0} and found["busi"] == {}


def test_agreement_counts_pairs_and_gives_alpha_only_from_five_data_sets_on():
    told = [one for set_ in ("a", "b") for person, answer in (("1", "yes"), ("2", "yes"), ("3", "no"))
            for one in answers_of(person, set_, {"medical": answer})]  # fmt: skip
    told += answers_of("1", "c", {"medical": "no"}) + answers_of("2", "c", {"medical": CANNOT_JUDGE})
    found = agreement(told, "medical")
    assert (found.data_sets, found.pairs, found.alpha) == (2, 6, None) and found.same == pytest.approx(1 / 3)
    assert agreement(told, "colour").same is None
    enough = [one for i in range(5) for person in "12"
              for one in answers_of(person, f"s{i}", {"medical": "yes" if i else "no"})]  # fmt: skip
    assert agreement(enough, "medical").alpha == 1


def test_answers_come_back_from_the_table_as_they_were_and_are_no_formulas_in_it():
    told = answers_of("A, \u00e4", TARGET, CHEST) + answers_of("=2+3", "dtd", {"medical": CANNOT_JUDGE})
    assert "\n'=2+3,dtd" in to_csv(told)
    assert from_csv(to_csv(told), ASKED) == told and from_csv("\ufeff" + HEAD, ASKED) == []


@pytest.mark.parametrize(("text", "what"), [
    ("person,answer\n", "Columns are missing: data_set, question, version"),
    (HEAD + "1,dtd,taste,yes,1\n", "Row 2: `question` is 'taste'"),
    (HEAD + "1,dtd,medical,yes,1\n1,dtd,colour,blue,1\n", "Row 3: `answer` is 'blue'"),
    (HEAD + "1,dtd,medical,yes,99\n", "Row 2: `version` is '99'"),
    (HEAD + ",dtd,medical,yes,1\n", "Row 2: `person` is empty"),
    (HEAD + "1,,medical,yes,1\n", "Row 2: `data_set` is empty"),
    (HEAD + "1,dtd\n", "Row 2: `question` is ''"),
    (HEAD + "1,dtd,medical,yes,1\n1,dtd,medical,no,1\n", "answers `medical` of `dtd` 2 times"),
    ("", "Columns are missing"),
])  # fmt: skip
def test_a_table_that_cannot_be_read_says_which_row_is_wrong(text, what):
    with pytest.raises(SimilarityError) as caught:
        from_csv(text, ASKED)
    assert what in caught.value.message and caught.value.remedy
