"""The entry: the ASGI app around the pages, with security headers; `streamlit run app.py` starts it."""

from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
]


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
    "pages/_shell.py", lifespan=lifespan, middleware=[Middleware(SecurityHeaders)], on_script_error=tell_of_fault
)
