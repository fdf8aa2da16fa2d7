"""Private codes, pseudonyms, and what a person said last."""

from dataclasses import replace

import pytest

from core.survey.instrument import Answer
from core.survey.responses import (
    Response,
    browser_of,
    code_of_turn,
    is_code,
    latest,
    new_code,
    new_pseudonym,
    person_of,
)

ONE = Response("Rater A", "short", "s 1", ("a", "b"), True, 1, None, (Answer("order", "a", "1"),))


def test_codes_are_new_look_like_codes_and_name_a_person():
    codes = {new_code() for _ in range(100)}
    assert len(codes) == len({person_of(code) for code in codes}) == 100
    assert all(is_code(code) for code in codes)


def test_how_a_code_is_written_does_not_matter():
    code = new_code()
    assert person_of(code) == person_of(code.lower().replace("-", " ")) == person_of(f" {code.replace('-', '')} ")


@pytest.mark.parametrize("text", ["", "ABCD", "ABCD-EFGH-JKM0", "ABCD-EFGH-JKMNP", "ÄBCD-EFGH-JKMN", "ABCD_EFGH_JKMN"])
def test_what_is_no_code_is_told(text):
    assert not is_code(text)


def test_each_turn_of_a_browser_has_a_code_of_its_own():
    codes = [code_of_turn("secret", turn) for turn in range(20)] + [code_of_turn("other", 0)]
    assert len(set(codes)) == 21 and all(is_code(code) for code in codes)
    assert code_of_turn("secret", 3) == codes[3]
    assert browser_of("secret") not in {person_of(code) for code in codes}


def test_pseudonyms_are_free_ones():
    taken = set()
    for _ in range(200):
        name = new_pseudonym(taken)
        assert name.startswith("Rater ") and name not in taken
        taken.add(name)


def test_the_last_revision_of_each_counts():
    other = replace(ONE, person="Rater B")
    later = replace(ONE, revision=2)
    assert set(latest([later, other, ONE])) == {later, other}


def test_an_answer_is_found_by_question_and_source():
    assert ONE.value("order", "a") == Answer("order", "a", "1") and ONE.value("order", "b") is None
