"""Small made MNIST files, and a mirror on 127.0.0.1 that misbehaves in the ways that its paths name."""

from __future__ import annotations

import contextlib
import gzip
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

QUICK = {"timeout": 0.6, "limit": 1.2}  # seconds
SIZES = (7, 3, 4)  # training, validation, test
NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def idx(values: NDArray[np.uint8]) -> bytes:
    """`values` as an IDX file, not packed."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def made_files() -> dict[str, bytes]:
    """Four files under MNIST's names with 10 and 4 images."""
    random = np.random.default_rng(0)
    files = {}
    for kind, count in (("train", SIZES[0] + SIZES[1]), ("t10k", SIZES[2])):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        files[f"{kind}-images-idx3-ubyte.gz"] = packed(idx(images))
        files[f"{kind}-labels-idx1-ubyte.gz"] = packed(idx(labels))
    return files


def use(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    monkeypatch.setenv("VGRAD_MIRRORS", " ".join(addresses))


def put(folder: Path, files: dict[str, bytes]) -> None:
    (folder / "mnist").mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / "mnist" / name).write_bytes(data)


def content(folder: Path) -> dict[str, bytes]:
    """All there is under the data folder, hidden files too."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Handler(BaseHTTPRequestHandler):
    """Answers /<behaviour>/<file>, or /<behaviour>/<set>/<file>."""

    def do_GET(self) -> None:
        _, behaviour, name = self.path.split("/", 2)
        self.server.requests.append((behaviour, name))  # type: ignore[attr-defined]
        with contextlib.suppress(OSError):  # the client has left
            getattr(self, behaviour)(self.server.files[name])  # type: ignore[attr-defined]
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def head(self, length: int | None, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def until_stopped(self, send: bytes, pause: float) -> None:
        while not self.server.stopping.wait(pause):  # type: ignore[attr-defined]
            self.wfile.write(send)

    def good(self, body: bytes) -> None:
        self.head(len(body))
        self.wfile.write(body)

    def slow_but_good(self, body: bytes) -> None:
        time.sleep(0.2)
        self.good(body)

    def encoded(self, body: bytes) -> None:
        self.head(len(body), Content_Encoding="gzip")
        self.wfile.write(body)

    def moved(self, body: bytes) -> None:
        self.head(0, 302, Location=self.path.replace("/moved/", "/good/"))

    def not_found(self, body: bytes) -> None:
        self.send_error(404, "\x1b[31mnot here")

    def unavailable(self, body: bytes) -> None:
        self.head(None, 503)
        self.until_stopped(bytes(1 << 16), 0.0)

    def hang(self, body: bytes) -> None:
        self.server.stopping.wait()  # type: ignore[attr-defined]

    def stall(self, body: bytes) -> None:
        self.head(len(body))
        self.wfile.write(body[: len(body) // 2])
        self.server.stopping.wait()  # type: ignore[attr-defined]

    def drip(self, body: bytes) -> None:
        self.head(len(body))
        self.until_stopped(body[:1], 0.05)

    def drip_header(self, body: bytes) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        self.until_stopped(b"X", 0.05)

    def wrong_bytes(self, body: bytes) -> None:
        self.good(body[:-1] + bytes([body[-1] ^ 1]))

    def error_page(self, body: bytes) -> None:
        self.good(b"<html>please log in</html>")

    def nothing(self, body: bytes) -> None:
        self.good(b"")

    def cut_off(self, body: bytes) -> None:
        self.head(len(body))
        self.wfile.write(body[: len(body) // 2])

    def cut_off_unannounced(self, body: bytes) -> None:
        self.head(None)
        self.wfile.write(body[: len(body) // 2])

    def too_long(self, body: bytes) -> None:
        self.good(body + b"\0")

    def endless(self, body: bytes) -> None:
        self.head(None)
        self.until_stopped(bytes(1 << 16), 0.0)

    def loop(self, body: bytes) -> None:
        self.head(0, 302, Location=self.path)

    def endless_redirect(self, body: bytes) -> None:
        self.head(None, 302, Location=self.path)
        self.until_stopped(bytes(1 << 16), 0.0)

    def elsewhere(self, body: bytes) -> None:
        self.head(0, 302, Location="file:///dev/zero")

    def not_http(self, body: bytes) -> None:
        self.wfile.write(b"220 mail ready\r\n" * 10)


class Mirror:
    """A running server: `address(behaviour)` is a base address, `requests` what was asked for."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.requests: list[tuple[str, str]] = server.requests  # type: ignore[attr-defined]

    def address(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{behaviour}/"


@contextlib.contextmanager
def mirror(files: dict[str, bytes]) -> Iterator[Mirror]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.requests, server.stopping = files, [], threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Mirror(server)
    finally:
        server.stopping.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()
