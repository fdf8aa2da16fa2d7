"""A meeting: the rating form, and nothing else, served to phones under a code that lives as long as the meeting.

An ASGI app that knows nothing of pages or the database: it has what it shows, and two functions to save and find what
a person submitted. Traffic is not encrypted; the code keeps out who was not invited, not who listens on the network.
"""

import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.responses import Response as Reply
from starlette.types import Receive, Scope, Send

from core.errors import SourceScoutError
from core.settings import data_folder
from core.survey.instrument import SHORT
from core.survey.meeting_form import Fields, Pages, Sheet, problems, read_answers, write_fields
from core.survey.responses import ALPHABET, Response, is_code, new_code, person_of

LIFETIME = 2 * 3600  # seconds
MOST_WRONG = 20  # wrong codes until the meeting ends itself
CODE_LENGTH = 8  # 39 bits: guessed in 20 tries once in 40 billion meetings
LONGEST_BODY = 64 * 1024  # bytes
MOST_FIELDS = 1000
COOKIE = "sourcescout_meeting"  # holds the private code of who uses a phone
FORM = "application/x-www-form-urlencoded"
FILES = {
    "meeting.js": "text/javascript", "meeting.css": "text/css", "rank_list.js": "text/javascript",
    "rank_list.css": "text/css",
}  # fmt: skip
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}
ENDED_BY_TIME = "It ended after two hours."
ENDED_BY_GUESSES = f"It ended itself after {MOST_WRONG} wrong codes: someone on the network may have tried to guess it."

Save = Callable[[str, Response], None]  # person and submission; may raise SourceScoutError
Find = Callable[[str], Response | None]  # the last submission of a person


class Meeting:
    """One meeting at the announced address `host` ("192.168.1.5:40123"): the ASGI app, the code and whether it is over.

    `ended` says why it ended; it is empty until then."""

    def __init__(self, sheet: Sheet, host: str, save: Save, find: Find):
        self.sheet, self.host, self.save, self.find = sheet, host, save, find
        self.code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)).lower()
        self.began = datetime.now(UTC)
        self.people: set[str] = set()  # who submitted
        self.ended = ""
        self._deadline = time.monotonic() + LIFETIME
        self._wrong = 0
        self._pages = Pages(sheet, self.code)
        self._files = {name: (data_folder() / "survey" / name).read_bytes() for name in FILES}

    @property
    def url(self) -> str:
        return f"http://{self.host}/{self.code}"

    @property
    def over(self) -> bool:
        if time.monotonic() >= self._deadline:
            self.end(ENDED_BY_TIME)
        return bool(self.ended)

    def end(self, why: str) -> None:
        """From now on nothing is served. The first reason stays."""
        self.ended = self.ended or why

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            reply = await self._reply(Request(scope, receive))
            reply.headers.update(HEADERS)
            await reply(scope, receive, send)

    async def _reply(self, request: Request) -> Reply:
        if not self._is_invited(request):
            return Reply(status_code=404)
        if request.method not in ("GET", "HEAD", "POST"):
            return Reply(status_code=405)
        rest = request.scope["path"].removeprefix(f"/{self.code}")
        if rest == "" and request.method == "POST":
            return await self._submission(request)
        if request.method == "POST":
            return Reply(status_code=404)
        if rest == "":
            return await self._form(request)
        if rest == "/thanks":
            return await self._thanks(request)
        name = rest.removeprefix("/")
        return Reply(self._files[name], media_type=FILES[name]) if name in FILES else Reply(status_code=404)

    def _is_invited(self, request: Request) -> bool:
        """Whether the request comes to the announced address (else a site elsewhere may have given us its name) and
        knows the code. What cannot be a code, such as favicon.ico, is no try."""
        given = request.scope["path"].removeprefix("/").partition("/")[0]
        right = secrets.compare_digest(given.encode(), self.code.encode())
        if self.over or request.headers.get("host") != self.host:
            return False
        if not right and len(given) == CODE_LENGTH and set(given.upper()) <= set(ALPHABET):
            self._wrong += 1
            if self._wrong >= MOST_WRONG:
                self.end(ENDED_BY_GUESSES)
        return right

    async def _form(self, request: Request) -> Reply:
        private = _private_code(request) or new_code()
        before = await run_in_threadpool(self.find, person_of(private))
        of_form = [one for one in before.answers if one.question in self._keys()] if before else []
        return self._page(private, write_fields(self.sheet, of_form))

    async def _thanks(self, request: Request) -> Reply:
        private = _private_code(request)
        if private and await run_in_threadpool(self.find, person_of(private)):
            return HTMLResponse(self._pages.thanks(private))
        return self._redirect("")

    async def _submission(self, request: Request) -> Reply:
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
            return Reply(status_code=415)
        fields = await _read_form(request)
        if fields is None:
            return Reply(status_code=413)
        if "another" in fields:
            return self._with_cookie(self._redirect(""), new_code())
        private = _private_code(request)
        answers = read_answers(self.sheet, fields)
        troubles, errors = problems(self.sheet, answers), self._refusals(private, fields)
        if not troubles and not errors:
            person, shown = _first(fields, "private_code") or private, self._order(private)
            try:
                await run_in_threadpool(self.save, person_of(person), self._response(shown, answers))
                self.people.add(person_of(person))
                return self._with_cookie(self._redirect("/thanks"), person)
            except SourceScoutError as error:
                errors = [str(error)]
        return self._page(private or new_code(), fields, troubles, errors)

    def _refusals(self, private: str | None, fields: Fields) -> list[str]:
        earlier = _first(fields, "private_code")
        checks = {
            "Please agree to the first part, or close this page.": not _first(fields, "consent"),
            "This private code cannot be right. Correct it, or leave it empty.": earlier and not is_code(earlier),
            "Your browser sent no cookie, so answers cannot be kept apart. Allow it, then send again.": not private,
        }  # fmt: skip
        return [sentence for sentence, wrong in checks.items() if wrong]

    def _response(self, shown: list[str], answers: list) -> Response:
        """A submission; who saves it gives pseudonym, revision and date, and says whether the evidence was covered."""
        name = self.sheet.asked.name
        return Response("", SHORT, name, tuple(shown), True, 0, datetime.now(UTC), tuple(answers))

    def _order(self, private: str) -> list[str]:
        """The sources in an order that is random, and the same at each visit of a phone."""
        return random.Random(private).sample(list(self.sheet.sources), len(self.sheet.sources))

    def _keys(self) -> set[str]:
        return {question.key for question in self.sheet.asked.of_form(SHORT)}

    def _page(self, private: str, fields: Fields, troubles: dict | None = None, errors: list | None = None) -> Reply:
        page = self._pages.form(self._order(private), fields, troubles or {}, errors or [])
        status = 422 if troubles or errors else 200
        return self._with_cookie(HTMLResponse(page, status), private)

    def _redirect(self, rest: str) -> Reply:
        return Reply(status_code=303, headers={"location": f"/{self.code}{rest}"})

    def _with_cookie(self, reply: Reply, private: str) -> Reply:
        reply.set_cookie(COOKIE, private, LIFETIME, path=f"/{self.code}", httponly=True, samesite="strict")
        return reply


def _private_code(request: Request) -> str | None:
    sent = request.cookies.get(COOKIE, "")
    return sent if is_code(sent) else None


def _first(fields: Fields, name: str) -> str:
    return fields.get(name, [""])[0].strip()


async def _read_form(request: Request) -> Fields | None:
    """The fields of a form that was sent; None where it is too large to be one of ours."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            return None
    try:
        return parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:  # more fields than a form of ours has
        return None
