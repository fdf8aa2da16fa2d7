"""A small, strict way to the web: encrypted, bounded in time, redirects only where they may lead."""

import functools
import http.client
import socket
import threading
from collections.abc import Callable
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from core.errors import DownloadError

CONNECT_SECONDS = 5.0
STALL_SECONDS = 20.0  # without a single byte
AGENT = "SourceScout"
CONNECTION_ERRORS = (OSError, http.client.HTTPException)  # URLError and TimeoutError are OSErrors


def open_url(request: Request) -> http.client.HTTPResponse:
    """Send the request. HTTPError for any status but success; CONNECTION_ERRORS when there is no answer in time."""
    request.add_header("User-Agent", AGENT)
    request.add_header("Accept-Encoding", "identity")
    opener = OpenerDirector()
    to_this_machine = urlsplit(request.full_url).hostname in ("127.0.0.1", "localhost", "::1")
    for handler in (
        ProxyHandler({} if to_this_machine else None),
        _Http(),
        _Https(),
        _Redirects(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener.open(request, timeout=CONNECT_SECONDS)


def require_reachable(url: str, otherwise: str = "") -> None:
    """DownloadError unless the server of `url` answers, with whatever status, within CONNECT_SECONDS."""

    def ask() -> None:
        try:
            open_url(Request(url, method="HEAD")).close()
        except HTTPError as error:
            error.close()

    if reason := silence(ask):
        raise DownloadError(
            f"{urlsplit(url).hostname} cannot be reached ({reason}).",
            "Check the network of the machine that SourceScout runs on (a proxy is taken from HTTPS_PROXY), set "
            f"SOURCESCOUT_MEDMNIST_MIRROR to a server that it reaches{', ' + otherwise if otherwise else ''}.",
        )


def silence(ask: Callable[[], object]) -> str:
    """Why `ask`, which sends a request, has no answer within CONNECT_SECONDS; empty when it has one."""
    found = []

    def listen() -> None:
        try:
            ask()
        except Exception as error:  # every HTTP client has errors of its own
            found.append(reason_of(error))
        else:
            found.append("")

    asking = threading.Thread(target=listen, daemon=True)  # looking up a name knows no limit of its own
    asking.start()
    asking.join(CONNECT_SECONDS)
    return found[0] if found else f"no answer within {CONNECT_SECONDS:.0f} seconds"


def reason_of(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    if isinstance(error, DownloadError):
        return error.message
    cause = error.reason if isinstance(error, URLError) else error
    while not isinstance(cause, (str, *CONNECTION_ERRORS)) and (cause.__cause__ or cause.__context__):
        cause = cause.__cause__ or cause.__context__  # huggingface_hub's client wraps the system's errors
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, socket.gaierror):
        return "its name is not known here: is there a network?"
    if isinstance(cause, http.client.HTTPException):
        return "the connection broke off"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


class _Redirects(HTTPRedirectHandler):
    """To https, or to the scheme we came from, without the token for another host; no more than five in a row."""

    max_redirections = 5
    max_repeats = 2

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urlsplit(newurl).scheme not in ("https", urlsplit(req.full_url).scheme):
            raise DownloadError(
                f"The server redirects from {urlsplit(req.full_url).scheme} to `{newurl[:80]}`, which is not allowed.",
                "Set SOURCESCOUT_MEDMNIST_MIRROR to another server.",
            )
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)
        if urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            redirected.remove_header("Authorization")
        return redirected


def _patient(connection_class):
    """Connections that are made within the timeout given, and then may stall for STALL_SECONDS."""

    class Patient(connection_class):
        def connect(self):
            super().connect()
            self.sock.settimeout(STALL_SECONDS)

    return Patient


class _Http(HTTPHandler):
    def http_open(self, req):
        return self.do_open(_patient(http.client.HTTPConnection), req)


class _Https(HTTPSHandler):
    def https_open(self, req):
        return self.do_open(functools.partial(_patient(http.client.HTTPSConnection), context=self._context), req)
