"""One file from one mirror, within bounds on time and size, put under its final name only when it is the right one.

The transfer is pooch's; it runs in a thread because no timeout of a socket limits the whole (a server may send a byte
now and then for ever, or a name may never resolve). What arrives is counted and hashed on its way to the disk, which it
takes as all writes do: see vgrad/storage/writing.py.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from vgrad.errors import StorageError
from vgrad.storage import Stream, streaming

CHUNK = 1 << 13  # bytes a write


class MirrorError(Exception):
    """A mirror did not give the file; the text says why in a few words."""


class _Sink:
    """A file that refuses more than `size` bytes and knows the SHA-256 of what it took."""

    def __init__(self, file: Stream, size: int) -> None:
        self.file, self.room = file, size
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        """Take `chunk`; MirrorError if it is too much, StorageError if the disk does not take it."""
        self.room -= len(chunk)
        if self.room < 0:
            raise MirrorError("sends more bytes than the file has")
        self.sha256.update(chunk)
        return self.file.write(chunk)

    def flush(self) -> None:
        """Nothing: pooch asks for it after every chunk, and the file is flushed once at the end."""


def download(
    url: str, target: Path, *, size: int, sha256: str, bar: Any = False, timeout: float = 10.0, limit: float = 300.0
) -> None:
    """Put the file at `url` under the name `target`, whose folder exists.

    `size` (bytes) and `sha256` (hex) are what it must be. `timeout` bounds each connection and read, twice of it the
    wait for an answer, `limit` what follows, all in seconds. `bar` is a tqdm bar, or False. MirrorError if the mirror
    fails, StorageError if the disk does; either way nothing is left behind, and what was under `target` is still there.
    """
    with streaming(target) as file:
        sink = _Sink(file, size)
        _transfer(url, sink, bar=bar, timeout=timeout, limit=limit)
        if sink.sha256.hexdigest() != sha256:
            raise MirrorError(f"sends {'a cut-off file' if sink.room else 'wrong bytes'}")


def host(url: str) -> str:
    """The host of `url`, with its port if it has one, and without user names and passwords."""
    with contextlib.suppress(ValueError):
        return urlsplit(url).netloc.rpartition("@")[2] or url
    return url


def _transfer(url: str, sink: _Sink, *, bar: Any, timeout: float, limit: float) -> None:
    """Send what `url` holds into `sink`. MirrorError says why not; StorageError passes through."""
    import pooch

    responses: list[Any] = []
    failures: list[Exception] = []
    answered = Event()

    def opened(response: Any, **_: object) -> None:
        responses.append(response)
        answered.set()
        response.raw.headers.pop("content-encoding", None)  # the file itself is gzipped and stays so
        if response.is_redirect:
            response.close()  # else its body would be read, however long

    fetch = pooch.HTTPDownloader(
        progressbar=bar,
        chunk_size=CHUNK,
        timeout=timeout,
        headers={"Accept-Encoding": "identity"},
        hooks={"response": opened},
    )

    def work() -> None:
        try:
            fetch(url, sink, None)
        except Exception as error:
            failures.append(error)
            answered.set()

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        if not answered.wait(2 * timeout):  # a host may have many addresses, each with its own timeout
            raise MirrorError(f"no answer within {2 * timeout:g} s")
        thread.join(limit)
        if thread.is_alive():
            raise MirrorError(f"not done after {limit:g} s")
    finally:
        _end(responses, thread)
    if failures:
        raise failures[0] if isinstance(failures[0], (MirrorError, StorageError)) else MirrorError(_reason(failures[0]))


def _end(responses: list[Any], thread: Thread) -> None:
    """Close the connections; those that a thread still reads from are shut down first, which ends the thread."""
    for response in responses:
        if thread.is_alive():
            with contextlib.suppress(Exception):
                response.raw.shutdown()
            thread.join(1.0)
        with contextlib.suppress(Exception):
            response.close()


def _reason(error: Exception) -> str:
    """Why a transfer failed, in a few words and without anything that the server said."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    if "timed out" in str(error):  # in the middle of a body requests calls it a ConnectionError
        return "timed out"
    reasons: dict[type[Exception], str] = {
        requests.exceptions.SSLError: "no secure connection",
        requests.exceptions.Timeout: "timed out",
        requests.exceptions.ChunkedEncodingError: "cut off",
        requests.exceptions.TooManyRedirects: "redirects in circles",
        requests.exceptions.ConnectionError: "no connection",
    }
    return next((text for kind, text in reasons.items() if isinstance(error, kind)), type(error).__name__)
