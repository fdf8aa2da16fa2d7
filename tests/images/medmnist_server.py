"""A server on 127.0.0.1 that gives a file, in good ways and in bad ones, and a catalogue that names it."""

import contextlib
import hashlib
import io
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from core.images.medmnist_sets import MedMnistSet, medmnist_sets


def small_npz(entry: MedMnistSet, n: int = 40, side: int = 28) -> bytes:
    """A file like that of `entry`, with `n` training images of noise and every label in use."""
    rng = np.random.default_rng(0)
    shape = (side, side) if entry.channels == 1 else (side, side, 3)
    arrays, classes = {}, len(entry.labels)
    for split, rows in (("train", n), ("val", n // 4), ("test", n // 4)):
        labels = np.arange(rows)[:, None] % classes
        if entry.label_type == "multi-label":
            labels = (rng.random((rows, classes)) < 0.3).astype(np.uint8)
        arrays[f"{split}_images"] = rng.integers(0, 255, (rows, *shape), np.uint8)
        arrays[f"{split}_labels"] = labels.astype(np.uint8)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def write_catalogue(path: Path, contents: dict[tuple[str, int], bytes]) -> Path:
    """The shipped catalogue with the checksums of `contents` by (name, size) in place of the published ones."""
    from core.images import medmnist_sets as module

    text = (Path(module.__file__).resolve().parents[2] / "data" / "catalog" / "medmnist.toml").read_text()
    for (name, size), content in contents.items():
        published = medmnist_sets()[name].md5(size)
        assert published in text
        text = text.replace(published, hashlib.md5(content).hexdigest())
    path.write_text(text)
    return path


class Mirror:
    """Serves `content` at every path. `manner` says how; `manners` may hold one per coming GET."""

    def __init__(self, content: bytes):
        self.contents: dict[str, bytes] = {}  # by path, where paths differ
        self.content, self.etag, self.manner, self.manners = content, '"one"', "good", []
        self.asked: list[str | None] = []  # the Range header of every GET
        self.pause = 0.0  # seconds between pieces of 4 kB
        self.stop = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_HEAD(self):
                mirror.answer(self, head=True)

            def do_GET(self):
                mirror.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def headers(self, path: str) -> dict[str, str]:
        return {"ETag": self.etag} if self.etag else {}

    def close(self) -> None:
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, head: bool = False) -> None:
        manner = self.manner
        if not head:
            self.asked.append(request.headers.get("Range"))
            manner = self.manners.pop(0) if self.manners else self.manner
        with contextlib.suppress(OSError):
            self._send(request, "good" if head and manner != "mute" else manner, head)

    def _send(self, request, manner: str, head: bool) -> None:
        if manner == "mute":
            self.stop.wait(30)
            return
        if manner.isdecimal():
            request.send_error(int(manner))
            return
        if manner.startswith("to "):
            request.send_response(302)
            request.send_header("Location", manner[3:] or request.path)
            request.end_headers()
            return
        content = self.contents.get(request.path, self.content)
        content = content[::-1] if manner == "wrong" else content
        start, code = 0, 200
        asked = re.match(r"bytes=(\d+)-", request.headers.get("Range") or "")
        same = request.headers.get("If-Range") in (None, self.headers(request.path).get("ETag"))
        if asked and not manner.startswith("ignores range") and (same or manner == "ignores if-range"):
            start, code = int(asked[1]), 206
            if start >= len(content):
                request.send_error(416)
                return
        body = content[start:]
        says = {"says too long": len(body) + 5000, "says too short": len(body) // 2, "huge": 10**13}
        request.send_response(code)
        if manner not in ("no length", "endless"):
            request.send_header("Content-Length", str(says.get(manner, len(body))))
        if code == 206:
            total = len(content) + (5000 if manner == "says too long" else 0)
            request.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        for name, value in self.headers(request.path).items():
            request.send_header(name, value)
        request.end_headers()
        if head:
            return
        if manner in ("breaks off", "stalls", "ignores range and breaks off"):
            body = body[: max(1, len(body) // 2)]
        if manner == "stalls at once":
            body = b""
        for at in range(0, len(body), 4096):
            request.wfile.write(body[at : at + 4096])
            if self.pause:
                time.sleep(self.pause)
        if manner == "endless":
            while not self.stop.is_set():
                request.wfile.write(bytes(2**16))
        if manner.startswith("stalls"):
            request.wfile.flush()
            self.stop.wait(30)
