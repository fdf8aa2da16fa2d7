"""The entry: the ASGI app around the pages, with security headers; `streamlit run app.py` starts it."""

from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from core.survey.responses import PERSON_COOKIE, new_code

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
]
COOKIE_AGE = 365 * 24 * 3600  # seconds


class SecurityHeaders:
    """Adds HEADERS to every response."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class PersonCookie:
    """Gives a browser a secret at its first visit, so that drafts survive a reload. It says nothing of who it is;
    scripts in the page cannot read it."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_secret(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"set-cookie", _new_cookie())]
            await send(message)

        first = scope["type"] == "http" and _is_page(scope) and not _has_secret(scope)
        await self.app(scope, receive, send_with_secret if first else send)


def _is_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _has_secret(scope: Scope) -> bool:
    return PERSON_COOKIE in HTTPConnection(scope).cookies  # which copes with odd cookies of other apps on this host


def _new_cookie() -> bytes:
    return f"{PERSON_COOKIE}={new_code()}; Path=/; Max-Age={COOKIE_AGE}; HttpOnly; SameSite=Lax".encode()


@asynccontextmanager
async def lifespan(_app):
    yield
    st.cache_resource.clear()  # closes the database; workers go on


def tell_of_fault(_error: Exception) -> bool:
    """What a user sees when a page breaks for a reason we did not foresee. Streamlit has logged the traceback."""
    st.error(
        "Something went wrong that SourceScout did not expect. Nothing that was saved is lost.\n\n"
        "**What to do:** reload the page. If it happens again, the terminal that runs the app shows the details; "
        "please report them.",
        icon=":material/error:",
    )
    return True  # Streamlit's own message, with its links to other sites, is not shown


app = st.App(
    "pages/_shell.py",
    lifespan=lifespan,
    middleware=[Middleware(SecurityHeaders), Middleware(PersonCookie)],
    on_script_error=tell_of_fault,
)
