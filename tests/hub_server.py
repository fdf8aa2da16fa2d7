"""A hub of weights on 127.0.0.1, as far as huggingface_hub asks it for files, in good ways and in bad ones."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from huggingface_hub import constants

from tests.images.medmnist_server import Mirror

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(Mirror):
    """Gives what was `put` in; `refusal` is its status and error code for everything else. For a repository in
    `gated` it wants the token given there: 401 without one, 403 with another."""

    def __init__(self):
        super().__init__(b"")
        self.refusal = (404, "EntryNotFound")
        self.gated: dict[str, str] = {}
        self.cards: dict[str, bytes] = {}  # by path; manners are for files
        self.requests: list[str] = []

    def put(self, repository: str, name: str, content: bytes) -> None:
        self.contents[f"/{repository}/resolve/main/{name}"] = content

    def describe(self, repository: str, gated: str | bool = False, **card: str) -> None:
        """Publish the repository's card; `gated` is "auto" or "manual" where it is."""
        record = {"id": repository, "gated": gated, "cardData": card}
        self.cards[f"/api/models/{repository}"] = json.dumps(record).encode()

    def headers(self, path: str) -> dict[str, str]:
        """The hub states a large file's SHA-256 as its ETag."""
        return {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(self.contents[path]).hexdigest()}"'}

    def answer(self, request: BaseHTTPRequestHandler, head: bool = False) -> None:
        self.requests.append(f"{request.command} {request.path}")
        if request.path in self.cards and self.manner != "mute":
            self._send_card(request)
            return
        refusal = self._refusal(request)
        if not refusal or self.manner == "mute":
            super().answer(request, head)
            return
        request.send_response(refusal[0])
        for name, value in {"X-Error-Code": refusal[1], "X-Repo-Commit": COMMIT, "Content-Length": "0"}.items():
            request.send_header(name, value)
        request.end_headers()

    def _send_card(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(self.cards[request.path])))
        request.end_headers()
        request.wfile.write(self.cards[request.path])

    def _refusal(self, request: BaseHTTPRequestHandler) -> tuple[int, str] | None:
        token = next((token for name, token in self.gated.items() if request.path.startswith(f"/{name}/")), None)
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and sent != token:
            return (403 if sent else 401), "GatedRepo"
        return None if request.path in self.contents else self.refusal


def use_hub(monkeypatch, address: str, cache: Path, offline: bool = False) -> None:
    """Make huggingface_hub in this process ask `address` and keep its cache in `cache`."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
