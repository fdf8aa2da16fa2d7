"""The entry: security headers, and the secret that a browser gets at its first visit."""

import asyncio
from http.cookies import SimpleCookie

import pytest

from app import HEADERS, PersonCookie, SecurityHeaders
from core.survey.responses import PERSON_COOKIE, is_code

PAGE = (b"accept", b"text/html,application/xhtml+xml")


async def _answer(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": b""})


def headers_of(middleware, scope: dict) -> list[tuple[bytes, bytes]]:
    """The headers of the response to a request."""
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(middleware(_answer)(scope, None, send))
    return sent[0]["headers"]


def cookies_of(*headers: tuple[bytes, bytes], kind: str = "http") -> list[SimpleCookie]:
    found = headers_of(PersonCookie, {"type": kind, "headers": list(headers)})
    assert (b"x-own", b"1") in found
    return [SimpleCookie(value.decode()) for name, value in found if name == b"set-cookie"]


def test_a_new_browser_gets_a_secret_that_scripts_cannot_read():
    (first,), (second,) = cookies_of(PAGE), cookies_of(PAGE)
    cookie = first[PERSON_COOKIE]
    assert is_code(cookie.value) and cookie.value != second[PERSON_COOKIE].value
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/" and int(cookie["max-age"]) > 0


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ([PAGE, (b"cookie", f"a=b; {PERSON_COOKIE}=ABC".encode())], "http"),
        ([PAGE, (b"cookie", b"a=b"), (b"cookie", f"{PERSON_COOKIE}=ABC".encode())], "http"),
        ([PAGE, (b"cookie", b'other={"a": 1}; odd; ' + f"{PERSON_COOKIE}=ABC".encode())], "http"),
        ([(b"accept", b"*/*")], "http"),
        ([], "http"),
        ([PAGE], "websocket"),
    ],
)
def test_it_keeps_what_it_has_and_only_pages_give_it_one(headers, kind):
    assert cookies_of(*headers, kind=kind) == []


def test_other_cookies_do_not_keep_it_from_getting_one():
    assert len(cookies_of(PAGE, (b"cookie", b"_streamlit_xsrf=2|abc; theme=dark"))) == 1


def test_every_response_has_the_security_headers():
    assert headers_of(SecurityHeaders, {"type": "http", "headers": []})[1:] == HEADERS
