"""What a person has begun to answer about a target: kept with every change, submitted when it is whole."""

import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from core.errors import SurveyError
from core.survey.instrument import CANNOT_JUDGE, ORDER, POINTS, SHORT, Answer, QuestionSet, check_answer
from core.survey.responses import Response


@dataclass(frozen=True)
class Draft:
    """`id` tells drafts apart, `asked` names the question set whose consent was given; `sources` stand in the order in
    which they are shown. Of points, `answers` may hold a part: the rest is ""."""

    id: str
    asked: str
    form: str
    sources: tuple[str, ...]
    answers: tuple[Answer, ...] = ()

    def as_dict(self) -> dict:
        """Plain values for JSON."""
        return asdict(self)


def begin(asked: QuestionSet, sources: Sequence[str], person: str, target: str) -> Draft:
    """An empty draft of the short form. The order of the sources is by chance, the same for a person and target."""
    shuffled = random.Random(f"{person} {target}").sample(sorted(sources), len(sources))
    return Draft(_new_id(), asked.name, SHORT, tuple(shuffled))


def read_draft(content: dict) -> Draft | None:
    """The draft that `as_dict` wrote; None of nothing."""
    if not content:
        return None
    answers = tuple(Answer(**one) for one in content["answers"])
    return Draft(**content | {"sources": tuple(content["sources"]), "answers": answers})


def from_response(response: Response) -> Draft:
    """A draft that begins with what was submitted."""
    return Draft(_new_id(), response.asked, response.form, response.sources, response.answers)


def refit(draft: Draft, asked: QuestionSet, sources: Sequence[str]) -> Draft:
    """The draft for what is asked now: the same one if it fits; else what still fits of it, new sources last. Places
    are of one list of sources, so that an order does not outlive it."""
    same_list = set(draft.sources) == set(sources)
    if draft.asked == asked.name and same_list:
        return draft
    kept = tuple(key for key in draft.sources if key in sources)
    shown = kept + tuple(key for key in sources if key not in kept)
    fitting = [one for one in draft.answers if _fits(one, asked, shown, same_list)]
    return replace(draft, id=_new_id(), asked=asked.name, sources=shown, answers=tuple(fitting))


def _fits(answer: Answer, asked: QuestionSet, sources: Sequence[str], same_list: bool) -> bool:
    try:
        check_answer(asked, sources, answer)
    except SurveyError:
        return False
    return same_list or asked.questions[answer.question].kind != ORDER


def whole(asked: QuestionSet, form: str, answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """The answers to the questions of a form that lack no part."""
    of_form = {question.key: question for question in asked.of_form(form)}
    return tuple(one for one in answers if one.question in of_form and _is_whole(of_form[one.question].kind, one))


def _is_whole(kind: str, answer: Answer) -> bool:
    if kind == POINTS and answer.value != CANNOT_JUDGE:
        return "" not in (answer.low, answer.value, answer.high)
    return bool(answer.value)


def _new_id() -> str:
    return secrets.token_hex(4)
