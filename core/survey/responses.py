"""What people answered before the evidence: responses under pseudonyms, found again by a private code."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from core.survey.instrument import Answer

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no two characters that look alike
CODE_LENGTH = 12  # 59 bits
GROUP = 4
PERSON_COOKIE = "sourcescout_person"  # holds the secret of a browser, from which the codes of its people follow


@dataclass(frozen=True)
class Response:
    """One submission. `person` is a pseudonym, `sources` stand in the order in which they were shown; `blinded` says
    that the evidence was covered for the person until then; `revision` counts a person's submissions from 1."""

    person: str
    form: str
    asked: str
    sources: tuple[str, ...]
    blinded: bool
    revision: int
    submitted: datetime
    answers: tuple[Answer, ...]

    def value(self, question: str, source: str) -> Answer | None:
        """The answer to a question of a source, if there is one."""
        return next((one for one in self.answers if (one.question, one.source) == (question, source)), None)


def new_code() -> str:
    """A private code: who knows it is the person."""
    return write_code("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)))


def code_of_turn(secret: str, turn: int) -> str:
    """The private code of the person who uses a browser after `turn` others. `secret` is the browser's, and no
    person's: who knows one code cannot find another from it."""
    digest = hashlib.sha256(f"sourcescout turn {turn} {secret}".encode()).digest()
    return write_code("".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:CODE_LENGTH]))


def is_code(text: str) -> bool:
    """Whether a private code can look so; blanks, dashes and case do not matter."""
    return len(bare := _bare(text)) == CODE_LENGTH and set(bare) <= set(ALPHABET)


def write_code(text: str) -> str:
    """A private code as it is shown, in groups."""
    bare = _bare(text)
    return "-".join(bare[first : first + GROUP] for first in range(0, len(bare), GROUP))


def person_of(code: str) -> str:
    """Under what a person is kept: a hash, from which the code cannot be found."""
    return hashlib.sha256(f"sourcescout person {_bare(code)}".encode()).hexdigest()


def browser_of(secret: str) -> str:
    """Under what a browser is kept: a hash, from which its secret cannot be found."""
    return hashlib.sha256(f"sourcescout browser {secret}".encode()).hexdigest()


def new_pseudonym(taken: set[str]) -> str:
    """One that is not taken, and tells nothing of who came when."""
    while (name := f"Rater {secrets.choice(ALPHABET)}{secrets.choice(ALPHABET)}{secrets.choice(ALPHABET)}") in taken:
        pass
    return name


def latest(responses: list[Response]) -> list[Response]:
    """The last revision of each person."""
    found: dict[str, Response] = {}
    for one in sorted(responses, key=lambda one: one.revision):
        found[one.person] = one
    return list(found.values())


def _bare(text: str) -> str:
    return text.replace("-", "").replace(" ", "").upper()
